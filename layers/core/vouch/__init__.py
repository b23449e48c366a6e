"""Vouch: who earned what from an order, why, and how it is paid."""
