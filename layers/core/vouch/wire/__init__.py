"""What the API takes and gives: strict models of bodies and answers, and nothing that decides anything."""
