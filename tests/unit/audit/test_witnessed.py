"""Whether the log counts as seen by witnesses (rule L3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import parse_note
from faceward.audit.witnessed import Sighting, judge, sightings

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, TERM = timedelta(hours=1), timedelta(hours=24)
ONE, TWO = (Cosigner(f"witness.example.org/{n}", bytes([n]) * 32) for n in (1, 2))


def sighting(age: timedelta, uncovered: timedelta | None = None) -> Sighting:
    return Sighting("witness.example.org/1", 7, NOW - age, None if uncovered is None else NOW - uncovered)


@pytest.mark.parametrize(
    ("seen", "good"),
    [
        ([sighting(HOUR)], True),
        ([sighting(TERM)], True),
        ([sighting(TERM + timedelta(seconds=1))], False),
        ([sighting(-timedelta(minutes=4))], True),
        ([sighting(-HOUR)], False),
        # Shown an old tree again: fresh by its word, and blind for what is old by now.
        ([sighting(HOUR, 2 * TERM)], False),
        ([sighting(HOUR, HOUR / 2)], True),
        ([], False),
    ],
)
def test_L3_a_sighting_counts_while_it_and_what_it_lacks_are_fresh(seen: list[Sighting], good: bool) -> None:
    found = judge(seen, NOW, 1, TERM, trusted=2)
    assert found.good == good
    assert good == ("faceward audit cosign" not in found.reason)


def test_L3_a_stale_checkpoint_says_since_when_and_what_to_run() -> None:
    reason = judge([sighting(30 * HOUR)], NOW, 1, TERM, trusted=1).reason
    assert "0 of 1 witnesses needed have seen the log within 24 h" in reason
    assert "since 2026-05-31T06:00:00" in reason
    assert "faceward audit cosign" in reason
    assert "faceward witness trust" in judge([sighting(HOUR)], NOW, 2, TERM, trusted=1).reason
    assert judge([], NOW, 0, TERM, trusted=0).good


@given(st.lists(st.integers(-60, 60), max_size=5), st.integers(1, 5), st.integers(1, 48))
def test_L3_it_takes_as_many_fresh_witnesses_as_are_needed(ages: list[int], needed: int, term: int) -> None:
    seen = [Sighting(str(n), n, NOW - age * HOUR) for n, age in enumerate(ages)]
    found = judge(seen, NOW, needed, term * HOUR, trusted=len(seen))
    assert found.good == (sum(0 <= age <= term for age in ages) >= needed)


def test_L3_the_latest_of_each_trusted_witness_is_found(log: Log) -> None:
    def cosign(witness: Cosigner, moment: datetime) -> None:
        log.append([Record(Entry(NOW - TERM, "enrol", Phase.NOTE))], NOW)
        note = log.checkpoint()
        keep_cosignatures(log.path, note, [witness.cosign(parse_note(note).text, moment)])

    keys = [ONE.verifier, TWO.verifier]
    assert sightings(log, keys) == ()
    cosign(ONE, NOW - 3 * HOUR)
    cosign(TWO, NOW - 2 * HOUR)
    cosign(ONE, NOW - HOUR)
    assert [(one.witness, one.size, one.time) for one in sightings(log, keys)] == [
        (ONE.verifier.name, 3, NOW - HOUR),
        (TWO.verifier.name, 2, NOW - 2 * HOUR),
    ]
    # One who is not trusted counts for nothing, and neither does another key of the same name.
    other = Cosigner(ONE.verifier.name, bytes(32))
    assert sightings(log, [other.verifier]) == ()


def test_L3_a_cosignature_that_was_altered_is_none(log: Log) -> None:
    log.append([Record(Entry(NOW, "enrol", Phase.NOTE))], NOW)
    note = log.checkpoint()
    text = parse_note(note).text
    wrong = ONE.cosign(text.replace("1", "2", 1), NOW)
    keep_cosignatures(log.path, note, [wrong, TWO.cosign(text, NOW)])
    assert [one.witness for one in sightings(log, [ONE.verifier, TWO.verifier])] == [TWO.verifier.name]


def test_L3_without_a_file_nobody_has_seen_the_log(log: Log, tmp_path: Path) -> None:
    assert not judge(sightings(log, [ONE.verifier]), NOW, 1, TERM, trusted=1).good
