"""Cameras that somebody took over: what they send takes no memory of others, and leads to no other place."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.video import sources
from faceward.video.backoff import Patience
from faceward.video.camera_loop import CameraLoop, Outside
from faceward.video.confinement import ports_of
from faceward.video.feeds import Feeds, FeedSpec
from faceward.video.opened import Options, TooLarge
from faceward.video.orders import Order
from faceward.video.ring import Ring
from faceward.video.sources import open_source

JPEGS = "multipart/x-mixed-replace; boundary=frame"
QUICK = Patience(first=0.1, most=0.5, stall=2.0, steady=1.0)
BRIEF = Options(open_seconds=2, read_seconds=2)


@pytest.fixture(scope="module")
def video(load_beside: Callable[[str, str], ModuleType]) -> Any:
    return load_beside("faceward_test_video_kit", "video_kit.py")


class Raw:
    """A TCP server on loopback; `speak` has a connection for itself.

    Attributes:
        asked: What came first on each connection.
    """

    def __init__(self, speak: Callable[[socket.socket, bytes], None]) -> None:
        self.asked: list[bytes] = []
        self._speak = speak
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(20)
            first = connection.recv(65536)
            self.asked.append(first)
            self._speak(connection, first)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def raw() -> Iterator[Callable[..., Raw]]:
    servers: list[Raw] = []

    def start(speak: Callable[[socket.socket, bytes], None] = lambda connection, first: None) -> Raw:
        servers.append(Raw(speak))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def web(video: Any) -> Iterator[Callable[..., Any]]:
    servers: list[Any] = []

    def start(*arguments: Any) -> Any:
        servers.append(video.Web(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def pictures(video: Any) -> Iterator[bytes]:
    return (video.jpeg(video.scene(number)) for number in count())


def told(source: str) -> str:
    """Open a source that cannot be opened and return what is said of it."""
    with pytest.raises((EnvironmentFailure, BadInput)) as caught:
        show(source)
    return str(caught.value)


def show(source: str) -> list[Any]:
    opened = open_source(source, BRIEF)
    try:
        return [type(item) for item in opened.frames(lambda stamp: False)]
    finally:
        opened.close()


def flood(connection: socket.socket, first: bytes) -> None:
    """Send one picture that never ends."""
    head = f"HTTP/1.0 200 OK\r\nContent-Type: {JPEGS}\r\n\r\n--frame\r\nContent-Type: image/jpeg\r\n"
    connection.sendall(f"{head}Content-Length: 2000000000\r\n\r\n".encode() + b"\xff\xd8\xff\xe0")
    block = bytes(1 << 20)
    for _ in range(2000):
        connection.sendall(block)


def peak(pid: int) -> int:
    """Return the most memory that a process had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def test_a_picture_that_never_ends_takes_little_memory_and_leaves_its_neighbour_alone(
    video: Any, raw: Callable[..., Raw], web: Callable[..., Any]
) -> None:
    bomb = raw(flood)
    door = web(video.mjpeg(lambda: pictures(video), 0.05), JPEGS)
    specs = [FeedSpec("bomb", f"http://127.0.0.1:{bomb.port}/video"), FeedSpec("door", door.address, rate=10)]
    with Feeds(specs, patience=QUICK) as feeds:
        seen = video.Seen(feeds).until(lambda now: "garbage" in now.states("bomb") and len(bomb.asked) >= 2)
        seen.until_frames(5)
        [pid] = feeds.decoders()
        assert peak(pid) < 400 * 2**20
    assert seen.states("bomb") == ["connected", "garbage"], "told once, whatever it sends again"
    assert seen.states("door") == ["connected"]
    assert door.connections == 1


@pytest.mark.parametrize("address", ["video", "list.m3u8"])
def test_P5_no_redirection_is_followed(raw: Callable[..., Raw], address: str) -> None:
    inside = raw()

    def elsewhere(connection: socket.socket, first: bytes) -> None:
        there = f"Location: http://127.0.0.1:{inside.port}/secret"
        connection.sendall(f"HTTP/1.0 302 Found\r\n{there}\r\nContent-Length: 0\r\n\r\n".encode())

    camera = raw(elsewhere)
    told(f"http://127.0.0.1:{camera.port}/{address}")
    assert camera.asked
    assert not inside.asked


@pytest.mark.parametrize("way", ["named", "redirected", "file", "variant", "key"])
def test_P5_a_playlist_leads_to_no_other_port_and_to_no_file(
    video: Any, tmp_path: Path, raw: Callable[..., Raw], way: str
) -> None:
    inside = raw()
    secret = video.film(tmp_path / "secret.ts", 5)
    there = f"http://127.0.0.1:{inside.port}/secret.ts"
    named = {"named": there, "file": f"file://{secret}", "redirected": "piece.ts", "key": "piece.ts"}.get(way, "")
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{there}"\n' if way == "key" else ""
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n{key}#EXTINF:9,\n{named}\n#EXT-X-ENDLIST\n"
    if way == "variant":
        playlist = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{there.replace('.ts', '.m3u8')}\n"

    def camera_speaks(connection: socket.socket, first: bytes) -> None:
        if b".m3u8" in first.split(b"\r\n")[0]:
            head = f"HTTP/1.0 200 OK\r\nContent-Type: application/x-mpegurl\r\nContent-Length: {len(playlist)}\r\n\r\n"
            connection.sendall((head + playlist).encode())
        else:
            connection.sendall(f"HTTP/1.0 302 Found\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode())

    camera = raw(camera_speaks)
    told(f"http://127.0.0.1:{camera.port}/list.m3u8")
    assert camera.asked
    assert not inside.asked


def test_a_playlist_s_password_is_used_for_its_pieces_and_told_to_nobody(raw: Callable[..., Raw]) -> None:
    def camera_speaks(connection: socket.socket, first: bytes) -> None:
        if b"Authorization: Basic YW5uOnMzY3JldA==" not in first:
            connection.sendall(
                b'HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm="camera"\r\nContent-Length: 0\r\n\r\n'
            )
        else:
            connection.sendall(b"HTTP/1.0 404 No\r\nContent-Length: 0\r\n\r\n")

    camera = raw(camera_speaks)
    said = told(f"http://ann:s3cret@127.0.0.1:{camera.port}/list.m3u8?token=t0ken")
    assert "the server has no such stream" in said
    assert not any(word in said for word in ("ann", "s3cret", "t0ken"))
    said = told(f"http://ann:wr0ng@127.0.0.1:{camera.port}/list.m3u8")
    assert "asks for another name or password" in said


@pytest.mark.parametrize("address", ["video", "list.m3u8"])
def test_headers_or_a_playlist_without_end_are_given_up(raw: Callable[..., Raw], address: str) -> None:
    def endless(connection: socket.socket, first: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: and more\r\n" * 20)
            time.sleep(0.005)

    began = time.monotonic()
    told(f"http://127.0.0.1:{raw(endless).port}/{address}")
    assert time.monotonic() - began < 15


SDP = "v=0\r\no=- 0 0 IN IP4 {host}\r\ns=x\r\nc=IN IP4 {host}\r\nt=0 0\r\na=control:*\r\nm=video {port} RTP/AVP 96\r\n"


def rtsp_answer(first: bytes, body: str = "", status: str = "200 OK", more: str = "") -> bytes:
    number = next((line.split(b":")[1].strip().decode() for line in first.split(b"\r\n") if b"CSeq" in line), "1")
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{more}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def conversation(connection: socket.socket, first: bytes, describe: Callable[[bytes], bytes]) -> None:
    request = first
    while request:
        if request.startswith(b"OPTIONS"):
            connection.sendall(rtsp_answer(request, more="Public: DESCRIBE, SETUP, PLAY\r\n"))
        elif request.startswith(b"DESCRIBE"):
            connection.sendall(describe(request))
        else:
            more = "Session: 1\r\nTransport: RTP/AVP;multicast;destination=239.1.1.1;port=5004-5005\r\n"
            connection.sendall(rtsp_answer(request, more=more))
        request = connection.recv(65536)


@pytest.mark.parametrize(
    "describe",
    [
        lambda request: bytes(range(256)) * 200,
        lambda request: rtsp_answer(request, "x" * 5000),
        lambda request: rtsp_answer(request, SDP.format(host="239.1.1.1", port=5004)),
        lambda request: rtsp_answer(request, SDP.format(host="127.0.0.2", port=9)),
        lambda request: b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 2000000000\r\n\r\n" + b"v" * 4000,
        lambda request: b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: -5\r\n\r\n",
        lambda request: rtsp_answer(request, "v=0\r\n" + "m=video 0 RTP/AVP 96\r\na=control:x\r\n" * 5000),
    ],
    ids=["noise", "no-sdp", "multicast", "other-host", "endless", "negative", "many-streams"],
)
def test_whatever_a_camera_answers_to_describe_it_is_one_line(
    raw: Callable[..., Raw], describe: Callable[[bytes], bytes]
) -> None:
    camera = raw(lambda connection, first: conversation(connection, first, describe))
    said = told(f"rtsp://ann:s3cret@127.0.0.1:{camera.port}/stream")
    assert said.startswith("rtsp://127.0.0.1")
    assert "\n" not in said


def test_P5_a_decoder_connects_to_no_port_but_those_of_its_cameras(video: Any, raw: Callable[..., Raw]) -> None:
    if not ports_are_limited():
        pytest.skip("this kernel does not limit ports (Landlock, from Linux 6.7 on)")
    inside = raw()

    def elsewhere(request: bytes) -> bytes:
        return rtsp_answer(request, status="302 Moved", more=f"Location: rtsp://127.0.0.1:{inside.port}/x\r\n")

    camera = raw(lambda connection, first: conversation(connection, first, elsewhere))
    with Feeds([FeedSpec("door", f"rtsp://127.0.0.1:{camera.port}/stream")], patience=QUICK) as feeds:
        video.Seen(feeds).until(lambda now: "lost" in now.states() and len(camera.asked) >= 2)
    assert not inside.asked


def ports_are_limited() -> bool:
    call = ctypes.CDLL(None).syscall
    return int(call(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))) >= 4


def test_the_ports_of_cameras_are_those_of_their_addresses() -> None:
    sources = ["rtsp://a/x", "RTSPS://a/x", "http://a/", "https://u:p@[::1]:8443/x", "/dev/video0", "film.mp4"]
    assert ports_of(sources) == {554, 322, 80, 8443}


def test_a_picture_of_sixteen_thousand_pixels_a_side_is_refused_before_it_takes_memory(
    video: Any, web: Callable[..., Any]
) -> None:
    picture = bytearray(video.jpeg(video.scene(0)))
    place = picture.index(b"\xff\xc0")
    picture[place + 5 : place + 9] = struct.pack(">HH", 16384, 16384)
    camera = web(video.mjpeg(lambda: iter([bytes(picture)] * 40), 0.01), JPEGS)
    with Feeds([FeedSpec("door", camera.address)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until(lambda now: {"lost", "garbage"} & set(now.states()))
        [pid] = feeds.decoders()
        assert peak(pid) < 200 * 2**20
    assert not seen.frames


def test_a_packet_larger_than_any_picture_is_garbage_and_its_camera_waited_for(
    video: Any, web: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = web(video.mjpeg(lambda: pictures(video), 0.01), JPEGS)
    monkeypatch.setattr(sources, "MOST_PACKET", 100)
    with pytest.raises(TooLarge, match="larger than any camera's picture"):
        show(camera.address)
    asked, news, stop = camera.connections, [], threading.Event()
    spec = FeedSpec("door", camera.address)

    def tell(state: str, message: str) -> None:
        news.append(state)
        if state == "garbage":
            stop.set()

    ring = Ring.make(spec.max_pixels)
    loop = CameraLoop(spec, Order((spec,), Patience(most=3600.0)), ring, Outside(tell, lambda: None, stop))
    loop.run()
    ring.close()
    assert news == ["connected", "garbage"]
    assert camera.connections == asked + 1
    assert not loop.backoff.due(time.monotonic() + 1000)


def test_a_camera_that_flips_its_size_is_told_seldom_with_the_count(video: Any, web: Callable[..., Any]) -> None:
    def flipping() -> Iterator[bytes]:
        for number in count():
            yield video.jpeg(video.scene(number, (320, 240) if number % 2 else (480, 360)))

    camera = web(video.mjpeg(flipping, 0.03), JPEGS)
    with Feeds([FeedSpec("door", camera.address, rate=30)], patience=QUICK) as feeds:
        feeds.want("door", every=True)
        seen = video.Seen(feeds).until_frames(60)
    assert seen.states().count("resized") <= 2
