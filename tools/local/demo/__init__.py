"""The demo's world: a small shop, its customers, the creators who recommend it, and what happened there in 60 days."""
