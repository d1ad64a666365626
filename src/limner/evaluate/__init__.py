"""Evaluation: an independent judge, distances between sets of pictures, and the report."""
