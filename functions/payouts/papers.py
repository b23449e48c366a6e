"""Papers as PDF, in a function of their own: what draws them is larger than all that the others load."""

import documents.statements  # noqa: F401 - what draws is loaded while the function starts, not under the first request
from payouts.statement_pdf import api

handler = api.handler
