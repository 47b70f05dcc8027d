"""When a channel is tried again, for every number of failures, every chance and every clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from faceward.policy.deliveries import Line, Pace

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PACE = Pace()
CHANCE = st.floats(0, 1)
SPANS = st.timedeltas(timedelta(0), timedelta(days=9))


@given(attempts=st.integers(1, 10**6), chance=CHANCE)
def test_pauses_grow_to_a_longest_and_differ_by_chance(attempts: int, chance: float) -> None:
    pause = PACE.pause(attempts, chance)
    whole = min(PACE.longest, PACE.first * 2 ** min(attempts - 1, 40))
    assert whole / 2 <= pause <= whole
    assert PACE.pause(attempts + 1, chance) >= pause
    assert PACE.pause(attempts, 0.0) < PACE.pause(attempts, 1.0)


@given(attempts=st.integers(1, 100), chance=CHANCE, asked=SPANS)
def test_a_receiver_may_ask_for_more_and_not_for_ever(attempts: int, chance: float, asked: timedelta) -> None:
    pause = PACE.pause(attempts, chance, asked)
    assert pause >= PACE.pause(attempts, chance)
    assert pause <= max(PACE.longest, PACE.asked)


@given(
    pause=st.timedeltas(timedelta(0), timedelta(hours=1)), shift=st.timedeltas(timedelta(days=-9), timedelta(days=9))
)
def test_no_clock_keeps_a_channel_waiting_for_longer_than_a_pause(pause: timedelta, shift: timedelta) -> None:
    wait = Line().failed(NOW, "x", pause).wait(NOW + shift, PACE)
    assert wait is not None
    assert timedelta(0) <= wait <= max(PACE.longest, PACE.asked)
    if shift >= pause:
        assert wait == timedelta(0)


@given(steps=st.lists(st.sampled_from(["fail", "work", "connect", "close"]), max_size=12))
def test_how_a_channel_stands_follows_from_what_came_last(steps: list[str]) -> None:
    line, delivered = Line(), 0
    for number, step in enumerate(steps):
        now = NOW + timedelta(seconds=number)
        if step in ("fail", "close"):
            line = line.failed(now, "x", timedelta(seconds=1), closed=step == "close")
        else:
            delivered += step == "work"
            line = line.succeeded(now, events=int(step == "work"))
    assert line.delivered == delivered
    last = steps[-1] if steps else ""
    trailing = steps[
        len(steps) - next((i for i, s in enumerate(reversed(steps)) if s in ("work", "connect")), len(steps)) :
    ]
    if last in ("fail", "close"):
        assert line.state == ("closed" if "close" in trailing else "failing")
        assert line.attempts == len(trailing)
        assert (line.wait(NOW, PACE) is None) == ("close" in trailing)
    else:
        assert line.state == ("working" if delivered else "new")
        assert line.reason == ""
    assert Line.from_json(line.to_json()) == line
