"""Stateful stand-ins for platforms' APIs, on loopback: they speak the documented protocol, and fail when told to."""
