"""A custodian as a process of its own, behind a Unix socket.

One thread serves all connections in turn: a request takes a millisecond, and a client that is slow, floods or speaks
nonsense costs the others no more than its turns. Each connection has one request under way, bounded in size and time.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal
from faceward.custody.calls import Answer, answer, failure
from faceward.custody.endpoint import listening, peer_uid
from faceward.custody.errors import Busy
from faceward.custody.messages import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from faceward.custody.custodian import Custodian

MAX_CONNECTIONS = 32
IDLE_SECONDS = 600.0
"""Longest wait for a request."""
MESSAGE_SECONDS = 10.0
"""Longest time from a message's first byte to its last, either way."""
_GRACE_SECONDS = 0.2
_SETTLED_SECONDS = 10.0
_TICK_SECONDS = 0.5
_CHUNK = 65_536


@dataclass(slots=True, eq=False)
class _Connection:
    """One client.

    Attributes:
        sock: Its socket.
        uid: Its user.
        since: When the message under way began, or the last one ended; monotonic seconds.
        waiting: What came of a request.
        sending: What is left of an answer.
        known: It was served before.
    """

    sock: socket.socket
    uid: int
    since: float
    waiting: bytearray = field(default_factory=bytearray)
    sending: bytes = b""
    known: bool = False

    @property
    def under_way(self) -> bool:
        return bool(self.waiting or self.sending)


class CustodyServer:
    """Serves one custodian. `serve_forever` runs it until `stop`; use it as a context manager.

    Args:
        custodian: What answers.
        path: The socket's file.
        allowed: Users that are served; all who can reach the socket if empty.
        group: The group that may reach the socket beside this user.
        most: Most connections at once.

    Raises:
        UsageError: The path is no place for a socket, or there is no such group.
        EnvironmentFailure: A custodian serves there or from this state already, or the path cannot be used.
    """

    def __init__(
        self,
        custodian: Custodian,
        path: Path,
        *,
        allowed: frozenset[int] = frozenset(),
        group: str | None = None,
        most: int = MAX_CONNECTIONS,
    ) -> None:
        self._custodian, self._allowed, self._most = custodian, allowed, most
        self._connections: set[_Connection] = set()
        self._ended = threading.Event()
        with ExitStack() as stack:
            self._listener = stack.enter_context(listening(path, custodian.path, group))
            self._selector = stack.enter_context(selectors.DefaultSelector())
            awake, self._waker = socket.socketpair()
            stack.enter_context(awake)
            stack.enter_context(self._waker)
            self._waker.setblocking(False)
            self._selector.register(self._listener, selectors.EVENT_READ)
            self._selector.register(awake, selectors.EVENT_READ)
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def stop(self) -> None:
        """End `serve_forever` once the request under way is answered. A signal handler may call it."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def close(self) -> None:
        """Close every connection, and give up the socket."""
        for connection in list(self._connections):
            self._drop(connection)
        self._resources.close()

    def serve_forever(self) -> None:
        """Serve until `stop`."""
        while not self._ended.is_set():
            for key, _ in self._selector.select(_TICK_SECONDS):
                connection = key.data
                if isinstance(connection, _Connection):
                    self._turn(connection)
                elif key.fileobj is self._listener:
                    self._accept()
                if self._ended.is_set():
                    break
            self._end_overdue()
        for connection in self._connections:
            self._finish(connection)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            # It went away before its turn, or there are no descriptors left: the others go on.
            return
        sock.setblocking(False)
        connection = _Connection(sock, peer_uid(sock), time.monotonic())
        if self._allowed and connection.uid not in self._allowed:
            refusal = PolicyRefusal("L2", "this user is not served.", "Ask who runs the custodian for '--allow-uid'.")
            self._turn_away(connection, failure(refusal, "not an allowed user"))
        elif len(self._connections) >= self._most and not self._make_room():
            busy = Busy(f"the custodian is busy with {self._most} connections; try again")
            self._turn_away(connection, failure(busy, "busy"))
        else:
            self._connections.add(connection)
            self._selector.register(sock, selectors.EVENT_READ, connection)

    def _make_room(self) -> bool:
        """Close the connection that is missed least: strangers first, then whoever is idle for long."""
        now = time.monotonic()
        candidates = [
            connection
            for connection in self._connections
            if now - connection.since > (_SETTLED_SECONDS if connection.known else _GRACE_SECONDS)
            and not connection.sending
        ]
        if not candidates:
            return False
        # Its client connects again at its next request.
        self._drop(min(candidates, key=lambda connection: (connection.known, connection.since)))
        return True

    def _turn_away(self, connection: _Connection, said: Answer) -> None:
        self._tell(connection, said.told)
        with contextlib.suppress(OSError):
            connection.sock.send(said.line)
        connection.sock.close()

    def _turn(self, connection: _Connection) -> None:
        """Do what one connection is ready for: send on, or read on and answer when a request is whole."""
        try:
            if connection.sending:
                self._send(connection)
                return
            data = connection.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        if not connection.waiting:
            connection.since = time.monotonic()
        connection.waiting += data
        end = data.find(b"\n")
        if end < 0 and len(connection.waiting) < MAX_MESSAGE_BYTES:
            return
        if end != len(data) - 1 or len(connection.waiting) > MAX_MESSAGE_BYTES:
            error = IntegrityError(f"a request is one line of at most {MAX_MESSAGE_BYTES} bytes; send one at a time")
            self._reply(connection, failure(error, "malformed request"), last=True)
            return
        line = bytes(connection.waiting[:-1])
        connection.waiting.clear()
        self._carry_out(connection, line)

    def _carry_out(self, connection: _Connection, line: bytes) -> None:
        try:
            said = answer(self._custodian, line)
        except FacewardError as error:
            self._reply(connection, failure(error, "malformed request"), last=True)
            return
        except Exception as error:  # noqa: BLE001 - one bad request must not end the service for all
            unexpected = EnvironmentFailure(
                "the custodian failed at this request; ask who runs it to read its messages"
            )
            self._reply(connection, failure(unexpected, f"failed: {type(error).__name__}"), last=True)
            return
        connection.known = connection.known or said.served
        self._reply(connection, said)

    def _reply(self, connection: _Connection, said: Answer, *, last: bool = False) -> None:
        self._tell(connection, said.told)
        if last:
            with contextlib.suppress(OSError):
                connection.sock.send(said.line)
            self._drop(connection)
            return
        connection.since = time.monotonic()
        connection.sending = said.line
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        try:
            sent = connection.sock.send(connection.sending)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.sending = connection.sending[sent:]
        # While an answer is under way nothing more is read, so that nobody can fill the memory.
        event = selectors.EVENT_WRITE if connection.sending else selectors.EVENT_READ
        if self._selector.get_key(connection.sock).events != event:
            self._selector.modify(connection.sock, event, connection)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for connection in list(self._connections):
            if now - connection.since > (MESSAGE_SECONDS if connection.under_way else IDLE_SECONDS):
                self._tell(connection, "ended: too slow" if connection.under_way else "ended: idle")
                self._drop(connection)

    def _finish(self, connection: _Connection) -> None:
        """Send the rest of an answer before the end."""
        if connection.sending:
            with contextlib.suppress(OSError):
                connection.sock.settimeout(_TICK_SECONDS)
                connection.sock.sendall(connection.sending)

    def _drop(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)
        connection.sock.close()

    def _tell(self, connection: _Connection, line: str) -> None:
        """Write one line for the custodian's own people on standard error: no name, no key."""
        with contextlib.suppress(OSError):
            sys.stderr.write(f"faceward: custodian: uid {connection.uid}: {line}\n")
            sys.stderr.flush()
