"""The console's languages: English as it stands in the pages, and catalogues that say it in others.

A catalogue is a folder `locale/LANGUAGE` of JSON files, each an object of English text to translated text. Placeholders
are those of `str.format`, by name. Where a translation is missing the English text stands, so that nothing is lost; a
test asserts that none is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""What can be chosen: by code, what the language calls itself."""
COOKIE = "faceward_language"
_MOST_RANGES = 20


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a text for translation where it stands in Python, and return it as it is."""
    return text


@dataclass(frozen=True, slots=True)
class Translator:
    """Says things in one language.

    Attributes:
        language: Its code.
        texts: Translations by English text.
    """

    language: str
    texts: Mapping[str, str]

    def __call__(self, text: str, **values: object) -> str:
        """Return a text in this language, with its placeholders filled in.

        Values are escaped for HTML, and the result is marked as such, where one of them is markup.
        """
        said = self.texts.get(text, text)
        if not values:
            return said
        if any(isinstance(value, Markup) for value in values.values()):
            return Markup(escape(said)).format(**values)  # noqa: S704 - the text is escaped just here
        return said.format(**values)

    def count(self, number: int, one: str, many: str, **values: object) -> str:
        """Return the text for a number of things; `{count}` in it stands for the number."""
        return self(one if number == 1 else many, count=self.number(number), **values)

    def number(self, value: float) -> str:
        """Return a number with this language's separators."""
        broken = isinstance(value, float) and not value.is_integer()
        return self.separated(f"{value:,.4g}" if broken else f"{int(value):,}")

    def about(self, value: float) -> str:
        """Return a number that is known roughly, to two significant digits."""
        return self.number(float(f"{value:.2g}"))

    def separated(self, figures: str) -> str:
        """Return figures that are written as in English with this language's separators."""
        return figures.translate(str.maketrans(",.", ".,")) if self.language == "de" else figures

    def known(self, text: str) -> bool:
        """Tell whether a text can be said in this language."""
        return self.language == ENGLISH or text in self.texts


@cache
def translator(language: str) -> Translator:
    """Return the translator of one of `LANGUAGES`; English for any other."""
    return Translator(language, catalogue(language)) if language in LANGUAGES else Translator(ENGLISH, {})


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return a language's translations, of all its files; the first that says a text decides."""
    if language == ENGLISH:
        return {}
    texts: dict[str, str] = {}
    folder = files("faceward.service.console").joinpath("locale", language)
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".json"):
            continue
        for text, said in json.loads(file.read_text("utf-8")).items():
            texts.setdefault(text, said)
    return texts


def chosen(cookie: str | None, accept: str) -> str:
    """Return the language to answer in: the one that was chosen, else the browser's, else English.

    Args:
        cookie: What was chosen, if anything.
        accept: `Accept-Language` (RFC 9110 §12.5.4).
    """
    if cookie in LANGUAGES:
        return str(cookie)
    best, weight = ENGLISH, 0.0
    for part in accept.split(",")[:_MOST_RANGES]:
        name, _, given = part.strip().partition(";")
        language = name.strip().partition("-")[0].lower()
        quality = _quality(given)
        if language in LANGUAGES and quality > weight:
            best, weight = language, quality
    return best


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
