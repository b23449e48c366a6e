"""`/v1/orders`, `/v1/commissions`, `/v1/deliveries`, and terms on trial: `/v1/replays`, `/v1/simulations`."""

from attribution import commissions, deliveries, orders, replays, simulations
from vouch.http import Api

api = Api(orders.routes, commissions.routes, deliveries.routes, replays.routes, simulations.routes)
handler = api.handler
