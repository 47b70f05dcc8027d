"""The cameras of a watch as they are open, and whether they were configured otherwise since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.core.errors import FacewardError, UsageError
from faceward.video.feed_checks import check_specs

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from faceward.video.frames import FeedSpec, Frame
    from faceward.video.ports import FeedsPort, Ports


@dataclass(frozen=True, slots=True)
class Changed:
    """Cameras that were configured otherwise than they are open.

    Attributes:
        usable: All that can be opened, as they are configured now.
        failed: Why the others cannot, by name.
        names: Those that differ from what is open.
    """

    usable: tuple[FeedSpec, ...]
    failed: Mapping[str, FacewardError]
    names: frozenset[str]


class OpenSources:
    """Cameras that are open.

    Args:
        ports: What opens them, and reads how they are configured.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self.feeds: FeedsPort
        self._opened: AbstractContextManager[FeedsPort] | None = None
        self._specs: tuple[FeedSpec, ...] = ()
        self._configured: tuple[FeedSpec, ...] = ()

    def read(self) -> tuple[FeedSpec, ...]:
        """Return the cameras as they are configured, which is what later changes are compared with."""
        self._configured = self._ports.specs()
        return self._configured

    def open(self, specs: tuple[FeedSpec, ...]) -> None:
        """Open cameras in the place of those that are open."""
        self.close()
        opened = self._ports.feeds(specs)
        self.feeds = opened.__enter__()
        self._opened, self._specs = opened, specs

    def release(self, frame: Frame) -> None:
        """Give a frame's memory back; threads may."""
        self.feeds.release(frame)

    def close(self) -> None:
        """Close what is open."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(None, None, None)

    def changed(self) -> Changed | None:
        """Return what was configured otherwise since, or None where nothing was.

        Raises:
            BadInput: No camera is left that can be opened.
        """
        before = self._configured
        try:
            read = self.read()
        except UsageError:
            # One is gone, which the next look at the watch refuses with its rule.
            return None
        if read == before:
            return None
        usable: list[FeedSpec] = []
        failed: dict[str, FacewardError] = {}
        for spec in read:
            try:
                check_specs((spec,), 1)
            except FacewardError as error:
                failed[spec.camera] = error
            else:
                usable.append(spec)
        if failed and not usable:
            raise next(iter(failed.values()))
        return Changed(tuple(usable), failed, frozenset(spec.camera for spec in read if spec not in self._specs))
