"""Resolves an order's touches as of the day it was placed: what each click id and code meant then.

What it reads is dated and append-only, so the answer is the same whenever it is asked; it is then pinned.
Only what cannot change is cached (terms versions, a link's creator and program), and never an absence.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from vouch.domain import clicks, terms, times
from vouch.domain.attribution import TermsKey, Touch
from vouch.domain.clicks import ClickId
from vouch.domain.context import CLICK, CODE
from vouch.domain.facts import Snapshot
from vouch.domain.terms import Terms
from vouch.service.deployment import Deployment
from vouch.service.programs import number_in_force
from vouch.store.codes import owners as owners_of
from vouch.store.database import Key
from vouch.store.tables import Click, Code, Creator, Enrolment, Item, Link, Program, TermsVersion

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

    def resolve(
        self, snapshot: Snapshot, keys: Iterable[str], *, wait_for_clicks_since: datetime | None
    ) -> dict[str, tuple[Touch, ...]]:
        """The touches behind each key, in three batches at most.

        Raises ClickOnItsWay for a click younger than 15 minutes before `wait_for_clicks_since` (None: do not wait).
        """
        wanted = list(keys)
        codes = [key.removeprefix(CODE) for key in wanted if key.startswith(CODE)]
        texts = [key.removeprefix(CLICK) for key in wanted if key.startswith(CLICK)]
        read = {text: clicks.read(text, self._brand, self._deployment.secrets.click_keys) for text in texts}
        genuine = {text: click for text, click in read.items() if click is not None}
        self._fetch(
            [(Code, f"{self._brand}#D#{code}", "D") for code in codes]
            + [(Click, f"{self._brand}#K#{text}", None) for text in genuine]
            + [self._link_key(click.link_key) for click in genuine.values()]
        )
        self._await(genuine.values(), wait_for_clicks_since)
        journeys = {text: [click, *self._trail(click)] for text, click in genuine.items()}
        owners = {code: self._owner(code, snapshot.placed_at) for code in codes}
        self._fetch([self._link_key(click.link_key) for journey in journeys.values() for click in journey])
        links = {click.link_key: self._link(click.link_key) for journey in journeys.values() for click in journey}
        pairs = {pair for pair in (*owners.values(), *links.values()) if pair is not None}
        self._fetch(key for creator, program in sorted(pairs) for key in self._membership_keys(creator, program))
        touches: dict[str, tuple[Touch, ...]] = {}
        for code in codes:
            touches[CODE + code] = (self._touch("code", code, None, owners[code], snapshot.placed_at),)
        for text in texts:
            touches[CLICK + text] = tuple(
                self._touch("click", click.id, click.at, links[click.link_key], snapshot.placed_at)
                for click in journeys.get(text, ())
            ) or (Touch("click", text, problem="unknown_click"),)
        return touches

    def terms(self, touches: Iterable[Touch]) -> dict[TermsKey, Terms]:
        """Every terms version that a touch names, the unknown ones in one batch."""
        keys = {
            (touch.program_id, touch.terms_version)
            for touch in touches
            if touch.program_id is not None and touch.terms_version is not None
        }
        unchanging = self._deployment.unchanging
        known = {key: cached for key in keys if (cached := unchanging.get((self._brand, *key))) is not None}
        missing = {key: f"PRG#{key[0]}#T#{key[1]:06}" for key in keys - known.keys()}
        found = self._deployment.database.get_many((TermsVersion, self._brand, sk) for sk in missing.values())
        for key, sk in missing.items():
            item = found[self._brand, sk]
            if isinstance(item, TermsVersion):
                known[key] = unchanging[self._brand, *key] = terms.from_plain(item.terms)
        return known

    def _fetch(self, keys: Iterable[Key]) -> None:
        missing = [key for key in keys if (key[1], key[2]) not in self._items and not self._is_known_link(key)]
        self._items |= self._deployment.database.get_many(missing)

    def _is_known_link(self, key: Key) -> bool:
        """Whether it was cached; then it stays known here, even if the cache drops it: a miss would be pinned."""
        known = self._deployment.unchanging.get((self._brand, key[1])) if key[0] is Link else None
        if known is not None:
            self._links[key[1]] = known
        return known is not None

    def _link_key(self, link: str) -> Key:
        return Link, f"{self._brand}#L#{link}", "L"

    def _link(self, link: str) -> tuple[str, str] | None:
        _, pk, sk = self._link_key(link)
        item = self._items.get((pk, sk))
        if isinstance(item, Link):
            self._links[pk] = self._deployment.unchanging[self._brand, pk] = (item.creator_id, item.program_id)
        return self._links.get(pk)

    def _trail(self, click: ClickId) -> list[ClickId]:
        record = self._items.get((f"{self._brand}#K#{click.id}", None))
        keys = self._deployment.secrets.click_keys
        trail = (record.trail or []) if isinstance(record, Click) else []
        return [earlier for text in trail if (earlier := clicks.read(text, self._brand, keys)) is not None]

    def _await(self, genuine: Iterable[ClickId], since: datetime | None) -> None:
        if since is None:
            return
        for click in genuine:
            stored = (f"{self._brand}#K#{click.id}", None) in self._items
            if not stored and since - click.at < CLICK_LAG:
                raise ClickOnItsWay(click.id)

    def _owner(self, code: str, placed_at: datetime) -> tuple[str, str] | None:
        item = self._items.get((f"{self._brand}#D#{code}", "D"))
        owners = owners_of(item) if isinstance(item, Code) else []
        # A code that was nobody's on that day still says whose it was first; the touch tells that it was not active.
        then = [owner for owner in owners if _covers(placed_at, owner.active_from, owner.active_until)] or owners[:1]
        return (then[-1].creator_id, then[-1].program_id) if then else None

    def _membership_keys(self, creator: str, program: str) -> list[Key]:
        return [
            (Creator, f"{self._brand}#C#{creator}", "C"),
            (Enrolment, f"{self._brand}#C#{creator}", f"ENR#{program}"),
            (Program, self._brand, f"PRG#{program}"),
        ]

    def _touch(
        self, kind: str, evidence: str, at: datetime | None, owner: tuple[str, str] | None, placed_at: datetime
    ) -> Touch:
        if owner is None:
            return Touch("code" if kind == "code" else "click", evidence, at, problem=f"unknown_{kind}")
        creator_id, program_id = owner
        creator = self._items.get((f"{self._brand}#C#{creator_id}", "C"))
        enrolment = self._items.get((f"{self._brand}#C#{creator_id}", f"ENR#{program_id}"))
        program = self._items.get((self._brand, f"PRG#{program_id}"))
        return Touch(
            "code" if kind == "code" else "click",
            evidence,
            at,
            creator_id,
            program_id,
            terms_version=number_in_force(program.versions, placed_at) if isinstance(program, Program) else None,
            persons=tuple(creator.persons) if isinstance(creator, Creator) else (),
            barred=self._barred(kind, evidence, program, enrolment, placed_at),
        )

    def _barred(
        self, kind: str, evidence: str, program: Item | None, enrolment: Item | None, placed_at: datetime
    ) -> str | None:
        if not isinstance(program, Program) or number_in_force(program.versions, placed_at) is None:
            return "no_terms"
        if not any(_covers(placed_at, *period) for period in program.active):
            return "program_paused"
        if not isinstance(enrolment, Enrolment) or not any(_covers(placed_at, *p) for p in enrolment.active):
            return "not_enrolled"
        if kind == "code":
            item = self._items.get((f"{self._brand}#D#{evidence}", "D"))
            owners = owners_of(item) if isinstance(item, Code) else []
            if not any(_covers(placed_at, owner.active_from, owner.active_until) for owner in owners):
                return "code_not_active"
        return None


def _covers(moment: datetime, start: str | None, end: str | None) -> bool:
    """Whether a dated period `[start, end)` holds that moment; null is without bound."""
    at = times.text(moment)
    return (start is None or start <= at) and (end is None or at < end)
