"""`/v1/orders`, `/v1/commissions`, `/v1/deliveries`."""

from attribution import commissions, deliveries, orders
from vouch.http import Api

api = Api(orders.routes, commissions.routes, deliveries.routes)
handler = api.handler
