"""What is told of evidence beforehand: a search, and a watch, which is judged at a third of its rate (rule V1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faceward.cli.evidence import purposes_table
from faceward.core.errors import PolicyRefusal
from faceward.core.evidence_results import PurposeEvidence, WatchEvidence
from faceward.policy.cameras import CameraChange

THEFT = 1e-3


def told(shop: Any) -> Any:
    [one] = shop.system.evidence.purposes()
    return one


def measure_down_to(shop: Any, kit: Any, fmr: float) -> None:
    """Put an evaluation on record whose lowest rate is this."""
    rates = np.geomspace(0.1, fmr, 8)
    rows = [(float(rate), at, 0.01) for rate, at in zip(rates, np.linspace(0.3, 0.8, 8), strict=True)]
    shop.world.clock.advance(kit.DAY)
    shop.act("ana")
    shop.measure(points=kit.evaluations.points(tuple(rows)))


@pytest.fixture
def kit(load_beside: Any) -> Any:
    return load_beside("faceward_test_watch_kit", "watch_kit.py")


def test_V1_a_watch_is_told_to_need_a_third_of_the_rate_of_a_search(shop: Any, kit: Any) -> None:
    one = told(shop)
    # Two people are on the list, so the rate of a whole search (FPIR) is the stricter of the two.
    assert one.fmr == pytest.approx(THEFT / 2, rel=1e-3)
    assert one.watch.fmr == pytest.approx(one.fmr / 3, rel=1e-3)
    assert (one.in_force, one.watch.in_force, one.watch.reason) == (True, True, "")
    measure_down_to(shop, kit, one.fmr * 0.9)
    one = told(shop)
    assert (one.in_force, one.watch.in_force) == (True, False)
    assert "a false match rate of 1.7e-04" in one.watch.reason
    # It is the very reason for which the watch is refused.
    shop.mandate_digest = shop.mandate()
    with pytest.raises(PolicyRefusal, match="rule V1") as refused, shop.watch("door"):
        pass
    assert one.watch.reason in str(refused.value)
    measure_down_to(shop, kit, one.watch.fmr)
    assert told(shop).watch.in_force


def test_V1_a_watch_is_judged_for_the_cameras_whose_notice_names_the_purpose(shop: Any) -> None:
    cameras = shop.act("ana").cameras
    cameras.change("till", CameraChange(camera_class="any"))
    one = told(shop)
    assert one.in_force
    assert one.watch.reason == "the camera 'till' names no class, and the evaluation is of 'shop' alone."
    cameras.change("till", CameraChange(notice=None))
    assert told(shop).watch.in_force
    cameras.change("till", CameraChange(notice=cameras.get("door").notice, camera_class="yard"))
    assert "is of the camera class 'yard'" in told(shop).watch.reason
    # Without any camera it is judged for one of the purpose's own class.
    for name in ("door", "till", "hall"):
        cameras.remove(name)
    assert told(shop).watch.in_force


def test_V1_where_no_camera_may_be_watched_nothing_is_told_of_watches(world: Any) -> None:
    [one] = world.open().evidence.purposes()
    assert one.watch is None
    assert one.to_json()["watch"] is None


def shown(*found: PurposeEvidence, capsys: Any) -> tuple[str, list[str]]:
    purposes_table([one.to_json() for one in found])
    printed = capsys.readouterr()
    return printed.out, printed.err.splitlines()


def test_V1_the_command_line_says_which_rate_is_of_what(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rests = PurposeEvidence("theft", "shop", "ab" * 32, "shop", "2027-01-01", 3e-4, in_force=True, reason="", remedy="")
    out, notes = shown(rests, capsys=capsys)
    assert "needs FMR" in out
    assert "watch" not in out
    short = WatchEvidence(1e-4, in_force=False, reason="it is too high.", remedy="Measure anew.")
    out, notes = shown(replace(rests, watch=short), capsys=capsys)
    assert "search needs FMR" in out
    assert "watch needs FMR" in out
    assert "1.0e-04" in out
    assert notes == ["faceward: no camera is watched for 'theft': it is too high. Measure anew."]
    # One reason is said once.
    old: dict[str, Any] = {"in_force": False, "reason": "it is too old.", "remedy": "Measure anew."}
    out, notes = shown(replace(rests, watch=replace(short, **old), **old), capsys=capsys)
    assert notes == ["faceward: nobody is identified and no camera watched for 'theft': it is too old. Measure anew."]
