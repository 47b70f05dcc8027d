"""The verifier for outsiders: checks what was published and what was handed out, offline, without the writer."""

from faceward.verify.command import main

__all__ = ["main"]
