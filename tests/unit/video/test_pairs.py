"""Samples that wait for the next look: for how long, for whom, and what becomes of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.core.faces import Box
from faceward.video import comparing, forgetting, pool
from faceward.video.ledger import Ledger
from faceward.video.pairs import FORGOTTEN, HELD, Held, Waiting
from faceward.video.pool import Done, Pool
from faceward.video.recogniser import Looked, Recogniser
from faceward.video.tracks import Tracks
from faceward.video.views import View

LIMIT = 30


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


class Watched:
    """One camera that is looked at frame by frame."""

    def __init__(self, kit: ModuleType, *people: Any, **held: Any) -> None:
        self.kit, self.networks, self.held = kit, kit.FakeNetworks(list(people)), kit.FakeHeld(**held)
        self.recogniser = Recogniser(self.networks)
        self.view = View(5.0, 0.5, self.held.terms.dwell, self.held.terms.most_comparisons)

    def look(self, seconds: float) -> Looked:
        return self.recogniser.look(self.kit.frame(seconds=seconds), self.view, self.held)

    def settle(self) -> Looked:
        return self.recogniser.settle(self.view, self.held)

    @property
    def track(self) -> Any:
        [track] = self.view.tracks._tracks.values()
        return track

    def at(self, seconds: float) -> float:
        found: float = self.kit.frame(seconds=seconds).captured.timestamp()
        return found


def held(since: float, worth: float = 0.5) -> Held:
    picture = np.ones((4, 4, 3), np.uint8)
    return Held("door", np.ones(8, np.float32), picture, Box(0, 0, 1, 1), (), None, since, since, worth, {})  # type: ignore[arg-type]


def test_W1_what_waits_longest_is_due_first_and_overwritten_when_nobody_came_to_it() -> None:
    waiting, first, second = Waiting(), held(10.0), held(10.1)
    assert (waiting.due, waiting.received) == (None, None)
    waiting.add(1, first)
    waiting.add(2, second)
    assert (waiting.due, waiting.received) == (10.0 + HELD, 10.0)
    waiting.expire(10.0 + FORGOTTEN - 0.01)
    assert len(waiting) == 2
    waiting.expire(10.0 + FORGOTTEN + 0.01)
    assert (len(waiting), first.features.any(), first.part.any()) == (1, False, False)
    assert second.features.all()


def test_W1_nothing_waits_longer_than_is_left_of_a_second_with_working_memory() -> None:
    assert HELD + forgetting.DELAY < 1
    assert FORGOTTEN < 1


def test_W1_a_sample_waits_from_when_it_was_made(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    before = time.monotonic()
    watched.look(0.0)
    assert watched.view.waiting.due is not None
    assert before + HELD <= watched.view.waiting.due <= time.monotonic() + HELD


def test_W1_after_a_slow_look_nothing_waits(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    monkeypatch.setattr(comparing, "PROMPT", 0.0)
    assert watched.look(0.0).fresh == 1
    assert (watched.held.samples, len(watched.view.waiting)) == ([1], 0)


def test_W1_each_sample_is_overwritten_when_it_was_compared_and_not_after_the_others(kit: ModuleType) -> None:
    watched = Watched(kit, *(kit.Person(kit.face_box(80 + 200 * n, 200), n + 2) for n in range(2)))
    watched.look(0.0)
    first, second = watched.view.waiting._held.values()
    seen: list[tuple[bool, bool]] = []
    compare = watched.held.compare

    def compared(features: Any) -> Any:
        seen.append((bool(first.features.any()), bool(second.features.any())))
        return compare(features)

    watched.held.compare = compared
    watched.settle()
    assert seen == [(True, True), (False, True)]


def test_W1_what_is_compared_as_one_is_overwritten(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    seen: list[Any] = []
    compare = watched.held.compare
    watched.held.compare = lambda features: (seen.append(features), compare(features))[1]
    watched.look(0.0)
    watched.look(0.2)
    [both] = seen
    assert both.shape == (2, kit.DIMENSION)
    assert not both.any()


def test_W1_comparing_what_waited_marks_working_memory(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    watched.look(0.0)
    watched.recogniser.scrubber.scrub()
    assert watched.recogniser.scrubber.due is None
    watched.networks.blanks.clear()
    watched.settle()
    watched.recogniser.scrubber.scrub()
    assert "1 faces" in watched.networks.blanks


def test_W1_an_error_keeps_nothing_of_the_calls_in_which_it_arose(kit: ModuleType) -> None:
    for pairs in (True, False):
        watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3), fails={"compare": [EnvironmentFailure("full")]})
        watched.view.pairs = pairs
        watched.look(0.0) if pairs else None
        error = watched.look(0.2).error
        assert error is not None
        assert error.__traceback__ is None


def test_what_cannot_be_compared_alone_is_told(kit: ModuleType) -> None:
    failing = EnvironmentFailure("the log cannot be written; free some space")
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3), fails={"compare": [failing]})
    watched.look(0.0)
    assert watched.settle().error is failing


def test_two_samples_that_do_not_resemble_each_other_are_not_compared_as_one(kit: ModuleType) -> None:
    person = kit.Person(kit.face_box(200, 200), 1)
    watched = Watched(kit, person)
    watched.look(0.0)
    # The tracker takes somebody else for them.
    person.number = 2
    [sighting] = watched.look(0.2).sightings
    assert (watched.held.compared_with, watched.held.samples) == ([1], [1])
    assert sighting.captured.timestamp() == watched.at(0.0)
    assert not any(row.any() for row in watched.networks.given)


def test_a_second_sample_that_is_no_good_is_not_taken(kit: ModuleType) -> None:
    person = kit.Person(kit.face_box(100, 100), 3)
    watched = Watched(kit, person)
    watched.look(0.0)
    person.confidence = 0.3
    watched.look(0.2)
    assert watched.held.samples == [1]
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    watched.look(0.0)
    watched.held.terms = replace(watched.held.terms, floors={"sharpness": (1.1, None)})
    watched.look(0.2)
    assert watched.held.samples == [1]


def test_W9_a_second_sample_beyond_the_dwell_limit_is_the_next_tracks(kit: ModuleType) -> None:
    terms = kit.TERMS.__class__(0.9, 1e-5, 1e-3, 3, 1.0, 1, 1, "test")
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3), terms=terms)
    for seconds in (0.0, 0.2, 0.4, 0.6, 0.85):
        watched.look(seconds)
    assert len(watched.view.waiting) == 1
    looked = watched.look(1.05)
    assert looked.ended.unknown == 1
    assert watched.held.samples == [2, 1]
    assert watched.track.compared == 0
    [waits] = watched.view.waiting._held.values()
    assert waits.captured.timestamp() == watched.at(1.05)


def test_what_is_noted_of_two_samples_is_the_better_and_the_later(kit: ModuleType) -> None:
    person = kit.Person(Box(110, 110, 150, 150), 3)
    watched = Watched(kit, person)
    watched.look(0.0)
    [first] = watched.view.waiting._held.values()
    person.box = kit.face_box(100, 100, 45)
    watched.look(0.2)
    assert watched.held.samples == [2]
    better = watched.track.best
    assert better >= first.worth
    assert watched.track.last == watched.at(0.2)
    alone = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    alone.look(0.0)
    alone.settle()
    assert alone.track.last == alone.at(0.0)


def test_the_time_of_a_comparison_is_when_its_sample_was_taken() -> None:
    tracks = Tracks(60, 3)
    tracks.go_on([1], 10.0)
    tracks.note(1, 0.5, 9.5, matched=False)
    tracks.go_on([1], 10.15)
    assert tracks.wants(1, 0.5)


def test_a_sighting_of_what_waited_has_its_quality(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(200, 200), 1))
    watched.look(0.0)
    [sighting] = watched.settle().sightings
    assert sighting.quality["inter_eye_distance"] > 12


def test_what_waited_is_counted_without_a_frame(kit: ModuleType) -> None:
    ledger = Ledger("list", "purpose", (kit.camera("a"),))
    ledger.looked(Done("a", 0.0, 0.0, 1.0, Looked(fresh=2, frames=0)))
    figures = ledger.figures["a"]
    assert (figures.compared, figures.looked_at, figures.captured) == (2, 0, None)


class Pooled:
    """A pool of one thread and two cameras, before which somebody stands."""

    def __init__(self, kit: ModuleType, number: int = 3) -> None:
        self.kit, self.feeds, self.held = kit, kit.FakeFeeds(), kit.FakeHeld()
        self.networks = kit.FakeNetworks([kit.Person(kit.face_box(100, 100), number)])
        self.views = {name: View(5.0, 0.5, 60.0, 3) for name in "ab"}
        self.pool = Pool([Recogniser(self.networks)], self.views, self.feeds.release)
        self.pool.open(self.held)

    def offer(self, camera: str, seconds: float) -> None:
        frame = self.kit.frame(camera, seconds)
        self.feeds.out[id(frame)] = frame
        self.pool.offer(frame)

    def until(self, reached: Callable[[], object]) -> None:
        end = time.monotonic() + LIMIT
        while not reached():
            assert time.monotonic() < end
            time.sleep(0.005)

    def waits(self) -> Held:
        self.until(lambda: len(self.views["a"].waiting) and not self.pool._busy)
        [found] = self.views["a"].waiting._held.values()
        return found

    def block(self) -> threading.Event:
        """Let the thread look at the other camera until the event is set."""
        gate = threading.Event()
        while self.networks.entered.acquire(blocking=False):
            pass
        self.networks.gate = gate
        self.offer("b", 0.0)
        assert self.networks.entered.acquire(timeout=LIMIT)
        return gate


def test_W1_W7_what_waits_is_overwritten_at_once_when_shut_though_all_threads_are_busy(kit: ModuleType) -> None:
    made = Pooled(kit)
    made.offer("a", 0.0)
    found = made.waits()
    gate = made.block()
    made.pool.shut()
    assert not found.features.any()
    assert not found.part.any()
    # Nor is what is still in hand kept for the next watch.
    made.pool.open(another := kit.FakeHeld())
    gate.set()
    made.until(lambda: made.pool.idle or made.pool.take())
    made.pool.close()
    assert another.compared_with == []
    assert made.held.compared_with == []


def test_W1_what_nobody_comes_to_is_overwritten_by_who_takes_what_was_done(kit: ModuleType) -> None:
    made = Pooled(kit)
    made.offer("a", 0.0)
    found = made.waits()
    gate = made.block()
    made.until(lambda: made.pool.take() is not None and not found.features.any())
    assert time.monotonic() - found.since >= FORGOTTEN
    assert len(made.views["a"].waiting) == 0
    gate.set()
    made.pool.close()


def test_what_was_seen_is_compared_before_a_watch_ends(kit: ModuleType) -> None:
    made = Pooled(kit, number=1)
    made.offer("a", 0.0)
    found = made.waits()
    made.pool.finish()
    [sighting] = [one for done in made.pool.take() if done.looked for one in done.looked.sightings]
    assert sighting.captured == found.captured
    assert made.feeds.out == {}
    # Nothing more is looked at.
    made.offer("a", 0.2)
    assert made.feeds.out == {}


def test_W1_what_waits_is_seen_to_in_time_whatever_else_a_thread_waits_for(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_WAIT", LIMIT)
    monkeypatch.setattr(forgetting, "DELAY", LIMIT)
    made = Pooled(kit)
    made.offer("a", 0.0)
    found = made.waits()
    made.until(lambda: made.held.compared_with == [3])
    assert time.monotonic() - found.since < LIMIT / 2
    made.pool.close()


def test_W1_a_thread_whose_scrubbing_fails_leaves_nothing_that_waits(kit: ModuleType) -> None:
    made = Pooled(kit)
    detect = made.networks.detect

    def failing(picture: Any, *rest: Any, **options: Any) -> Any:
        if picture.name == "blank":
            raise IntegrityError("the model failed; verify the pack")
        return detect(picture, *rest, **options)

    made.networks.detect = failing
    made.offer("a", 0.0)
    found = made.waits()
    made.until(lambda: not found.features.any())
    made.pool.close()
    assert not found.part.any()
