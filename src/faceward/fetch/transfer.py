"""One file over HTTPS: resumed where it was interrupted, bounded, and kept only if its hash is right.

Ranges and their conditions are those of RFC 9110: 13.1.5 (If-Range), 14.2 (Range), 14.4 (Content-Range), 15.3.7 (206).
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.fetch.partial import Partial
from faceward.vision.download import is_loopback, refused_address

if TYPE_CHECKING:
    from http.client import HTTPResponse

Received = Callable[[int], None]
"""Called with the number of bytes that are there."""

TIMEOUT_SECONDS = 30.0
"""Longest wait for a connection, or for the next bytes."""
WINDOW_SECONDS = 60.0
"""A server must send something worth while in each span of this length."""
WINDOW_BYTES = 64 * 1024
PAUSES = (1.0, 3.0, 9.0)
"""Seconds before each further try."""
_CHUNK = 256 * 1024
# Another try a few seconds later finds the same.
_NO_WAY = frozenset({errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch.

    Attributes:
        address: Its URL, https, or http on this machine.
        size: Its length in bytes.
        sha256: What its bytes must hash to, 64 hexadecimal digits.
        hosts: Servers, with all below them in the domain name system, that the address may send on to.
    """

    address: str
    size: int
    sha256: str
    hosts: tuple[str, ...] = ()


class _Broken(Exception):
    """The transfer ended early; another try may go on from there."""


def fetch(wanted: Wanted, partial: Partial, received: Received | None = None) -> None:
    """Fetch a file. What an earlier call left unfinished is continued.

    Args:
        wanted: What to fetch.
        partial: Where the bytes are collected.
        received: Called as bytes arrive.

    Raises:
        EnvironmentFailure: The server cannot be reached, does not have the file, sends to a server that was not named,
            or ends the transfer early again and again; or the disk is full. The part that came is kept.
        IntegrityError: The file is of another size or hash. Nothing of it is kept.
    """
    why = refused_address(wanted.address)
    if why:
        raise EnvironmentFailure(f"the address {wanted.address} {why}; nothing was fetched")
    opener = _opener(wanted)
    for pause in (*PAUSES, None):
        try:
            if partial.length != wanted.size:
                _continue(opener, wanted, partial, received)
            break
        except _Broken as error:
            if pause is None:
                there = partial.length
                raise EnvironmentFailure(
                    f"{_host(wanted.address)}: {error}; {there:,} of {wanted.size:,} bytes are kept: "
                    "repeat the command to go on from there"
                ) from None
            time.sleep(pause)
    _verify(wanted, partial)


def _verify(wanted: Wanted, partial: Partial) -> None:
    found = partial.digest()
    if found != wanted.sha256:
        partial.forget()
        raise IntegrityError(
            f"{wanted.address}: what came has SHA-256 {found[:16]}…, the pack says {wanted.sha256[:16]}…; it was "
            "removed. It was replaced at its source or altered on its way: do not use it"
        )


def _continue(opener: OpenerDirector, wanted: Wanted, partial: Partial, received: Received | None) -> None:
    """Make one request, for what is missing."""
    offset = partial.length
    if offset > wanted.size:
        partial.forget()
        offset = 0
    headers = {"User-Agent": "faceward", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if partial.tag:
            headers["If-Range"] = partial.tag
    try:
        with _opened(opener, wanted, headers) as response:
            start = _start(response, wanted, partial, offset)
            _copy(response, wanted, partial, start, received)
    except HTTPError as error:
        error.close()
        _refuse(error, wanted, partial)
    except (URLError, HTTPException, ssl.SSLError, OSError) as error:
        raise _unreachable(error, wanted) from None


def _opened(opener: OpenerDirector, wanted: Wanted, headers: dict[str, str]) -> HTTPResponse:
    try:
        # The address was looked at: https, or this machine.
        answer: HTTPResponse = opener.open(Request(wanted.address, headers=headers), timeout=TIMEOUT_SECONDS)  # noqa: S310
    except (URLError, HTTPException, ssl.SSLError, OSError):
        raise
    except ValueError:
        # The standard library takes an address apart before it asks whether to follow.
        raise EnvironmentFailure(
            f"{_host(wanted.address)} sends on to an address that is not a web address: not followed"
        ) from None
    return answer


def _start(response: HTTPResponse, wanted: Wanted, partial: Partial, offset: int) -> int:
    """Return the position in the file at which the answer begins.

    Raises:
        IntegrityError: The answer announces a file of another size.
        _Broken: The answer is not what was asked for.
    """
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise EnvironmentFailure(f"{_host(wanted.address)} sends the file in another encoding than asked for")
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        shown = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        begins = shown is not None and int(shown[1]) == offset and int(shown[2]) < wanted.size
        if not (shown and begins and shown[3] in ("*", str(wanted.size))):
            partial.forget()
            raise _Broken("the answer is another part of the file than was asked for")
        return offset
    if response.status != HTTPStatus.OK:
        raise EnvironmentFailure(f"{_host(wanted.address)} answered {response.status}, which is no file")
    length = response.headers.get("Content-Length", str(wanted.size)).strip()
    if length != str(wanted.size):
        partial.forget()
        raise IntegrityError(
            f"{wanted.address}: the file there has {length[:20]} bytes, the pack says {wanted.size:,}; nothing was kept"
        )
    # The whole file: the server knows no ranges, or the file has changed since.
    partial.begin(response.headers.get("ETag", ""))
    return 0


def _copy(response: HTTPResponse, wanted: Wanted, partial: Partial, start: int, received: Received | None) -> None:
    there, mark, since = start, start, time.monotonic()
    with partial.appending() as file:
        while True:
            # One read of the connection: a server that drips keeps nobody waiting for a full buffer.
            data = response.read1(_CHUNK)
            if not data:
                break
            there += len(data)
            if there > wanted.size:
                partial.forget()
                raise IntegrityError(
                    f"{wanted.address}: the file there is larger than the {wanted.size:,} bytes that the pack says; "
                    "nothing was kept"
                )
            partial.write(file, data)
            if received is not None:
                received(there)
            if time.monotonic() - since > WINDOW_SECONDS:
                if there - mark < WINDOW_BYTES:
                    raise _Broken(f"fewer than {WINDOW_BYTES:,} bytes came in {WINDOW_SECONDS:.0f} seconds")
                mark, since = there, time.monotonic()
    if there < wanted.size:
        raise _Broken("the connection ended early")


def _refuse(error: HTTPError, wanted: Wanted, partial: Partial) -> None:
    """Raise what an answer that is no file means."""
    host = _host(wanted.address)
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        partial.forget()
        raise _Broken("the server has no such part of the file") from None
    if error.code in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or error.code >= 500:
        raise _Broken(f"the server answered {error.code}") from None
    if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise EnvironmentFailure(f"{host} has no such file any more ({error.code}): {wanted.address}") from None
    if error.code < HTTPStatus.BAD_REQUEST:
        # What the redirect handler does not look at: other schemes, and circles.
        raise EnvironmentFailure(f"{host} sends on to an address that is not followed ({error.code})") from None
    raise EnvironmentFailure(f"{host} refuses the file ({error.code}): {wanted.address}") from None


def _unreachable(error: Exception, wanted: Wanted) -> Exception:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLError):
        return EnvironmentFailure(
            f"{_host(wanted.address)}: no trusted connection ({reason.reason or 'TLS'}); check this machine's clock, "
            "its certificates and its proxy"
        )
    if isinstance(reason, socket.gaierror):
        return EnvironmentFailure(f"{_host(wanted.address)}: no network, or no server of this name")
    if isinstance(reason, OSError) and reason.errno in _NO_WAY:
        return EnvironmentFailure(f"{_host(wanted.address)}: {reason.strerror}")
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
    if isinstance(reason, TimeoutError):
        text = f"no answer for {TIMEOUT_SECONDS:.0f} seconds"
    return _Broken(str(text))


class _Redirects(HTTPRedirectHandler):
    """Follows only to servers that were named."""

    max_redirections = 5

    def __init__(self, wanted: Wanted) -> None:
        self._own = urlsplit(wanted.address)
        self._hosts = wanted.hosts

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        # What cannot be taken apart must not be: it is refused as it stands.
        why = refused_address(newurl)
        # From the network back to this machine is no way that a public server may send.
        if not why and is_loopback(urlsplit(newurl)) and not is_loopback(self._own):
            why = "names this machine"
        if why:
            raise EnvironmentFailure(f"{self._own.hostname} sends on to an address that {why}: not followed")
        host = urlsplit(newurl).hostname or ""
        if host != self._own.hostname and not any(host == one or host.endswith(f".{one}") for one in self._hosts):
            raise EnvironmentFailure(
                f"{self._own.hostname} sends on to another server, {host[:80]}, which the pack does not name: "
                "not followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(wanted: Wanted) -> OpenerDirector:
    # What is on this machine is not asked of a proxy; for all else the environment says whether there is one.
    proxies = ProxyHandler({}) if is_loopback(urlsplit(wanted.address)) else ProxyHandler()
    return build_opener(proxies, _Redirects(wanted))


def _host(address: str) -> str:
    return urlsplit(address).hostname or address
