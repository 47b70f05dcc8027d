"""Impossible travel (rule W5): what nobody can have done, and what somebody may have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.policy.travel import APART, FASTEST, Spot, distance, horizon, impossible

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LONDON, LEEDS, PARIS = (51.5007, -0.1246), (53.7997, -1.5492), (48.8566, 2.3522)
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def spot(branch: str, place: tuple[float, float] | None, minutes: float = 0) -> Spot:
    return Spot(branch, place, NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("first", "second", "kilometres"),
    [
        (LONDON, PARIS, 342.8),
        (LONDON, LEEDS, 272.9),
        ((0.0, 0.0), (0.0, 180.0), 20015.1),
        ((0.0, 179.5), (0.0, -179.5), 111.2),
        ((90.0, 0.0), (90.0, 77.0), 0.0),
        (LEEDS, LEEDS, 0.0),
    ],
)
def test_distances_are_those_of_great_circles(
    first: tuple[float, float], second: tuple[float, float], kilometres: float
) -> None:
    assert distance(first, second) == pytest.approx(kilometres, abs=0.2)


def vector(place: tuple[float, float]) -> np.ndarray:
    lat, lon = np.radians(place)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


@given(PLACES, PLACES)
def test_distances_agree_with_the_angle_between_vectors(one: tuple[float, float], two: tuple[float, float]) -> None:
    a, b = vector(one), vector(two)
    angle = np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)
    assert distance(one, two) == pytest.approx(6371.0088 * angle, abs=1e-3)


@given(PLACES, PLACES, PLACES)
def test_distance_is_a_distance(one: tuple[float, float], two: tuple[float, float], three: tuple[float, float]) -> None:
    assert distance(one, two) == pytest.approx(distance(two, one), abs=1e-6)
    assert distance(one, one) == pytest.approx(0, abs=1e-6)
    assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-6
    assert distance(one, two) <= FASTEST * horizon().total_seconds() / 3600 + 1e-6


def test_W5_faster_than_anybody_drives_is_impossible_and_slower_is_not() -> None:
    # 272.9 km: two hours six minutes at 130 km/h.
    assert impossible(spot("London", LONDON), spot("Leeds", LEEDS, 120))
    assert not impossible(spot("London", LONDON), spot("Leeds", LEEDS, 130))
    assert impossible(spot("London", LONDON), spot("Leeds", LEEDS))


@given(st.floats(-300, 300), st.sampled_from([None, LONDON, LEEDS]), st.sampled_from([None, LONDON, PARIS]))
def test_W5_which_of_two_came_first_does_not_matter(
    minutes: float, here: tuple[float, float] | None, there: tuple[float, float] | None
) -> None:
    one, two = spot("a", here), spot("b", there, minutes)
    assert impossible(one, two) == impossible(two, one)


def test_W5_within_one_branch_two_cameras_may_see_the_same_person_at_once() -> None:
    for place in (None, LONDON):
        assert not impossible(spot("London", None), spot("London", place))
    assert not impossible(spot("London", LONDON), spot("London", LONDON))
    assert not impossible(spot("", None), spot("", None))


def test_W5_the_same_name_of_a_branch_puts_no_two_places_together() -> None:
    assert impossible(spot("London", LONDON), spot("London", PARIS))
    assert impossible(spot("", LONDON), spot("", PARIS))
    assert not impossible(spot("London", LONDON), spot("London", PARIS, 240))


def test_W5_positions_and_clocks_may_be_out_a_little() -> None:
    beside = (LONDON[0] + 0.004, LONDON[1])
    assert distance(LONDON, beside) < 0.5
    assert not impossible(spot("a", LONDON), spot("b", beside))
    assert impossible(spot("a", LONDON), spot("b", (LONDON[0] + 0.006, LONDON[1])))


@pytest.mark.parametrize(("here", "there"), [(None, None), (LONDON, None), (None, LONDON)])
def test_W5_between_branches_of_unknown_position_five_minutes_must_pass(
    here: tuple[float, float] | None, there: tuple[float, float] | None
) -> None:
    least = APART.total_seconds() / 60
    assert impossible(spot("a", here), spot("b", there, least - 0.01))
    assert not impossible(spot("a", here), spot("b", there, least))
