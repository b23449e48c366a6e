"""Resolves an order's touches as of the day it was placed: what each click id and code meant then.

What it reads is dated and append-only, so the answer is the same whenever it is asked; it is then pinned.
Only what cannot change is cached (terms versions, a link's creator and program), and never an absence.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from vouch.domain import clicks, periods, terms
from vouch.domain.attribution import TermsKey, Touch
from vouch.domain.clicks import ClickId
from vouch.domain.context import CLICK, CODE
from vouch.domain.facts import Snapshot
from vouch.domain.terms import Terms
from vouch.service import promises
from vouch.service.deployment import Deployment
from vouch.store import clicks as visits
from vouch.store import codes, creators, links, programs
from vouch.store.database import Key
from vouch.store.tables import Item

CLICK_LAG = timedelta(minutes=15)
"""For this long a genuine click id may be ahead of its record, which took the spill queue."""


class ClickOnItsWay(Exception):
    """The record of a genuine, young click is not there yet; a miss must not be pinned."""


class Evidence:
    """Reads of one brand's dated configuration."""

    def __init__(self, deployment: Deployment, brand_id: str) -> None:
        self._deployment = deployment
        self._brand = brand_id
        self._items: dict[tuple[str, str | None], Item] = {}
        self._links: dict[str, tuple[str, str]] = {}
        """Link key → creator and program."""

    def resolve(
        self, snapshot: Snapshot, keys: Iterable[str], *, wait_for_clicks_since: datetime | None
    ) -> dict[str, tuple[Touch, ...]]:
        """The touches behind each key, in three batches at most.

        Raises ClickOnItsWay for a click younger than 15 minutes before `wait_for_clicks_since` (None: do not wait).
        """
        wanted, placed_at = list(keys), snapshot.placed_at
        texts = [key.removeprefix(CODE) for key in wanted if key.startswith(CODE)]
        shown = [key.removeprefix(CLICK) for key in wanted if key.startswith(CLICK)]
        genuine = {text: click for text in shown if (click := self._genuine(text)) is not None}
        self._fetch(
            *(codes.key(self._brand, text) for text in texts),
            *(visits.key(self._brand, text) for text in genuine),
            *self._link_keys(genuine.values()),
        )
        self._await(genuine.values(), wait_for_clicks_since)
        journeys = {text: [click, *self._trail(click)] for text, click in genuine.items()}
        self._fetch(*(key for journey in journeys.values() for key in self._link_keys(journey)))
        sightings = {CODE + text: [self._code(text, placed_at)] for text in texts}
        for text in shown:
            journey = [self._click(click) for click in journeys.get(text, ())]
            sightings[CLICK + text] = journey or [Touch("click", text, problem="unknown_click")]
        self._fetch(*(key for seen in sightings.values() for touch in seen for key in self._membership_keys(touch)))
        return {key: tuple(self._judged(touch, placed_at) for touch in seen) for key, seen in sightings.items()}

    def terms(self, touches: Iterable[Touch]) -> dict[TermsKey, Terms]:
        """Every terms version that a touch names, the unknown ones in one batch."""
        keys = {
            (touch.program_id, touch.terms_version)
            for touch in touches
            if touch.program_id is not None and touch.terms_version is not None
        }
        return promises.terms_of(self._deployment, self._brand, keys)

    # --- what is read -------------------------------------------------------------------------------------------------

    def _fetch(self, *keys: Key) -> None:
        self._items |= self._deployment.database.get_many(key for key in keys if key[1:] not in self._items)

    def _item[I: Item](self, key: tuple[type[I], str, str | None]) -> I | None:
        item = self._items.get(key[1:])
        return item if isinstance(item, key[0]) else None

    def _link_keys(self, journey: Iterable[ClickId]) -> list[Key]:
        """Of the links that are not known; one that is stays known here, even if the cache drops it meanwhile."""
        for click in journey:
            known = self._deployment.unchanging.get((self._brand, click.link_key))
            if known is not None:
                self._links[click.link_key] = known
        unknown = [click.link_key for click in journey if click.link_key not in self._links]
        return [links.key(self._brand, link_key) for link_key in unknown]

    def _membership_keys(self, touch: Touch) -> list[Key]:
        if touch.creator_id is None or touch.program_id is None:
            return []
        return [
            creators.key(self._brand, touch.creator_id),
            creators.enrolment_key(self._brand, touch.creator_id, touch.program_id),
            programs.key(self._brand, touch.program_id),
        ]

    # --- clicks -------------------------------------------------------------------------------------------------------

    def _genuine(self, text: str) -> ClickId | None:
        return clicks.read(text, self._brand, self._deployment.secrets.click_keys)

    def _await(self, genuine: Iterable[ClickId], since: datetime | None) -> None:
        for click in genuine if since is not None else ():
            stored = self._item(visits.key(self._brand, click.id)) is not None
            if not stored and since is not None and since - click.at < CLICK_LAG:
                raise ClickOnItsWay(click.id)

    def _trail(self, click: ClickId) -> list[ClickId]:
        record = self._item(visits.key(self._brand, click.id))
        trail = (record.trail or []) if record else []
        return [earlier for text in trail if (earlier := self._genuine(text)) is not None]

    def _click(self, click: ClickId) -> Touch:
        link = self._item(links.key(self._brand, click.link_key))
        if link is not None:
            owner = (link.creator_id, link.program_id)
            self._links[click.link_key] = self._deployment.unchanging[self._brand, click.link_key] = owner
        if click.link_key not in self._links:
            return Touch("click", click.id, click.at, problem="unknown_click")
        return Touch("click", click.id, click.at, *self._links[click.link_key])

    # --- codes --------------------------------------------------------------------------------------------------------

    def _code(self, text: str, placed_at: datetime) -> Touch:
        item = self._item(codes.key(self._brand, text))
        owners = codes.owners(item) if item else []
        if not owners:
            return Touch("code", text, problem="unknown_code")
        then = [owner for owner in owners if periods.covers([owner.active_from, owner.active_until], placed_at)]
        # One that was nobody's on that day still says whose it was first.
        owner = then[-1] if then else owners[0]
        barred = None if then else "code_not_active"
        return Touch("code", text, None, owner.creator_id, owner.program_id, barred=barred)

    # --- membership ---------------------------------------------------------------------------------------------------

    def _judged(self, touch: Touch, placed_at: datetime) -> Touch:
        """With the terms in force on that day, and what stood in the creator's way."""
        if touch.creator_id is None or touch.program_id is None:
            return touch
        creator = self._item(creators.key(self._brand, touch.creator_id))
        enrolment = self._item(creators.enrolment_key(self._brand, touch.creator_id, touch.program_id))
        program = self._item(programs.key(self._brand, touch.program_id))
        version = terms.number_in_force(program.versions, placed_at) if program else None
        barred = touch.barred
        if enrolment is None or not periods.any_covers(enrolment.active, placed_at):
            barred = "not_enrolled"
        if program is not None and not periods.any_covers(program.active, placed_at):
            barred = "program_paused"
        if version is None:
            barred = "no_terms"
        persons = tuple(creator.persons) if creator else ()
        return replace(touch, terms_version=version, persons=persons, barred=barred)
