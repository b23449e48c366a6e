"""What creators share and brands set up: links, codes, programs."""
