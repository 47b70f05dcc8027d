"""Model cards say what was measured, on which data, and what was not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from faceward.core.rates import Rate
from faceward.documents.as_html import render_html
from faceward.documents.as_pdf import render_pdf
from faceward.documents.cards import model_card, pack_card
from faceward.documents.facts import DifferentialFacts, EvaluationFacts, Facts, GroupFacts, PointFacts, SearchFacts
from faceward.documents.measured import NO_EVALUATION, NO_GROUPS
from faceward.documents.parts import gaps

RATE = Rate(0.05, 0.041, 0.06, 50, 1000, "bootstrap over subjects")
NONE = Rate(0.0, 0.0, 0.03, 0, 100, "rule of three")


@pytest.fixture
def evaluation() -> EvaluationFacts:
    groups = GroupFacts(
        ("sex",),
        0.9,
        (("sex=female", 800, RATE, RATE), ("sex=<b>other</b>", 2, None, None)),
        (DifferentialFacts("fnmr", "sex=female", Rate(1.3, 1.1, 1.6, 50, 1000, "bootstrap over subjects")),),
        (0.93, 0.12),
    )
    return EvaluationFacts(
        digest="ab" * 32,
        shipped=True,
        made=datetime(2026, 5, 4, tzinfo=UTC),
        protocol="lfw-view1",
        data="LFW View 1",
        statement="Press photographs.",
        basis="public-research",
        camera_class="press-photographs",
        own=False,
        counts=(4992, 3095, 3192, 12_454_344),
        attempts=4993,
        failed=1,
        points=(PointFacts(0.9, RATE, NONE, False), PointFacts(0.95, RATE, RATE, True)),
        searches=(SearchFacts(1000, 700, 0.94, RATE, RATE, 10),),
        groups=(groups,),
    )


def flat(data: bytes) -> str:
    return " ".join(data.decode().replace("\u00a0", " ").split())


def test_V1_the_model_card_states_what_was_measured(facts: Facts, evaluation: EvaluationFacts) -> None:
    document = model_card(replace(facts, evaluations=(evaluation,)), {})
    page = flat(render_html(document))
    for said in (
        "ab" * 32,
        "comes with the pack",
        "2026-05-04, protocol lfw-view1",
        "4,992 pictures of 3,095 people; Press photographs.",
        "press-photographs, by cameras of others",
        "1 of 4,993 pictures",
        "none of 100 (at most 3.0 %)",
        "0.9500 *",
        "Extrapolated from the tail",
        "1,000 (700 simulated)",
        "sex=&lt;b&gt;other&lt;/b&gt;",
        "too few people for a claim",
        "FNMR: highest in the group sex=female, 1.30 times the geometric mean (1.10 to 1.60).",
        "At a threshold of 0.9300 the worst group meets the FMR of all; 12.0 % of people are not recognised there.",
    ):
        assert said in page, said
    assert NO_EVALUATION not in page
    assert NO_GROUPS not in page
    assert render_pdf(document).startswith(b"%PDF")


def test_V1_what_was_not_measured_is_said(facts: Facts, evaluation: EvaluationFacts) -> None:
    page = flat(render_html(model_card(facts, {})))
    assert NO_EVALUATION in page
    assert NO_GROUPS in page
    without = replace(facts, evaluations=(replace(evaluation, groups=()),))
    assert NO_GROUPS in flat(render_html(model_card(without, {})))


def test_V2_the_gap_is_open_until_groups_are_measured(facts: Facts, evaluation: EvaluationFacts) -> None:
    own = replace(evaluation, own=True)
    assert NO_GROUPS in str(gaps(facts))
    assert NO_GROUPS not in str(gaps(replace(facts, evaluations=(evaluation,))))
    assert "not from cameras and people here" in str(gaps(replace(facts, evaluations=(evaluation,))))
    assert "not from cameras and people here" not in str(gaps(replace(facts, evaluations=(own,))))


def test_V1_a_pack_has_a_card_without_a_deployment(facts: Facts, evaluation: EvaluationFacts) -> None:
    made = datetime(2026, 6, 1, tzinfo=UTC)
    card = pack_card(facts.pack, evaluation, made, "Faceward 0.1.0")
    page = flat(render_html(card))
    assert "Model card of the pack centerface-dlib" in page
    assert f'name="faceward-manifest" content="{facts.pack.document}"' in page
    assert "Controller" not in page
    assert "not legal advice" not in page
    assert not card.missing
    assert render_html(card) == render_html(pack_card(facts.pack, evaluation, made, "Faceward 0.1.0"))
    assert NO_EVALUATION in flat(render_html(pack_card(facts.pack, None, made, "Faceward 0.1.0")))
