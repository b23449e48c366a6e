"""Previews: what draft terms make of a sample order, which is not stored and of which nothing is pinned."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from vouch.deadlines import InTime
from vouch.domain import terms as promises
from vouch.domain.attribution import Touch
from vouch.domain.context import CLICK, CODE, Context
from vouch.domain.errors import Malformed, NotFound, Unprocessable
from vouch.domain.facts import OrderFacts, Snapshot
from vouch.domain.terms import DRAFT, Terms, number_in_force
from vouch.service import programs
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.submissions import Submissions
from vouch.service.trials import Trial, Tried
from vouch.store import creators, orders
from vouch.store.tables import Brand

SAMPLE: Final = "sample"
"""The evidence that is assumed, the creator whom it names, and the program that is none yet."""
_NOTHING: Mapping[str, Touch] = {}


@dataclass(frozen=True, slots=True)
class Sample:
    """An order in the shape of `POST /v1/orders`, and what is assumed of it beside.

    `creator_id` is whose it is taken for where it carries no evidence.
    """

    order: Mapping[str, Any]
    creator_id: str | None = None
    customer: Literal["new", "returning"] | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The sample order settled, under the id that it would have."""

    order_id: str
    tried: Tried


def preview(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    *,
    program_id: str | None,
    currency: str | None,
    terms: dict[str, Any],
    sample: Sample,
    in_time: InTime,
) -> Preview:
    """The sample order by the draft of a program's terms, or of those of a program in that currency which is yet to be.

    Clicks and codes on the order are looked up as for an order that came now. Where it carries none, and for a program
    that is yet to be, a code of the sample's creator is assumed (and a click, where the draft asks for one). A volume
    that nobody has sealed is measured while `in_time`.

    Raises Malformed where not exactly one of program and currency is said, NotFound for what is not the brand's, and
    Unprocessable for terms that could not be published and an order that could not be submitted.
    """
    if (program_id is None) == (currency is None):
        raise Malformed("one_of_two", one="program_id", other="currency")
    program = programs.found(deployment, brand, program_id).program if program_id is not None else None
    draft = promises.from_plain(terms, program.currency if program else currency)
    if sample.creator_id and not deployment.database.get(*creators.key(brand.id, sample.creator_id)):
        raise NotFound(param="creator_id")
    snapshot, order_id, only_program = _described(deployment, mint, brand, sample)
    creator_id, context = sample.creator_id or SAMPLE, Context(test_brand=brand.mode == "test")
    if program is None:
        facts, assumed = _assumed(snapshot, draft, Touch("code", SAMPLE, None, creator_id, SAMPLE, DRAFT))
        alone = replace(context, touches=_pinned(assumed), tied=False)
        return Preview(order_id, Trial(deployment, brand.id, SAMPLE, draft).told(order_id, facts, alone))
    context, facts, assumed = replace(context, only_program=only_program), OrderFacts(snapshot), _NOTHING
    if not (snapshot.codes or snapshot.click_ids or snapshot.handles or snapshot.contacts):
        version = number_in_force(program.versions, snapshot.placed_at)
        barred = None if version else "no_terms"
        touch = Touch("code", SAMPLE, None, creator_id, program.id, version, barred=barred)
        facts, assumed = _assumed(snapshot, draft, touch)
        if creator_id == SAMPLE:  # who is nobody takes part in nothing that could be looked up
            context = replace(context, touches=_pinned(assumed))
    trial = Trial(deployment, brand.id, program.id, draft, assumed=assumed, in_time=in_time)
    return Preview(order_id, trial.told(order_id, facts, context, new=True))


def _pinned(assumed: Mapping[str, Touch]) -> dict[str, tuple[Touch, ...]]:
    return {key: (touch,) for key, touch in assumed.items()}


def _described(deployment: Deployment, mint: Mint, brand: Brand, sample: Sample) -> tuple[Snapshot, str, str | None]:
    """The order, its id, and the program that its connection is limited to."""
    connection_id = sample.order.get("connection_id")
    said = {name: value for name, value in sample.order.items() if name != "connection_id"}
    try:
        door, snapshot = Submissions(deployment, brand, mint).described(connection_id, said)
    except (NotFound, Unprocessable) as refusal:
        param = f"order.{refusal.param}" if refusal.param else "order"
        raise type(refusal)(refusal.reason, param=param, **refusal.facts) from None
    snapshot = replace(
        snapshot,
        platform=sample.platform or snapshot.platform,
        customer_new=snapshot.customer_new if sample.customer is None else sample.customer == "new",
    )
    return snapshot, orders.order_id(brand.id, door.connection_id, said["external_id"]), door.only_program


def _assumed(snapshot: Snapshot, draft: Terms, touch: Touch) -> tuple[OrderFacts, Mapping[str, Touch]]:
    """The order with that touch in place of its evidence, and with a click where the draft trusts no code alone."""
    assumed = {f"{CODE}{SAMPLE}": touch}
    if draft.attribution.code_policy == "needs_click":
        assumed[f"{CLICK}{SAMPLE}"] = replace(touch, kind="click", at=snapshot.placed_at)
    clicks = (SAMPLE,) if len(assumed) > 1 else ()
    return OrderFacts(replace(snapshot, codes=(SAMPLE,), click_ids=clicks, handles=(), contacts=())), assumed
