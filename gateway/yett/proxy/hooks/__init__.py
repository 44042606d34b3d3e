"""Hooks of coding agents: their events become calls and outcomes, decisions become their answers."""
