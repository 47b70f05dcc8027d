"""Figures and texts in plain words; pure functions, no printing."""

from __future__ import annotations

import math
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset({"\u200c", "\u200d"})


def clean(text: str) -> str:
    """Return a text that hides nothing: control and invisible characters are written as escapes."""
    return "".join(
        c if c in _JOINERS or unicodedata.category(c) not in _HIDDEN else c.encode("unicode_escape").decode()
        for c in text
    )


def one_in(rate: float) -> str:
    """Say a rate as `1 in N`, N to three digits."""
    if rate <= 0:
        return "none"
    count = 1 / rate
    digits = 2 - math.floor(math.log10(count))
    rounded = round(count, digits)
    return f"1 in {rounded:,.0f}" if rounded >= 10 else f"1 in {rounded:.3g}"


def percent(rate: float) -> str:
    """Say a rate in per cent, two digits; near 100 one more, since what is missing there is what matters."""
    share = rate * 100
    if share >= 99.95:
        return f"{share:.0f} %"
    return f"{share:.1f} %" if share >= 99.5 else f"{share:.2g} %"


def plural(count: int, noun: str, several: str | None = None) -> str:
    """Say a number of things."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
