"""`/v1/orders`, `/v1/commissions`, `/v1/deliveries`; replays, and terms on trial: simulations and previews."""

from attribution import commissions, deliveries, orders, previews, replays, simulations
from vouch.http import Api

api = Api(orders.routes, commissions.routes, deliveries.routes, replays.routes, simulations.routes, previews.routes)
handler = api.handler
