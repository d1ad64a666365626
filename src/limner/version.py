"""Limner's version, on its own so that every layer can say it."""

__version__ = "0.1.0"
