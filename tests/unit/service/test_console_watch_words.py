"""What watches tell is said in the language of who reads it, and every sentence that the source tells is known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from faceward.core.watch_results import IMPOSSIBLE_TRAVEL
from faceward.service.console import watch_words
from faceward.service.console.i18n import translator
from faceward.video import ledger_words

GERMAN, ENGLISH = translator("de"), translator("en")
VIDEO = Path(str(files("faceward.video")))
# Calls whose text comes to the wall: what a decoder tells, why a source is not read, and what the watch itself tells.
CALLS = {
    "camera_loop.py": {"_tell", "_lost", "Silent"},
    "sources.py": {"EnvironmentFailure", "BadInput", "TooLarge", "Silent"},
    "feeds.py": {"FeedNews", "_all_lost"},
    "watch.py": {"Event"},
    "showing.py": {"Event"},
}
CASE = "0123456789abcdef" * 2
FILLS = ("7", "640x480", "rtsp://10.0.0.9/s")


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return None


def _told() -> Iterator[str]:
    """Yield what modules tell where it stands in a call, with `{}` for values; names of states are no sentences."""
    for module, names in CALLS.items():
        for node in ast.walk(ast.parse((VIDEO / module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in names:
                yield from (text for one in node.args if (text := _text(one)) and text.count(" ") > 1)
    tree = ast.parse((VIDEO / "sources.py").read_text(encoding="utf-8"))
    words = next(
        one for one in tree.body if isinstance(one, ast.AnnAssign) and getattr(one.target, "id", "") == "_WORDS"
    )
    assert words.value is not None
    yield from (f"{{}}: {text}" for one in ast.walk(words.value) if isinstance(one, ast.expr) and (text := _text(one)))


def _filled(text: str) -> Iterator[str]:
    """Yield a text with values in it; what may be left out, such as a reason, is left out in some."""
    yield from (text.replace("{}", fill) for fill in FILLS)
    yield text.replace("{}", FILLS[0], 1).replace("{}", "")
    yield text.replace("{}", "")


def known(message: str) -> bool:
    said = watch_words.say(GERMAN, message)
    return said != watch_words.say(ENGLISH, message) and not said.startswith('<span lang="en">')


def test_every_sentence_that_the_source_tells_is_known() -> None:
    told = {text.removeprefix("{}: {}: ") for text in _told()}
    assert len(told) > 25
    unknown = {text for text in told if not any(known(one) for one in _filled(text))}
    assert unknown == set()


def test_every_sentence_that_is_known_is_one_that_the_source_tells() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(VIDEO.glob("*.py")))
    source = re.sub(r"\{[^{}]*\}", "", source)
    for sentence in watch_words.SENTENCES:
        longest = max(watch_words.pieces(sentence)[::2], key=len).strip(": ()")
        assert longest in source, sentence


def test_a_line_begins_with_its_camera_and_an_alert_leads_to_its_case() -> None:
    line = f"till: 2: alert 3d4519c6 at 2026-11-23T08:52:34.790461Z, case {CASE} ({IMPOSSIBLE_TRAVEL}): "
    line += "a lead, which two people decide"
    said = watch_words.news(GERMAN, line, ("till", "till: 2"))
    assert said.startswith(
        '<bdi class="name">till: 2</bdi>: Alarm um <time datetime="2026-11-23T08:52:34+00:00">08:52:34 UTC'
    )
    assert "Unmögliche Reise." in said
    assert f'<a href="/review/{CASE}">Fall 0123456789ab</a>' in said
    assert "alert at " in watch_words.news(ENGLISH, line, ("till: 2",))
    bare = watch_words.say(GERMAN, "alert 3d4519c6 at 2026-11-23T08:52:34Z: a lead, which two people decide")
    assert "/review/" not in bare
    assert "Alarm um" in bare


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("h264 640x480", "Bilder kommen: h264, 640x480"),
        ("12 pictures", "Bilder kommen: 12 Dateien"),
        ("watching again", "es wird wieder beobachtet"),
        (ledger_words.TOO_SLOW, "diese Maschine ist"),
        (ledger_words.begun(["a", "b"], 3, "theft", 0.0015), "von 1.000 Spuren anderer dürfen 1,5 einen Alarm"),
        (
            "the end was reached: after 2.5 of 6.0 seconds; the file seems to be cut",
            "das Ende ist erreicht: nach 2,5 von 6,0 Sekunden; die Datei scheint abgeschnitten",
        ),
        (
            "interrupted, nothing is compared: recognition is <stopped>; tried again in 2 s",
            'verglichen: <span lang="en">recognition is &lt;stopped&gt;</span>; neuer Versuch in 2 s',
        ),
        ("<b>: holds no video; give another source", "&lt;b&gt;: enthält kein Video"),
    ],
)
def test_what_is_told_is_said_in_german_and_escaped(told: str, said: str) -> None:
    assert said in watch_words.say(GERMAN, told)


@pytest.mark.parametrize(
    "told",
    ["what nobody <tells>", "alert 3d4519c6 at aaaaaaaaaaaaaaaaaaaaaaaa: a lead, which two people decide", "a: " * 999],
)
def test_what_is_not_known_stands_as_it_was_told_marked_as_english(told: str) -> None:
    said = watch_words.say(GERMAN, told)
    assert said.startswith('<span lang="en">')
    assert "<tells>" not in said
    assert "span" not in watch_words.say(ENGLISH, told)
