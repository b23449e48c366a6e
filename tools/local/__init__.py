"""Vouch on one machine: `python -m local` builds it, deploys it to an emulator on loopback, and keeps it there."""
