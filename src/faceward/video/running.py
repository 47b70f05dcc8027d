"""A watch put together: a deployment's cameras, its model pack in threads, and the watch on record."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.core.errors import BadInput, EnvironmentFailure, UsageError
from faceward.video.feeds import Feeds
from faceward.video.forgetting import overwrite_what_is_freed
from faceward.video.frames import FeedSpec
from faceward.video.ports import Event, FeedsPort, Order, Ports
from faceward.video.source_files import check, is_live
from faceward.video.watch import Watch

if TYPE_CHECKING:
    from faceward.operations.system import System
    from faceward.operations.watching import WatchRequest
    from faceward.video.figures import Summary
    from faceward.vision.pipeline import Pipeline

_FEWEST, _MOST = 2, 4


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a watch is carried out.

    Attributes:
        tell: Takes events, in the order in which they happen.
        ends: Tells whether to end now; asked many times a second.
        patient: Whether every frame is looked at, as it is of recordings, however long that takes.
        renew: Signs in anew, before a session ends; None where nobody signed in.
    """

    tell: Callable[[Event], None]
    ends: Callable[[], bool] = lambda: False
    patient: bool = False
    renew: Callable[[], None] | None = None


def watch(system: System, request: WatchRequest, conduct: Conduct) -> Summary:
    """Watch cameras of a deployment for those on a list.

    From here on, this process overwrites what it gives back to the C library (rule W1).

    Args:
        system: The open deployment.
        request: What is watched.
        conduct: How.

    Raises:
        UsageError: There is no such camera or list, or every frame is to be looked at of a camera that is live.
        BadInput: A camera's file is not there; nothing was announced or spent.
        PolicyRefusal: The watch may not begin, or not go on.
        EnvironmentFailure: It cannot begin: the machine, a library or the log.
        IntegrityError: The model pack is damaged.
    """
    overwrite_what_is_freed()
    if conduct.patient:
        _require_recordings(system, request.cameras)
    _require_files(system, request.cameras)
    cameras = tuple(system.cameras.get(name) for name in dict.fromkeys(request.cameras))
    ports = Ports(
        specs=lambda: specs(system, request.cameras, patient=conduct.patient),
        feeds=_open,
        opening=lambda: system.watching(request),
        networks=_networks(system.pipeline),
        board=system.live,
        tell=conduct.tell,
        renew=conduct.renew,
    )
    try:
        return Watch(Order(request.gallery, request.purpose, cameras, conduct.patient), ports).run(conduct.ends)
    finally:
        system.live.clear()


def specs(system: System, names: tuple[str, ...], *, patient: bool = False) -> tuple[FeedSpec, ...]:
    """Return how cameras are to be opened, as they are configured now.

    Args:
        system: The open deployment.
        names: Names of cameras.
        patient: Whether every frame is to be looked at.

    Raises:
        UsageError: There is no such camera.
        IntegrityError: An address was altered.
    """
    cameras = [system.cameras.get(name) for name in dict.fromkeys(names)]
    return tuple(
        FeedSpec(camera.name, system.cameras.source(camera.name), camera.rate, camera.zones, paced=not patient)
        for camera in cameras
    )


def _require_recordings(system: System, names: tuple[str, ...]) -> None:
    # What is live does not wait, and its zones must count from the moment in which they are configured (rule W10).
    for name in names:
        if is_live(system.cameras.source(name)):
            raise UsageError(f"camera {name} is live and has no end; leave --until-ended out, or give --for TIME")


def _require_files(system: System, names: tuple[str, ...]) -> None:
    # Before the watch is announced, which spends a use of its mandate.
    for name in dict.fromkeys(names):
        try:
            check(system.cameras.source(name))
        except (BadInput, EnvironmentFailure) as error:
            raise type(error)(f"camera {name}: {error}") from None


def _open(wanted: tuple[FeedSpec, ...]) -> AbstractContextManager[FeedsPort]:
    return Feeds(wanted)


def _networks(pipeline: Pipeline) -> list[Pipeline]:
    """Return the pack at work once for each thread: who has networks alone knows what their memory holds."""
    found = [pipeline.apart() for _ in range(min(_MOST, max(_FEWEST, os.cpu_count() or 1)))]
    for each in found:
        each.load()
    return found
