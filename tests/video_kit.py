"""Films and servers of films for tests of feeds: synthetic pictures without people."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from faceward.video.feeds import FeedNews, Feeds, Frame

Pixels = npt.NDArray[np.uint8]
LIMIT = 40.0
DEBIAN = "/usr/bin/python3"


def scene(number: int, size: tuple[int, int] = (320, 240), *, moving: bool = True) -> Pixels:
    """Return a textured picture with a trembling sensor, and a bright block that goes from left to right."""
    width, height = size
    steps = np.random.default_rng(3).integers(60, 180, (height // 16 + 1, width // 16 + 1), dtype=np.uint8)
    picture = np.repeat(np.repeat(steps, 16, 0), 16, 1)[:height, :width].copy()
    picture[::7, :: 5 + number % 3] += 3
    if moving:
        left = (number * 8) % (width - width // 6)
        picture[height // 3 : height // 3 + height // 3, left : left + width // 6] = 245
    return np.repeat(picture[:, :, None], 3, 2)


def film(
    path: Path,
    count: int,
    *,
    rate: int = 10,
    size: tuple[int, int] = (320, 240),
    picture: Callable[[int], Pixels] | None = None,
    options: dict[str, str] | None = None,
    codec: str = "libx264",
    rotation: int = 0,
) -> Path:
    """Write a film of so many frames."""
    shown = picture or (lambda number: scene(number, size))
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options or {"preset": "ultrafast", "g": str(rate)})
        stream.width, stream.height = size
        stream.pix_fmt = {"libx264": "yuv420p", "gif": "rgb8", "mpeg4": "yuv420p"}[codec]
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(shown(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def jpeg(pixels: Pixels) -> bytes:
    """Return a picture as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


class Seen:
    """What feeds gave, with the frames released."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self.frames: list[Frame] = []
        self.shapes: list[tuple[int, ...]] = []
        self.pictures: list[Pixels] = []
        self.news: list[FeedNews] = []

    def states(self, camera: str | None = None) -> list[str]:
        """Return the states that were told, in their order."""
        return [news.state for news in self.news if camera in (None, news.camera)]

    def until(self, enough: Callable[[Seen], bool], *, keep: bool = False) -> Seen:
        """Take what comes until it is enough."""
        end = time.monotonic() + LIMIT
        while not enough(self):
            assert time.monotonic() < end, (self.news, len(self.frames), self._feeds.counts())
            for item in self._feeds.poll(1.0):
                if isinstance(item, FeedNews):
                    self.news.append(item)
                    continue
                self.frames.append(item)
                self.shapes.append(item.pixels.shape)
                if keep:
                    self.pictures.append(item.pixels.copy())
                self._feeds.release(item)
        return self

    def until_state(self, state: str, count: int = 1, *, keep: bool = False) -> Seen:
        """Take what comes until a state was told so often."""
        return self.until(lambda seen: seen.states().count(state) >= count, keep=keep)

    def until_frames(self, count: int, *, keep: bool = False) -> Seen:
        """Take what comes until there are so many frames more."""
        wanted = len(self.frames) + count
        return self.until(lambda seen: len(seen.frames) >= wanted, keep=keep)


class Rtsp:
    """A GStreamer server of a film in a process of its own."""

    def __init__(self, film: Path, port: int = 0, account: str = "") -> None:
        script = Path(__file__).with_name("rtsp_server.py")
        arguments = [DEBIAN, str(script), str(film), str(port), *([account] if account else [])]
        self._process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={"PATH": os.environ["PATH"]}
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line.isdigit(), "the RTSP server did not start"
        self.port = int(line)
        self.address = f"rtsp://127.0.0.1:{self.port}/stream"

    def stall(self) -> None:
        """Send nothing more, and keep the connection."""
        self._process.send_signal(signal.SIGSTOP)

    def vanish(self) -> None:
        """Be gone without a word."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def require_rtsp() -> None:
    """Skip where Debian's Python has no GStreamer with an RTSP server."""
    if not shutil.which(DEBIAN):
        pytest.skip("no /usr/bin/python3, which runs the RTSP server")
    check = (
        "import gi\n"
        "for name in ('Gst', 'GstRtsp', 'GstRtspServer'): gi.require_version(name, '1.0')\n"
        "from gi.repository import Gst, GstRtspServer\n"
        "Gst.init(None)\n"
        "assert all(Gst.ElementFactory.find(name) for name in ('matroskademux', 'rtph264pay'))\n"
    )
    if subprocess.run([DEBIAN, "-c", check], capture_output=True, check=False).returncode:
        pytest.skip("python3-gi, GstRtspServer or GStreamer's good plugins are not installed")


class Web:
    """An HTTP server on loopback; `body` writes what one connection gets, until it returns, or a folder is served.

    Attributes:
        connections: How many there were.
    """

    def __init__(
        self, body: Callable[[Any], None] | None, content_type: str, port: int = 0, folder: Path | None = None
    ) -> None:
        outside = self
        self.connections = 0
        self.stopped = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.connections += 1
                file = folder / Path(self.path).name if folder else None
                self.send_response(200 if file is None or file.is_file() else 404)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                try:
                    if body is not None:
                        body(self.wfile.write)
                    elif file is not None and file.is_file():
                        self.wfile.write(file.read_bytes())
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/video"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


def mjpeg(
    pictures: Callable[[], Iterator[bytes]], pause: float, stopped: threading.Event | None = None
) -> Callable[[Any], None]:
    """Return a body of `Web` that sends JPEGs one after the other, from the first to each who connects."""
    end = stopped or threading.Event()

    def body(write: Any) -> None:
        for picture in pictures():
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
            write(head + picture + b"\r\n")
            if end.wait(pause):
                return

    return body


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
