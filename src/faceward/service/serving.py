"""Running the application: one process, or several behind one socket."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import TypeAlias

import uvicorn

from faceward.core.errors import EnvironmentFailure
from faceward.operations.system import System
from faceward.service import logs, memory, metrics, telemetry
from faceward.service.app import create_app
from faceward.service.protocol import BoundedProtocol
from faceward.service.settings import Settings, Tls
from faceward.service.state import Service

_BACKLOG = 512
_FILES = 8192
_GRACE_SECONDS = 30
_IDLE_SECONDS = 75
_SHORT_LIFE = 5.0
_PAUSE = 0.2
_ENDING = (signal.SIGTERM, signal.SIGINT)

_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None


def listen(settings: Settings) -> socket.socket:
    """Open the socket.

    Raises:
        EnvironmentFailure: The address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((settings.host, settings.port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
        other = "choose another --port" if taken else "give an address of this machine as --host"
        raise EnvironmentFailure(
            f"{settings.host}:{settings.port}: cannot listen there: {error.strerror or error}; {other}"
        ) from None
    opened.set_inheritable(True)
    return opened


def serve(system: System, settings: Settings, opened: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Serve an open deployment until the process is told to end; what has begun is brought to its end.

    Args:
        system: The deployment.
        settings: How to serve it.
        opened: The socket, from `listen`.
        ready: Called when requests are answered.
    """
    logs.begin()
    memory.give_back()
    # In each process after the fork, since it sends from a thread of its own.
    traces = telemetry.begin()
    service = Service.begin(system, settings)
    config = uvicorn.Config(
        create_app(service),
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_context_factory=None if settings.tls is None else partial(_tls, settings.tls),
    )
    server = _Server(config, ready)
    try:
        with _signals_said_once():
            server.run([opened])
    finally:
        service.close()
        if traces is not None:
            traces.shutdown()
    if not server.started:
        raise EnvironmentFailure("the service could not start; what is wrong stands above")


def _tls(files: Tls, *_: object) -> ssl.SSLContext:
    """Return TLS 1.2 and later, with forward secrecy and authenticated encryption alone (RFC 9325 §4.2)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Of TLS 1.2; those of 1.3 are all of this kind.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ValueError) as error:
        raise EnvironmentFailure(
            f"{files.certificate} and {files.key}: no certificate with its key, in PEM ({error})"
        ) from None
    return context


def _more_files() -> None:
    """Let this process have as many files and connections open as it may; shells allow fewer at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _signals_said_once() -> Iterator[None]:
    """Let a signal end the server and not the process: the server raises it again, and there is still to be closed."""
    before = [(number, signal.signal(number, lambda *_: None)) for number in _ENDING]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started and self._ready is not None:
            self._ready()


def serve_in_processes(worker: Callable[[], None], count: int) -> int:
    """Run a worker in several processes, each anew when it dies, until this one is told to end.

    Args:
        worker: What each does; it opens the deployment itself, since no connection survives a fork.
        count: How many.

    Returns:
        The exit status: 0, or that of a worker that cannot begin.
    """
    if threading.active_count() > 1:
        raise AssertionError("fork before any thread is started")
    ending = False
    children: dict[int, float] = {}

    def end(_: int, __: FrameType | None) -> None:
        nonlocal ending
        ending = True
        for child in tuple(children):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    before = [(number, signal.signal(number, end)) for number in _ENDING]
    try:
        with metrics.shared():

            def begin() -> None:
                # A signal waits until the child is known, or it would reach every process but that one.
                with _held_back() as mask:
                    if not ending:
                        children[_forked(worker, before, mask)] = _monotonic()

            for _ in range(count):
                begin()
            return _watch(children, begin, lambda: ending)
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def _held_back() -> Iterator[set[signal.Signals]]:
    """Let signals that end this process wait; gives what was held back before."""
    mask = {signal.Signals(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)}
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _watch(children: dict[int, float], begin: Callable[[], None], ending: Callable[[], bool]) -> int:
    status = 0
    while children:
        child, code = os.wait()
        began = children.pop(child, None)
        metrics.ended(child)
        if began is None or ending():
            continue
        code = os.waitstatus_to_exitcode(code)
        if _monotonic() - began < _SHORT_LIFE and code > 0:
            # One that cannot begin would be begun for ever; one that was killed may be begun again.
            status = abs(code) or 1
            for other in children:
                with suppress(ProcessLookupError):
                    os.kill(other, signal.SIGTERM)
            continue
        if not status:
            time.sleep(_PAUSE)
            begin()
    return status


def _forked(
    worker: Callable[[], None], handlers: Sequence[tuple[signal.Signals, _Handler]], mask: set[signal.Signals]
) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        for number, handler in handlers:
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        worker()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - the child must end here, whatever happened
        sys.stderr.write(f"faceward: a worker ended: {error}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _monotonic() -> float:
    return os.times().elapsed
