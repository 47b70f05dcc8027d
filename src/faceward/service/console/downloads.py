"""Files that a page hands out."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response


def downloaded(content: bytes, name: str, kind: str) -> Response:
    """Return a file to be kept, never shown.

    Args:
        content: What is in it.
        name: What it is called there (RFC 6266 §4.3, RFC 8187).
        kind: Its media type.
    """
    plain = "".join(one if one.isascii() and one.isprintable() and one not in '"\\' else "_" for one in name)
    head = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, 200, {"content-disposition": head}, kind)
