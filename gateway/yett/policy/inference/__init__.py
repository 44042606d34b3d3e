"""Manifests proposed from what tools say of themselves."""
