"""Processes that start at once: each is forked from one that has loaded everything and holds nothing open.

As a script, `forked.py SOCKET MODULE…` loads the modules and forks a process for each request that comes over the
socket. What it runs is a script of its own, with arguments, environment and streams of its own, as from a new
interpreter; only the loading, most of a second, was done before.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

_LARGEST = 2**20
_PAUSE = 0.003


class Child:
    """A process that a `Nursery` forked. It stays known until it was waited for, so that its number is nobody else's.

    Attributes:
        stdin: Where to write what it reads; closed by `wait`.
    """

    def __init__(self, nursery: Nursery, pid: int, stdin: Any) -> None:
        self._nursery, self.pid, self.stdin = nursery, pid, stdin
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, negative for the signal that ended it, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"poll": self.pid})
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = 60) -> int:
        """Close its standard input and return its exit code when it has ended."""
        self.stdin.close()
        limit = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < limit, f"process {self.pid} does not end"
            time.sleep(_PAUSE)
        return code


class Nursery:
    """Starts processes that have loaded some modules already."""

    def __init__(self, *modules: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno()), *modules]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=_environment())

    def start(self, script: Path, arguments: Sequence[str], stdout: int, stderr: int | None = None) -> Child:
        """Run a script, with what this process has for its environment, folder and, unless given, standard error."""
        reading, writing = os.pipe()
        request = {
            "run": str(script),
            "with": list(arguments),
            "environment": _environment(),
            "folder": str(Path.cwd()),
        }
        try:
            pid = self.ask(request, [reading, stdout] if stderr is None else [reading, stdout, stderr])
        finally:
            os.close(reading)
        return Child(self, pid, os.fdopen(writing, "w"))

    def ask(self, request: dict[str, Any], handles: Sequence[int] = ()) -> Any:
        socket.send_fds(self._socket, [json.dumps(request).encode()], list(handles))
        return json.loads(self._socket.recv(_LARGEST))

    def close(self) -> None:
        """End it, and with it whoever still runs."""
        self._socket.close()
        self._process.wait(60)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _serve(requests: socket.socket) -> None:
    running: set[int] = set()
    while True:
        data, handles, _, _ = socket.recv_fds(requests, _LARGEST, 3)
        if not data:
            break
        request = json.loads(data)
        if "poll" in request:
            ended, status = os.waitpid(request["poll"], os.WNOHANG)
            running.discard(ended)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                requests.close()
                _run(request, handles)
            running.add(answer)
        for handle in handles:
            os.close(handle)
        requests.sendall(json.dumps(answer).encode())
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _run(request: dict[str, Any], handles: Sequence[int]) -> NoReturn:
    """Be the process that was asked for, to its end."""
    code = 1
    try:
        for number, handle in enumerate(handles):
            os.dup2(handle, number)
            os.close(handle)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = [request["run"], *request["with"]]
        runpy.run_path(request["run"], run_name="__main__")
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - said, as an interpreter says it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        importlib.import_module(name)
    with socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given)
