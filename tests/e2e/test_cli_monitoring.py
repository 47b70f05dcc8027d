"""The running rate of false alerts on the command line, and its export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

ASKED = ("--gallery", "door", "--purpose", "door", "--reason", "who is it")


def test_what_was_searched_is_counted_shown_and_exported_without_names(
    cli: Cli, eileen: Path, hopper: Path, tmp_path: Path
) -> None:
    before = cli.json("evidence", "monitoring")
    assert before["written"] is None
    [row] = before["purposes"]
    assert (row["purpose"], row["faces"], row["rate"], row["breached"]) == ("door", 0, None, None)
    for picture in (eileen, hopper):
        cli.ok("identify", picture, *ASKED)
    out = tmp_path / "outcomes.jsonl"
    told = cli.ok("evidence", "monitoring", "--out", out)
    assert told.lines == [f"faceward: wrote the outcomes of 2 pictures to {out}"]
    assert "'door': accepted is a false alert for 1 in" in told.out
    assert "2 faces" in told.out
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [set(line) for line in lines] == [
        {"time", "purpose", "faces", "alerts", "false_alerts", "undecided"},
    ] * 2
    assert [line["faces"] for line in lines] == [1, 1]
    assert out.stat().st_mode & 0o777 == 0o600
    assert "Collins" not in out.read_text(encoding="utf-8")
    [row] = cli.json("evidence", "monitoring")["purposes"]
    assert (row["faces"], row["alerts"]) == (2, sum(line["alerts"] for line in lines))


def test_an_export_that_cannot_be_written_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    assert "is a folder" in cli.refused(2, "evidence", "monitoring", "--out", tmp_path)
    assert "cannot be written" in cli.refused(1, "evidence", "monitoring", "--out", tmp_path / "none" / "file")
    assert not (tmp_path / "none").exists()
