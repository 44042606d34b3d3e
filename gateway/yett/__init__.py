"""Yett."""
