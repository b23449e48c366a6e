"""Explanations in words.

Apart from `vouch.messages`, whose words every function loads, the redirect included: these are for the few that explain
orders.
"""
