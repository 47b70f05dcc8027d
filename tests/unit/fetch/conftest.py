"""A server on this machine that can misbehave, and a small pack to fetch from it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceward.fetch import transfer


@dataclass
class Server:
    """What it holds and how it behaves; it counts what it is asked."""

    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    cut: int | None = None
    """Close the connection after so many bytes of each answer."""
    failures: list[int] = field(default_factory=list)
    """Status codes to answer first."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers to send in the place of the right ones; an empty one is left out."""
    endless: bool = False
    drip: float = 0.0
    """Seconds between pieces of 1 KiB."""
    hold: threading.Event | None = None
    holding: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass

    def do_GET(self) -> None:
        state = self.server.state
        state.asked.append((self.path, dict(self.headers.items())))
        if state.hold is not None:
            state.holding.set()
            state.hold.wait(20)
        if state.failures:
            self.send_error(state.failures.pop(0))
        elif self.path in state.redirects:
            self.send_response(302)
            self.send_header("Location", state.redirects[self.path])
            self.end_headers()
        elif self.path.lstrip("/") not in state.files:
            self.send_error(404)
        else:
            self._file(state, self.path.lstrip("/"))

    def _file(self, state: Server, name: str) -> None:
        data, tag = state.files[name], state.etags.get(name, "")
        asked = self.headers.get("Range") if state.ranges else None
        if asked and self.headers.get("If-Range") not in (None, tag):
            asked = None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(data) > 0:
            self.send_error(416)
            return
        body = data[start:]
        shown = {"Content-Length": str(len(body)), "ETag": tag}
        if asked:
            shown["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(206 if asked else 200)
        for header, value in {**shown, **state.headers}.items():
            if value:
                self.send_header(header, value)
        self.end_headers()
        self._body(state, body if state.cut is None else body[: state.cut])

    def _body(self, state: Server, body: bytes) -> None:
        try:
            step = 1024 if state.drip else len(body) or 1
            for at in range(0, len(body), step):
                state.sent += self.wfile.write(body[at : at + step])
                threading.Event().wait(state.drip)
            while state.endless:
                state.sent += self.wfile.write(bytes(65536))
        except OSError:
            self.close_connection = True


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    state: Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(transfer, "PAUSES", (0.0, 0.0))
    http = _Http(("127.0.0.1", 0), _Handler)
    http.state = Server(http.server_address[1])
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield http.state
    http.shutdown()
    thread.join()
    http.server_close()


def network(seed: int = 0) -> bytes:
    """Return an embedding of 16 numbers that is a little over 12 kB."""
    weights = np.random.default_rng(seed).normal(0, 1, (192, 16)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[14, 14], strides=[14, 14]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString(deterministic=True))


def manifest(server: Server, files: dict[str, bytes]) -> str:
    """Return a manifest of an embedding `e.onnx`, and of a detector `d.onnx` where there is one."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    detector = (
        f'[detector]\nkind = "yunet"\nthreshold = 0.6\nfile = "d.onnx"\nsha256 = "{hashes["d.onnx"]}"\n'
        if "d.onnx" in files
        else ""
    )
    places = "".join(
        f'[[download.files]]\nfile = "{name}"\naddress = "{server.url}/{name}"\nsize = {len(data)}\n'
        for name, data in files.items()
    )
    return f"""
[pack]
name = "small"
licence = "MIT"
commercial = true
source = "a test"
training_data = "noise"

{detector}
[embedder]
file = "e.onnx"
sha256 = "{hashes["e.onnx"]}"
dimension = 16
size = 112
colour = "bgr"
mean = 127.5
scale = 127.5
template = "arcface"
mirror = true

[download]
licence_at = "https://example.org/licence"
conflict = "one page says MIT, another does not"

{places}
"""


@pytest.fixture
def offered(server: Server) -> dict[str, bytes]:
    """Put two networks on the server."""
    files = {"d.onnx": network(1), "e.onnx": network(2)}
    server.files.update(files)
    server.etags.update({name: f'"{name}-1"' for name in files})
    return files


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    return tmp_path / "packs"
