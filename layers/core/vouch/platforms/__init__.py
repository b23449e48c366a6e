"""One file per platform: prove that a request is genuine, and say it in our own facts."""
