"""`faceward watch`, run for real: composed clips, the default pack, a shop with a list of one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

LIMIT = 120
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


@pytest.fixture
def live_kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_live_kit", "live_kit.py")


class Street:
    """A shop with a camera whose clip shows somebody on the list, and two who are not."""

    def __init__(self, make_world: Any, kit: ModuleType, folder: Path) -> None:
        clips, listed = kit.clips, kit.LISTED[0]
        pictures = kit.listed(listed)[listed]
        self.shop = kit.LiveShop(make_world, {listed: pictures[0]})
        others = sorted(set(clips.lfw(1)) - set(kit.LISTED))[420:422]
        passes = [
            clips.Pass(who, clips.lfw(1)[who][0], start=n, end=n + 3, height=80, path=((0.1, 0.3), (0.9, 0.35)))
            for n, who in enumerate(others)
        ]
        passes.append(clips.Pass(listed, pictures[1], start=1, end=5, height=90, path=((0.9, 0.7), (0.2, 0.7))))
        clips.compose(folder / "door.mp4", clips.Scene(size=(480, 360), seconds=6, rate=5, passes=tuple(passes)))
        self.shop.films("door", folder / "door.mp4")
        self.key = folder / "olga"
        self.shop.keys["olga"].write(self.key, None)
        self.home: Path = self.shop.world.home
        self.shop.world.close()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FACEWARD_HOME": str(self.home), "FACEWARD_PASSPHRASE": "correct horse", "FACEWARD_AS": "olga",
            "FACEWARD_KEY": str(self.key),
        }  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "faceward", "watch", "--camera", "door", "--watchlist", "theft"]
        given = [*command, "--mandate", self.shop.mandate_digest[:12], *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(given, env={**os.environ, **self.environment}, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def street(make_world: Any, live_kit: ModuleType, tmp_path: Path) -> Street:
    return Street(make_world, live_kit, tmp_path)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.data
def test_an_alert_is_raised_for_who_is_on_the_list_alone_also_after_the_watch_was_killed(street: Street) -> None:
    # Killed in the middle of its work, as soon as there is an alert.
    killed = street.start("--json")
    assert killed.stdout is not None
    assert killed.stderr is not None
    with killed.stdout, killed.stderr:
        lines = [json.loads(line) for line in _until(killed.stdout, "alert")]
        decoders = children(killed.pid)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(LIMIT) == -signal.SIGKILL
    assert lines[0]["event"] == "begun"
    assert lines[-1]["camera"] == "door"
    assert decoders
    limit = time.monotonic() + LIMIT
    while any(Path(f"/proc/{pid}/stat").exists() and not _is_gone(pid) for pid in decoders):
        assert time.monotonic() < limit, "a decoder outlives its watch"
        time.sleep(0.05)
    # What was told is on record, and the log holds together.
    system = street.shop.open()
    [alert] = street.shop.act("olga").alerts.list()
    assert alert.alert == lines[-1]["alert"]
    assert alert.state == "waiting"
    assert system.verify_log().unfinished == ()
    street.shop.world.close()
    # It is started again, and looks at all of the clip; the same person is no second alert within minutes.
    again = street.start("--until-ended")
    out, err = again.communicate(timeout=LIMIT)
    assert again.returncode == 0, err
    [last] = out.splitlines()
    found = re.match(
        r"ended after \d+ s: (\d+) frames, \d tracks, 3 compared, 0 alerts, 1 repeated, 0 frames dropped", last
    )
    assert found is not None, out
    assert int(found[1]) == 30
    assert "watching door for 1 on theft" in err
    # Of the one that was killed at most its last counts are left, which are shown as old.
    left = [path.name for path in (street.home / "live").iterdir() if not path.name.startswith("counts-")]
    assert len(left) <= 1
    assert all(name.startswith("state-") for name in left)
    street.shop.open()
    assert len(street.shop.act("olga").alerts.list()) == 1


def _is_gone(pid: int) -> bool:
    """Tell whether a process has ended that nobody waits for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def _until(stream: Any, event: str) -> list[str]:
    lines = []
    for line in stream:
        lines.append(line)
        if json.loads(line)["event"] == event:
            return lines
    raise AssertionError(lines)


@pytest.fixture
def empty(cli: Cli, tmp_path: Path) -> Cli:
    """Return the command line of a shop without cameras or lists."""
    home, key = tmp_path / "shop", tmp_path / "ana"
    trial = replace(cli, home=home)
    trial.ok("init", "--standard", "retail", "--jurisdiction", "UK", "--trial")
    trial.ok("person", "key", key, "--no-passphrase")
    trial.ok("person", "add", "Ana", "--key", f"{key}.pub", "--role", "operator", "--trained-until", "2099-01-01")
    return replace(trial, environment={**cli.environment, "FACEWARD_AS": "Ana", "FACEWARD_KEY": str(key)})


def test_what_is_asked_for_wrongly_is_said_in_one_line(empty: Cli) -> None:
    for span in ("10", "0s", "5d", "-3min", "soon"):
        assert "--for" in empty.refused(2, "watch", "--camera", "door", "--watchlist", "theft", f"--for={span}")
    assert "no gallery 'theft'" in empty.refused(2, "watch", "--camera", "door", "--watchlist", "theft")
    given = ("watch", "--camera", "door", "--watchlist", "theft", "--purpose", "theft")
    assert "no camera 'door'" in empty.refused(2, *given)
    assert "camera" in empty.refused(2, "watch", "--watchlist", "theft")


def test_P6_there_is_no_watch_where_the_standard_has_no_real_time(cli: Cli) -> None:
    refused = cli("watch", "--camera", "door", "--watchlist", "door", "--purpose", "door")
    assert refused.code in {2, 3}
    assert refused.out == ""


def test_each_event_is_documented() -> None:
    from faceward.video.figures import Summary

    section = DOCUMENT.read_text(encoding="utf-8").split("### watch\n")[1].split("\n### ")[0]
    events = ("begun", "camera", "alert", "interrupted", "resumed", "lost", "board", "ended")
    assert [event for event in events if f"`{event}`" not in section] == []
    summary = Summary(1.0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, (1.0, 2.0), (1.0, 2.0)).to_json()
    assert [key for key in summary if f"`{key}`" not in section] == []
