"""Bringing any decoded frame to one form: upright, 8 bits, without transparency, of one size with even sides."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av.filter
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

Planes = npt.NDArray[np.uint8]
PICTURE_FORMAT = "yuv420p"
"""Brightness at every pixel, colour at every second one: what players everywhere show."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a frame as stored becomes upright: its axes are swapped first, then it is mirrored."""

    swaps: bool = False
    across: bool = False
    down: bool = False

    def __bool__(self) -> bool:
        return self.swaps or self.across or self.down

    def apply(self, plane: Planes) -> Planes:
        """Return a plane, shape (height, width) or (height, width, 3), as it is seen upright."""
        turned = plane.swapaxes(0, 1) if self.swaps else plane
        turned = turned[:, ::-1] if self.across else turned
        return np.ascontiguousarray(turned[::-1] if self.down else turned)


def turn_of(frame: VideoFrame) -> Turn:
    """Return what makes a frame upright, by the matrix that telephones write (ISO/IEC 14496-12, 8.2.2)."""
    try:
        # The types of the library know fewer keys than it has.
        data = bytes(frame.side_data[Type.DISPLAYMATRIX])  # type: ignore[typeddict-item]
    except KeyError:
        return Turn()
    if len(data) < 20:
        return Turn()
    # Point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = (int(value) for value in np.frombuffer(data[:20], dtype=np.int32))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(across=a < 0, down=d < 0)
    return Turn(swaps=True, across=c < 0, down=b < 0)


def in_picture_format(frame: VideoFrame, turn: Turn, size: tuple[int, int]) -> VideoFrame:
    """Return a frame upright in `PICTURE_FORMAT`.

    Args:
        frame: As decoded; of another size where the footage changes it on the way.
        turn: What makes it upright.
        size: Even width and height of the upright picture. A side that is odd by itself gets its last row or column
            twice.
    """
    if any(component.is_alpha for component in frame.format.components):
        frame = _on_white(frame)
    stored = size[::-1] if turn.swaps else size
    off = (stored[0] - frame.width, stored[1] - frame.height)
    if off not in ((0, 0), (0, 1), (1, 0), (1, 1)):
        frame, off = frame.reformat(width=stored[0], height=stored[1], format=PICTURE_FORMAT), (0, 0)
    if off != (0, 0):
        frame = _padded(frame, off)
    if frame.format.name != PICTURE_FORMAT:
        frame = frame.reformat(format=PICTURE_FORMAT, dst_color_range="MPEG")
    if turn:
        planes = planes_of(np.asarray(frame.to_ndarray(), dtype=np.uint8))
        frame = frame_of([turn.apply(plane) for plane in planes], frame)
    return frame


def planes_of(picture: Planes) -> tuple[Planes, Planes, Planes]:
    """Return views of brightness, shape (h, w), and of the two colours, (h / 2, w / 2), of a packed frame."""
    rows, width = picture.shape
    height = rows * 2 // 3
    first, second = picture[height:].reshape(2, height // 2, width // 2)
    return picture[:height], first, second


def frame_of(planes: list[Planes], like: VideoFrame) -> VideoFrame:
    """Return a new frame that carries these planes and the meaning of its colours, and nothing else of another."""
    height, width = planes[0].shape
    return packed_frame(np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width), like)


def packed_frame(packed: Planes, like: VideoFrame) -> VideoFrame:
    """Return a new frame of packed planes; see `frame_of`."""
    frame = VideoFrame.from_ndarray(packed, format=PICTURE_FORMAT)
    frame.colorspace, frame.color_range = like.colorspace, like.color_range
    return frame


def _on_white(frame: VideoFrame) -> VideoFrame:
    """Lay a transparent frame on white: what is transparent may hold colours that nobody sees."""
    layer = np.asarray(frame.to_ndarray(format="rgba"), dtype=np.uint8)
    share = layer[..., 3:].astype(np.uint16)
    mixed = (layer[..., :3] * share + 255 * (255 - share) + 127) // 255
    return VideoFrame.from_ndarray(np.ascontiguousarray(mixed, dtype=np.uint8), format="rgb24")


def _padded(frame: VideoFrame, off: tuple[int, int]) -> VideoFrame:
    whole = np.asarray(frame.to_ndarray(format="rgb24"))
    grown = np.pad(whole, ((0, off[1]), (0, off[0]), (0, 0)), mode="edge")
    return VideoFrame.from_ndarray(np.ascontiguousarray(grown), format="rgb24")


def through(graph: av.filter.Graph, frame: VideoFrame | None) -> list[VideoFrame]:
    """Put a frame into a graph of filters, or None at the end, and return what comes out."""
    graph.vpush(frame)
    found: list[VideoFrame] = []
    while True:
        try:
            found.append(graph.vpull())
        except (BlockingIOError, EOFError):
            return found


class Deinterlacer:
    """Makes whole pictures of the half pictures of old cameras: faces torn into combs are found less often."""

    def __init__(self, frame: VideoFrame) -> None:
        self._graph = graph = av.filter.Graph()
        # Where the frames carry no time base of their own, units stay what they are.
        base = self._base = frame.time_base or Fraction(1, 1000)
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
        filtered, sink = graph.add("yadif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
        source.link_to(filtered)
        filtered.link_to(sink)
        graph.configure()

    def frames(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """Put a frame in, or None at the end, and return what comes out: each frame one later."""
        found = through(self._graph, frame)
        for whole in found:
            # The filter counts in finer units of its own.
            if whole.pts is not None and whole.time_base:
                whole.pts, whole.duration = (
                    round(n * whole.time_base / self._base) for n in (whole.pts, whole.duration)
                )
                whole.time_base = self._base
        return found
