"""Requests with pictures to every family of the service, framed as they should be and as they should not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from choices import Choices

from pictures import picture

_BOUNDARY = b"0123456789abcdef"
_LINE = b"\r\n"
_TYPES = ("multipart/form-data; boundary=0123456789abcdef", "multipart/form-data", "image/jpeg", "image/png",
          "application/json", "application/x-amz-json-1.1", "text/plain", "", 'multipart/form-data; boundary="',
          "application/x-www-form-urlencoded", "image/", "multipart/form-data; boundary=" + "x" * 300)  # fmt: skip
_TEXTS = ("", "door", "ana", "nobody", "x" * 11_000, "\0", "..", "-1", "1e999", "é\u202e", "[]", '{"a":1}', "true")


@dataclass(frozen=True, slots=True)
class Made:
    """A request.

    Attributes:
        path: Path and query.
        media: Its content type; empty for none.
        body: Its body.
        call: Operation of Rekognition's interface, which is signed; empty elsewhere.
    """

    path: str
    media: str
    body: bytes = field(repr=False)
    call: str = ""


_FORMS: tuple[tuple[str, str, dict[str, str], int], ...] = (
    ("/v1/verifications", "image", {"subject": "ana", "purpose": "door"}, 1),
    ("/v1/identifications", "image", {"gallery": "door", "purpose": "door", "reason": "fuzz"}, 1),
    ("/v1/comparisons", "image", {}, 2),
    ("/v1/detections", "image", {}, 1),
    ("/v1/redactions", "image", {"mode": "fill"}, 1),
    ("/v1/enrolments", "image", {"subject": "ben", "purpose": "door"}, 1),
    ("/api/v1/recognition/recognize?limit=0&face_plugins=landmarks", "file", {}, 1),
    ("/api/v1/recognition/faces?subject=ben", "file", {}, 1),
    ("/api/v1/detection/detect", "file", {}, 1),
    ("/api/v1/verification/verify", "source_image", {}, 1),
)
_CALLS: tuple[tuple[str, tuple[str, ...], dict[str, object]], ...] = (
    ("SearchFacesByImage", ("Image",), {"CollectionId": "door"}),
    ("IndexFaces", ("Image",), {"CollectionId": "door", "ExternalImageId": "ben"}),
    ("CompareFaces", ("SourceImage", "TargetImage"), {"SimilarityThreshold": 80}),
    ("DetectFaces", ("Image",), {"Attributes": ["ALL"]}),
    ("SearchUsersByImage", ("Image",), {"CollectionId": "door", "MaxUsers": 3}),
)


def made(choices: Choices) -> Made:
    """Return a request."""
    return choices.one((_form, _form, _call, _json_form, _raw))(choices)


def _form(choices: Choices) -> Made:
    path, name, texts, count = choices.one(_FORMS)
    fields = {**texts, choices.one((*texts, "more", "fmr", "top")): choices.one(_TEXTS)} if _seldom(choices) else texts
    parts = [_part(key, value.encode("utf-8", "surrogatepass")) for key, value in fields.items()]
    for number in range(count if choices.often(8) else choices.below(4)):
        named = "target_image" if name == "source_image" and number else name
        parts.append(_part(named, picture(choices), f'; filename="{choices.one(("p.jpg", "", "../../p", "p" * 300))}"'))
    if name == "source_image":
        parts.append(_part("target_image", picture(choices), '; filename="q.png"'))
    body = b"".join(parts) + b"--" + _BOUNDARY + b"--" + _LINE
    return Made(path, _media(choices, _TYPES[0]), _framed(body, choices))


def _part(name: str, content: bytes, more: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"{more}'.encode()
    return b"--" + _BOUNDARY + _LINE + head + _LINE * 2 + content + _LINE


def _call(choices: Choices) -> Made:
    name, pictures, texts = choices.one(_CALLS)
    value: dict[str, object] = {**texts, **{one: {"Bytes": _base64(choices)} for one in pictures}}
    if _seldom(choices):
        value[choices.one((*value, "More"))] = choices.one(
            (
                None,
                1,
                -1,
                2**70,
                [],
                {},
                "x",
                {"Bytes": 5},
                {"S3Object": {"Bucket": "b", "Name": "n"}},
                [{}] * 50,
                1e308,
            )
        )
    return Made("/", _media(choices, _TYPES[5]), _framed(json.dumps(value).encode(), choices), name)


def _json_form(choices: Choices) -> Made:
    path, name, _, _ = choices.one(_FORMS[6:])
    value = {name: _base64(choices)}
    if name == "source_image":
        value["target_image"] = _base64(choices)
    return Made(path, _media(choices, "application/json"), _framed(json.dumps(value).encode(), choices))


def _raw(choices: Choices) -> Made:
    path = choices.one(("/v1/detections", "/v1/redactions?mode=blur", "/v1/redactions?mode=wrong"))
    return Made(path, _media(choices, "image/png"), _framed(picture(choices), choices))


def _base64(choices: Choices) -> str:
    text = base64.b64encode(picture(choices)).decode()
    changes: tuple[Callable[[], str], ...] = (
        lambda: text,
        lambda: text.rstrip("="),
        lambda: text[: choices.below(len(text) + 1)],
        lambda: "data:image/png;base64," + text,
        lambda: text.replace("A", "\n", 3),
        lambda: text.replace("+", "-").replace("/", "_"),
        lambda: text + "====",
        lambda: "é" + text,
    )
    return choices.one(changes)() if _seldom(choices) else text


def _media(choices: Choices, usual: str) -> str:
    return choices.one(_TYPES) if _seldom(choices) else usual


def _framed(body: bytes, choices: Choices) -> bytes:
    """Damage a body, seldom: cut it, repeat it, or overwrite some of it."""
    if not _seldom(choices):
        return body
    place, some = choices.below(len(body) + 1), choices.some(choices.below(32))
    return choices.one((body[:place], body + body, body[:place] + some + body[place + len(some) :], b"", some + body))


def _seldom(choices: Choices) -> bool:
    return choices.below(6) == 1
