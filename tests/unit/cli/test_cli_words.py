"""Words and drawings of results."""

from __future__ import annotations

import pytest

from faceward.cli.log_table import _details
from faceward.cli.options import Settings
from faceward.cli.output import table
from faceward.cli.progress import progress
from faceward.cli.words import (
    clean,
    faceless_sentence,
    fmr_sentence,
    fpir_sentence,
    interval,
    one_in,
    passed_over_sentence,
    percent,
    plural,
    scale,
)
from faceward.core.results import Threshold

POINT = Threshold(0.9, 1e-4, 7.26e-5, 1.41e-4, None, "LFW View 1")


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1e-4, "1 in 10,000"),
        (7.26e-5, "1 in 13,800"),
        (1e-6, "1 in 1,000,000"),
        (5e-3, "1 in 200"),
        (0.2, "1 in 5"),
        (0.3, "1 in 3.33"),
        (1.0, "1 in 1"),
        (0.0, "none"),
    ],
)
def test_a_rate_is_said_as_one_in_so_many(rate: float, text: str) -> None:
    assert one_in(rate) == text


def test_the_sentence_gives_the_interval_from_often_to_seldom() -> None:
    assert fmr_sentence(POINT) == (
        "at this threshold 1 in 10,000 strangers would be called a match (95 % interval 1 in 7,090 to 1 in 13,800), "
        "measured on LFW View 1"
    )
    assert interval(POINT) == "FMR 1.0e-04 [7.3e-05, 1.4e-04]"


def test_a_rate_that_nobody_measured_is_said_to_be_extrapolated() -> None:
    point = Threshold(0.97, 1e-7, 1e-9, 1e-7, None, "LFW View 1", extrapolated=True)
    assert fmr_sentence(point).endswith("extrapolated from LFW View 1")
    assert interval(point) == "FMR 1.0e-07 [1.0e-09, 1.0e-07], extrapolated"
    assert point.to_json()["extrapolated"] is True


def test_a_search_is_said_by_its_fpir_and_size() -> None:
    point = Threshold(0.9, 1e-6, 5e-7, 2e-6, 0.01, "data")
    sentence = fpir_sentence(point, 10_000)
    assert sentence.startswith("1 % of searches for somebody who is not among these 10,000 subjects would return")
    assert fpir_sentence(POINT, 10) == fmr_sentence(POINT)
    assert percent(0.0123) == "1.2 %"
    assert [percent(rate) for rate in (1.0, 0.9997, 0.996, 0.994, 0.0)] == ["100 %", "100 %", "99.6 %", "99 %", "0 %"]


@pytest.mark.parametrize("score", [None, -1.0, 0.0, 0.85, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.3, 0.9, 0.9999, 1.0])
def test_the_scale_is_one_line_in_order(score: float | None, threshold: float) -> None:
    line = scale(Threshold(threshold, 1e-4, 1e-5, 1e-3, None, "x"), score)
    low, drawn, high = line.split(" ")
    assert high == "1.00"
    assert float(low) >= -1
    assert len(drawn) == 48
    if score is None:
        assert "●" not in drawn
    else:
        assert drawn.count("●") == 1
        if score > threshold and "┃" in drawn:
            assert drawn.index("┃") < drawn.index("●")
        if score < threshold and "┃" in drawn:
            assert drawn.index("●") < drawn.index("┃")


def test_text_is_made_safe_for_a_terminal() -> None:
    assert clean("a\x1b[31m\u202eb\n\ud800") == "a\\x1b[31m\\u202eb\\n\\ud800"
    assert clean("Ωμέγα 张伟 🙂 ক\u200d") == "Ωμέγα 张伟 🙂 ক\u200d"


def test_numbers_of_things_are_said_in_words() -> None:
    assert (plural(1, "face"), plural(0, "face"), plural(2000, "face")) == ("1 face", "0 faces", "2,000 faces")
    assert plural(2, "entry", "entries") == "2 entries"


def test_there_is_no_bar_with_json_or_without_a_terminal() -> None:
    for settings in (Settings(as_json=True), Settings()):
        with progress(settings, "Working") as advance:
            assert advance is None


def test_files_passed_over_are_named_the_first_ten_of_many() -> None:
    assert passed_over_sentence([]) == ""
    assert passed_over_sentence(["a.heic", "b"]) == "2 files passed over, not pictures of a known format: a.heic, b"
    assert passed_over_sentence([str(n) for n in range(1012)]).endswith(": 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,002 more")


def test_pictures_without_a_face_are_to_be_looked_at() -> None:
    assert faceless_sentence([]) == ""
    assert faceless_sentence(["a.png"]) == "no face found in a.png: look at it before publishing it"
    assert faceless_sentence(["a", "b"]) == "no face found in a, b: look at them before publishing them"


def test_a_reason_in_the_log_stands_between_commas_without_its_full_stop() -> None:
    assert _details("details", {"reason": "No purpose.", "rule": "P1"}) == "reason No purpose, rule P1"
    assert _details("details", {"operator": "Acme Inc."}) == "operator Acme Inc."
    assert _details("subject", {"chain": {"label": "ab", "number": 4, "previous": None}}) == "chain 4"


def test_a_table_without_rows_is_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id#", "state"), iter(()))
    table(("id#", "state"), [], "Galleries")
    assert capsys.readouterr().out == "none\nGalleries: none\n"
