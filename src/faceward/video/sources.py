"""One source of pictures at a time, opened with PyAV: files, RTSP, HTTP, USB cameras and rows of pictures.

No message holds an address's user, password or query: what libav says of an error is put in words of our own, since its
texts repeat the address.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, Any, Final

import av
import av.error
import av.logging
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from faceward.core.errors import BadInput, EnvironmentFailure, FacewardError
from faceward.policy.camera_sources import is_device, is_stream, shown
from faceward.video.containers import (
    FILE_FORMATS,
    FILE_PROTOCOLS,
    HLS_FORMATS,
    HTTP_FORMATS,
    HTTP_PROTOCOLS,
    MOST_PACKET,
    MOST_PIXELS,
    RTSP_FORMATS,
    RTSP_PROTOCOLS,
)
from faceward.video.opened import Broken, Decoded, Opened, Options, Silent, TooLarge
from faceward.video.picture_rows import PictureRow
from faceward.video.pieces import Pieces, is_playlist
from faceward.video.source_files import check, is_live, is_row, row_of

_MICROSECONDS = 1_000_000
_USUAL_PERIOD = 1 / 25
_NEARLY = 0.8
# These come without time stamps; libav makes some up, at 25 frames a second.
_STAMPLESS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "jpeg_pipe", "image2pipe"})
_BURSTS = frozenset({"hls", "dash"})


def open_source(source: str, options: Options) -> Opened:
    """Open a source.

    Args:
        source: As checked by `policy.camera_sources.check_source`.
        options: How.

    Raises:
        BadInput: It is not there, or holds no video that can be read.
        EnvironmentFailure: It cannot be reached, or may not be read.
    """
    check(source)
    if is_row(source):
        return PictureRow(row_of(source), options.rate)
    opening, settings = _how(source, options)
    try:
        with ExitStack() as held:
            opened: Any = {}
            if opening.pieces is not None:
                held.callback(opening.pieces.close)
                opened["io_open"] = opening.pieces
            container = av.open(
                opening.name if opening.name is not None else held.enter_context(_file(source)),
                mode="r",
                format=opening.format,
                options={"max_pixels": str(MOST_PIXELS)},
                container_options=settings,
                timeout=(options.open_seconds, options.read_seconds),
                **opened,
            )
            held.push(lambda *_: _close(container))
            stream = _of_container(container, source, options)
            stream.held = held.pop_all()
            return stream
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as problem:
        raise _told(problem, source, options.open_seconds) from None


def silence() -> None:
    """Have libav write nothing to the terminal: its lines repeat addresses with their passwords."""
    av.logging.set_level(None)
    av.logging.set_libav_level(av.logging.PANIC)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What libav is given: a name, or None for a file that is opened here; a format; and who opens what it names."""

    name: str | None
    format: str | None = None
    pieces: Pieces | None = None


def _how(source: str, options: Options) -> tuple[_Opening, dict[str, str]]:
    if is_device(source):
        return _Opening(source, "v4l2"), {"format_whitelist": "v4l2,video4linux2", "protocol_whitelist": "file"}
    if not is_stream(source):
        return _Opening(None), {"format_whitelist": FILE_FORMATS, "protocol_whitelist": FILE_PROTOCOLS}
    settings = {
        "fflags": "nobuffer",
        "analyzeduration": str(2 * _MICROSECONDS),
        "timeout": str(round(options.read_seconds * _MICROSECONDS)),
    }
    if source.lower().startswith("rtsp"):
        # Over UDP, lost packets leave smeared faces; sound would keep a stalled picture from being noticed.
        settings |= {"rtsp_transport": "tcp", "allowed_media_types": "video"}
        settings |= {"format_whitelist": RTSP_FORMATS, "protocol_whitelist": RTSP_PROTOCOLS}
        return _Opening(source, "rtsp"), settings
    settings |= {"protocol_whitelist": HTTP_PROTOCOLS}
    if is_playlist(source):
        # Otherwise libav would fetch pieces on a connection of its own.
        settings |= {"format_whitelist": HLS_FORMATS, "http_persistent": "0"}
        return _Opening(source, "hls", Pieces(source, options.read_seconds)), settings
    # A camera that was taken over could have this machine ask any other.
    return _Opening(source), settings | {"format_whitelist": HTTP_FORMATS, "max_redirects": "0"}


def _file(source: str) -> IO[bytes]:
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("not a regular file")
    return os.fdopen(descriptor, "rb")


def _close(container: InputContainer) -> None:
    with suppress(av.error.FFmpegError, OSError):
        container.close()


def _of_container(container: InputContainer, source: str, options: Options) -> Stream:
    if not container.streams.video:
        raise BadInput(f"{shown(source)}: holds no video; give another source")
    stream = container.streams.video[0]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    # Where libav has no decoder, whatever the annotation says.
    if getattr(stream, "codec_context", None) is None:
        raise BadInput(f"{shown(source)}: its video is in a format that cannot be decoded; have the camera send H.264")
    stream.thread_type = "NONE"
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return Stream(container, stream, source, options)


class Stream:
    """A container with a video stream; see `Opened`."""

    def __init__(self, container: InputContainer, stream: VideoStream, source: str, options: Options) -> None:
        self._container, self._stream, self._source, self._options = container, stream, source, options
        formats = set(container.format.name.split(","))
        self._stampless = bool(formats & _STAMPLESS)
        self.live = is_live(source)
        self.paced = not self.live or bool(formats & _BURSTS)
        rate = stream.average_rate or stream.guessed_rate
        self.period = min(10.0, float(1 / rate)) if rate else _USUAL_PERIOD
        self.about = f"{stream.codec_context.name} {stream.width}x{stream.height}"
        self.held = ExitStack()
        self._first: float | None = None
        self._newest = float("-inf")
        self._damaged = False

    def frames(self, skippable: Callable[[float], bool]) -> Iterator[Decoded | Broken]:
        """See `Opened`."""
        context = self._stream.codec_context
        skipping = False
        for packet in self._packets():
            arrived = time.monotonic()
            stamp = self._seconds(packet.pts)
            skip = stamp is not None and skippable(stamp)
            if skip is not skipping:
                # Frames that others are made from are decoded all the same.
                context.skip_frame = "NONREF" if skip else "DEFAULT"
                skipping = skip
            try:
                batch = packet.decode()
            except (av.error.FFmpegError, MemoryError):
                self._damaged = True
                yield Broken(arrived)
                continue
            # Nothing here holds a frame while the reader works or waits for the next packet.
            while batch:
                yield self._decoded(batch.pop(0), arrived)

    def note(self) -> str:
        """See `Opened`."""
        length = self._container.duration
        if self._first is None:
            return "it held no picture that could be decoded"
        if length is not None and not self.live:
            shown_seconds = self._newest - self._first + self.period
            stated = length / _MICROSECONDS
            if stated - shown_seconds > max(1.0, 0.05 * stated):
                return f"after {shown_seconds:.1f} of {stated:.1f} seconds; the file seems to be cut"
        return "parts of it could not be decoded; the file seems to be damaged" if self._damaged else ""

    def close(self) -> None:
        """See `Opened`."""
        self.held.close()

    def _packets(self) -> Iterator[av.Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            before = time.monotonic()
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError, ValueError, MemoryError) as problem:
                self._damaged = True
                raise _told(problem, self._source, self._options.read_seconds, opened=True) from None
            if packet.size > MOST_PACKET:
                raise _too_large(self._source)
            if self.live and packet.size == 0:
                # libav's own patience with RTSP ends as if the stream had.
                if time.monotonic() - before > _NEARLY * self._options.read_seconds:
                    raise _silent(self._source, self._options.read_seconds)
                return
            yield packet

    def _decoded(self, frame: av.VideoFrame, arrived: float) -> Decoded:
        stamp = self._seconds(frame.pts)
        if stamp is not None:
            self._first = stamp if self._first is None else min(self._first, stamp)
            self._newest = max(self._newest, stamp)
        elif self._first is None:
            self._first = self._newest = 0.0
        return Decoded(frame, stamp, arrived)

    def _seconds(self, stamp: int | None) -> float | None:
        base = self._stream.time_base
        return None if stamp is None or base is None or self._stampless else float(stamp * base)


def _told(problem: Exception, source: str, seconds: float, *, opened: bool = False) -> FacewardError:
    """Return libav's error as one line without the address's secrets."""
    name = shown(source)
    if isinstance(problem, MemoryError):
        return _too_large(source)
    if isinstance(problem, av.error.ExitError | TimeoutError):
        if opened:
            return _silent(source, seconds)
        return EnvironmentFailure(f"{name}: no answer within {seconds:g} s; check the camera and its network")
    for kinds, words in _WORDS:
        if isinstance(problem, kinds):
            return EnvironmentFailure(f"{name}: {words}")
    if is_live(source):
        reason = problem.strerror if isinstance(problem, OSError | av.error.FFmpegError) else None
        known = f" ({reason})" if reason and source not in reason else ""
        if opened:
            return EnvironmentFailure(f"{name}: the stream broke off{known}; it is opened again")
        return EnvironmentFailure(f"{name}: gives no video that can be read{known}; check the address and the camera")
    return BadInput(f"{name}: not a video that can be read; it is damaged, cut or of an unknown format")


def _too_large(source: str) -> TooLarge:
    return TooLarge(f"{shown(source)}: what it sends is larger than any camera's picture; check the camera")


def _silent(source: str, seconds: float) -> Silent:
    return Silent(f"{shown(source)}: nothing came for {seconds:g} s; check the camera and its network")


_WORDS: Final[tuple[tuple[tuple[type[Exception], ...] | type[Exception], str], ...]] = (
    (av.error.HTTPUnauthorizedError, "asks for another name or password; change the camera's source"),
    (av.error.HTTPForbiddenError, "refuses this name or password; change the camera's source"),
    (av.error.HTTPNotFoundError, "the server has no such stream; check the address"),
    (av.error.HTTPError, "the server answered with an error; check the address and the camera"),
    (av.error.HTTPClientError, "the server did not take the request; check the address and the camera"),
    (ConnectionRefusedError, "nothing answers there; check that the camera is on, and the address"),
    ((BrokenPipeError, ConnectionError), "the connection was lost; check the camera and its network"),
    (PermissionError, "may not be read; check the permissions of this user"),
    (FileNotFoundError, "is not there; check the address, or plug the camera in"),
)
