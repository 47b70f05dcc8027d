"""What watches tell, in the language of who reads it.

A watch tells what becomes of it in English, since it knows no reader. Its sentences are known by their form; one that
is not known stands as it was told, marked as English, and so does what a rule says within a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup, escape

from faceward.core.clock import from_rfc3339
from faceward.service.console import i18n
from faceward.service.console.i18n import N_
from faceward.service.console.live_words import FLAGS

_MOST = 1000
_ALERT = N_("alert at {time}, a lead: two people decide")
_TOO_SLOW = N_(
    "this machine is too slow for these cameras: take fewer, or a lower --rate; tracks break and more are counted"
)
# By field: what it looks like. Whatever a camera or a rule may say itself is any text.
_FIELDS = {
    "alert": r"[0-9a-f]{8}",
    "case": r"(?:, case [0-9a-f]{32})?",
    "count": r"\d+",
    "flags": r"(?: \([a-z, -]+\))?",
    "now": r"\d+x\d+",
    "rate": r"[0-9.e+-]+",
    "seconds": r"[0-9.]+",
    "size": r"\d+x\d+",
    "stated": r"[0-9.]+",
    "subjects": r"\d+",
    "time": r"\S{20,40}",
    "was": r"\d+x\d+",
    "whole": r"\d+",
    "codec": r"[a-z0-9]+",
}
SENTENCES: tuple[str, ...] = (
    N_("watching again"),
    N_("the cameras were configured otherwise and begin anew"),
    N_("watching {cameras} for {subjects} on {gallery}; of 1,000 tracks of others {rate} may alert"),
    N_("interrupted, nothing is compared: {reason}; tried again in {seconds} s"),
    N_("the live board cannot be written: {reason}"),
    _TOO_SLOW,
    N_("a sighting could not be put on record and is given up"),
    N_("a sighting could not be put on record and is given up: {reason}"),
    N_("a sighting is held back: nobody gets here in time from where the same subject was seen before"),
    N_("the stream ended; it is opened again"),
    N_("the end was reached"),
    N_("it held no picture that could be decoded"),
    N_("after {seconds} of {stated} seconds; the file seems to be cut"),
    N_("parts of it could not be decoded; the file seems to be damaged"),
    N_("{count} of {whole} pictures could not be read"),
    N_("it answers, and no picture can be made of what comes; check the camera"),
    N_("what comes cannot be decoded; check the camera and its network"),
    N_("nothing that comes can be decoded; the source is opened again"),
    N_("the same picture for long; check the camera"),
    N_("the picture moves again"),
    N_("the picture is {now} now and was {was}"),
    N_("the picture is {now} now and was {was}; it changed {count} times, check the camera"),
    N_("its decoder hands over frames of no time or place; they are dropped, check the camera"),
    N_("its decoder failed ({reason}); the source is opened again"),
    N_("its decoder is not started again yet: {reason}"),
    N_("its decoder {reason} and is started again"),
    N_("{source}: nothing answers there; check that the camera is on, and the address"),
    N_("{source}: asks for another name or password; change the camera's source"),
    N_("{source}: refuses this name or password; change the camera's source"),
    N_("{source}: the server has no such stream; check the address"),
    N_("{source}: the server answered with an error; check the address and the camera"),
    N_("{source}: the server did not take the request; check the address and the camera"),
    N_("{source}: the connection was lost; check the camera and its network"),
    N_("{source}: may not be read; check the permissions of this user"),
    N_("{source}: is not there; check the address, or plug the camera in"),
    N_("{source}: no answer within {seconds} s; check the camera and its network"),
    N_("{source}: nothing came for {seconds} s; check the camera and its network"),
    N_("{source}: what it sends is larger than any camera's picture; check the camera"),
    N_("{source}: the stream broke off; it is opened again"),
    N_("{source}: the stream broke off ({reason}); it is opened again"),
    N_("{source}: gives no video that can be read; check the address and the camera"),
    N_("{source}: gives no video that can be read ({reason}); check the address and the camera"),
    N_("{source}: not a video that can be read; it is damaged, cut or of an unknown format"),
    N_("{source}: holds no video; give another source"),
    N_("{source}: its video is in a format that cannot be decoded; have the camera send H.264"),
)
"""What a watch tells, as it is told."""
_END = "the end was reached: "
# What is said otherwise than it is told: what a camera begins with, and an alert, whose case is a link here.
_OTHERWISE = (
    ("{codec} {size}", N_("pictures come: {codec}, {size}")),
    ("{count} pictures", N_("pictures come: {count} files")),
    ("alert {alert} at {time}{case}{flags}: a lead, which two people decide", _ALERT),
)


def pieces(sentence: str) -> list[str]:
    """Return texts and names of values of a sentence, in turn, beginning with a text."""
    return re.split(r"\{(\w+)\}", sentence)


def _form(sentence: str) -> re.Pattern[str]:
    texts = [
        re.escape(part) if not number % 2 else f"(?P<{part}>{_FIELDS.get(part, '.+')})"
        for number, part in enumerate(pieces(sentence))
    ]
    return re.compile("".join(texts))


_FORMS = [(_form(told), said) for told, said in (*_OTHERWISE, *((one, one) for one in SENTENCES))]


def say(t: i18n.Translator, message: str) -> Markup:
    """Return what a watch told of a camera, or of itself, in a language.

    Args:
        t: The language.
        message: What it told, without a camera's name before it.

    Returns:
        Markup; English within another language is marked as such.
    """
    if message.startswith(_END):
        return Markup("{}: {}").format(t("the end was reached"), say(t, message.removeprefix(_END)))
    for form, said in _FORMS if len(message) <= _MOST else ():
        found = form.fullmatch(message)
        if found is not None:
            return _alert(t, found) if said is _ALERT else _filled(t, said, found.groupdict())
    return _english(t, message)


def news(t: i18n.Translator, line: str, cameras: Iterable[str]) -> Markup:
    """Return a line of what a watch told, which may begin with the name of one of its cameras."""
    for name in sorted(cameras, key=len, reverse=True):
        if line.startswith(f"{name}: "):
            return Markup('<bdi class="name">{}</bdi>: {}').format(name, say(t, line[len(name) + 2 :]))
    return say(t, line)


@jinja2.pass_context
def said(context: Context, message: str) -> Markup:
    """Return a message in the language of the page."""
    return say(context["t"], message)


@jinja2.pass_context
def said_news(context: Context, line: str, cameras: Iterable[str]) -> Markup:
    """Return a line of what a watch told in the language of the page."""
    return news(context["t"], line, cameras)


def _filled(t: i18n.Translator, said: str, values: dict[str, str]) -> Markup:
    figures = {
        name: t.separated(value) if name in {"seconds", "stated", "rate"} else value for name, value in values.items()
    }
    own = {name: _english(t, value) if name == "reason" else escape(value) for name, value in figures.items()}
    return Markup(t(said, **own)) if own else escape(t(said))  # noqa: S704 - every value is escaped just here


def _alert(t: i18n.Translator, found: re.Match[str]) -> Markup:
    try:
        when = from_rfc3339(found["time"])
    except ValueError:
        return _english(t, found.string)
    time = Markup('<time datetime="{}">{:%H:%M:%S} UTC</time>').format(when.isoformat(timespec="seconds"), when)
    shown = Markup("{}").format(t(_ALERT, time=time))
    for flag in re.findall(r"[a-z-]+", found["flags"]):
        shown += Markup(" {}").format(t(FLAGS[flag][0]) if flag in FLAGS else flag)
    case = found["case"].removeprefix(", case ")
    if case:
        shown += Markup(' <a href="/review/{}">{}</a>').format(case, t("Case {number}", number=case[:12]))
    return shown


def _english(t: i18n.Translator, text: str) -> Markup:
    return escape(text) if t.language == i18n.ENGLISH else Markup('<span lang="en">{}</span>').format(text)
