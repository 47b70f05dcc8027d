"""The log's side: hand a checkpoint to witnesses, and keep what they sign."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from faceward.audit.checkpoint import open_checkpoint
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.note import parse_note
from faceward.audit.witness import SIZE_TYPE, Request, parse_size, read_cosignature
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceward.audit.checkpoint import Checkpoint
    from faceward.audit.cosignature import CosignatureVerifier
    from faceward.audit.note import NoteSignature, Verifier
    from faceward.audit.reader import LogReader

TIMEOUT_SECONDS = 10.0
"""Longest wait for a connection, or for the next bytes."""
EXCHANGE_SECONDS = 30.0
"""Longest time with one witness, whatever it sends."""
_MAX_ANSWER_BYTES = 64 * 1024
# One to learn the witness's size, and more in case that it moves meanwhile.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A witness to ask.

    Attributes:
        url: Its submission prefix, `http://…` or `https://…`.
        key: Its public key.
    """

    url: str
    key: CosignatureVerifier


@dataclass(frozen=True, slots=True)
class Round:
    """What a round of witnesses brought.

    Attributes:
        checkpoint: What they were asked to cosign.
        cosigned: Names of the witnesses that did.
        failures: By witness, why it did not.
    """

    checkpoint: Checkpoint
    cosigned: tuple[str, ...]
    failures: dict[str, FacewardError]


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    content_type: str
    body: bytes


def cosign(log: LogReader, verifier: Verifier, endpoints: Sequence[Endpoint]) -> Round:
    """Ask witnesses to cosign the log's current checkpoint, and keep what they sign beside the log.

    A witness that fails does not keep the others from being asked.

    Raises:
        IntegrityError: The log or its file of cosignatures was altered.
        EnvironmentFailure: The cosignatures cannot be kept.
    """
    note = log.checkpoint()
    checkpoint = open_checkpoint(note, verifier)
    kept = log.cosigned()
    cosigned, failures = [], {}
    for endpoint in endpoints:
        key = endpoint.key
        seen = [
            one.checkpoint.size
            for one in kept
            if any((s.name, s.key_id) == (key.name, key.key_id) for s in parse_note(one.note).signatures)
        ]
        try:
            signature = _ask(log, note, checkpoint.size, endpoint, min(max(seen, default=0), checkpoint.size))
            # At once, so that one that hangs or a process that is killed costs none of those before it.
            keep_cosignatures(log.path, note, [signature])
            cosigned.append(key.name)
        except FacewardError as error:
            failures[key.name] = error
    return Round(checkpoint, tuple(cosigned), failures)


def _ask(log: LogReader, note: str, size: int, endpoint: Endpoint, old: int) -> NoteSignature:
    name = endpoint.key.name
    end = time.monotonic() + EXCHANGE_SECONDS
    for _ in range(_TRIES):
        reply = _post(endpoint.url, Request(old, log.consistency(old, size), note).encode(), end)
        if reply.status == 200:
            return read_cosignature(note, reply.body, endpoint.key)
        if reply.status != 409 or not reply.content_type.startswith(SIZE_TYPE):
            raise _refused(name, reply, old)
        seen = parse_size(reply.body)
        if seen == old == size:
            raise IntegrityError(f"{name} has seen another log of size {size} under this name; the log was forked")
        if seen > log.size:
            raise IntegrityError(f"{name} has seen {seen} entries, the log has {log.size}; it was rolled back")
        if seen > size:
            raise EnvironmentFailure(f"{name} has cosigned a later checkpoint meanwhile; repeat it")
        old = seen
    raise EnvironmentFailure(f"{name} moves faster than it is asked; repeat it later")


def _refused(name: str, reply: _Reply, old: int) -> FacewardError:
    if reply.status == 422:
        return IntegrityError(f"{name} refuses: the log does not continue what it saw at size {old}; it was rewritten")
    if reply.status == 404:
        return UsageError(f"{name} does not know this log, or the address is wrong; give its operator the log's key")
    if reply.status == 403:
        return UsageError(f"{name} knows this log under another key; give its operator the log's key")
    return EnvironmentFailure(f"{name} answered {reply.status}; ask its operator")


def _post(url: str, body: bytes, end: float) -> _Reply:
    connection, path = _connection(url)
    cut = threading.Event()
    try:
        connection.connect()
        with _ended(connection.sock, end, cut):
            connection.request("POST", path, body, {"Content-Type": "text/plain; charset=utf-8"})
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER_BYTES + 1)
    except (OSError, HTTPException, UnicodeError) as error:
        if cut.is_set():
            raise _too_slow(url) from error
        why = getattr(error, "strerror", None) or type(error).__name__
        raise EnvironmentFailure(f"{url}: cannot be reached: {why}; check the address and try again") from error
    finally:
        connection.close()
    if cut.is_set():
        raise _too_slow(url)
    if len(answer) > _MAX_ANSWER_BYTES:
        raise EnvironmentFailure(f"{url}: the answer is longer than {_MAX_ANSWER_BYTES} bytes; it is no witness")
    if response.length:
        raise EnvironmentFailure(f"{url}: the answer was cut off; try again")
    return _Reply(response.status, response.headers.get("Content-Type", ""), answer)


@contextmanager
def _ended(connected: socket.socket, end: float, cut: threading.Event) -> Iterator[None]:
    """Cut a connection at a moment: one that sends a byte now and then would never come to a timeout."""

    def act() -> None:
        cut.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _too_slow(url: str) -> EnvironmentFailure:
    return EnvironmentFailure(f"{url}: did not answer whole within {EXCHANGE_SECONDS:.0f} s; try again later")


def _connection(url: str) -> tuple[HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f"{url!r} is no witness's address; write it like https://witness.example.org")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(host, port, timeout=TIMEOUT_SECONDS), parts.path.rstrip("/") + "/add-checkpoint"
