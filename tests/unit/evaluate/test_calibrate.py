from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.calibrate import RATES, as_toml, calibration_table, fit
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.scores import Scores
from faceward.vision.calibration import Calibration, parse_calibration
from faceward.vision.fields import Table


def faces(people: int, size: int, seed: int, samples: int = 2) -> Scores:
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(people), samples)
    made = generator.standard_normal((people, size))[subject] + 0.6 * generator.standard_normal((len(subject), size))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    first, second = np.triu_indices(len(subject), 1)
    pairs, same = np.stack([first, second], axis=1), subject[first] == subject[second]
    values = (made @ made.T)[first, second]
    return Scores(values[same], values[~same], pairs[same], pairs[~same], subject)


@pytest.fixture(scope="module")
def scores() -> Scores:
    return faces(250, 48, 1)


@pytest.fixture(scope="module")
def bootstrap(scores: Scores) -> SubjectBootstrap:
    return SubjectBootstrap(scores, 100)


def read(text: str) -> Calibration:
    return parse_calibration(Table(tomllib.loads(text)["calibration"], "made"))


def test_the_table_is_one_that_a_manifest_takes(scores: Scores, bootstrap: SubjectBootstrap) -> None:
    made = read(calibration_table(scores, bootstrap, RATES, 'Faces of "nobody", all pairs', 0.005))
    assert made.data == 'Faces of "nobody", all pairs'
    assert (made.mated, made.nonmated) == (len(scores.mated), len(scores.nonmated))
    assert made.measured_to is None
    assert made.loosest == 0.2
    # Ten errors of 124,500 comparisons, and not fewer.
    assert made.strictest == pytest.approx(1e-4)
    for rate, low, high, threshold, missed in made.table:
        assert low <= rate <= high
        seen = (scores.nonmated >= np.float32(threshold)).mean()
        assert rate * 0.9 - 2 / made.nonmated <= seen <= rate
        assert missed == pytest.approx((scores.mated < np.float32(threshold)).mean(), abs=6e-5)


def test_extrapolated_points_come_on_demand_and_are_marked(scores: Scores, bootstrap: SubjectBootstrap) -> None:
    fitted = fit(scores, bootstrap, extrapolate=True)
    assert fitted.tail is not None
    assert not fitted.tail.reasons
    made = read(as_toml(fitted, "faces", 0.01))
    assert made.measured_to == pytest.approx(1e-4)
    assert made.strictest == pytest.approx(1e-5)
    measured, beyond = made.at_fmr(1e-4), made.at_fmr(2e-5)
    assert (measured.extrapolated, beyond.extrapolated) == (False, True)
    assert beyond.threshold > measured.threshold
    assert beyond.fmr_high == pytest.approx(2e-5)


def test_a_lower_end_of_zero_stays_zero_and_a_manifest_holds_a_hundredth_of_the_rate(
    scores: Scores, bootstrap: SubjectBootstrap
) -> None:
    fitted = fit(scores, bootstrap)
    rows = tuple((rate, 0.0, *rest) for rate, _, *rest in fitted.rows)
    made = read(as_toml(replace(fitted, rows=rows), "faces", 0.01))  # type: ignore[arg-type]
    assert [row[1] for row in made.table] == pytest.approx([row[0] / 100 for row in rows], rel=1e-2)


def test_a_tail_that_does_not_pass_adds_no_points(scores: Scores) -> None:
    values = scores.nonmated.copy()
    values[:3] = [0.98, 0.985, 0.99]
    spoilt = Scores(scores.mated, values, scores.mated_pairs, scores.nonmated_pairs, scores.subject_of)
    fitted = fit(spoilt, SubjectBootstrap(spoilt, 100), extrapolate=True)
    assert fitted.tail is not None
    assert fitted.tail.reasons
    assert fitted.rows[-1][0] == fitted.measured_to
    assert "measured_to" not in as_toml(fitted, "faces", 0.01)


def test_rates_that_the_scores_do_not_tell_apart_are_one_point() -> None:
    made = faces(60, 16, 2)
    coarse = np.round(made.nonmated, 1)
    scores = Scores(made.mated, coarse, made.mated_pairs, made.nonmated_pairs, made.subject_of)
    rows = fit(scores, SubjectBootstrap(scores, 50)).rows
    thresholds = [row[3] for row in rows]
    assert thresholds == sorted(set(thresholds))
    assert all((scores.nonmated >= np.float32(row[3])).mean() <= row[0] for row in rows)


@pytest.mark.parametrize("people", [1, 2, 3])
def test_data_that_support_no_table_are_told(people: int) -> None:
    scores = faces(people, 8, 0)
    with pytest.raises(BadInput, match="support no table of two rates"):
        fit(scores, SubjectBootstrap(scores, 10))


def test_without_mated_comparisons_there_is_no_calibration() -> None:
    scores = faces(60, 8, 0, samples=1)
    with pytest.raises(BadInput, match="no mated comparison"):
        fit(scores, SubjectBootstrap(scores, 10))


@pytest.mark.parametrize("default", [1e-5, 2e-5, 0.3])
def test_the_default_rate_is_a_measured_one(scores: Scores, bootstrap: SubjectBootstrap, default: float) -> None:
    with pytest.raises(UsageError, match="was not measured"):
        as_toml(fit(scores, bootstrap, extrapolate=True), "faces", default)


@pytest.mark.parametrize("text", ["", " ", "two\nlines", "bell\x07"])
def test_the_data_are_named_in_one_line(scores: Scores, bootstrap: SubjectBootstrap, text: str) -> None:
    with pytest.raises(UsageError, match="must be one line"):
        calibration_table(scores, bootstrap, RATES, text, 0.01)
