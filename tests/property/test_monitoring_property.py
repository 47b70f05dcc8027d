"""The test and the counts it is made of, for any course of events."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError
from faceward.policy.monitored import Count
from faceward.policy.monitoring import EProcess, log_evalue, lower_bound, upper_bound
from faceward.policy.verdicts import Found, Searched

START = datetime(2026, 6, 1, tzinfo=UTC)
RATES = st.floats(1e-6, 0.5)
COUNTS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: (max(pair), min(pair)))


@given(RATES, COUNTS)
def test_the_e_value_rises_with_false_alerts_and_sinks_with_faces_and_rates(
    rate: float, counts: tuple[int, int]
) -> None:
    faces, false_alerts = counts
    here = log_evalue(rate, faces, false_alerts)
    assert log_evalue(rate, faces + 1, false_alerts) < here
    assert log_evalue(rate, faces + 1, false_alerts + 1) > here
    assert log_evalue(rate * 1.01, faces, false_alerts) <= here


@settings(max_examples=50)
@given(COUNTS)
def test_the_rate_seen_lies_between_the_bounds(counts: tuple[int, int]) -> None:
    faces, false_alerts = counts
    low, high = lower_bound(faces, false_alerts), upper_bound(faces, false_alerts)
    assert 0 <= low < high <= 1
    if faces:
        assert low <= false_alerts / faces <= high


@given(RATES, st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_V1_a_breach_is_the_first_moment_at_which_the_limit_is_reached(
    rate: float, steps: list[tuple[int, int]]
) -> None:
    process, reached = EProcess(rate), False
    for one, other in steps:
        process = process.update(max(one, other), min(one, other))
        reached = reached or process.evalue >= 1 / process.alpha
        # The limit itself is no number that rounding leaves alone.
        assert process.breached == reached or abs(process.evalue * process.alpha - 1) < 1e-9


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("search"), st.integers(0, 6), st.integers(0, 6), st.integers(0, 8)),
        st.tuples(
            st.sampled_from(("correct", "incorrect", "undetermined")),
            st.integers(0, 30),
            st.one_of(st.none(), st.integers(1, 6)),
            st.integers(0, 3),
        ),
        st.just(("restart", 0, 0, 0)),
    ),
    max_size=40,
)


def course(events: list[Any]) -> list[Count]:
    """Play events and return the count after each."""
    count, made, played = Count(-1, START, EProcess(0.05)), list[Searched](), list[Count]()
    for number, (what, first, second, third) in enumerate(events):
        now = START + timedelta(minutes=number)
        if what == "search":
            # Some pictures are searched again, by one of three people; of some it is not known which they are.
            picture, operator = f"{third % 3}" if third < 6 else "", f"person {third % 3}"
            counted = max(first, second), min(first, second)
            made.append(Searched(number, now, 1000 + number, "door", *counted, picture, operator))
            count = count.searched(made[-1])
        elif what == "restart":
            count = count.restarted(number, now)
        elif made:
            count = count.found(Found(number, now, made[first % len(made)], what, second, f"person {third}"), 0.05)
        played.append(count)
    return played


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_every_alert_is_counted_once_whatever_is_found_of_it_and_how_often(events: list[Any]) -> None:
    for before, count in zip([Count(-1, START, EProcess(0.05)), *course(events)], course(events), strict=False):
        parts = count.correct, count.process.false_alerts, count.undetermined, count.undecided
        assert min(parts) >= 0
        assert sum(parts) == count.alerts <= count.process.faces
        assert count.breach is None or count.latest is not None
        # A breach is never taken back but by a new beginning.
        assert before.breach is None or count.breach == before.breach or count.first > before.first


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.integers(0, 60), st.integers(1, 4))
def test_V1_a_picture_searched_again_adds_no_face_and_a_second_finding_by_its_author_takes_nothing_off(
    events: list[Any], person: int, again: int
) -> None:
    for count in course([one for one in events if one[0] != "restart"])[-1:]:
        name = f"person {person % 4}"
        search = Searched(900, START, 5000, "door", 3, 2, "new", "person 1")
        once = count.searched(search)
        found = once.found(Found(901, START, search, "incorrect", None, name), 0.05)
        assert found.process.false_alerts == once.process.false_alerts + 2
        more = found
        for number in range(again):
            repeated = Searched(902 + number, START, 5001 + number, "door", 3, 2, "new", "person 2")
            more = more.searched(repeated).found(Found(950, START, repeated, "incorrect", None, name), 0.05)
        counted = "faces", "false_alerts"
        assert [getattr(more.process, one) for one in counted] == [getattr(found.process, one) for one in counted]
        for by in (name, "person 1"):
            more = more.found(Found(960, START, search, "correct", None, by), 0.05)
            assert more.process.false_alerts == found.process.false_alerts


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_what_is_kept_reads_back_equal(events: list[Any]) -> None:
    for count in course(events)[-1:]:
        assert Count.from_json(json.loads(canonical_json(count.to_json()))) == count


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


@given(st.sampled_from(sorted(Count(-1, START, EProcess(0.05)).to_json())), JSON)
def test_what_is_kept_and_was_damaged_is_refused_with_one_kind_of_error(key: str, value: Any) -> None:
    whole = dict(Count(-1, START, EProcess(0.05)).to_json())
    with suppress(IntegrityError):
        Count.from_json({**whole, key: value})
    with pytest.raises(IntegrityError):
        Count.from_json({name: one for name, one in whole.items() if name != key})
