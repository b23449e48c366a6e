"""Every rail, by its name: one line each."""

from vouch.rails import csv_file, masav, paypal, sepa, stripe_connect
from vouch.rails.base import Rail

RAILS: dict[str, Rail] = {
    "csv": csv_file.RAIL,
    "masav": masav.RAIL,
    "paypal": paypal.RAIL,
    "sepa": sepa.RAIL,
    "stripe_connect": stripe_connect.RAIL,
}
