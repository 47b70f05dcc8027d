"""A witness as an HTTP server on this machine: bounded requests, bounded waits, bounded threads."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from faceward.audit.witness import MAX_REQUEST_BYTES, TEXT_TYPE, Refusal, admit
from faceward.core.errors import EnvironmentFailure, FacewardError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faceward.audit.cosignature import Cosigner
    from faceward.audit.note import Verifier
    from faceward.core.clock import Clock
    from faceward.witness.state import WitnessState

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 10.0
"""Longest wait for the next bytes."""
CONNECTION_SECONDS = 60.0
"""Longest life of a connection, however busy: dripping bytes must not hold a thread for ever."""
MAX_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: HTTP status, body and its type."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


class Witness:
    """One witness: its key, the logs that it knows, and what it has seen of them.

    Args:
        cosigner: Its key.
        logs: Keys of the logs.
        state: What it has seen.
        clock: Where the time of a cosignature comes from.

    Raises:
        IntegrityError: The state belongs to another key.
    """

    def __init__(self, cosigner: Cosigner, logs: Mapping[str, Verifier], state: WitnessState, clock: Clock) -> None:
        state.bind(cosigner.verifier.vkey)
        self._cosigner, self._logs, self._state, self._clock = cosigner, dict(logs), state, clock

    def add_checkpoint(self, data: bytes) -> Answer:
        """Answer a request `add-checkpoint` (C2SP tlog-witness)."""
        try:
            # 1. The checkpoint is well formed and signed by a log that this witness knows.
            submission = admit(data, self._logs)
            # 2. It continues the last one, and takes its place, at once and durably.
            self._state.advance(submission)
        except Refusal as refusal:
            return Answer(refusal.status, refusal.body, refusal.content_type)
        # 3. Only then is it signed.
        return Answer(200, self._cosigner.cosign(submission.text, self._clock.now()).line() + "\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "faceward-witness"
    sys_version = ""
    timeout = TIMEOUT_SECONDS
    server: WitnessServer

    def setup(self) -> None:
        """Begin a connection, and see to its end."""
        super().setup()
        self._end = threading.Timer(CONNECTION_SECONDS, self._cut)
        self._end.daemon = True
        self._end.start()

    def finish(self) -> None:
        """End a connection."""
        self._end.cancel()
        super().finish()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        answer, whole = self._answer()
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        if not whole:
            # What was not read would be taken for the next request.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
        self.server.tell(f"{answer.status} {'cosigned' if answer.status == 200 else answer.body}")

    def _answer(self) -> tuple[Answer, bool]:
        """Return the answer, and whether the request was read to its end."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            return Answer(411, "send the body's length\n"), False
        if len(length) > 9 or int(length) > MAX_REQUEST_BYTES:
            return Answer(413, f"a request has at most {MAX_REQUEST_BYTES} bytes\n"), False
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            return Answer(400, "the request was cut off\n"), False
        if self.path != "/add-checkpoint":
            return Answer(404, "a witness knows only /add-checkpoint\n"), True
        try:
            return self.server.witness.add_checkpoint(data), True
        except FacewardError as error:
            self.server.tell(str(error))
            return Answer(500, "the witness cannot store what it sees; ask its operator\n"), True

    def log_message(self, *_: object) -> None:
        """Say nothing of requests that are none; those that are tell what became of them."""


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness on 127.0.0.1. `serve_forever` runs it, `server_address` tells the port.

    Args:
        witness: What answers.
        port: 0 takes a free one.

    Raises:
        EnvironmentFailure: The port is taken or not allowed.
    """

    daemon_threads = True

    def __init__(self, witness: Witness, port: int) -> None:
        self.witness = witness
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise EnvironmentFailure(f"port {port} cannot be served: {error.strerror}; choose another") from error

    @property
    def url(self) -> str:
        """Submission prefix of the witness."""
        return f"http://{HOST}:{self.server_address[1]}"

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve a connection in a thread of its own, once one is free."""
        # Connections end by themselves when they idle, so this waits for a while and not for ever.
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve a connection, and free its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Say in one line that a connection broke."""
        del request, client_address
        self.tell(f"a connection ended early: {type(sys.exc_info()[1]).__name__}")

    def tell(self, line: str) -> None:
        """Write one line for the witness's operator on standard error."""
        shown = "".join(c if c.isprintable() else " " for c in line).strip()
        sys.stderr.write(f"faceward: witness: {shown}\n")
        sys.stderr.flush()
