"""Where a camera's pictures come from: addresses are checked and shown without their passwords, never resolved (P5)."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from faceward.core.errors import UsageError

STREAMS = ("rtsp", "rtsps", "http", "https")
"""Schemes of addresses that a camera may have."""

MOST_LENGTH = 2048
_DEVICE = re.compile(r"/dev/video[0-9]{1,3}")
# What FFmpeg reads as a protocol, such as `concat:` or `subfile,,start,0:`.
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.,_-]*:")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMS = "give a file, a folder of pictures, /dev/videoN, rtsp://… or http://…"


def check_source(text: str, home: Path) -> str:
    """Return the address of a camera as it is kept: addresses as typed, files with their whole path.

    Nothing is resolved, fetched or opened. No message repeats the address, which may hold a password.

    Args:
        text: A file, a folder or pattern of pictures, `/dev/videoN`, `rtsp://…` or `http(s)://…`.
        home: The deployment's folder, in which no source may lie.

    Raises:
        UsageError: It is none of these, or lies in the home.
    """
    source = text.strip()
    if not source or len(source) > MOST_LENGTH:
        raise UsageError(f"the camera's source is empty or longer than {MOST_LENGTH} characters; {_FORMS}")
    if any(unicodedata.category(sign) in _HIDDEN for sign in source):
        raise UsageError(f"the camera's source holds control or invisible characters; {_FORMS}")
    if is_stream(source):
        _check_address(source)
        return source
    if _PROTOCOL.match(source):
        raise UsageError(f"the camera's source has a scheme that is not read; {_FORMS}")
    if _DEVICE.fullmatch(source):
        return source
    path = Path(source).absolute()
    require_outside(path, home)
    return str(path)


def require_outside(path: Path, home: Path) -> None:
    """Check that a file or folder does not lie in the deployment's folder, by whatever name.

    Raises:
        UsageError: It does, or its place cannot be told.
    """
    if not is_outside(path, home):
        raise UsageError("the camera's source lies in the deployment's folder; keep pictures of cameras elsewhere")


def is_outside(path: Path, home: Path) -> bool:
    """Tell whether a file or folder lies outside the deployment's folder, links followed."""
    try:
        return not path.resolve().is_relative_to(home.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def is_stream(source: str) -> bool:
    """Tell whether a source is an address on a network."""
    scheme, mark, _ = source.partition("://")
    return bool(mark) and scheme.lower() in STREAMS


def is_device(source: str) -> bool:
    """Tell whether a source is a camera of this machine, `/dev/videoN`."""
    return _DEVICE.fullmatch(source) is not None


def shown(source: str) -> str:
    """Return a checked source as people see it: of an address neither user, password nor query."""
    if not is_stream(source):
        return source
    parts = urlsplit(source)
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    # Cheap cameras take the password in the query, some in the path.
    path = "/…" if any(sign in parts.path for sign in "=&;:") else parts.path
    return f"{parts.scheme}://{place}{port}{path}{'?…' if parts.query else ''}"


def _check_address(source: str) -> None:
    if any(sign.isspace() or sign in '\\"<>^`{|}' for sign in source):
        raise UsageError("the camera's address holds a character that no address has; write it as %XX")
    try:
        parts = urlsplit(source)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, SplitResult("", "", "", "", "")
    # A password with one of these, not written as %XX, would be read as a part of host or path, and shown.
    if (
        not host
        or parts.fragment
        or "#" in source
        or "@" in f"{parts.path}{parts.query}"
        or parts.netloc.count("@") > 1
    ):
        raise UsageError(
            "the camera's address cannot be read; write it as rtsp://user:password@host:port/path, and @ : / ? # of a "
            "password as %40 %3A %2F %3F %23"
        )
