"""Every rail, by its name: one line each."""

from vouch.rails.base import Rail

RAILS: dict[str, Rail] = {}
