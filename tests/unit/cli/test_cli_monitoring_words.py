"""What is said of false alerts, in words."""

from __future__ import annotations

from typing import Any

import pytest

from faceward.cli.monitoring import sentences, tell_breaches

ROW: dict[str, Any] = {
    "purpose": "door",
    "since": "2026-06-01T12:00:00Z",
    "accepted": 1e-3,
    "searches": 900,
    "faces": 1234,
    "alerts": 10,
    "correct": 9,
    "incorrect": 1,
    "undetermined": 0,
    "undecided": 0,
    "rate": 1 / 1234,
    "worst_rate": 1 / 1234,
    "low": 0.0,
    "high": 0.01,
    "evalue": 1.2345,
    "limit": 20.0,
    "in_doubt": False,
    "breached": None,
    "latest_breach": None,
}


def test_a_purpose_in_order_is_one_sentence_with_what_would_be_a_breach() -> None:
    [told] = sentences(ROW)
    assert told == (
        "'door': accepted is a false alert for 1 in 1,000 faces; after 1,234 faces since 2026-06-01 the e-value is "
        "1.23, and 20 would be a breach"
    )


def test_what_nobody_decided_is_told_with_how_bad_it_may_be() -> None:
    mild = sentences({**ROW, "undecided": 1, "worst_rate": 2 / 1234})[1]
    assert "of 1 alert whether" in mild
    assert mild.endswith("the rate would be 0.16 %")
    bad = sentences({**ROW, "undecided": 40, "undetermined": 2, "worst_rate": 0.035, "in_doubt": True})[1]
    assert "42 alerts" in bad
    assert bad.endswith("3.5 %, a breach")


def test_a_breach_says_when_it_was_and_what_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    [told] = sentences({**ROW, "breached": "2026-06-02T08:15:00Z"})
    assert "breached 2026-06-02 08:15 UTC; identification waits for a new evaluation" in told
    tell_breaches({"door": "2026-06-02T08:15:00Z"})
    assert capsys.readouterr().err == (
        "faceward: too many false alerts for 'door' (2026-06-02 08:15 UTC): identification waits for a new evaluation; "
        "see 'evidence monitoring'\n"
    )
    tell_breaches({})
    assert capsys.readouterr().err == ""
