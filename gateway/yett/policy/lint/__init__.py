"""Checks of a policy that need no solver: those that block loading, and a few that only warn."""
