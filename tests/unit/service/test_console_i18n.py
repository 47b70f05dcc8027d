"""The console's languages: what every page says can be said in each of them."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import nodes
from markupsafe import Markup

from faceward.policy.people import Role
from faceward.policy.review_features import review_scheme
from faceward.service.console import i18n, telling
from faceward.service.console.rendering import environment

CONSOLE = Path(str(files("faceward.service.console")))
OTHERS = [language for language in i18n.LANGUAGES if language != i18n.ENGLISH]


def _constants(call: nodes.Call) -> Iterator[str]:
    """Yield what a call of `t` or `t.count` in a template says, where that stands there."""
    named = call.node
    count = isinstance(named, nodes.Getattr) and named.attr == "count" and isinstance(named.node, nodes.Name)
    if isinstance(named, nodes.Name) and named.name == "t":
        given = call.args[:1]
    elif count and named.node.name == "t":
        given = call.args[1:3]
    else:
        return
    for one in given:
        for constant in [one, *one.find_all(nodes.Const)]:
            if isinstance(constant, nodes.Const) and isinstance(constant.value, str):
                yield constant.value


def _of_templates() -> Iterator[tuple[str, str]]:
    templates = environment()
    for name in templates.list_templates(extensions=("html",)):
        assert templates.loader is not None
        source = templates.loader.get_source(templates, name)[0]
        for call in templates.parse(source).find_all(nodes.Call):
            yield from ((text, name) for text in _constants(call))


def _of_modules() -> Iterator[tuple[str, str]]:
    for path in sorted(CONSOLE.parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            if isinstance(function, ast.Name) and function.id in ("N_", "t"):
                given = node.args[:1]
            elif isinstance(function, ast.Attribute) and function.attr == "count" and _named(function.value) == "t":
                given = node.args[1:3]
            else:
                continue
            yield from ((one.value, path.name) for one in given if isinstance(one, ast.Constant))


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _of_standards() -> Iterator[tuple[str, str]]:
    scheme = review_scheme()
    for feature in scheme.features.values():
        yield from ((feature.name, "features"), (feature.look, "features"))
    yield from ((step.name, "conclusions") for step in scheme.conclusions.values())
    yield from ((role.value, "roles") for role in Role)


def _of_rights() -> Iterator[tuple[str, str]]:
    yield from ((text, "telling") for text in telling.WORDS)


def said() -> dict[str, str]:
    """Return every text that can be said, and where it stands."""
    found = (*_of_templates(), *_of_modules(), *_of_standards(), *_of_rights())
    return {str(text): where for text, where in found}


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_pages_say_something() -> None:
    texts = said()
    assert len(texts) > 100
    assert {"Skip to the content", "Previous", "waiting", "Nose"} <= texts.keys()


@pytest.mark.parametrize("language", OTHERS)
def test_everything_can_be_said_in_each_language(language: str) -> None:
    known = i18n.catalogue(language)
    assert {text: where for text, where in said().items() if text not in known} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_the_places_of_values(language: str) -> None:
    for text, translated in i18n.catalogue(language).items():
        assert translated.strip(), text
        assert _places(translated) == _places(text), text


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_left_over(language: str) -> None:
    assert sorted(set(i18n.catalogue(language)) - said().keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_files_of_a_language_agree_and_hold_text_alone(language: str) -> None:
    for file in (CONSOLE / "locale" / language).glob("*.json"):
        texts = json.loads(file.read_text(encoding="utf-8"))
        assert all(isinstance(one, str) for pair in texts.items() for one in pair), file.name


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        (None, "", "en"),
        (None, "de-CH, en;q=0.8", "de"),
        (None, "fr, en;q=0.5, de;q=0.9", "de"),
        (None, "de;q=0, en;q=0.1", "en"),
        (None, "de;q=nonsense, en", "en"),
        ("en", "de", "en"),
        ("de", "en", "de"),
        ("xx", "de", "de"),
        (None, "zz," * 100 + "de", "en"),
    ],
)
def test_the_language_is_what_was_chosen_else_what_the_browser_prefers(
    cookie: str | None, accept: str, language: str
) -> None:
    assert i18n.chosen(cookie, accept) == language


def test_values_are_escaped_only_where_the_result_is_markup() -> None:
    t = i18n.translator("en")
    assert t("{a} of <b>", a="<i>") == "<i> of <b>"
    marked = t("{a} of <b>", a=Markup("<i>"))
    assert isinstance(marked, Markup)
    assert marked == "<i> of &lt;b&gt;"
    assert t("{a} and {b}", a=Markup("<i>"), b="<u>") == "<i> and &lt;u&gt;"


def test_numbers_are_written_as_the_language_does() -> None:
    assert i18n.translator("en").number(1234567) == "1,234,567"
    assert i18n.translator("de").number(1234567) == "1.234.567"
    assert i18n.translator("de").number(0.25) == "0,25"
    assert i18n.translator("de").about(15.84) == "16"
    assert i18n.translator("de").about(0.1234) == "0,12"
    assert i18n.translator("en").count(1, "one thing", "{count} things") == "one thing"
    assert i18n.translator("en").count(1200, "one thing", "{count} things") == "1,200 things"


def test_a_text_that_is_not_known_is_said_in_english() -> None:
    assert i18n.translator("de")("a text that nobody translated") == "a text that nobody translated"
    assert i18n.translator("xx")("Home") == "Home"
