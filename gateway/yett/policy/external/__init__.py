"""Layers that others decide: Cedar in this process, a real OPA server. They can only tighten."""
