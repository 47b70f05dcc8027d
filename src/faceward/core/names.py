"""Names of subjects, purposes and galleries: any script, but nothing that hides or injects."""

from __future__ import annotations

import unicodedata

from faceward.core.errors import UsageError

MAX_NAME_BYTES = 255
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Joiners are part of the spelling of names in Indic and Arabic scripts.
_JOINERS = frozenset({"\u200c", "\u200d"})


def printable(text: str) -> str:
    """Return text that can be encoded: a question mark stands for what a file's name holds beside Unicode."""
    return text.encode("utf-8", "replace").decode()


def normal_name(text: str) -> str:
    """Return a name as `check_name` would write it, without checking it: for looking up what may not exist."""
    return printable(unicodedata.normalize("NFC", text).strip())


def check_name(text: str, what: str) -> str:
    """Return the name in Unicode NFC, without surrounding white space.

    Args:
        text: The name as typed, in any script.
        what: What it names, for the message: `subject`, `purpose`, `gallery`.

    Raises:
        UsageError: It is empty, longer than 255 bytes of UTF-8, or holds control or invisible characters.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise UsageError(f"the {what} name is empty; give at least one character")
    if any(unicodedata.category(c) in _HIDDEN and c not in _JOINERS for c in name):
        raise UsageError(f"the {what} name {name!r} holds control or invisible characters; remove them")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise UsageError(f"the {what} name is longer than {MAX_NAME_BYTES} bytes; shorten it")
    return name
