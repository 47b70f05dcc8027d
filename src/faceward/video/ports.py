"""What a watch works with and what it tells, apart from how it does so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from faceward.core.canonical import JSONValue
from faceward.operations.watching import Watcher

if TYPE_CHECKING:
    from faceward.core.watch_results import LiveState
    from faceward.operations.watch_counts import Totals
    from faceward.policy.cameras import Camera
    from faceward.video.frames import FeedCounts, FeedNews, FeedSpec, Frame
    from faceward.video.recogniser import Networks


class Held(Watcher, Protocol):
    """A watch on record; `operations.watching.Watching` is one."""

    @property
    def entry(self) -> int:
        """Index of the log entry that announced the period under way."""

    @property
    def totals(self) -> Totals:
        """What it counted since it began."""

    @property
    def expected_per_day(self) -> float:
        """False alerts a day that its terms make of the traffic of the last hour."""


Opening = Callable[[], AbstractContextManager[Held]]


class FeedsPort(Protocol):
    """Frames of cameras; `video.feeds.Feeds` is one. `release` may be called by several threads."""

    def poll(self, timeout: float) -> list[Frame | FeedNews]:
        """Return what came, waiting for it at most so many seconds."""
        ...

    def want(self, camera: str, every: bool) -> None:
        """Ask for frames of a camera in which nothing moves, or no longer."""
        ...

    def release(self, frame: Frame) -> None:
        """Give a frame back."""
        ...

    def counts(self) -> Mapping[str, FeedCounts]:
        """Return what was done with the frames of each camera."""
        ...


class Board(Protocol):
    """Where it is shown how the cameras stand; `operations.live.LiveBoard` is one."""

    def write_preview(self, camera: str, jpeg: bytes) -> None:
        """Show a redacted picture."""
        ...

    def write_state(self, state: LiveState) -> None:
        """Show counts."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that whoever runs the watch is told.

    Attributes:
        kind: `begun`, `camera`, `alert`, `suppressed`, `slow`, `interrupted`, `resumed`, `lost`, `board` or `ended`.
        message: One line.
        camera: Which camera, or empty.
        details: More of it.
    """

    kind: str
    message: str
    camera: str = ""
    details: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """What is watched.

    Attributes:
        gallery: The list.
        purpose: Its purpose.
        cameras: The cameras.
        patient: Whether every frame is looked at, as it is of recordings, however long that takes.
    """

    gallery: str
    purpose: str
    cameras: tuple[Camera, ...]
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    """What a watch works with.

    Attributes:
        specs: Returns how the cameras are configured now; may raise where one is not configured any more.
        feeds: Opens the cameras. Nothing is opened before a watch was announced (rule W8).
        opening: Announces the watch; may raise as `Watcher.check` does.
        networks: Model packs at work, one for each thread.
        board: Where it is shown how the cameras stand.
        tell: Takes events, in the order in which they happen.
        renew: Signs in anew, before a session ends; None where nobody signed in.
    """

    specs: Callable[[], tuple[FeedSpec, ...]]
    feeds: Callable[[tuple[FeedSpec, ...]], AbstractContextManager[FeedsPort]]
    opening: Opening
    networks: Sequence[Networks]
    board: Board
    tell: Callable[[Event], None]
    renew: Callable[[], None] | None = None
