"""`/v1/orders`, `/v1/commissions`, `/v1/deliveries`; replays, terms on trial, reconciliations and privacy requests."""

from attribution import (
    commissions,
    deliveries,
    orders,
    previews,
    privacy_requests,
    reconciliations,
    replays,
    simulations,
)
from vouch.http import Api

api = Api(
    *(orders.routes, commissions.routes, deliveries.routes, replays.routes, simulations.routes, previews.routes),
    *(reconciliations.routes, privacy_requests.routes),
)
handler = api.handler
