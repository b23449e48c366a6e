"""Every rail, by its name: one line each."""

from vouch.rails import csv_file, masav
from vouch.rails.base import Rail

RAILS: dict[str, Rail] = {
    "csv": csv_file.RAIL,
    "masav": masav.RAIL,
}
