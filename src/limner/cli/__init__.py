"""The command line: `main` finds the command, and each command is one module.

A command's module offers `command`: a function with typer's annotations, whose docstring is the
help, or a `typer.Typer` where the command has commands of its own. The module is imported when its
command is asked for, and imports torch inside the function, so that help and mistakes are quick.
"""

from __future__ import annotations

from limner.cli.main import main

__all__ = ["main"]
