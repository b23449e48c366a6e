"""Looks up what an order needs from its surroundings, as of the day it was placed: what each click id and code meant
then, who its creators were, where it stands among its customer's orders, what its products and currencies were.

What it reads is dated and append-only, so the answer is the same whenever it is asked; it is then pinned, and what is
pinned is not asked again. Only what cannot change is cached (terms versions, a link's creator and program), and never
an absence.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vouch.domain import clicks, periods, tenures, times
from vouch.domain.attribution import TermsKey, Touch
from vouch.domain.clicks import ORDER_CLOCK_SLACK, ClickId
from vouch.domain.context import (
    CLICK,
    CODE,
    HANDLE,
    PRODUCT,
    SKU,
    SUBSCRIPTIONS,
    Context,
    Membership,
    Product,
    product_keys,
    register_keys,
)
from vouch.domain.facts import TOUCH_KEYS_MAX, OrderFacts, Snapshot, Standing
from vouch.domain.rates import Rate
from vouch.domain.terms import Terms, number_in_force
from vouch.service import promises, volumes
from vouch.service.deployment import Deployment
from vouch.store import clicks as click_records
from vouch.store import codes, creators, handles, links, product_ties, products, programs, rates, registers, visits
from vouch.store.database import Key
from vouch.store.tables import Item, RateItem
from vouch.store.visits import Visited

CLICK_LAG = timedelta(minutes=15)
"""For this long a genuine click id may be ahead of its record, which took the spill queue."""
RATE_AGE_MAX = timedelta(days=7)
"""Fixings pause over weekends and holidays; an older one says nothing about the day of the order."""
_ENROLMENTS_MAX = 100
_NOTHING: Mapping[str, Touch] = {}


class ClickOnItsWay(Exception):
    """The record of a genuine, young click is not there yet; a miss must not be pinned."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The order that is looked up: its id, its facts, and what is pinned of it so far."""

    order_id: str
    facts: OrderFacts
    context: Context

    @property
    def snapshot(self) -> Snapshot:
        """The newest one. Raises ValueError where there is none: nothing is looked up before."""
        if self.facts.snapshot is None:
            raise ValueError("nothing is pinned before there is a snapshot")
        return self.facts.snapshot

    @property
    def placed_at(self) -> datetime:
        """The day on which everything is asked about."""
        return self.snapshot.placed_at

    def new_touch_keys(self) -> list[str]:
        """The evidence that no earlier snapshot carried."""
        return [key for key in self.context.touch_keys(self.facts) if key not in self.context.touches]

    def new_registers(self) -> list[str]:
        """The registers in which the order stands only now; a test order stands in none but a test brand's."""
        if self.snapshot.test and not self.context.test_brand:
            return []
        return [key for key in register_keys(self.snapshot) if key not in self.context.standings]


VolumeOf = Callable[[Deployment, str, str, str, Terms, datetime], int]
"""As `volumes.sealed`."""


class Evidence:
    """Reads of one brand's dated configuration.

    `volume_of` is for drafts of terms, whose volumes nobody may seal; `assumed` are touches by their key, each taken
    for what would be found behind it.
    """

    def __init__(
        self,
        deployment: Deployment,
        brand_id: str,
        *,
        volume_of: VolumeOf = volumes.sealed,
        assumed: Mapping[str, Touch] = _NOTHING,
    ) -> None:
        self._deployment = deployment
        self._brand = brand_id
        self._volume_of = volume_of
        self._assumed = assumed
        self._items: dict[tuple[str, str | None], Item] = {}
        self._links: dict[str, tuple[str, str]] = {}
        """Link key → creator and program."""
        self._fixings: dict[tuple[str, str], tuple[datetime, RateItem | None]] = {}
        """Pair → the moment that was asked about last, and the fixing before it."""

    def pinned(
        self, order_id: str, facts: OrderFacts, context: Context, *, wait_for_clicks_since: datetime | None
    ) -> Context:
        """The context with all that these facts need and that it does not have yet; as it is before any snapshot.

        Raises ClickOnItsWay for a click younger than 15 minutes before `wait_for_clicks_since` (None: do not wait), and
        SealNotDue for an order of a period whose volumes are not known yet.
        """
        if facts.snapshot is None:
            return context
        context = context.at_birth(facts.snapshot)
        context = self.surroundings(order_id, facts, context, wait_for_clicks_since=wait_for_clicks_since)
        return self.asked_by(self.terms(context.touches_of(facts)), order_id, facts, context)

    def surroundings(
        self, order_id: str, facts: OrderFacts, context: Context, *, wait_for_clicks_since: datetime | None
    ) -> Context:
        """The context with what these facts need whatever the terms: where it stands, and whose its evidence is.

        Raises ClickOnItsWay likewise, and ValueError before any snapshot.
        """
        subject = Subject(order_id, facts, context)
        subject = self._with_standings(subject, wait_for_clicks_since)
        return self._with_touches(subject).context

    def asked_by(
        self, promised: Mapping[TermsKey, Terms], order_id: str, facts: OrderFacts, context: Context
    ) -> Context:
        """The context with what only terms ask for, by these of the versions that its touches name.

        Raises SealNotDue likewise.
        """
        if facts.snapshot is None:
            return context
        return self._with_what_terms_ask(Subject(order_id, facts, context), promised)

    def terms(self, touches: Iterable[Touch]) -> dict[TermsKey, Terms]:
        """Every terms version that a touch names, the unknown ones in one batch."""
        keys = {
            (touch.program_id, touch.terms_version)
            for touch in touches
            if touch.program_id is not None and touch.terms_version is not None
        }
        return promises.terms_of(self._deployment, self._brand, keys)

    # --- one after another, what the next needs -----------------------------------------------------------------------

    def _with_standings(self, subject: Subject, since: datetime | None) -> Subject:
        """Also fetches what codes, clicks and handles need, so that all of it is one batch."""
        new, keys = subject.new_registers(), subject.new_touch_keys()
        asks_for_ties = subject.context.tied is None and bool(product_keys(subject.snapshot))
        genuine = self._genuine_of(keys)
        self._fetch(
            *(registers.key(self._brand, register) for register in new),
            *([product_ties.marker_key(self._brand)] if asks_for_ties else []),
            *(codes.key(self._brand, text) for text in _said(keys, CODE)),
            *(handles.key(self._brand, text) for text in _said(keys, HANDLE)),
            *(click_records.key(self._brand, text) for text in genuine),
            *self._link_keys(genuine.values()),
        )
        self._await(genuine.values(), since)
        standings = {register: self._standing(register, subject) for register in new}
        tied = self._tied(subject) if asks_for_ties else subject.context.tied
        if not standings and tied is subject.context.tied:
            return subject
        context = replace(subject.context, standings={**subject.context.standings, **standings}, tied=tied)
        return replace(subject, context=context)

    def _with_touches(self, subject: Subject) -> Subject:
        keys, placed_at = subject.new_touch_keys(), subject.placed_at
        if not keys:
            return subject
        journeys = {text: [click, *self._trail(click)] for text, click in self._genuine_of(keys).items()}
        self._fetch(
            *(product_ties.key(self._brand, *_product(key)) for key in keys if key.startswith((PRODUCT, SKU))),
            *(key for journey in journeys.values() for key in self._link_keys(journey)),
        )
        sightings = {key: self._sighted(key, subject, journeys) for key in keys if key not in self._assumed}
        sightings |= {key: [self._assumed[key]] for key in keys if key in self._assumed}
        found = [touch for seen in sightings.values() for touch in seen]
        self._fetch(*(key for touch in found for key in self._membership_keys(touch)))
        known = subject.context.members
        people = {(t.creator_id, t.program_id) for t in found if t.creator_id and t.program_id} - known.keys()
        members = {person: self._member(person[0], placed_at) for person in sorted(people)}
        self._fetch(*(key for person, member in members.items() for key in self._recruiter_keys(person[1], member)))
        members = {person: self._recruited(person[1], member, placed_at) for person, member in members.items()}
        touches = {key: tuple(self._judged(touch, placed_at) for touch in seen) for key, seen in sightings.items()}
        said = {person: member for person, member in members.items() if member != Membership()}
        context = replace(subject.context, touches={**subject.context.touches, **touches}, members={**known, **said})
        return replace(subject, context=context)

    def _with_what_terms_ask(self, subject: Subject, promised: Mapping[TermsKey, Terms]) -> Context:
        """Volumes, the catalogue and rates: only where terms have a use for them."""
        context, snapshot = subject.context, subject.snapshot
        touches = context.touches_of(subject.facts)
        wanted_volumes, labels, pairs = set[tuple[str, TermsKey]](), False, set[tuple[str, str]]()
        for touch in touches:
            if touch.creator_id is None or touch.program_id is None or touch.terms_version is None:
                continue
            key = touch.program_id, touch.terms_version
            terms = promised[key]
            if terms.commission.tiers is not None:
                wanted_volumes.add((touch.creator_id, key))
            labels |= any(rule.match.tags or rule.match.collections for rule in terms.commission.rules)
            if terms.convert_to not in (None, snapshot.currency):
                pairs.add((snapshot.currency, terms.convert_to or ""))
        context = self._with_volumes(context, wanted_volumes, promised, subject.placed_at)
        if labels:
            context = self._with_products(context, snapshot)
        return self._with_rates(context, pairs, subject.placed_at)

    def _with_volumes(
        self,
        context: Context,
        wanted: Iterable[tuple[str, TermsKey]],
        promised: Mapping[TermsKey, Terms],
        placed_at: datetime,
    ) -> Context:
        members = dict(context.members)
        for creator_id, key in sorted(wanted):
            person = creator_id, key[0]
            known = members.get(person, Membership())
            if known.volume is None:
                names = (self._deployment, self._brand, *person, promised[key], placed_at)
                members[person] = replace(known, volume=self._volume_of(*names))
        return replace(context, members=members) if members != context.members else context

    def _with_products(self, context: Context, snapshot: Snapshot) -> Context:
        """What the catalogue says of the lines that say nothing themselves."""
        silent = {line.product_id for line in snapshot.lines if line.product_id and not (line.tags or line.collections)}
        new = sorted(silent - context.products.keys())
        if not new:
            return context
        self._fetch(*(products.key(self._brand, product) for product in new))
        found = {product: self._product(product, snapshot.placed_at) for product in new}
        return replace(context, products={**context.products, **found})

    def _with_rates(self, context: Context, pairs: Iterable[tuple[str, str]], placed_at: datetime) -> Context:
        """The fixings there are; one that is missing is not pinned, and asked for again."""
        found: dict[tuple[str, str], Rate] = {}
        for pair in sorted(set(pairs) - context.rates.keys()):
            item = self._fixing(pair, placed_at)
            if item is not None and placed_at - times.parse(item.at) <= RATE_AGE_MAX:
                found[pair] = rates.rate(item)
        return replace(context, rates={**context.rates, **found}) if found else context

    def _fixing(self, pair: tuple[str, str], placed_at: datetime) -> RateItem | None:
        """The last one before that moment. One that is the last before a later moment is it, too, if it is before."""
        asked, known = self._fixings.get(pair, (times.EPOCH, None))
        if placed_at <= asked and (known is None or known.at < times.text(placed_at)):
            return known
        item = rates.latest_before(self._deployment.database, self._brand, *pair, placed_at)
        self._fixings[pair] = placed_at, item
        return item

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

    def _recruiter_keys(self, program_id: str, member: Membership) -> list[Key]:
        if member.recruiter_id is None:
            return []
        return [
            creators.key(self._brand, member.recruiter_id),
            creators.enrolment_key(self._brand, member.recruiter_id, program_id),
        ]

    # --- standings and ties -------------------------------------------------------------------------------------------

    def _standing(self, register: str, subject: Subject) -> Standing:
        names = (register, subject.order_id, subject.placed_at)
        item = self._item(registers.key(self._brand, register))
        word = registers.standing(item, *names, self._deployment.now())
        if not register.startswith(SUBSCRIPTIONS):
            return word
        before = registers.payments_before(
            self._deployment.database, self._brand, register, subject.placed_at, subject.order_id
        )
        return replace(word, payments_before=before)

    def _tied(self, subject: Subject) -> bool:
        begin = self._item(product_ties.marker_key(self._brand))
        return begin is not None and begin.since <= times.text(subject.placed_at)

    def _product(self, product_id: str, placed_at: datetime) -> Product:
        item = self._item(products.key(self._brand, product_id))
        said = products.as_of(item, placed_at) if item else None
        return Product(known=False) if said is None else Product(*said)

    # --- touches ------------------------------------------------------------------------------------------------------

    def _sighted(self, key: str, subject: Subject, journeys: Mapping[str, list[ClickId]]) -> list[Touch]:
        """What one key leads to, as yet unjudged."""
        kind, _, text = key.partition(":")
        before = subject.context.sighted.get(key, ())
        match kind:
            case "code":
                found = [self._code(text, subject.placed_at)]
            case "click":
                journey = _together([self._click(click) for click in journeys.get(text, ())], before)
                found = journey or [Touch("click", text, problem="unknown_click")]
            case "handle":
                found = [self._handle(text, subject)]
            case "contact":
                found = self._visits(text, subject.placed_at, before)
            case "customer":
                found = self._origin(subject)
            case "creator":
                creator_id, _, program_id = text.partition(":")
                found = [Touch("decision", key, None, creator_id, program_id)]
            case _:
                found = self._product_tie(key, subject.placed_at)
        return found

    def _genuine_of(self, keys: Iterable[str]) -> dict[str, ClickId]:
        return {text: click for text in _said(keys, CLICK) if (click := self._genuine(text)) is not None}

    def _genuine(self, text: str) -> ClickId | None:
        return clicks.read(text, self._brand, self._deployment.secrets.click_keys)

    def _await(self, genuine: Iterable[ClickId], since: datetime | None) -> None:
        for click in genuine if since is not None else ():
            stored = self._item(click_records.key(self._brand, click.id)) is not None
            if not stored and since is not None and since - click.at < CLICK_LAG:
                raise ClickOnItsWay(click.id)

    def _trail(self, click: ClickId) -> list[ClickId]:
        record = self._item(click_records.key(self._brand, click.id))
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

    def _visits(self, text: str, placed_at: datetime, before: Iterable[Touch]) -> list[Touch]:
        """How the contact had come to the brand's page by then: by a click of ours, or by what a message carried."""
        contact, _, _ = text.partition("@")
        until = placed_at + ORDER_CLOCK_SLACK
        found = visits.latest(self._deployment.database, self._brand, contact, until=until, limit=TOUCH_KEYS_MAX)
        past = (touch for touch in before if touch.at is not None and touch.at <= until)
        known = _together([self._visit(visit) for visit in found], past)
        return sorted(known, key=lambda touch: touch.at or times.EPOCH, reverse=True)[:TOUCH_KEYS_MAX]

    def _visit(self, visit: Visited) -> Touch:
        click = self._genuine(visit.click_id) if visit.click_id else None
        evidence, at = (click.id, click.at) if click else (visit.id, visit.at)
        return Touch("click", evidence, at, visit.creator_id, visit.program_id)

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

    def _handle(self, text: str, subject: Subject) -> Touch:
        """Whose name it was then. A platform knows no programs: it is the connection's, or the creator's oldest."""
        item = self._item(handles.key(self._brand, text))
        then = tenures.at(item.owners, subject.placed_at) if item else None
        if then is None or then[0] is None:
            return Touch("platform", text, problem="unknown_handle")
        creator_id = then[0]
        program_id = subject.context.only_program or self._program_of(creator_id, subject.placed_at)
        if program_id is None:
            return Touch("platform", text, None, creator_id, barred="not_enrolled")
        return Touch("platform", text, None, creator_id, program_id)

    def _program_of(self, creator_id: str, placed_at: datetime) -> str | None:
        """The oldest in which the creator was active that day; one that ran then, with terms, if there is such."""
        enrolments = creators.enrolments(
            self._deployment.database, self._brand, creator_id, limit=_ENROLMENTS_MAX, after=None
        )
        active = [each.program_id for each in enrolments if periods.any_covers(each.active, placed_at)]
        self._fetch(*(programs.key(self._brand, program_id) for program_id in active))
        return min(active, key=lambda each: (not self._runs(each, placed_at), each), default=None)

    def _runs(self, program_id: str, placed_at: datetime) -> bool:
        program = self._item(programs.key(self._brand, program_id))
        if program is None or number_in_force(program.versions, placed_at) is None:
            return False
        return periods.any_covers(program.active, placed_at)

    def _origin(self, subject: Subject) -> list[Touch]:
        word = subject.context.origin(subject.facts)
        if word is None or word.origin is None:
            return []
        return [Touch("customer", word.origin, word.origin_at, word.creator_id, word.program_id)]

    def _product_tie(self, key: str, placed_at: datetime) -> list[Touch]:
        item = self._item(product_ties.key(self._brand, *_product(key)))
        then = tenures.at(item.owners, placed_at) if item else None
        return [Touch("product", key, None, then[0], then[1])] if then else []

    # --- membership ---------------------------------------------------------------------------------------------------

    def _judged(self, touch: Touch, placed_at: datetime) -> Touch:
        """With the terms in force on that day, and what stood in the creator's way."""
        if touch.creator_id is None or touch.program_id is None:
            return touch
        creator = self._item(creators.key(self._brand, touch.creator_id))
        program = self._item(programs.key(self._brand, touch.program_id))
        version = number_in_force(program.versions, placed_at) if program else None
        persons = tuple(creator.persons) if creator else ()
        if touch.kind == "decision":
            # The brand's own word: whether the creator took part that day is for the brand to know.
            return replace(touch, terms_version=version, problem=None if version else "no_terms")
        barred = touch.barred
        if touch.kind == "customer" and self._has_left_since(touch, placed_at):
            barred = "tie_ended"
        if not self._takes_part(touch.creator_id, touch.program_id, placed_at):
            barred = "not_enrolled"
        if program is not None and not periods.any_covers(program.active, placed_at):
            barred = "program_paused"
        if version is None:
            barred = "no_terms"
        return replace(touch, terms_version=version, persons=persons, barred=barred)

    def _takes_part(self, creator_id: str, program_id: str, placed_at: datetime) -> bool:
        enrolment = self._item(creators.enrolment_key(self._brand, creator_id, program_id))
        return enrolment is not None and periods.any_covers(enrolment.active, placed_at)

    def _has_left_since(self, touch: Touch, placed_at: datetime) -> bool:
        """Whether the creator has left the program since what speaks for them: that ends ties, a return or not."""
        if touch.creator_id is None or touch.program_id is None or touch.at is None:
            return False
        enrolment = self._item(creators.enrolment_key(self._brand, touch.creator_id, touch.program_id))
        since, until = times.text(touch.at), times.text(placed_at)
        return enrolment is not None and any(since < left <= until for left in enrolment.leaves)

    def _member(self, creator_id: str, placed_at: datetime) -> Membership:
        creator = self._item(creators.key(self._brand, creator_id))
        if creator is None:
            return Membership()
        tier, recruited = tenures.at(creator.tiers, placed_at), tenures.at(creator.recruiters, placed_at)
        if recruited is None or recruited[-2] is None:
            return Membership(tier[0] if tier else None)
        since = times.parse(recruited[-2])
        return Membership(tier[0] if tier else None, recruiter_id=recruited[0], recruited_at=since)

    def _recruited(self, program_id: str, member: Membership, placed_at: datetime) -> Membership:
        """With what stood in the recruiter's way."""
        if member.recruiter_id is None:
            return member
        recruiter = self._item(creators.key(self._brand, member.recruiter_id))
        active = self._takes_part(member.recruiter_id, program_id, placed_at)
        persons = tuple(recruiter.persons) if recruiter else ()
        return replace(member, recruiter_persons=persons, recruiter_barred=None if active else "not_enrolled")


def _together(found: Sequence[Touch], before: Iterable[Touch]) -> list[Touch]:
    """What is found now, and behind it what had been found before and has expired since."""
    known = {touch.evidence for touch in found}
    return [*found, *(touch for touch in before if touch.evidence not in known)]


def _said(keys: Iterable[str], kind: str) -> list[str]:
    return [key.removeprefix(kind) for key in keys if key.startswith(kind)]


def _product(key: str) -> tuple[product_ties.Kind, str]:
    kind, _, value = key.partition(":")
    return "sku" if kind == "sku" else "product", value
