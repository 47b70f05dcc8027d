"""Evaluations are read back equal, and what cannot have been measured is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.canonical import canonical_json
from faceward.core.errors import BadInput, IntegrityError
from faceward.core.rates import Rate
from faceward.policy.evaluation import (
    DataBasis,
    DataSet,
    Differential,
    Evaluation,
    Fairness,
    Group,
    IdentificationPoint,
    Point,
)
from faceward.policy.evaluation_reading import MAX_BYTES, parse_evaluation, read_evaluation

words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
shares = st.floats(0, 1)


@st.composite
def rates(draw: st.DrawFn, most: float = 1.0) -> Rate:
    low, estimate, high = sorted(draw(st.lists(st.floats(0, most), min_size=3, max_size=3)))
    trials = draw(st.integers(0, 10**9))
    return Rate(estimate, low, high, draw(st.integers(0, trials)), trials, draw(words))


MATED, NONMATED = 1000, 10**6


def counted(errors: int, trials: int) -> Rate:
    return Rate(errors / trials, 0.0, 1.0, errors, trials, "wilson")


@st.composite
def points(draw: st.DrawFn) -> tuple[Point, ...]:
    count = draw(st.integers(0, 5))
    several = {"min_size": count, "max_size": count, "unique": True}
    thresholds = sorted(draw(st.lists(st.floats(-1, 1), **several)))
    false = sorted(draw(st.lists(st.integers(0, NONMATED), **several)), reverse=True)
    missed = sorted(draw(st.lists(st.integers(0, MATED), min_size=count, max_size=count)))
    lost = draw(st.integers(0, 50))
    found = []
    for threshold, one, other in zip(thresholds, false, missed, strict=True):
        general = counted(one, NONMATED + lost), counted(other + lost, MATED + lost)
        found.append(Point(threshold, counted(one, NONMATED), counted(other, MATED), *general))
    if found and false[-1] and thresholds[-1] < 0.9:
        last = found[-1]
        bound = replace(last.fmr, estimate=last.fmr.estimate / draw(st.floats(1.001, 10)), low=0.0)
        found.append(replace(last, threshold=0.95, fmr=bound, gfar=bound, extrapolated=True))
    return tuple(found)


groups = st.builds(
    Group,
    words,
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.booleans(),
    st.none() | rates(),
    st.none() | rates(),
    words,
)
differentials = st.builds(
    Differential,
    st.sampled_from(["fmr", "fnmr"]),
    words,
    rates(most=50.0),
    shares,
    st.floats(0, 99),
    st.just((0.25, 0.5)),
    st.none() | st.just((1.0, 30.0)),
)
fairness = st.builds(
    Fairness,
    st.lists(words, min_size=1, max_size=2).map(tuple),
    st.floats(-1, 1),
    st.lists(groups, max_size=2).map(tuple),
    st.lists(differentials, max_size=2).map(tuple),
    st.none() | st.floats(-1, 1),
    st.none() | shares,
)
data = st.builds(
    DataSet,
    words,
    st.just("a" * 64),
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.sampled_from(DataBasis),
    words,
    st.sampled_from(["door", "cctv", "Türkamera"]),
    st.booleans(),
)
evaluations = st.builds(
    Evaluation,
    pack=st.just("pack@0123456789abcdef"),
    data=data,
    protocol=words,
    protocol_digest=st.just("b" * 64),
    made=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda m: m.replace(tzinfo=UTC)),  # noqa: DTZ001
    software=words,
    command=words,
    attempts=st.integers(10, 20),
    failed=st.integers(0, 10),
    mated=st.just(MATED),
    nonmated=st.just(NONMATED),
    points=points(),
    identification=st.lists(
        st.builds(
            IdentificationPoint,
            st.integers(10, 99),
            st.integers(0, 9),
            st.floats(-1, 1),
            rates(),
            rates(),
            st.integers(1, 9),
        ),
        max_size=2,
    ).map(tuple),
    fairness=st.lists(fairness, max_size=2).map(tuple),
    likelihood=st.lists(st.floats(-1, 1), max_size=4, unique=True).map(
        lambda scores: tuple((score, 2.5) for score in sorted(scores))
    ),
)


@settings(deadline=None, max_examples=150)
@given(evaluations)
def test_an_evaluation_is_read_back_equal_with_the_same_digest(made: Evaluation) -> None:
    written = canonical_json(made.to_json())
    again = parse_evaluation(written, "a file")
    assert again == made
    assert again.digest() == made.digest()
    assert Evaluation.from_json(json.loads(written)) == made


def changed(good: Evaluation, path: str, value: Any) -> Any:
    """Return the JSON of a good evaluation with one value replaced; `-` takes the key out."""
    whole = json.loads(canonical_json(good.to_json()))
    where: Any = whole
    *steps, last = path.split(".")
    for step in steps:
        where = where[int(step) if step.isdigit() else step]
    if value == "-":
        del where[last]
    else:
        where[int(last) if last.isdigit() else last] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("pack", "-", "'pack' is missing"),
        ("more", 1, "unknown key 'more'"),
        ("format", 2, "another version"),
        ("pack", "pack", "name@digest"),
        ("protocol_digest", "A" * 64, "64 hexadecimal"),
        ("data.digest", "ab", "64 hexadecimal"),
        ("data.basis", "crawled", "rule V3"),
        ("data.camera_class", "", "empty"),
        ("data.camera_class", " door", "as names are kept"),
        ("data.own", 1, "true or false"),
        ("data.subjects", -1, "whole number"),
        ("data.subjects", 1.5, "whole number"),
        ("made", "2026-06-01", "moment"),
        ("failed", 10**9, "greater than 'attempts'"),
        ("software", "", "empty"),
        ("command", "a\nb", "line"),
        ("points.0.fmr.estimate", 2, "does not hold"),
        ("points.0.fmr.low", 0.99, "does not hold"),
        ("points.0.fmr.high", 1e-9, "does not hold"),
        ("points.0.fmr.errors", 10**14, "greater than 'trials'"),
        ("points.0.fmr.estimate", True, "number"),
        ("points.0.fmr.estimate", None, "number"),
        ("points.0.threshold", 0.99, "rise in threshold"),
        ("points.0.threshold", -1.01, "-1 to 1"),
        ("points.1.fmr", {"estimate": 0.5, "low": 0.5, "high": 0.5, "errors": 1, "trials": 2, "method": "w"}, "fall"),
        ("points.1.fnmr", {"estimate": 0, "low": 0, "high": 0, "errors": 0, "trials": 2, "method": "w"}, "FNMR"),
        ("fairness.0.attributes", [], "names none"),
        ("fairness.0.differentials.0.measure", "fpir", "fmr or fnmr"),
        ("fairness.0.differentials.0.inequity", -1, "below 0"),
        ("fairness.0.differentials.0.gini_interval", [0.5], "interval"),
        ("fairness.0.groups", 3, "list of tables"),
        ("likelihood", [[0.1, 1], [0.1, 2]], "rise in score"),
        ("likelihood", [[0.1, 1, 2]], "pairs"),
        ("likelihood", [[0.1, 10**400]], "pairs"),
        ("likelihood", 3, "pairs"),
        ("points", [{}] * 201, "more than 200"),
    ],
)
def test_what_cannot_have_been_measured_is_refused_in_one_line(
    evaluations_kit: ModuleType, path: str, value: Any, message: str
) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        read_evaluation(changed(evaluations_kit.evaluation(), path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"{", b'{"format": 1, "format": 1}', b"[" * 5000])
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput, match="a file"):
        parse_evaluation(content, "a file")


def test_size_is_bounded_and_the_error_is_the_callers(evaluations_kit: ModuleType) -> None:
    evaluation = evaluations_kit.evaluation
    with pytest.raises(BadInput, match="larger than"):
        parse_evaluation(b" " * (MAX_BYTES + 1), "a file")
    group = evaluation().fairness[0].groups[0]
    section = replace(evaluation().fairness[0], groups=tuple(replace(group, note="x" * 4000) for _ in range(300)))
    with pytest.raises(IntegrityError, match="larger than"):
        read_evaluation(evaluation(fairness=(section,)).to_json(), "stored", IntegrityError)


def test_the_moment_is_kept_to_the_microsecond(evaluations_kit: ModuleType) -> None:
    made = evaluations_kit.evaluation(made=datetime(2026, 1, 2, 3, 4, 5, 6, UTC) + timedelta(hours=1))
    assert Evaluation.from_json(made.to_json()).made == made.made


POINTS = (
    ({"errors": 0}, "are not a rate"),
    ({"errors": 90, "estimate": 1e-7}, "are not a rate"),
    ({"trials": 5000}, "are not the 1,000,000 comparisons"),
    ({"trials": 0, "errors": 0}, "are not the 1,000,000 comparisons"),
    ({"estimate": 4e-7, "errors": 0}, "less than one of"),
)


@pytest.mark.parametrize(("wrong", "said"), POINTS)
def test_V1_an_evaluation_that_does_not_agree_with_itself_is_refused(
    evaluations_kit: ModuleType, wrong: dict[str, Any], said: str
) -> None:
    first = Point(0.5, counted(10**4, NONMATED), counted(3, MATED), counted(10**4, NONMATED), counted(3, MATED))
    second = Point(0.7, counted(100, NONMATED), counted(9, MATED), counted(100, NONMATED), counted(9, MATED))
    third = replace(second, threshold=0.8, fmr=replace(second.fmr, estimate=1e-5, low=0.0), extrapolated=True)

    def read(*rows: Point, **more: Any) -> Evaluation:
        made = evaluations_kit.evaluation(points=rows, **{"mated": MATED, "nonmated": NONMATED, **more})
        return read_evaluation(made.to_json())

    assert len(read(first, second, third).points) == 3
    bad = replace(second, fmr=replace(second.fmr, low=0.0, **wrong))
    with pytest.raises(BadInput, match=said):
        read(first, bad)
    with pytest.raises(BadInput, match="mated"):
        read(first, second, mated=MATED + 1)
    with pytest.raises(BadInput, match="one decade"):
        read(first, second, replace(third, fmr=replace(third.fmr, estimate=9.9e-6)))
    with pytest.raises(BadInput, match="one decade"):
        read(replace(first, extrapolated=True), replace(second, extrapolated=True))
    with pytest.raises(BadInput, match="fewer than were compared"):
        read(first, replace(second, gfar=counted(1, 10)))
