"""Answers as files, the scheme of features, and a case read back from what was sealed."""

from __future__ import annotations

import copy
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.errors import BadInput, IntegrityError, PolicyRefusal, UsageError
from faceward.policy import review, review_probe
from faceward.policy.review_answers import MAX_BYTES, parse_answer, template
from faceward.policy.review_codec import read_case
from faceward.policy.review_features import parse_scheme, review_scheme
from faceward.policy.review_model import (
    Answer,
    Candidate,
    Case,
    Comparison,
    Finding,
    Outcome,
    Search,
    Version,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ID = "1f" * 16


def _case() -> Case:
    features = dict.fromkeys(review_scheme().features, Finding.SIMILAR)
    answer = Answer("rosa", NOW, (Comparison(1, features, "same-strong", "a mole"),), amendment=False, salt="5a" * 32)
    return Case(
        id=ID,
        opened=NOW,
        opener="olga",
        expires=NOW + timedelta(days=30),
        kind="frame",
        search=Search(7, "olga", "suspects", "robbery", "", "who is it"),
        versions=(Version("a" * 64, None, "original", "", "olga", NOW, "probe.jpg"),),
        candidates=(
            Candidate(1, 'Ada "the # Great"', "0a" * 16, 0.9, (0.1, 0.2, 0.3, 0.4), "e" * 64, "e" * 64),
            Candidate(2, None, None, None),
        ),
        answers=(answer,),
        outcomes=(Outcome("olga", NOW, "correct", "found", "none"),),
    )


@pytest.fixture
def case() -> Case:
    return _case()


def test_H2_the_scheme_holds_the_components_of_facial_comparison_practice() -> None:
    scheme = review_scheme()
    assert len(scheme.features) == 18
    assert {"eyes", "nose", "mouth", "ears", "marks"} <= scheme.features.keys()
    assert [step.key for step in scheme.conclusions.values() if step.support] == ["same-strong", "same-moderate"]
    assert len(scheme.conclusions) == 7


@pytest.mark.parametrize(
    "text",
    [
        "version = 2",
        "version = 1",
        "version = 1\n[[feature]]\nkey = 'a'\nname = 'A'\nlook = 'x'",
        "version = 1\nfeature = []\nconclusion = []",
        "version = 1\nfeature = 1\nconclusion = []",
        "version = 1\nmore = 1",
        "[[feature]]\n" * 3,
    ],
)
def test_a_damaged_scheme_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        parse_scheme(text.encode())


def test_a_feature_given_twice_is_refused() -> None:
    feature = "[[feature]]\nkey = 'a'\nname = 'A'\nlook = 'x'\n"
    step = "[[conclusion]]\nkey = 'c'\nname = 'C'\nsupport = true\n"
    parse_scheme(f"version = 1\n{feature}{step}".encode())
    with pytest.raises(IntegrityError, match="twice"):
        parse_scheme(f"version = 1\n{feature}{feature}{step}".encode())


def _filled(case: Case, finding: str = "similar", conclusion: str = "same-moderate") -> str:
    text = template(case)
    features = text.replace('= ""  ', f'= "{finding}"  ')
    return features.replace('conclusion = ""', f'conclusion = "{conclusion}"')


def test_a_template_that_is_filled_in_is_an_answer(case: Case) -> None:
    raw = tomllib.loads(_filled(case))
    for name, data in (("a.toml", _filled(case).encode()), ("a.JSON", json.dumps(raw).encode())):
        [comparison] = parse_answer(data, name, ID)
        assert comparison.candidate == 1
        assert set(comparison.features) == set(review_scheme().features)
        assert set(comparison.features.values()) == {Finding.SIMILAR}
        review.check_comparisons(case, (comparison,))


def test_an_empty_template_is_no_answer(case: Case) -> None:
    with pytest.raises(BadInput, match="similar, dissimilar, indeterminate"):
        parse_answer(template(case).encode(), "a.toml", ID)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f'case = "{ID}"', 'case = "2f"', "not to this one"),
        (f'case = "{ID}"', "", "'case' is missing"),
        ('skin = "similar"', 'skin = "same"', "'skin' is 'same'"),
        ('skin = "similar"', "skin = 1", "text in quotes"),
        ('conclusion = "same-moderate"', 'conclusion = "identity"', "'identity' is unknown"),
        ("candidate = 1", "candidate = 1.5", "whole number"),
        ("candidate = 1", "candidate = -1", "whole number"),
        ("[comparison.features]", "[comparison.feature]", "unknown key 'feature'"),
        ("[[comparison]]", "[comparison]", "list of tables"),
    ],
)
def test_a_wrong_word_in_an_answer_is_named(case: Case, old: str, new: str, problem: str) -> None:
    text = _filled(case)
    assert old in text
    with pytest.raises(BadInput, match=problem):
        parse_answer(text.replace(old, new).encode(), "a.toml", ID)


def test_an_answer_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadInput, match="larger"):
        parse_answer(b" " * (MAX_BYTES + 1), "a.toml", ID)


def test_H2_H3_an_answer_leaves_out_neither_candidate_nor_feature(case: Case) -> None:
    [comparison] = parse_answer(_filled(case).encode(), "a.toml", ID)
    with pytest.raises(UsageError, match="compares every candidate once; this case has 1"):
        review.check_comparisons(case, ())
    with pytest.raises(UsageError, match="compares every candidate once"):
        review.check_comparisons(case, (comparison, comparison))
    fewer = Comparison(1, {k: v for k, v in comparison.features.items() if k != "nose"}, "same-strong", "")
    with pytest.raises(PolicyRefusal, match="no finding on nose"):
        review.check_comparisons(case, (fewer,))
    more = Comparison(1, {**comparison.features, "race": Finding.SIMILAR}, "same-strong", "")
    with pytest.raises(UsageError, match="no feature 'race'"):
        review.check_comparisons(case, (more,))
    with pytest.raises(UsageError, match="longer than"):
        review.check_comparisons(case, (Comparison(1, comparison.features, "same-strong", "x" * 4001),))


def test_H2_without_a_picture_of_the_candidate_nothing_is_concluded(case: Case) -> None:
    bare = replace(case, candidates=tuple(replace(one, sample=None) for one in case.candidates))
    for step in review_scheme().conclusions:
        comparisons = parse_answer(_filled(bare, conclusion=step).encode(), "a.toml", ID)
        review.check_comparisons(case, comparisons)
        if step == review.INCONCLUSIVE:
            review.check_comparisons(bare, comparisons)
            continue
        with pytest.raises(PolicyRefusal, match="no picture of them") as refused:
            review.check_comparisons(bare, comparisons)
        assert refused.value.rule == "H2"


@pytest.mark.parametrize("kind", ["composite", "sketch", "generated"])
def test_S3_a_probe_that_is_no_photograph_is_refused(kind: str) -> None:
    with pytest.raises(PolicyRefusal) as refused:
        review_probe.check_kind(kind)
    assert refused.value.rule == "S3"


def test_a_probe_of_unknown_kind_is_asked_about() -> None:
    assert [review_probe.check_kind(kind) for kind in review_probe.KINDS] == ["photograph", "frame"]
    with pytest.raises(UsageError, match="unknown"):
        review_probe.check_kind("hologram")


def test_a_case_is_read_back_as_it_was(case: Case) -> None:
    assert read_case(json.loads(json.dumps(case.to_json()))) == case


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, inner in below for place in _places(inner, (*at, key)))]


@given(data=st.data())
def test_whatever_is_altered_in_a_case_it_reads_or_says_so(data: st.DataObject) -> None:
    original = json.loads(json.dumps(_case().to_json()))
    value = copy.deepcopy(original)
    place = data.draw(st.sampled_from(_places(original)))
    odd = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]), st.just({}))
    if place:
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        if data.draw(st.booleans()):
            holder[place[-1]] = data.draw(odd)
        else:
            del holder[place[-1]]
    else:
        value = data.draw(odd)
    try:
        read_case(value)
    except IntegrityError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said
