"""Standards in plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from faceward.policy import plain
from faceward.policy.parameters import Basis
from faceward.policy.standard import Standard, available_standards, load_standard

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "standards.md"
NAMES = ("workplace", "border", "investigation", "retail", "library")


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "not at all"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(hours=48), "2 days"),
        (timedelta(hours=25), "25 hours"),
        (timedelta(days=365), "1 year"),
        (timedelta(days=366), "366 days"),
    ],
)
def test_spans_are_said_in_their_largest_exact_unit(span: timedelta, words: str) -> None:
    assert plain.words(span) == words


def test_rates_are_said_as_people_say_them() -> None:
    assert [plain.one_in(rate) for rate in (1e-2, 5e-2, 1e-4)] == ["1 in 100", "1 in 20", "1 in 10,000"]


def test_every_parameter_has_words_and_every_change_shows(workplace: Standard) -> None:
    parameters = workplace.parameters
    keys = [row.key for row in plain.settings(parameters)]
    assert len(keys) == len(set(keys))
    assert all(row.meaning and row.value for row in plain.settings(parameters))
    for changed, key in (
        (replace(parameters, people=replace(parameters.people, trained=True)), "people.trained"),
        (replace(parameters, custody=replace(parameters.custody, lease=timedelta(1))), "custody.lease"),
        (replace(parameters, maximum_retention=timedelta(days=7)), "retention.maximum"),
        (replace(parameters, probe_floors=parameters.probe_floors[1:]), "quality.probe.inter_eye_distance"),
    ):
        [found] = plain.differences(parameters, changed)
        assert found.key == key
        assert found.first != found.second
        [back] = plain.differences(changed, parameters)
        assert (back.first, back.second) == (found.second, found.first)
    assert plain.differences(parameters, parameters) == ()


@pytest.mark.parametrize("name", available_standards())
def test_every_action_that_is_permitted_has_words(name: str) -> None:
    standard = load_standard(name)
    assert [action for action in plain.permitted(standard) if action not in plain.ACTIONS] == []
    assert plain.summary(standard).startswith("For ")
    assert len(plain.summary(standard)) < 60


def test_the_table_of_the_documentation_says_what_the_parameters_say() -> None:
    said = {name: {row.key: row for row in plain.settings(load_standard(name).parameters)} for name in NAMES}
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    for key, row in said["workplace"].items():
        if key.startswith("quality."):
            continue
        meaning = f"`{key.removeprefix('bases.')}`" if key.startswith("bases.") else row.meaning
        [line] = [line for line in lines if line.startswith(f"| {meaning} |")]
        cells = [cell.strip().removesuffix(" (1)").removesuffix(" (2)") for cell in line.strip("|").split("|")[1:]]
        assert cells == [said[name][key].value for name in NAMES], key
    assert len(Basis) == sum(key.startswith("bases.") for key in said["workplace"])
