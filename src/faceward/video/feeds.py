"""Frames of cameras, from decoders in processes of their own."""

from __future__ import annotations

from faceward.video.frames import FeedCounts, FeedNews, FeedSpec, Frame

__all__ = ["FeedCounts", "FeedNews", "FeedSpec", "Frame"]
