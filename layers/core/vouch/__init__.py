"""Vouch: who earned what from an order, why, and how it is paid."""

__version__ = "0.1.0"
