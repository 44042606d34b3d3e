"""The text of a program to a tree of nodes: a linear, fuel-capped parser of our own for what bash reads."""
