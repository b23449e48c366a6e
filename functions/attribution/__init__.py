"""Webhooks in, orders settled, and why: the functions around an order."""
