"""Decisions as functions of values: no clock, no network, no AWS, only the standard library."""
