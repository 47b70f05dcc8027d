"""What a watch shows reads back as it was written, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from faceward.core.errors import IntegrityError
from faceward.core.watch_results import ALERT_STATES, AlertCandidate, AlertView, LiveCamera, LiveState, WatchTerms

CAMERA = LiveCamera("door", "north entrance", "London", "connected", "", "2026-06-01T12:00:00Z", None, 4, latency=12.5)
STATE = LiveState(7, "theft", "theft", "2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z", (CAMERA,), 5, 1, news=("begun",))


def test_state_and_cameras_read_back_equal() -> None:
    assert LiveState.from_json(STATE.to_json()) == STATE
    assert LiveCamera.from_json(CAMERA.to_json()) == CAMERA
    assert LiveState.from_json(replace(STATE, cameras=(), news=()).to_json()).cameras == ()
    assert not LiveState.from_json(replace(STATE, comparing=False).to_json()).comparing


@pytest.mark.parametrize(
    "change",
    [
        {"entry": "7"},
        {"entry": True},
        {"fpir": "low"},
        {"cameras": {}},
        {"cameras": [1]},
        {"more": 1},
        {"news": "x"},
        {"comparing": 1},
    ],
)
def test_a_state_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        LiveState.from_json({**STATE.to_json(), **change})
    for value in (None, [], {}, "x"):
        with pytest.raises(IntegrityError, match="damaged"):
            LiveState.from_json(value)


def test_terms_tell_the_false_alerts_to_expect() -> None:
    terms = WatchTerms(0.5, 1e-5, 3e-4, 3, 30.0, 20, 20, "shops", floors={"sharpness": (0.1, None)})
    told = terms.to_json()
    assert told["expected_false_alerts_per_1000_tracks"] == pytest.approx(0.3)
    assert told["floors"] == {"sharpness": [0.1, None]}


def test_an_alert_shows_its_candidates_to_who_asked_for_the_whole_of_it() -> None:
    alert = AlertView(
        "a" * 32, 7, "c" * 32, "door", "London", "2026-06-01T12:00:00Z", "theft", "theft", 1e-3, 2.0, "waiting"
    )
    assert alert.state in ALERT_STATES
    assert alert.to_json()["candidates"] == []
    one = AlertCandidate(1, "Hugo", "r" * 32, None, None)
    assert replace(alert, candidates=(one,)).to_json()["candidates"] == [
        {"number": 1, "subject": "Hugo", "reference": "r" * 32, "score": None, "result": None}
    ]
