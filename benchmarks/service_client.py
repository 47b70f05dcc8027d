"""A light client for benchmarks/service.py: sends requests that lie in a folder as they are, and times the answers.

    python benchmarks/service_client.py FOLDER PORT --connections 4 --count 400            # closed loop
    python benchmarks/service_client.py FOLDER PORT --connections 64 --count 400 --rate 25  # open loop

Closed loop: each connection sends its next request when it has its answer. Open loop: requests are due at a fixed rate,
whatever the server does, and times count from when each was due. It prints one JSON object: seconds, latencies in
seconds in the order of the requests, statuses (0: closed without an answer), and the processor time of this process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import socket
import sys
import threading
import time
from pathlib import Path

_PATIENCE = 60.0


class Connection:
    """One connection that is kept, and opened anew where the server closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body; status 0 where the server closed without an answer."""
        fresh = self._socket is None
        try:
            return self._asked(request)
        except OSError:
            self.close()
        if fresh:
            return 0, b""
        # The server may have closed an idle connection; a new one tells.
        return self.ask(request)

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _asked(self, request: bytes) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # It may have answered before it had read all, as with a body that is too large.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(request)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._received()
        head = bytes(data[:end]).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        status, length = int(head[0].split(" ")[1]), int(fields.get("content-length", "-1"))
        body = data[end + 4 :]
        while len(body) < length:
            body += self._received()
        if length < 0 or fields.get("connection", "").lower() == "close":
            self.close()
        return status, bytes(body)

    def _received(self) -> bytes:
        if self._socket is None:
            raise ConnectionResetError
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionResetError
        return data


def run(requests: list[bytes], port: int, connections: int, count: int, rate: float) -> dict[str, object]:
    """Send requests in turn; see the module."""
    due: queue.SimpleQueue[tuple[int, float] | None] = queue.SimpleQueue()
    latencies, statuses = [0.0] * count, [0] * count
    ready = threading.Barrier(connections + 1)

    def work() -> None:
        connection = Connection(port)
        ready.wait()
        while (taken := due.get()) is not None:
            number, when = taken
            begun = time.perf_counter()
            statuses[number], _ = connection.ask(requests[number % len(requests)])
            latencies[number] = time.perf_counter() - (when if rate else begun)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    if not rate:
        for number in range(count):
            due.put((number, 0.0))
    ready.wait()
    start = time.perf_counter()
    for number in range(count if rate else 0):
        when = start + number / rate
        time.sleep(max(0.0, when - time.perf_counter()))
        due.put((number, when))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "latencies": latencies, "statuses": statuses, "processor": time.process_time()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Send the requests in a folder to a service on this machine.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second, due whatever happens; 0: none due")
    told = parser.parse_args()
    requests = [path.read_bytes() for path in sorted(told.folder.iterdir())]
    before = time.process_time()
    found = run(requests, told.port, told.connections, told.count, told.rate)
    found["processor"] = time.process_time() - before
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
