"""Yett as the decision point behind other products' enforcement points: AuthZEN, OPA, Envoy, ToolHive, Docker."""
