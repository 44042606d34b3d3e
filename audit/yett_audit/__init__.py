"""The log and its verifier."""
