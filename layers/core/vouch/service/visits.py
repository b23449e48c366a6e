"""Visits by message: whose link or code led somebody to the brand's page, kept until an order names the same person.

What led there is looked up as the visit is recorded: a link of the brand by its slug, or by a click id of ours; or a
code, which is whose it was on that day. What leads to nobody is not kept.

An order that was settled before a visit came to light hears of it: it looks at its contact once more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vouch.domain import clicks, periods, times
from vouch.domain import codes as spelling
from vouch.domain.clicks import ORDER_CLOCK_SLACK
from vouch.domain.context import CONTACT
from vouch.domain.facts import Mention
from vouch.domain.visits import SLUG
from vouch.platforms.base import Visit
from vouch.service import orders
from vouch.service.deployment import Deployment
from vouch.service.orders import Target
from vouch.store import codes, links, visits
from vouch.store import orders as stored_orders
from vouch.store.database import Key
from vouch.store.tables import Code, ContactOrder, Delivery, ForgottenContact, Item, Link, Slug
from vouch.store.visits import Visited

Items = Mapping[tuple[str, str | None], Item]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a batch: `new` visits are kept now, `known` ones were; `nobodys` led to no creator.

    `told` is how many orders have heard of one of them that had been settled before.
    """

    new: int
    known: int
    nobodys: int
    told: int

    @property
    def changed(self) -> bool:
        """Whether anything is otherwise than before."""
        return bool(self.new or self.told)


def record(deployment: Deployment, delivery: Delivery, said: Sequence[Visit]) -> Recorded:
    """Keeps the visits of a delivery; it may come again, whole or cut anew.

    Raises what `orders.apply` raises where it settles an order again.
    """
    new = known = told = 0
    with orders.ours():
        remembered = _not_forgotten(deployment, delivery, said)
        led = list(_led(deployment, delivery, remembered))
    for contact in dict.fromkeys(visit.contact for visit in remembered):
        visits.note_delivery(deployment.database, delivery.brand_id, contact, delivery)
    for visit in led:
        if visits.put_new(deployment.database, delivery.brand_id, visit):
            new += 1
        else:
            known += 1
        told += sum(_tell(deployment, delivery, visit, order) for order in _orders_after(deployment, delivery, visit))
    return Recorded(new, known, len(said) - len(led), told)


# --- what led there ---------------------------------------------------------------------------------------------------


def _not_forgotten(deployment: Deployment, delivery: Delivery, said: Sequence[Visit]) -> list[Visit]:
    """Those of people who have not asked to be forgotten since."""
    keys = {visit.contact: visits.forgotten_key(delivery.brand_id, visit.contact) for visit in said}
    found = deployment.database.get_many(keys.values())
    until = {
        contact: note.until for contact, key in keys.items() if isinstance(note := found.get(key[1:]), ForgottenContact)
    }
    return [visit for visit in said if times.text(visit.at) > until.get(visit.contact, "")]


def _led(deployment: Deployment, delivery: Delivery, said: Sequence[Visit]) -> Iterator[Visited]:
    """Those that lead to a creator."""
    database, brand_id = deployment.database, delivery.brand_id
    keys = deployment.secrets.click_keys
    clicked = {visit.ref: click for visit in said if (click := clicks.read(visit.ref, brand_id, keys)) is not None}
    found = dict(database.get_many(_first_keys(brand_id, (visit.ref for visit in said))))
    link_keys = {ref: click.link_key for ref, click in clicked.items()}
    link_keys |= {visit.ref: key for visit in said if (key := _slugs_link(found, brand_id, visit.ref)) is not None}
    found |= database.get_many(links.key(brand_id, link_key) for link_key in link_keys.values())
    for visit in said:
        owner = _link_owner(found, brand_id, link_keys.get(visit.ref)) or _code_owner(found, brand_id, visit)
        if owner is not None:
            visit_id = visits.visit_id(brand_id, delivery.connection_id, visit.contact, visit.id)
            click_id = visit.ref if visit.ref in clicked else None
            yield Visited(visit_id, visit.contact, visit.at, *owner, click_id)


def _first_keys(brand_id: str, refs: Iterable[str]) -> Iterator[Key]:
    for ref in refs:
        if SLUG.fullmatch(ref.lower()):
            yield links.slug_key(ref.lower())
        code = spelling.normal(ref)
        if 0 < len(code) <= spelling.LENGTH_MAX:
            yield codes.key(brand_id, code)


def _slugs_link(found: Items, brand_id: str, ref: str) -> str | None:
    """The key of the link that the slug leads to now; none of another brand's, nor one that leads nowhere."""
    slug = found.get(links.slug_key(ref.lower())[1:])
    if not isinstance(slug, Slug) or slug.brand_id != brand_id or slug.status != "active":
        return None
    return clicks.link_key(slug.link_id)


def _link_owner(found: Items, brand_id: str, link_key: str | None) -> tuple[str, str] | None:
    link = None if link_key is None else found.get(links.key(brand_id, link_key)[1:])
    return (link.creator_id, link.program_id) if isinstance(link, Link) else None


def _code_owner(found: Items, brand_id: str, visit: Visit) -> tuple[str, str] | None:
    item = found.get(codes.key(brand_id, spelling.normal(visit.ref))[1:])
    owners = codes.owners(item) if isinstance(item, Code) else []
    then = [owner for owner in owners if periods.covers([owner.active_from, owner.active_until], visit.at)]
    return (then[-1].creator_id, then[-1].program_id) if then else None


# --- whom it concerns -------------------------------------------------------------------------------------------------


def _orders_after(deployment: Deployment, delivery: Delivery, visit: Visited) -> Iterator[ContactOrder]:
    """Looked for once the visit is kept: an order that names itself later finds it."""
    since = times.text(visit.at - ORDER_CLOCK_SLACK)
    for order in visits.awaiting(deployment.database, delivery.brand_id, visit.contact):
        if order.placed_at >= since:
            yield order


def _tell(deployment: Deployment, delivery: Delivery, visit: Visited, order: ContactOrder) -> bool:
    """Has an order look at the contact once more, unless it has seen the visit; whether that changed anything."""
    target = Target(delivery.brand_id, delivery.mode, order.connection_id, order.external_id)
    known = stored_orders.load(deployment.database, delivery.brand_id, target.order_id)
    seen = known.context.touches if known else {}
    if any(
        touch.evidence in (visit.id, visit.click_id)
        for key, touches in seen.items()
        if key.startswith(f"{CONTACT}{visit.contact}")
        for touch in touches
    ):
        return False
    mention = Mention(visit.id, visit.at, contacts=(f"{visit.contact}@{visit.id}",))
    return orders.apply(deployment, target, [mention])
