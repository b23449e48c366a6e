"""Explanations of orders: the settlement of their own facts, laid open and put in words with the names people know."""

from vouch.domain import times
from vouch.domain.explanation import Explanation, explain
from vouch.domain.settlement import Earning
from vouch.messages import Language
from vouch.service import listings
from vouch.service import orders as settling
from vouch.service.deployment import Deployment
from vouch.service.evidence import Evidence
from vouch.service.promises import terms_of
from vouch.service.trials import Tried
from vouch.store import creators, programs
from vouch.store.tables import Brand, Commission, Creator, Program
from vouch.words import narration
from vouch.words.narration import Names


def of_order(deployment: Deployment, brand: Brand, order_id: str, *, viewer: str | None) -> Explanation:
    """Why an order earned whom what, for the brand or cut to one creator's part.

    Raises NotFound for an order that is not there, and for a creator whom it does not concern.
    """
    order = listings.whole_order(deployment, brand, order_id)
    settlement = settling.recompute(deployment, order)
    credited = {earning.creator_id for earning in settlement.earnings}
    former = [_earning(item) for item in order.commissions if item.creator_id not in credited]
    terms = Evidence(deployment, brand.id).terms(order.context.touches_of(order.facts))
    terms |= terms_of(deployment, brand.id, {(each.program_id, each.terms_version) for each in former})
    return explain(order.facts, order.context, terms, settlement, former=former, viewer=viewer)


def _earning(item: Commission) -> Earning:
    """What a creator has by their own item."""
    names = ("creator_id", "program_id", "terms_version", "currency", "earned", "reversed", "held")
    return Earning(matures_at=times.parse(item.matures_at), **{name: getattr(item, name) for name in names})


def laid_open(tried: Tried, *, viewer: str | None = None) -> Explanation:
    """The explanation of what was tried. Raises NotFound for a creator whom it does not concern."""
    return explain(tried.facts, tried.context, tried.terms, tried.settlement, viewer=viewer)


def in_words(deployment: Deployment, brand: Brand, explanation: Explanation, language: Language) -> str:
    """Its text, with the names that creators and programs have now."""
    creator_ids, program_ids = narration.named(explanation)
    keys = [creators.key(brand.id, creator_id) for creator_id in creator_ids]
    items = deployment.database.get_many([*keys, *(programs.key(brand.id, program_id) for program_id in program_ids)])
    found = list(items.values())
    names = Names(
        creators={item.id: item.name for item in found if isinstance(item, Creator)},
        programs={item.id: item.name for item in found if isinstance(item, Program)},
        currencies={item.id: item.currency for item in found if isinstance(item, Program)},
    )
    return narration.narrate(explanation, language, names)
