"""The deployed stack, used from outside as its users do."""
