"""Reading footage that strangers made: upright 8-bit frames of one size with their times, or one clear line."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.core.words import plural
from faceward.video.containers import FILE_FORMATS, FILE_PROTOCOLS
from faceward.video.footage_upright import Deinterlacer, Turn, in_picture_format, turn_of
from faceward.vision.images import is_address

_MOST_PIXELS = 50_000_000
_LONGEST_NAMES = 12
# What containers say of themselves tells nothing of who filmed whom.
_PLAIN = frozenset(
    {"compatible_brands", "duration", "handler_name", "language", "major_brand", "minor_version", "vendor_id"}
)
_UNSEEN = Disposition.attached_pic | Disposition.timed_thumbnails
# Of what the header promises, this much may be missing before the file counts as cut off: sounds end later than
# pictures, and containers round.
_MISSING_SECONDS = 1.0
_MISSING_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of the footage.

    Attributes:
        frame: Upright, `yuv420p`, both sides even, of the footage's size.
        pts: Its presentation time in units of the footage's time base; each is later than the one before.
        seconds: The same in seconds.
        duration: How long it is shown, in the time base; 0 where the file does not say.
    """

    frame: VideoFrame
    pts: int
    seconds: float
    duration: int


class Footage:
    """An open file of footage, which can be read through once; use it as a context manager.

    Attributes:
        size: Width and height of its upright frames, both even.
        time_base: Seconds of one unit of time.
        rate: Frames a second, as a hint.
        aspect: Shape of a pixel, width to height, of the upright picture.
        sounds: Its sound tracks.
        expected: Seconds that the file says it lasts, or None.
        identity: What tells whether a file of this name is still the same.
        errors: How many pieces could not be decoded so far.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self._file = path, file
        found = os.fstat(file.fileno())
        self.identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        self.errors = 0
        try:
            self._container: InputContainer = av.open(
                file, "r", container_options={"format_whitelist": FILE_FORMATS, "protocol_whitelist": FILE_PROTOCOLS}
            )
        except FFmpegError:
            raise BadInput(f"{path}: not footage of a known format, or a part without its head; give a video") from None
        pictured = [one for one in self._container.streams.video if not one.disposition & _UNSEEN]
        if not pictured:
            self.close()
            raise BadInput(f"{path}: holds no moving picture; give a video")
        self._video: VideoStream = pictured[0]
        self._prepare()

    def _prepare(self) -> None:
        video = self._video
        context = video.codec_context
        if not 0 < context.width * context.height <= _MOST_PIXELS:
            size = f"{context.width}x{context.height}"
            self.close()
            raise BadInput(f"{self.path}: frames of {size} pixels are not read; at most {_MOST_PIXELS:,} are")
        video.thread_type = "AUTO"
        self.time_base = video.time_base or Fraction(1, 1000)
        self.rate = video.average_rate or video.guessed_rate or Fraction(25)
        self.sounds: tuple[AudioStream, ...] = tuple(self._container.streams.audio)
        self.expected = self._lasts()
        self.size = (0, 0)
        self.aspect = Fraction(1)
        self._turn: Turn | None = None
        self._begun, self._fields = False, None  # type: tuple[bool, Deinterlacer | None]

    def _lasts(self) -> float | None:
        video = self._video
        if video.duration and video.time_base:
            return float(video.duration * video.time_base)
        return self._container.duration / av.time_base if self._container.duration else None

    def cut_off(self, lasted: float) -> bool:
        """Tell whether the file holds clearly less than it says it does, or damaged pieces."""
        expected = self.expected
        missing = 0.0 if expected is None else expected - lasted
        return self.errors > 0 or missing > max(_MISSING_SECONDS, _MISSING_SHARE * (expected or 0.0))

    def moments(self) -> Iterator[Moment]:
        """Iterate over the frames; what is damaged is passed over and counted.

        Raises:
            BadInput: The file cannot be read at all.
        """
        for one in self.pieces(()):
            if isinstance(one, Moment):
                yield one

    def pieces(self, sounds: tuple[AudioStream, ...]) -> Iterator[Moment | Packet[Stream]]:
        """Iterate over frames and the packets of these sound tracks, as they lie in the file."""
        last: int | None = None
        step = max(1, round(1 / (self.rate * self.time_base)))
        for packet in self._packets((self._video, *sounds)):
            if packet.stream.index != self._video.index:
                yield packet
                continue
            for frame in self._whole(self._decoded(packet), end=packet.size == 0):
                pts = frame.pts
                if pts is None:
                    pts = 0 if last is None else last + step
                # Times that stand still or run back, of damaged or joined files, would stop every encoder.
                last = pts if last is None else max(pts, last + 1)
                duration = frame.duration or 0
                yield Moment(self._upright(frame), last, float(last * self.time_base), duration)

    def _packets(self, streams: tuple[Stream, ...]) -> Iterator[Packet[Stream]]:
        packets = self._container.demux(*streams)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:
                # The container ends here, whatever it promised.
                self.errors += 1
                packet = None
            except OSError as error:
                raise EnvironmentFailure(f"{self.path}: cannot be read: {error.strerror}; check the disk") from None
            if packet is None:
                return
            yield packet

    def _decoded(self, packet: Packet[Stream]) -> list[VideoFrame]:
        try:
            frames = [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
        except FFmpegError:
            self.errors += 1
            return []
        self.errors += packet.is_corrupt or any(frame.is_corrupt for frame in frames)
        return frames

    def _whole(self, frames: list[VideoFrame], *, end: bool) -> list[VideoFrame]:
        """Return frames without the combs of half pictures, where the footage begins with such."""
        if not self._begun and frames:
            self._begun = True
            self._fields = Deinterlacer(frames[0]) if frames[0].interlaced_frame else None
        if self._fields is None:
            return frames
        try:
            return [whole for one in (*frames, *((None,) if end else ())) for whole in self._fields.frames(one)]
        except FFmpegError:
            self._fields = None
            return frames

    def _upright(self, frame: VideoFrame) -> VideoFrame:
        if self._turn is None:
            self._turn = turn_of(frame)
            across, down = (frame.width, frame.height)[:: -1 if self._turn.swaps else 1]
            self.size = (across + across % 2, down + down % 2)
            shape = self._video.codec_context.sample_aspect_ratio or Fraction(1)
            self.aspect = 1 / shape if shape and self._turn.swaps else shape or Fraction(1)
        return in_picture_format(frame, self._turn, self.size)

    def left_out(self) -> tuple[str, ...]:
        """Say what the file holds beside the picture and its sounds; none of it goes into what is written."""
        container, found = self._container, []
        keys = {*container.metadata, *(key for one in container.streams for key in one.metadata)}
        names = sorted(key for key in keys if key.lower() not in _PLAIN)
        if names:
            more = f" and {len(names) - _LONGEST_NAMES} more" if len(names) > _LONGEST_NAMES else ""
            found.append(f"metadata: {', '.join(names[:_LONGEST_NAMES])}{more}")
        others = [one for one in container.streams if one.index != self._video.index and one not in self.sounds]
        kinds = [_kind(one) for one in others]
        found += [plural(kinds.count(kind), kind) for kind in sorted(set(kinds))]
        chapters = len(container.chapters())
        if chapters:
            found.append(plural(chapters, "chapter"))
        return tuple(found)

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_container"):
            self._container.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _kind(stream: Stream) -> str:
    if stream.type == "video":
        return "cover picture" if stream.disposition & _UNSEEN else "further picture track"
    return {"subtitle": "subtitle track", "attachment": "attached file"}.get(stream.type, "track of data")


def open_footage(path: Path) -> Footage:
    """Open a file of footage.

    Raises:
        BadInput: It is missing, no regular file, not footage, or its frames are too large.
        EnvironmentFailure: The disk failed.
    """
    if is_address(path):
        raise BadInput(f"{path}: addresses are not read; give a file on this machine")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except PermissionError:
        raise BadInput(f"{path}: no permission to read it; change its permissions") from None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise BadInput(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check the disk") from None
    found = os.fstat(descriptor)
    # A device or a pipe may never end, or never begin.
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        os.close(descriptor)
        raise BadInput(
            f"{path}: {'is empty' if stat.S_ISREG(found.st_mode) else 'is not a regular file'}; give a video"
        )
    file = os.fdopen(descriptor, "rb")
    try:
        return Footage(path, file)
    except BaseException:
        file.close()
        raise


def digest_of(path: Path) -> bytes:
    """Return a file's SHA-256.

    Raises:
        EnvironmentFailure: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check the disk") from None
