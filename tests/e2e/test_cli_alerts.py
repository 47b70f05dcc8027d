"""`faceward alert`: what waits, what it may be about, and its picture, to those who may know."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli


@pytest.fixture
def watched(shop: Any, bare: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fakes: Any) -> tuple[Cli, Any]:
    """Return the command line of a shop with one alert that waits and one that was suppressed, as Rosa."""
    with shop.watch("door", "hall") as watching:
        sighting = shop.sighting(watching, "Hugo")
        watching.alert(sighting)
        shop.world.clock.advance(timedelta(hours=1))
        assert shop.alerted(watching, "Hugo", "hall") is None
    shop.keys["rosa"].write(tmp_path / "rosa", None)
    shop.world.close()
    for module in ("bootstrap", "creation"):
        monkeypatch.setattr(f"faceward.{module}.SystemClock", lambda: shop.world.clock)
    return type(bare)(shop.world.home, {"FACEWARD_PASSPHRASE": fakes.PASSPHRASE}), sighting


def test_H2_alerts_are_listed_without_names_and_shown_with_them(watched: tuple[Any, Any], tmp_path: Path) -> None:
    cli, sighting = watched
    rosa = ("--as", "rosa", "--key", tmp_path / "rosa")
    told = cli.ok("alert", "list", *rosa)
    assert "Hugo" not in told.out
    for word in ("waiting", "suppressed", "impossible-travel", "door", "hall", "London"):
        assert word in told.out
    assert "1 alert not decided yet" in told.err
    waiting, suppressed = cli.json("alert", "list", *rosa)["alerts"]
    assert (waiting["state"], waiting["case"] is None, waiting["candidates"]) == ("waiting", False, [])
    assert (suppressed["state"], suppressed["case"]) == ("suppressed", None)
    one = cli.json("alert", "show", waiting["alert"][:6], *rosa)
    [seen] = one["candidates"]
    assert (seen["subject"], seen["score"], seen["result"]) == ("Hugo", None, None)
    crop = tmp_path / "crop.png"
    shown = cli.ok("alert", "show", waiting["alert"], "--crop", crop, *rosa)
    assert "Hugo" in shown.out
    assert "before two people have confirmed it" in shown.out
    assert crop.read_bytes() == sighting.crop
    assert crop.stat().st_mode & 0o777 == 0o600
    assert "hall, Leeds" in cli.ok("alert", "show", suppressed["alert"], *rosa).out


def test_what_does_not_exist_is_told_in_a_line(watched: tuple[Any, Any], tmp_path: Path) -> None:
    cli, _ = watched
    rosa = ("--as", "rosa", "--key", tmp_path / "rosa")
    assert cli.json("alert", "list", "--since", "2026-06-02", *rosa) == {"alerts": []}
    assert len(cli.json("alert", "list", "--camera", "door", "--state", "waiting", *rosa)["alerts"]) == 1
    _, suppressed = cli.json("alert", "list", *rosa)["alerts"]
    for given, about in (
        (("list", "--state", "sure"), "never 'sure'"),
        (("list", "--since", "yesterday"), "--since"),
        (("show", "ffff"), "no alert"),
        (("show", suppressed["alert"], "--crop", tmp_path / "none.png"), "no picture"),
    ):
        outcome = cli("alert", *given, *rosa)
        assert (outcome.code, about in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "none.png").exists()
