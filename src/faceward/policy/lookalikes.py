"""Names that look the same: letters of other scripts, characters that nobody sees, capitals."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Cyrillic and Greek letters that are drawn like Latin ones, after case folding; within a script no two become one.
_DRAWN_ALIKE = str.maketrans("авекмнорстухіјѕԁαβεζηικμνορτυχ\u0131", "abekmhopctyxijsdabezhikmnoptyxi")
# Characters of the category Mn, Lo or So that nobody sees.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


@lru_cache(maxsize=4096)
def alike(name: str) -> str:
    """Return what all names have in common that a reader would take for this one."""
    # Two names that a reader of the log would take for one must not be two people.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(character for character in folded if not _is_unseen(character))
    return " ".join(seen.translate(_DRAWN_ALIKE).split())


def _is_unseen(character: str) -> bool:
    variation = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return variation or character in _UNSEEN or unicodedata.category(character) == "Cf"
