"""`/v1/terms/preview`: what draft terms make of a sample order. Nothing is written."""

from typing import Final

from attribution.orders import Told
from vouch.deadlines import within
from vouch.domain import times
from vouch.http import Routes, brand_access
from vouch.service import explanations, previews
from vouch.service.previews import Sample
from vouch.wire import simulations as wire
from vouch.wire.explanations import Explanation

routes = Routes()
_SECONDS: Final = 15


@routes.post("/v1/terms/preview", security=brand_access("programs:read", "orders:read"))
def preview_terms(body: wire.TermsPreview, language: Told = None) -> Explanation:
    """Why the order would earn whom what. It is in no list afterwards; `terms_version` 0 is the draft.

    What real orders say of its customer and its creators is looked up, so a key that may not read them may not ask.
    """
    call, in_time = routes.call, within(_SECONDS)
    order = body.order.model_dump(mode="json", exclude_none=True)
    order.setdefault("occurred_at", times.text(times.floor_second(call.deployment.brand_now(call.brand))))
    previewed = previews.preview(
        call.deployment,
        call.mint,
        call.brand,
        program_id=body.program_id,
        currency=body.currency,
        terms=body.terms.plain(),
        sample=Sample(order, body.creator_id, body.customer, body.platform),
        in_time=in_time,
    )
    explained, spoken = explanations.laid_open(previewed.tried), language or call.language
    text = explanations.in_words(call.deployment, call.brand, explained, spoken)
    return Explanation.told(previewed.order_id, explained, spoken, text)
