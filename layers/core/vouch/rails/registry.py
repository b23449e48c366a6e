"""Every rail, by its name: one line each."""

from vouch.adapters import Adapters
from vouch.rails.base import Rail

RAILS = Adapters[Rail](
    "RAIL",
    {
        "csv": "vouch.rails.csv_file",
        "masav": "vouch.rails.masav",
        "paypal": "vouch.rails.paypal",
        "sepa": "vouch.rails.sepa",
        "stripe_connect": "vouch.rails.stripe_connect",
    },
)
