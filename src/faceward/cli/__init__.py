"""The command line; `main` is what the installed command `faceward` runs."""

from faceward.cli.run import main

__all__ = ["main"]
