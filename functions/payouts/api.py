"""What creators have, from which moment on, and the proof of it."""

from payouts import accounts, clock
from vouch.http import Api

api = Api(accounts.routes, clock.routes)
handler = api.handler
