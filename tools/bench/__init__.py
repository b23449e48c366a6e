"""What Vouch costs, beside the floor of bare hand-written work that was measured in the same run: `python -m bench`.

Absolute times move with the machine and its mood; the ratio is what to look at, a median of interleaved rounds.
"""
