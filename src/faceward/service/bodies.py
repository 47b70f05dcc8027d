"""Reading what was sent, never more than may be, before anything is decoded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

from faceward.core.errors import BadInput
from faceward.core.sources import Upload, upload
from faceward.service.errors import Abandoned, TooLarge

if TYPE_CHECKING:
    from starlette.requests import Request

_MAX_FIELD = 1 << 20
_MAX_FILES = 64
_MAX_FIELDS = 256
_DEEPEST = 64


async def body(request: Request, limit: int | None = None) -> bytes:
    """Return the body.

    Args:
        request: The request.
        limit: Most bytes; those of the service if None.

    Raises:
        TooLarge: It has more, as its head says or as it comes in.
        Abandoned: The client went away.
    """
    most = limit or _limit(request)
    _check_length(request, most)
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise _too_large(most)
    except ClientDisconnect:
        raise Abandoned("the client went away while it sent its request") from None
    return bytes(data)


async def json_body(request: Request, limit: int | None = None) -> dict[str, object]:
    """Return a body that is one JSON object.

    Raises:
        BadInput: It is none.
        TooLarge: See `body`.
    """
    value = parsed(await body(request, limit) or b"{}")
    if not isinstance(value, dict):
        raise BadInput("the body is no JSON object of reasonable depth; send one object")
    return value


def parsed(data: bytes | str) -> object:
    """Return what a text of JSON says (RFC 8259).

    Half of a surrogate pair, which JSON can write, is no character (RFC 8259 §8.2): nothing can store or sign it.

    Args:
        data: The text, in UTF-8.

    Raises:
        BadInput: It is no JSON, is nested too deeply, or holds half of a pair.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON; send one object, in UTF-8") from None
    if _deep(value):
        raise BadInput("the body is no JSON object of reasonable depth; send one object")
    # As it came in UTF-8, only an escape can have brought one.
    if "\\u" in text and _halved(value):
        raise BadInput("the body holds half of a surrogate pair, which is no character; leave it out")
    return value


async def form(request: Request) -> FormData:
    """Return a form, multipart or URL-encoded; files are kept in memory or in files that have no name.

    Raises:
        BadInput: It is none.
        TooLarge: See `body`.
    """
    most = _limit(request)
    _check_length(request, most)
    received = 0
    receive = request.receive

    async def bounded() -> dict[str, object]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise _too_large(most)
        return dict(message)

    request._receive = bounded  # noqa: SLF001 - Starlette offers no other place to count
    try:
        found = await request.form(max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD)
    except (MultiPartException, ValueError, KeyError):
        raise BadInput("the body is no form that can be read; send multipart/form-data") from None
    except ClientDisconnect:
        raise Abandoned("the client went away while it sent its request") from None
    except Exception as error:
        # Starlette reports a malformed form as an HTTP exception where it runs inside an application.
        if getattr(error, "status_code", None) == 400:
            raise BadInput("the body is no form that can be read; send multipart/form-data") from None
        raise
    # A part may name any of Python's encodings as its own, and some of them give halves of surrogate pairs.
    texts = ((name, value if isinstance(value, str) else value.filename or "") for name, value in found.multi_items())
    if any(_halved(name) or _halved(text) for name, text in texts):
        await found.close()
        raise BadInput("the form holds half of a surrogate pair, which is no character; send it in UTF-8")
    return found


async def picture(data: FormData, field: str) -> Upload:
    """Return a picture of a form.

    Raises:
        BadInput: There is none in this field.
    """
    [first, *_] = await pictures(data, field)
    return first


async def pictures(data: FormData, field: str) -> list[Upload]:
    """Return all pictures of a form's field, at least one.

    Raises:
        BadInput: There is none.
    """
    found = [part for part in data.getlist(field) if isinstance(part, UploadFile)]
    if not found:
        raise BadInput(f"the form holds no file {field!r}; send the picture under that name")
    taken = []
    for part in found:
        taken.append(upload(part.filename or field, await part.read()))
        # A file that was large lies on the disk, without a name, until it is closed.
        await part.close()
    return taken


def text(data: FormData, field: str, default: str | None = None) -> str:
    """Return a text of a form.

    Raises:
        BadInput: There is none, and no default; or it is a file.
    """
    value = data.get(field)
    if value is None or value == "":
        if default is None:
            raise BadInput(f"the form holds no {field!r}; fill it in")
        return default
    if not isinstance(value, str):
        raise BadInput(f"the field {field!r} is a file; send text")
    return value


def _limit(request: Request) -> int:
    return int(request.app.state.service.settings.max_body)


def _check_length(request: Request, most: int) -> None:
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said) > most:
        raise _too_large(most)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is larger than {most:,} bytes; send less at once")


def _halved(value: object) -> bool:
    if isinstance(value, str):
        return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_halved(name) or _halved(one) for name, one in value.items())
    return isinstance(value, list) and any(_halved(one) for one in value)


def _deep(value: object, level: int = 0) -> bool:
    if level > _DEEPEST:
        return True
    if isinstance(value, dict):
        return any(_deep(one, level + 1) for one in value.values())
    return isinstance(value, list) and any(_deep(one, level + 1) for one in value)
