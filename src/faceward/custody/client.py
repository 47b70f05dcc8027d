"""A custodian behind a Unix socket, as if it were in this process."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.custody.calls import encode, pins_to_json, read_answer, status_from_json
from faceward.custody.errors import Busy
from faceward.custody.messages import MAX_MESSAGE_BYTES, Lease, Presentation

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject
    from faceward.custody.protocol import CustodyStatus, Pins
    from faceward.policy.asking import Approval, SignedRequest
    from faceward.policy.people import Roster
    from faceward.policy.statements import Statement

TIMEOUT_SECONDS = 30.0
"""Longest wait for an answer."""
_BUSY_TRIES = 40
_BUSY_PAUSE = 0.05
_CHUNK = 65_536
_FRESH_SECONDS = 0.05


class _Broken(Exception):
    """The connection ended before an answer came."""


class CustodyClient:
    """Asks a custodian over its socket; see `Custody` for the methods. Threads may share it.

    It connects at the first call and stays connected. Where the connection breaks, it connects once more and sends the
    same request again. That is safe: if the first one was carried out and only its answer was lost, the custodian
    refuses the second (`StaleProof`, then `Replayed`), so a use is lost and no key is ever given twice.

    All methods also raise EnvironmentFailure where no custodian answers.

    Args:
        path: The socket's file.
        timeout: Longest wait for an answer, in seconds.
    """

    def __init__(self, path: Path, timeout: float = TIMEOUT_SECONDS) -> None:
        self._path, self._timeout = path, timeout
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process = os.getpid()
        self._closed = False
        self._people: tuple[object, Roster] | None = None
        self._fresh: tuple[float, CustodyStatus] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def found(self, pins: Pins) -> None:
        """Have it take on a deployment; see `Custody.found`."""
        self._call("found", {"pins": pins_to_json(pins)})

    def release(self, presentation: Presentation) -> Lease:
        """Get a gallery's key; see `Custody.release`."""
        return self._lease("release", presentation)

    def create(self, presentation: Presentation) -> Lease:
        """Get a gallery's first key; see `Custody.create`."""
        return self._lease("create", presentation)

    def rotate(self, presentation: Presentation) -> Lease:
        """Get a gallery's next key; see `Custody.rotate`."""
        return self._lease("rotate", presentation)

    def retire(self, presentation: Presentation) -> None:
        """Have a gallery's old key destroyed; see `Custody.retire`."""
        self._call("retire", {"presentation": presentation.to_json()})

    def destroy(self, presentation: Presentation) -> None:
        """Have every key of a gallery destroyed; see `Custody.destroy`."""
        self._call("destroy", {"presentation": presentation.to_json()})

    def decide(self, signed: SignedRequest, approvals: tuple[Approval, ...]) -> None:
        """Have a request carried out; see `Custody.decide`."""
        answers = [approval.to_json() for approval in approvals]
        self._call("decide", {"request": signed.to_json(), "approvals": answers})

    def revoke(self, statement: Statement, mandate: SignedRequest | None = None) -> None:
        """Have a mandate revoked; see `Custody.revoke`."""
        shown = None if mandate is None else mandate.to_json()
        self._call("revoke", {"statement": statement.to_json(), "mandate": shown})

    def stop(self, statement: Statement | None = None) -> None:
        """Have recognition stopped; see `Custody.stop`."""
        self._call("stop", {"statement": None if statement is None else statement.to_json()})

    def status(self) -> CustodyStatus:
        """Ask what it knows; see `Custody.status`.

        One operation asks several times: an answer serves for 50 ms, unless something was asked of the custodian since.
        What another process changes meanwhile, the custodian himself goes by when it comes to a key.
        """
        fresh = self._fresh
        if fresh is not None and time.monotonic() < fresh[0]:
            return fresh[1]
        value = self._call("status", {})
        # Reading keys takes longer than all the rest, and people seldom change.
        shown, known = (value.get("roster") if isinstance(value, dict) else None), self._people
        status = status_from_json(value, known[1] if known is not None and known[0] == shown else None)
        self._people = shown, status.roster
        self._fresh = time.monotonic() + _FRESH_SECONDS, status
        return status

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _lease(self, call: str, presentation: Presentation) -> Lease:
        return Lease.from_json(self._call(call, {"presentation": presentation.to_json()}))

    def _call(self, call: str, given: JSONObject) -> object:
        line = encode({"call": call, "with": given})
        self._fresh = None
        with self._lock:
            if self._closed:
                raise UsageError("the connection to the custodian is closed; open the deployment again")
            for _ in range(_BUSY_TRIES):
                try:
                    return read_answer(self._exchange(line))
                except Busy:
                    # It was turned away before it was heard.
                    self._disconnect()
                    time.sleep(_BUSY_PAUSE)
            return read_answer(self._exchange(line))

    def _exchange(self, line: bytes) -> bytes:
        """Send a line and return the answer's; once more if the connection breaks."""
        try:
            return self._exchange_once(line)
        except _Broken:
            self._disconnect()
        try:
            return self._exchange_once(line)
        except _Broken:
            self._disconnect()
            raise EnvironmentFailure(
                f"the custodian at {self._path} ends the connection without an answer; see what it says of it"
            ) from None

    def _exchange_once(self, line: bytes) -> bytes:
        connection = self._connected()
        deadline = time.monotonic() + self._timeout
        try:
            # One that was turned away has an answer to read, though nothing more can be sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(line)
            return self._read(connection, deadline)
        except TimeoutError:
            self._disconnect()
            raise EnvironmentFailure(
                f"the custodian at {self._path} has not answered for {self._timeout:g} s; look after it and repeat"
            ) from None
        except OSError as error:
            raise _Broken from error
        except BaseException:
            # An answer that is still to come would be taken for that to the next request.
            self._disconnect()
            raise

    def _read(self, connection: socket.socket, deadline: float) -> bytes:
        received = bytearray()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            data = connection.recv(_CHUNK)
            if not data:
                raise _Broken
            received += data
            if data.endswith(b"\n"):
                return bytes(received[:-1])
            if len(received) > MAX_MESSAGE_BYTES:
                raise IntegrityError(f"what answers at {self._path} is no custodian; name its socket")

    def _connected(self) -> socket.socket:
        if self._process != os.getpid():
            # A forked process must not read the answers of the other.
            self._disconnect()
            self._process = os.getpid()
        if self._socket is None:
            self._socket = self._connect()
        self._socket.settimeout(self._timeout)
        return self._socket

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(os.fspath(self._path))
        except OSError as error:
            connection.close()
            if isinstance(error, PermissionError):
                raise EnvironmentFailure(
                    f"this user may not reach the custodian at {self._path}; ask who runs it for '--group'"
                ) from None
            raise EnvironmentFailure(
                f"no custodian answers at {self._path}; start it with 'faceward custodian serve'"
            ) from None
        return connection

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
