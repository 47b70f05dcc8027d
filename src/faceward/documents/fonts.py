"""Which font shows which character in a PDF; what none shows is written out as its number."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from itertools import groupby

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

TEXT, STRONG = "DejaVuSans", "DejaVuSans-Bold"
CHINESE, JAPANESE, KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
_CODED = "coded"

# Scripts that DejaVu holds, but that need bidirectional order and joined letters, which reportlab does not set: a name
# in the wrong order would be another name.
_COMPLEX = ((0x0590, 0x08FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF), (0x200C, 0x200F))
_KANA = ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))
_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF))
_IDEOGRAPHS = (
    (0x2E80, 0x2FDF),
    (0x3000, 0x303F),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
)


@cache
def register() -> None:
    """Make the fonts known to reportlab: DejaVu is embedded, those for East Asian scripts are the reader's own."""
    folder = files("faceward.documents").joinpath("fonts")
    for name in (TEXT, STRONG):
        with as_file(folder.joinpath(f"{name}.ttf")) as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))
    for name in (CHINESE, JAPANESE, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    pdfmetrics.registerFontFamily(TEXT, normal=TEXT, bold=STRONG, italic=TEXT, boldItalic=STRONG)


def runs(text: str, font: str = TEXT) -> Iterator[tuple[str, str]]:
    """Split a text into runs of one font each.

    Args:
        text: Plain text without control characters.
        font: The font of ordinary text.

    Yields:
        Font and run. A character that no font shows is written as its number, `[U+0928]`.
    """
    register()
    east = _east(text)
    kinds = ((_kind(c, font, east), c) for c in _composed(text))
    for kind, several in groupby(kinds, key=lambda pair: pair[0]):
        run = "".join(c for _, c in several)
        yield (font, coded(run)) if kind == _CODED else (kind, run)


def coded(run: str) -> str:
    """Write characters as their numbers."""
    return "[" + " ".join(f"U+{ord(c):04X}" for c in run) + "]"


def shown(text: str) -> bool:
    """Tell whether every character of a text has a font."""
    register()
    return all(_kind(c, TEXT, CHINESE) != _CODED for c in _composed(text))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _kind(character: str, font: str, east: str) -> str:
    code = ord(character)
    if _within(code, _COMPLEX):
        return _CODED
    if code in _glyphs(font):
        return font
    if _within(code, _HANGUL):
        return KOREAN
    if _within(code, _KANA):
        return JAPANESE
    return east if _within(code, _IDEOGRAPHS) else _CODED


def _east(text: str) -> str:
    """Return the font for ideographs, which Chinese, Japanese and Korean share, by what stands beside them."""
    codes = [ord(c) for c in text]
    if any(_within(code, _KANA) for code in codes):
        return JAPANESE
    return KOREAN if any(_within(code, _HANGUL) for code in codes) else CHINESE


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


@cache
def _glyphs(font: str) -> frozenset[int]:
    return frozenset(pdfmetrics.getFont(font).face.charToGlyph)
