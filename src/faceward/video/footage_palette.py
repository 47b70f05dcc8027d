"""Frames with a palette of their own, as a GIF wants them."""

from __future__ import annotations

from fractions import Fraction

import av.filter
from av.video.frame import VideoFrame

from faceward.video.footage_upright import through


class Palette:
    """Gives each frame the 256 colours that suit it; holds no more than one frame."""

    def __init__(self, like: VideoFrame, base: Fraction) -> None:
        self._graph = graph = av.filter.Graph()
        source = graph.add_buffer(width=like.width, height=like.height, format=like.format, time_base=base)
        split, made = graph.add("split"), graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
        used, sink = graph.add("paletteuse", "new=1:dither=none"), graph.add("buffersink")
        source.link_to(split)
        split.link_to(used, 0, 0)
        split.link_to(made, 1, 0)
        made.link_to(used, 0, 1)
        used.link_to(sink)
        graph.configure()

    def frames(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """Put a frame in, or None at the end, and return what comes out."""
        return through(self._graph, frame)
