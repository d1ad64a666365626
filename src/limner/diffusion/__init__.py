"""Noise: how it is mixed in, what a network says of it, and how solvers take it out again."""
