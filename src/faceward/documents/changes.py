"""What changed between two configurations, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.words import plural

_ENTRIES = {"purposes": "purpose", "galleries": "gallery", "cameras": "camera", "channels": "channel"}
_NAMES = {
    ("software",): "the software",
    ("standard", "digest"): "the files of the standard",
    ("standard", "name"): "the standard",
    ("standard", "parameters"): "the standard",
    ("pack", "document"): "the manifest of the model pack",
    ("pack", "identifier"): "the model pack",
    ("witnesses",): "the witnesses",
    ("custody",): "the custody of keys",
}
_MOST = 120
_ABSENT = object()


def changes(signed: JSONObject, running: JSONObject) -> tuple[str, ...]:
    """Name every difference between two configurations.

    Args:
        signed: The configuration that was signed off.
        running: The configuration now.

    Returns:
        A phrase for each, in a fixed order; empty where they are equal.
    """
    return tuple(_object((), signed, running))


def _object(path: tuple[str, ...], was: JSONObject, now: JSONObject) -> Iterator[str]:
    for key in sorted({*was, *now}):
        yield from _value((*path, key), was.get(key, _ABSENT), now.get(key, _ABSENT))


def _value(path: tuple[str, ...], was: object, now: object) -> Iterator[str]:
    if was == now:
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        yield from _object(path, was, now)
    elif path[0] in _IN_WORDS and path[2:] in _IN_WORDS[path[0]]:
        yield _IN_WORDS[path[0]][path[2:]](_name(path[:2]), was, now)
    elif was is _ABSENT:
        yield f"{_name(path)} was added{_of(now)}"
    elif now is _ABSENT:
        yield f"{_name(path)} was removed"
    else:
        yield f"{_name(path)} changed from {_text(was)} to {_text(now)}"


def _zones(camera: str, was: object, now: object) -> str:
    before, after = _counted(was), _counted(now)
    if before == after:
        return f"the zones of {camera} were drawn anew: {after}"
    return f"the zones of {camera} changed from {before} to {after}"


def _counted(zones: object) -> str:
    kinds = [str(zone.get("kind")) for zone in zones if isinstance(zone, Mapping)] if isinstance(zones, list) else []
    if not kinds:
        return "none"
    looks, opt_outs = kinds.count("look"), kinds.count("opt-out")
    return f"{looks} to look at and {plural(opt_outs, 'opt-out zone')}"


_IN_WORDS: Mapping[str, Mapping[tuple[str, ...], Callable[[str, object, object], str]]] = {
    "cameras": {("zones",): _zones},
    # What is compared are keyed digests, which tell nobody anything.
    "channels": {("address",): lambda channel, *_: f"{channel} leads to another address"},
}


def _name(path: tuple[str, ...]) -> str:
    if path[0] in _ENTRIES and len(path) > 1:
        entry = f"the {_ENTRIES[path[0]]} {path[1]!r}"
        return f"{_words(path[2:])} of {entry}" if len(path) > 2 else entry
    if path[0] == "people" and len(path) == 2:
        return f"the number of people with the role {path[1]}"
    for length in range(len(path), 0, -1):
        if path[:length] in _NAMES:
            rest = path[length:]
            return f"{_words(rest)} of {_NAMES[path[:length]]}" if rest else _NAMES[path[:length]]
    return " of ".join(_words((part,)) for part in reversed(path))


def _words(path: tuple[str, ...]) -> str:
    return "the " + " ".join(path).replace("_", " ")


def _of(value: object) -> str:
    return "" if isinstance(value, Mapping) else f": {_text(value)}"


def _text(value: object) -> str:
    text = _plain(value)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def _plain(value: JSONValue | object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, "", []):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in sorted(value.items())) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
