"""docs/safeguards.md against the tests: what it calls built has a test of its name, and what it cites exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "safeguards.md"
ROW = re.compile(r"^\| ([A-Z]\d{1,2}) \|")
# What these call done in part is no behaviour that a test of their own could break yet.
UNTESTED = {"V2", "W1"}


def rows() -> Iterator[tuple[str, str]]:
    """Give each row's identifier and state."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if ROW.match(line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 5, f"a row of five cells: {line[:60]}"
            yield cells[0], cells[3]


@cache
def names() -> frozenset[str]:
    """Return the names of all test functions."""
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"^ *(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE))
    return frozenset(found)


STATES = dict(rows())


def test_the_page_has_every_row_once_in_a_known_state() -> None:
    listed = [row for row, _ in rows()]
    assert len(listed) == len(set(listed)) > 40
    assert set(STATES.values()) <= {"yes", "in part", "not yet"}
    assert set(STATES) >= UNTESTED


@pytest.mark.parametrize("row", sorted(row for row, state in STATES.items() if state == "yes"))
def test_what_is_called_built_has_a_test_of_its_name(row: str) -> None:
    assert any(name.startswith(f"test_{row}_") for name in names())


@pytest.mark.parametrize(
    "row", sorted(row for row, state in STATES.items() if state == "in part" and row not in UNTESTED)
)
def test_what_is_built_in_part_has_one_too(row: str) -> None:
    assert any(name.startswith(f"test_{row}_") for name in names())


def test_tests_are_named_after_rows_that_exist() -> None:
    named = {found[1] for name in names() if (found := re.match(r"test_([A-Z]\d{1,2})_", name))}
    assert named <= set(STATES)


def test_the_tests_that_the_page_cites_exist() -> None:
    cited = re.findall(r"`(test_\w+)(…|\.py)?`", PAGE.read_text(encoding="utf-8"))
    files = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    assert len(cited) > 10
    for name, ending in cited:
        if ending == ".py":
            assert name in files
        elif ending:
            assert any(known.startswith(name) for known in names()), name
        else:
            assert name in names()
