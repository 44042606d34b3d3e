"""Arguments to facts."""
