"""Use-cases by noun: load, ask the domain, commit."""
