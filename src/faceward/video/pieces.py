"""Playlists of HLS and the pieces that they name, from the camera's own host and port and from nowhere else.

libav would fetch a piece from wherever the playlist says, and follow where that server points to. A camera that was
taken over could so have this machine ask others that it does not reach itself.
"""

from __future__ import annotations

import errno
import http
import http.client
import os
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from faceward.core.errors import EnvironmentFailure
from faceward.policy.camera_sources import shown

MOST_PIECE: Final = 64 * 2**20
"""Bytes of a piece; ten seconds of a camera have a few million."""
MOST_LIST: Final = 2**20
"""Bytes of a playlist."""
_PORTS = {"http": 80, "https": 443}
_SAID = {
    401: "asks for another name or password; change the camera's source",
    403: "refuses this name or password; change the camera's source",
    404: "the server has no such stream; check the address",
}


class Elsewhere(EnvironmentFailure):
    """Something is to be fetched from another host or port than the camera's."""


class Piece:
    """A body of HTTP as a file that is read once; libav closes it.

    Args:
        answer: What the server answered.
        until: For a playlist, the moment of the monotonic clock by which it has to have come whole.
    """

    def __init__(self, answer: http.client.HTTPResponse, until: float | None) -> None:
        self._answer, self._until = answer, until
        self._left = MOST_PIECE if until is None else MOST_LIST
        self.closed = False

    def read(self, size: int) -> bytes:
        """Return what came, at most so many bytes; nothing at its end."""
        if self._until is not None and time.monotonic() > self._until:
            raise TimeoutError
        try:
            found = self._answer.read1(min(size, self._left)) if self._left else b""
        except http.client.HTTPException:
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None
        self._left -= len(found)
        return found

    def close(self) -> None:
        """Let go of it."""
        self.closed = True
        with suppress(OSError):
            self._answer.close()


class Pieces:
    """Opens what a playlist names; given to libav as its `io_open`.

    Args:
        source: The playlist's address, with its password.
        seconds: How long is waited for an answer, and for each part of it.
    """

    def __init__(self, source: str, seconds: float) -> None:
        parts = urlsplit(source)
        self._shown, self._seconds, self._origin = shown(source), seconds, _origin(parts)
        accounts = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        if parts.username is not None:
            place = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", ""))
            accounts.add_password(None, place, unquote(parts.username), unquote(parts.password or ""))
        self._opener = urllib.request.build_opener(
            # Neither a proxy of the environment nor a server that points elsewhere.
            urllib.request.ProxyHandler({}),
            _Stay(),
            _Closing(),
            urllib.request.HTTPBasicAuthHandler(accounts),
            urllib.request.HTTPDigestAuthHandler(accounts),
        )
        self._open: list[Piece] = []

    def __call__(self, address: str, _: int, options: dict[str, str]) -> Piece:
        """Open an address: of the playlist, of another one that it names, or of a piece.

        Raises:
            EnvironmentFailure: It is not of the camera's host and port, or the server refuses it.
            OSError: It cannot be fetched.
        """
        parts = urlsplit(address)
        if _origin(parts) != self._origin:
            raise Elsewhere(f"{self._shown}: names pieces of another host or port, which are not fetched")
        plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
        part = _range(options)
        try:
            answer = self._opener.open(urllib.request.Request(plain, headers=part), timeout=self._seconds)  # noqa: S310
        except urllib.error.HTTPError as problem:
            problem.close()
            said = _SAID.get(problem.code, f"the server answered with {problem.code}; check the address and the camera")
            raise EnvironmentFailure(f"{self._shown}: {said}") from None
        except urllib.error.URLError as problem:
            reason = problem.reason
            raise reason if isinstance(reason, OSError) else OSError(errno.EIO, os.strerror(errno.EIO)) from None
        except http.client.HTTPException:
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None
        piece = Piece(answer, time.monotonic() + self._seconds if is_playlist(plain) else None)
        if part and answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            piece.close()
            raise EnvironmentFailure(f"{self._shown}: the server gives no parts of files; have it send whole pieces")
        self._open = [*(one for one in self._open if not one.closed), piece]
        return piece

    def close(self) -> None:
        """Let go of what libav left open."""
        while self._open:
            self._open.pop().close()


def is_playlist(source: str) -> bool:
    """Tell whether an address is a playlist of HLS, by its path's ending."""
    return source.lower().startswith(("http:", "https:")) and urlsplit(source).path.lower().endswith((".m3u8", ".m3u"))


class _Closing(urllib.request.BaseHandler):
    # Before those that ask again with a password, which leave the first answer open.
    handler_order = 100

    def http_error_401(self, _: object, answer: http.client.HTTPResponse, *__: object) -> None:
        answer.close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: the answer counts as an error."""


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    try:
        return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return "", "", 0


def _range(options: dict[str, str]) -> dict[str, str]:
    first, end = options.get("offset", ""), options.get("end_offset", "")
    return {"Range": f"bytes={int(first)}-{int(end) - 1}"} if first.isdigit() and end.isdigit() else {}
