"""What creators have, from which moment on, the proof of it, and how it is paid."""

from payouts import accounts, adjustments, clearing, clock, debts, payees, payouts, reports, runs, settings
from vouch.http import Api

api = Api(
    *(accounts.routes, clock.routes, payees.routes, settings.routes),
    *(runs.routes, payouts.routes, adjustments.routes, debts.routes, clearing.routes, reports.routes),
)
handler = api.handler
