"""The second pass: each frame is decoded again, covered, and written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.video.footage_cast import Cast
from faceward.video.footage_covering import Painter
from faceward.video.footage_looking import Survey
from faceward.video.footage_reading import Footage, Moment
from faceward.video.footage_upright import packed_frame, planes_of
from faceward.video.footage_writing import Kind, Writer

_EPSILON = 1e-6
# How many frames are covered while another is encoded.
_AHEAD = 4

# A packet of sound, or a moment and its covered frame.
_Piece: TypeAlias = "Packet[Stream] | tuple[Moment, VideoFrame]"


@dataclass(frozen=True, slots=True)
class Cover:
    """What is needed to cover frames: what was found, who is where, what covers, and whom to tell of each frame."""

    found: Survey
    cast: Cast
    painter: Painter
    told: Callable[[], None]

    def frame(self, moment: Moment) -> VideoFrame:
        """Return a moment's frame, covered; nothing else that the decoded one carried goes with it."""
        scene = self.cast.at(moment.seconds)
        packed = np.ascontiguousarray(moment.frame.to_ndarray(), dtype=np.uint8)
        if scene.hidden:
            self.painter.cover(planes_of(packed), scene.hidden, scene.kept)
        self.painter.forget(scene.ended)
        return packed_frame(packed, moment.frame)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: how many frames, and how many sound tracks could not be copied."""

    frames: int
    sounds_anew: int


def write_redacted(footage: Footage, place: Path, kind: Kind, cover: Cover) -> Written:
    """Write footage with its faces covered.

    Raises:
        BadInput: Nothing of it can be decoded any more.
        EnvironmentFailure: It cannot be encoded.
        OSError: The disk is full or fails.
    """
    writer: Writer | None = None
    count = 0
    try:
        # Sounds that come before the first frame in the file wait for it, since it says where time begins.
        early = []
        with closing(_ahead(_covered(footage, kind, cover))) as pieces:
            for piece in pieces:
                if not isinstance(piece, tuple):
                    early.append(piece) if writer is None else writer.hear(piece)
                    continue
                moment, frame = piece
                if writer is None:
                    writer = Writer(place, footage, moment, kind)
                    for packet in early:
                        writer.hear(packet)
                writer.show(moment, frame)
                count += 1
                cover.told()
        writer = _some(writer, footage)
        writer.finish()
    except FFmpegError as error:
        _abandon(writer)
        # What the system reports, such as a full disk, is told as that.
        if isinstance(error, OSError):
            raise
        raise EnvironmentFailure(f"{place.name}: cannot be encoded: {error.strerror}; use another format") from None
    except BaseException:
        _abandon(writer)
        raise
    return Written(count, writer.encoded_anew)


def _covered(footage: Footage, kind: Kind, cover: Cover) -> Iterator[_Piece]:
    """Iterate over the footage's sounds, as far as they are wanted, and its covered frames."""
    for piece in footage.pieces(footage.sounds if kind.sound else ()):
        if not isinstance(piece, Moment):
            yield piece
            continue
        # What the first pass did not see is not shown.
        if piece.seconds > cover.found.last + _EPSILON:
            return
        yield piece, cover.frame(piece)


def _ahead(pieces: Iterator[_Piece]) -> Generator[_Piece]:
    """Iterate over the same, prepared in another thread, which alone decodes and covers, a little ahead."""
    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(next, pieces, None) for _ in range(_AHEAD))
        while (piece := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, pieces, None))
            yield piece
    finally:
        # Whoever closes the footage next must not take it from under the thread.
        pool.shutdown(wait=True, cancel_futures=True)


def _some(writer: Writer | None, footage: Footage) -> Writer:
    if writer is None:
        raise BadInput(f"{footage.path}: no frame of it can be decoded; give an intact copy")
    return writer


def _abandon(writer: Writer | None) -> None:
    if writer is not None:
        writer.abandon()
