"""TOML within bounds: a dotted key of thousands of parts takes the parser gigabytes, so it is refused unread."""

from __future__ import annotations

import re
import tomllib

MAX_BYTES = 2**20
MAX_PARTS = 8

# A string of several lines that does not end takes the rest of the text, which no parser would read either.
_STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\]|\\\Z)*?(?:"{3,5}|\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\[^\n]|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*",
    re.DOTALL,
)
_LONG_KEY = re.compile(rf"(?:[A-Za-z0-9_-]++[ \t]*+\.[ \t]*+){{{MAX_PARTS}}}[A-Za-z0-9_-]")


def loads_bounded(text: str) -> dict[str, object]:
    """Parse TOML 1.0 of at most 1 MiB whose keys and table headers have at most 8 dotted parts.

    Raises:
        ValueError: It is not TOML, or beyond those bounds.
        RecursionError: It is nested too deeply.
    """
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    if _LONG_KEY.search(_STRING_OR_COMMENT.sub(_bare, text)):
        raise ValueError(f"a key has more than {MAX_PARTS} dotted parts")
    return tomllib.loads(text)


def _bare(found: re.Match[str]) -> str:
    # A key in quotes is one part of a dotted key; a comment is nothing.
    return "" if found[0].startswith("#") else "s"
