"""Following a link: a cache or one read, one durable write, and a visitor who is sent on even where both fail."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from vouch.domain import clicks, destinations, visits
from vouch.domain.terms import number_in_force
from vouch.service.cache import Cache, Patience
from vouch.service.deployment import Deployment
from vouch.store import brands, links, programs
from vouch.store import clicks as records
from vouch.store.tables import Click, Program, Slug

FAILURES = (PynamoDBException, BotoCoreError, ClientError, TimeoutError, records.Unstored)
"""What the world can do to a request of ours."""
PATIENCE = Patience()
"""The SDK's own tries can outlast the function's five seconds, and then nobody would send the visitor on."""

_PARAMETER = "ref"
_SENDERS = 8


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a visitor goes, what became of the click, and the journey cookie's new value, if they may have one.

    `outcome` is `counted`, `spilled` (the queue has the click), `unrecorded` (its signed id is all there is of it),
    `unstamped` (not even that) or why the visit is no click; `trouble` names what went wrong. Who is no robot gets a
    signed id also where nothing is counted: a browser may go on with what it prefetched, and the sale is earned.
    """

    location: str
    outcome: str
    brand_id: str
    journey: str | None = None
    trouble: str | None = None


class Redirects:
    """The links of a deployment, as one process follows them."""

    def __init__(
        self, deployment: Deployment, *, patience: Patience = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._deployment = deployment
        self._patience = patience
        self._slugs = Cache(self._read_slug, failures=FAILURES, patience=patience, clock=clock)
        self._programs = Cache(self._read_program, failures=FAILURES, patience=patience, clock=clock)
        self._writer = records.Writer(deployment.database, patience.other)
        self._sender = ThreadPoolExecutor(_SENDERS)

    def follow(self, slug: str, *, uncounted: str | None, journey: str) -> Redirect | None:
        """Where the slug leads now, and one click more unless the visit is `uncounted`; None where it leads nowhere.

        `journey` is the value of the visitor's cookie. Raises one of FAILURES where store and cache both fail.
        """
        found = self._active(slug)
        if found is None:
            return None
        link, program = found
        bare = destinations.as_sent(link.destination)
        if uncounted == visits.ROBOT:
            return Redirect(bare, uncounted, link.brand_id)
        try:
            click = self._minted(link)
        except (*FAILURES, ValueError) as error:
            return Redirect(bare, "unstamped", link.brand_id, trouble=_name(error))
        location = destinations.with_parameter(link.destination, program.parameter or _PARAMETER, click.id)
        if uncounted:
            return Redirect(location, uncounted, link.brand_id)
        has_journey = number_in_force(program.versions, click.at) in (program.journeys or [])
        trail = self._genuine(journey, link.brand_id) if has_journey else []
        outcome, trouble = self._recorded(records.record(link.brand_id, click, trail, self._deployment.now()))
        kept = visits.journey_with(journey, link.brand_id, click.id, trail) if has_journey else None
        return Redirect(location, outcome, link.brand_id, kept, trouble)

    def address(self, slug: str) -> str | None:
        """The link's public address, None where it leads nowhere now."""
        if self._active(slug) is None:
            return None
        return f"{self._deployment.settings.public_url}/r/{slug}"

    # --- the link -----------------------------------------------------------------------------------------------------

    def _active(self, slug: str) -> tuple[Slug, Program] | None:
        link = self._slugs.get(slug)
        if link is None or destinations.host_of(link.destination) is None:
            return None
        program = self._programs.get(f"{link.brand_id}/{link.program_id}")
        return (link, program) if program else None

    # What is paused is read as an absence, which the cache forgets sooner: it may be resumed.

    def _read_slug(self, slug: str) -> Slug | None:
        link = self._deployment.database.get(*links.slug_key(slug))
        return link if link and link.status == "active" else None

    def _read_program(self, key: str) -> Program | None:
        brand_id, _, program_id = key.partition("/")
        program = self._deployment.database.get(*programs.key(brand_id, program_id))
        return program if program and program.status == "active" else None

    # --- the click ----------------------------------------------------------------------------------------------------

    def _minted(self, link: Slug) -> clicks.ClickId:
        deployment = self._deployment
        now = deployment.now()
        if link.mode == "test":
            # Read each time: the clock may have been moved a moment ago.
            brand = deployment.database.get(*brands.brand_key(link.brand_id))
            if brand is None:
                raise ValueError(f"{link.brand_id} is gone")
            now = deployment.brand_now(brand)
        return clicks.mint(
            link.brand_id,
            clicks.link_key(link.link_id),
            now,
            deployment.secrets.click_keys,
            deployment.random(clicks.RANDOM_BYTES),
        )

    def _genuine(self, journey: str, brand_id: str) -> list[str]:
        keys = self._deployment.secrets.click_keys
        return [click for click in visits.journey(journey, brand_id) if clicks.read(click, brand_id, keys)]

    def _recorded(self, click: Click) -> tuple[str, str | None]:
        try:
            self._writer.put_new(click)
        except FAILURES as failure:
            trouble = _name(failure)
        else:
            return "counted", None
        try:
            self._sender.submit(self._spill, click).result(self._patience.only)
        except FAILURES as failure:
            return "unrecorded", f"{trouble}, {_name(failure)}"
        return "spilled", trouble

    def _spill(self, click: Click) -> None:
        url = self._deployment.settings.spill_queue_url
        self._deployment.sqs.send_message(QueueUrl=url, MessageBody=records.message(click))


def _name(error: Exception) -> str:
    """The store's own word for it, free of what was in the request."""
    if isinstance(error, records.Unstored):
        return str(error)
    return getattr(error, "cause_response_code", None) or type(error).__name__
