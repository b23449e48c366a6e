"""What creators have, from which moment on, the proof of it, and how it is paid."""

from payouts import accounts, clock, payees, settings
from vouch.http import Api

api = Api(accounts.routes, clock.routes, payees.routes, settings.routes)
handler = api.handler
