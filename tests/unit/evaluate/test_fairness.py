from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import faceward.evaluate
from faceward.core.errors import BadInput
from faceward.evaluate import differentials, fairness
from faceward.evaluate.groups import MIN_SUBJECTS
from faceward.evaluate.scores import Scores
from faceward.policy.evaluation import Fairness

ROUNDS = 200
RATES = st.lists(st.floats(1e-6, 1), min_size=2, max_size=8)


def people(sizes: list[int], shift: list[float], seed: int, samples: int = 2) -> tuple[Scores, list[str]]:
    """Compare everybody: strangers of group k score N(shift k, 1), of two groups N(-1, 1), the same person N(4, 1)."""
    generator = np.random.default_rng(seed)
    group_of = np.repeat(np.arange(len(sizes)), sizes)
    subject = np.repeat(np.arange(len(group_of)), samples)
    group = group_of[subject]
    first, second = np.triu_indices(len(subject), 1)
    pairs = np.stack([first, second], axis=1)
    same = subject[first] == subject[second]
    mean = np.where(group[first] == group[second], np.array(shift)[group[first]], -1.0)
    values = generator.standard_normal(len(pairs)) + np.where(same, 4.0, mean)
    scores = Scores(values[same], values[~same], pairs[same], pairs[~same], subject)
    return scores, [chr(ord("a") + k) for k in group]


def assess(scores: Scores, labels: list[str], threshold: float) -> Fairness:
    [found] = fairness.assess(scores, {"kind": labels}, threshold, ROUNDS)
    return found


def test_V2_rates_are_those_within_a_group_with_intervals() -> None:
    scores, labels = people([60, 60], [0.0, 0.5], 1)
    found = assess(scores, labels, 3.0)
    codes = np.array(labels)
    for group, kind in zip(found.groups, "ab", strict=True):
        mine = (codes[scores.nonmated_pairs] == kind).all(axis=1)
        own = codes[scores.mated_pairs[:, 0]] == kind
        assert (group.name, group.subjects, group.samples, group.supported) == (f"kind={kind}", 60, 120, True)
        assert group.fmr is not None
        assert group.fnmr is not None
        assert group.fmr.estimate == pytest.approx((scores.nonmated[mine] >= 3).mean())
        assert (group.fmr.errors, group.fmr.trials) == ((scores.nonmated[mine] >= 3).sum(), mine.sum())
        assert group.fnmr.estimate == pytest.approx((scores.mated[own] < 3).mean())
        for rate in (group.fmr, group.fnmr):
            assert 0 <= rate.low < rate.estimate < rate.high <= 1


def test_V2_the_differential_is_that_of_the_known_rates() -> None:
    from scipy.stats import norm

    threshold, shift = 2.5, [0.0, 0.0, 0.7]
    rates = norm.sf(threshold - np.array(shift))
    scores, labels = people([70, 70, 70], shift, 2)
    found = {one.measure: one for one in assess(scores, labels, threshold).differentials}
    matches = found["fmr"]
    assert matches.worst == "kind=c"
    assert matches.inequity_interval is not None
    assert matches.chance is not None
    assert matches.ratio.low <= differentials.worst_to_geometric_mean(rates) <= matches.ratio.high
    assert matches.gini_interval[0] <= differentials.gini(rates) <= matches.gini_interval[1]
    assert matches.inequity_interval[0] <= differentials.inequity(rates) <= matches.inequity_interval[1]
    assert matches.ratio.low > 1
    assert matches.ratio.estimate > matches.chance
    misses = found["fnmr"]
    assert misses.chance is not None
    assert misses.ratio.estimate <= misses.chance * 1.3


def test_groups_that_do_not_differ_seldom_seem_to() -> None:
    """With four equal groups the highest rate exceeds the mean by chance; it exceeds `chance` about once in twenty."""
    above = 0
    for seed in range(40):
        scores, labels = people([35] * 4, [0.0] * 4, 100 + seed, samples=1)
        [found] = [one for one in assess(scores, labels, 2.0).differentials if one.measure == "fmr"]
        assert found.ratio.estimate >= 1
        assert found.chance is not None
        above += found.ratio.estimate > found.chance
    assert above <= 6


@pytest.mark.parametrize(
    ("rates", "ratio", "gini", "inequity"),
    [
        ([0.1, 0.1], 1, 0, 1),
        ([0.1, 0.1, 0.1], 1, 0, 1),
        # sqrt(4) = 2; half the difference over the mean: 0.3 / 0.5.
        ([0.4, 0.1], 2, 0.6, 4),
        # 8 over the cube root of 1 * 8 * 1; differences 7 + 7 of a mean of 10 / 3: (2 * 14) / (2 * 3 * 2 * 10 / 3).
        ([0.08, 0.01, 0.01], 4, 0.7, 8),
    ],
)
def test_measures_of_closed_form(rates: list[float], ratio: float, gini: float, inequity: float) -> None:
    made = np.array(rates)
    assert differentials.worst_to_geometric_mean(made) == pytest.approx(ratio)
    assert differentials.gini(made) == pytest.approx(gini)
    assert differentials.inequity(made) == pytest.approx(inequity)


@given(RATES, st.floats(1e-3, 1e3))
def test_measures_know_neither_order_nor_unit(rates: list[float], factor: float) -> None:
    made = np.array(rates)
    for measure in (differentials.worst_to_geometric_mean, differentials.gini, differentials.inequity):
        assert measure(made[::-1] * factor) == pytest.approx(float(measure(made)), rel=1e-6, abs=1e-9)
    assert -1e-9 <= differentials.gini(made) <= 1 + 1e-9
    assert 1 - 1e-9 <= differentials.worst_to_geometric_mean(made) <= differentials.inequity(made) + 1e-9


def test_a_group_of_three_people_has_a_message_and_no_figure() -> None:
    scores, labels = people([60, 60, 3], [0.0, 0.0, 3.0], 3)
    found = assess(scores, labels, 3.0)
    small = found.groups[2]
    assert (small.subjects, small.samples, small.supported, small.fmr, small.fnmr) == (3, 6, False, None, None)
    assert small.note == f"3 subjects are too few for a claim; at least {MIN_SUBJECTS} are needed"
    assert {one.worst for one in found.differentials} <= {"kind=a", "kind=b"}
    without = assess(scores, ["b" if label == "c" else label for label in labels], 3.0)
    assert found.groups[0].fmr == without.groups[0].fmr


def test_a_group_too_small_for_the_rate_says_what_it_would_need() -> None:
    """30 people are 435 pairs; of an FMR of 1e-4 that says nothing: 1.5 / 1e-4 pairs are needed."""
    scores, labels = people([200, 31], [0.0, 0.0], 4)
    threshold = float(np.quantile(scores.nonmated, 1 - 1e-4))
    group = assess(scores, labels, threshold).groups[1]
    assert group.fmr is None
    assert not group.supported
    needed = int(np.ceil(1.5 / (scores.nonmated >= threshold).mean()))
    assert f"no FMR: 465 pairs of subjects, and a claim needs {needed:,}" in group.note


def test_where_no_error_was_seen_nothing_is_compared() -> None:
    scores, labels = people([40, 40], [0.0, 0.0], 5)
    found = assess(scores, labels, 100.0)
    assert all(group.fmr is None and "no such error was seen" in group.note for group in found.groups)
    assert (found.worst_threshold, found.worst_fnmr) == (None, None)
    assert not [one for one in found.differentials if one.measure == "fmr"]


def test_a_group_without_an_error_divides_nothing_by_zero() -> None:
    scores, labels = people([60, 60], [0.0, 0.0], 6)
    values = scores.nonmated.copy()
    mine = (np.array(labels)[scores.nonmated_pairs] == "a").all(axis=1)
    values[mine] = -5
    found = assess(
        Scores(scores.mated, values, scores.mated_pairs, scores.nonmated_pairs, scores.subject_of), labels, 2
    )
    assert found.groups[0].fmr is not None
    assert (found.groups[0].fmr.errors, found.groups[0].fmr.method) == (0, "rule of three")
    assert found.groups[0].fmr.high == pytest.approx(3 / (60 * 59 / 2), rel=0.01)
    [matches] = [one for one in found.differentials if one.measure == "fmr"]
    assert found.groups[1].fmr is not None
    # The median estimate of none among 1,770 pairs of people.
    assert matches.inequity == pytest.approx(found.groups[1].fmr.estimate / (np.log(2) / 1770), rel=1e-3)
    assert np.isfinite([matches.ratio.low, matches.ratio.high, matches.gini, *matches.gini_interval]).all()


def test_the_operating_point_of_the_worst_group_and_its_price() -> None:
    scores, labels = people([60, 60], [0.0, 1.0], 7)
    found = assess(scores, labels, 3.0)
    assert found.worst_threshold is not None
    target = (scores.nonmated >= 3).mean()
    codes = np.array(labels)

    def rate(kind: str, threshold: float) -> float:
        mine = (codes[scores.nonmated_pairs] == kind).all(axis=1)
        return float((scores.nonmated[mine] >= np.float32(threshold)).mean())

    assert all(rate(kind, found.worst_threshold) <= target for kind in "ab")
    below = np.nextafter(np.float32(found.worst_threshold), np.float32(-1))
    assert max(rate(kind, float(below)) for kind in "ab") > target
    assert found.worst_fnmr == pytest.approx((scores.mated < found.worst_threshold).mean())
    assert found.worst_fnmr >= (scores.mated < 3).mean()


def test_of_one_rated_group_there_is_no_worst() -> None:
    scores, labels = people([60, 10], [0.0, 0.5], 7)
    found = assess(scores, labels, 2.0)
    assert [group.fmr is not None for group in found.groups] == [True, False]
    assert (found.worst_threshold, found.worst_fnmr) == (None, None)


def test_intersections_are_groups_too_and_what_is_not_stated_is_counted_apart() -> None:
    scores, labels = people([40, 40], [0.0, 0.0], 8)
    other: list[str | None] = [("x", "y", None)[k // 2 % 3] for k in range(len(labels))]
    found = fairness.assess(scores, {"kind": labels, "eyes": other}, 2.0, ROUNDS)
    assert [one.attributes for one in found] == [("kind",), ("eyes",), ("kind", "eyes")]
    names = [group.name for group in found[2].groups]
    assert "kind=a, eyes=x" in names
    assert "kind=b, eyes=not stated" in names
    assert sum(group.samples for group in found[2].groups) == len(labels)
    assert all("not stated" not in one.worst for one in found[1].differentials)


def test_partial_protocols_are_weighed_as_those_of_all_pairs() -> None:
    """The closed form for all pairs and the sum over listed ones agree where one comparison is left out."""
    scores, labels = people([40, 40], [0.0, 0.0], 9)
    whole = assess(scores, labels, 2.0)
    part = Scores(scores.mated, scores.nonmated[1:], scores.mated_pairs, scores.nonmated_pairs[1:], scores.subject_of)
    found = assess(part, labels, 2.0)
    for one, other in zip(whole.groups, found.groups, strict=True):
        assert one.fmr is not None
        assert other.fmr is not None
        assert (other.fmr.low, other.fmr.high) == pytest.approx((one.fmr.low, one.fmr.high), rel=0.02)


def test_labels_must_be_there_for_each_sample() -> None:
    scores, labels = people([5, 5], [0.0, 0.0], 0)
    with pytest.raises(BadInput, match="carry no labels"):
        fairness.assess(scores, {}, 2.0)
    with pytest.raises(BadInput, match="19 labels of kind do not go with 20 samples"):
        fairness.assess(scores, {"kind": labels[1:]}, 2.0)


def test_one_subject_is_no_group() -> None:
    scores = Scores([1.0], [], [[0, 1]], [], [0, 0])
    found = assess(scores, ["a", "a"], 0.5)
    assert [group.supported for group in found.groups] == [False]
    assert found.differentials == ()


def _sources() -> list[Path]:
    return sorted(Path(faceward.evaluate.__file__).parent.glob("*.py"))


PICTURES = {"Picture", "Pipeline", "Image", "Sample", "Features", "pixels"}
ABOUT_LABELS = ("labels", "fairness", "groups", "differentials")


@pytest.mark.parametrize("name", ABOUT_LABELS)
def test_V3_nothing_that_handles_labels_can_take_a_picture(name: str) -> None:
    """Modules of labels and groups import nothing that reads, finds or embeds a face, and name none of its types."""
    module = importlib.import_module(f"faceward.evaluate.{name}")
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not [one for one in imported if one.startswith(("faceward.vision", "faceward.gallery", "PIL", "onnx"))]
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        words = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        assert not words & PICTURES, f"{name}.{function.name}"


def test_P4_nothing_in_evaluation_infers_what_a_person_is() -> None:
    """No public name of the package speaks of guessing a label, and only two functions give any: they read a file."""
    givers = set()
    for info in pkgutil.iter_modules(faceward.evaluate.__path__):
        module = importlib.import_module(f"faceward.evaluate.{info.name}")
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            said = name.lower()
            assert not [word for word in ("infer", "predict", "classif", "estimate_", "ethnic", "race") if word in said]
            if inspect.isfunction(value) and "Labels" in str(value.__annotations__.get("return", "")):
                givers.add(f"{info.name}.{name}")
    assert givers == {"labels.read_labels"}
    assert len(_sources()) > 10


def test_V2_there_is_no_threshold_per_group() -> None:
    """One threshold for all groups is all that the interface takes and gives."""
    assert str(inspect.signature(fairness.assess).parameters["threshold"].annotation) == "float"
    assert [name for name in Fairness.__dataclass_fields__ if "threshold" in name] == ["threshold", "worst_threshold"]
    from faceward.policy.evaluation import Group

    assert not [name for name in Group.__dataclass_fields__ if "threshold" in name]
