"""By which names footage is known; nothing that decodes it is loaded for that."""

from __future__ import annotations

from pathlib import Path

READABLE = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dv", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"}
    | {".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
"""Endings of names by which footage is known."""

WRITABLE = (".gif", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
"""Endings under which it can be written."""


def is_footage(source: Path, output: Path) -> bool:
    """Tell by their names whether a redaction is one of footage; a GIF is where footage is asked for."""
    if source.suffix.lower() == ".gif":
        return output.suffix.lower() in WRITABLE and not output.is_dir()
    return source.suffix.lower() in READABLE and not source.is_dir()
