"""Rails: the ways in which creators are paid."""
