"""Subjects' rights on the command line, and the clock as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

GRACE = "Grace Hopper"


def test_C2_a_release_is_withdrawn_with_a_receipt_that_outsiders_check(cli: Cli, grace: Path, tmp_path: Path) -> None:
    receipt = tmp_path / "withdrawn.txt"
    said = cli.ok("release", "withdraw", "--subject", GRACE, "--purpose", "door", "--receipt", receipt).out
    assert said.startswith(f"withdrawn: {GRACE} for door; 1 reference erased, log entry")
    assert cli.json("audit", "check", receipt, "--key", cli.home / "log.vkey")
    assert "no reference" in cli.refused(2, "verify", grace, "--subject", GRACE, "--purpose", "door")
    again = cli.json("release", "withdraw", "--subject", GRACE, "--purpose", "door")
    assert (again["subject"], again["purpose"], again["references"]) == (GRACE, "door", 0)
    assert "nothing is held" in cli.refused(2, "release", "withdraw", "--subject", "Nobody", "--purpose", "door")


def test_D1_a_complaint_from_its_arrival_to_its_decision(cli: Cli) -> None:
    added = cli.json("complaint", "add", "--subject", GRACE, "--text", "That was not me.")
    assert (added["state"], added["overdue"], added["kind"]) == ("received", False, "complaint")
    number = added["identifier"]
    assert number in cli.ok("complaint", "list", "--due").out
    assert "acknowledged, next step by" in cli.ok("complaint", "acknowledge", number).out
    assert cli.json("complaint", "list", "--due")["complaints"] == []
    assert "either --upheld or --rejected" in cli.refused(2, "complaint", "decide", number, "--reason", "So.")
    assert "upheld" in cli.ok("complaint", "decide", number, "--upheld", "--reason", "She is right.").out
    assert [one["state"] for one in cli.json("complaint", "list")["complaints"]] == ["upheld"]


def test_D1_an_upheld_complaint_suspends_and_somebody_resumes(cli: Cli, grace: Path) -> None:
    number = cli.json("complaint", "add", "--subject", GRACE, "--text", "That was not me.")["identifier"]
    cli.ok("complaint", "decide", number, "--upheld", "--reason", "She is right.")
    verify = ("verify", grace, "--subject", GRACE, "--purpose", "door")
    assert cli.refused(3, *verify).startswith("refused by rule D1: the subject's references are suspended")
    found = cli.json("identify", grace, "--gallery", "door", "--purpose", "door", "--reason", "a test")
    assert all(candidate["subject"] != GRACE for probe in found["probes"] for candidate in probe["candidates"])
    assert "is over" in cli.ok("subject", "resume", GRACE, "--reason", "A new picture was taken.").out
    cli.ok(*verify)
    assert "is suspended" in cli.ok("subject", "suspend", GRACE, "--reason", "Her badge was stolen.").out
    cli.refused(3, *verify)


def test_D1_a_request_of_a_subject_has_a_day_by_which_it_is_answered(cli: Cli) -> None:
    asked = cli.json("subject", "request", GRACE, "--kind", "access", "--text", "Everything, please.")
    assert (asked["kind"], asked["state"]) == ("access", "received")
    assert asked["identifier"] in cli.ok("subject", "requests").out
    assert cli.json("subject", "requests", "--due")["requests"] == []
    assert "answered" in cli.ok("subject", "answer", asked["identifier"], "--text", "Handed over.").out


def test_D2_an_adverse_action_writes_a_notice(cli: Cli) -> None:
    given = ("--action", "asked to leave", "--place", "Museum, hall 2", "--time", "2026-01-31T14:30")
    notice = cli.ok("subject", "adverse", "Hugo Unknown", *given).out
    for part in ("Hugo Unknown", "2026-01-31 14:30 (UTC)", "Museum, hall 2", "Asked to leave", "desk@museum.example"):
        assert part in notice
    assert set(cli.json("subject", "adverse", "Hugo Unknown", *given)) == {"subject", "entry", "notice"}
    assert any(entry["operation"] == "adverse.note" for entry in cli.json("subject", "show", "Hugo Unknown")["history"])
    for wrong in ("yesterday", "2999-01-01T00:00"):
        cli.refused(2, "subject", "adverse", "Hugo Unknown", *given[:4], "--time", wrong)


def test_T3_recipients_are_registered_once_with_a_key_of_age(cli: Cli) -> None:
    cli.ok("recipient", "add", "Police", "--contact", "desk@police.example")
    assert cli.json("recipient", "list")["recipients"][0]["name"] == "Police"
    assert "registered already" in cli.refused(2, "recipient", "add", "Police", "--contact", "desk@police.example")
    assert "age1" in cli.refused(2, "recipient", "add", "Court", "--contact", "c", "--age-key", "ssh-rsa")
    assert cli.json("recipient", "notices")["notices"] == []
    assert "no notice" in cli.refused(2, "recipient", "confirm", "0" * 16, "--evidence", "letter")


def test_T1_tick_tells_what_it_did_and_ends_well(cli: Cli) -> None:
    assert "committed the ends of the subjects' chains" in cli.ok("tick").out
    assert cli.ok("tick").out == "nothing was to be done, and nothing is due\n"
    cli.ok("complaint", "add", "--subject", GRACE, "--text", "That was not me.")
    told = cli.json("tick")
    assert set(told) == {"at", "done", "due", "failed"}
    assert [(one["what"], one["overdue"]) for one in told["due"]] == [("complaint", False)]
    assert re.search(r"complaint [0-9a-f]{16}: due by 20\d\d-\d\d-\d\d", cli.ok("tick").out)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_T1_run_keeps_the_clock_until_it_is_told_to_end(cli: Cli, environment: dict[str, str], number: int) -> None:
    arguments = [sys.executable, "-m", "faceward", "run", "--every", "1s"]
    process = subprocess.Popen(
        arguments, env={**environment, "FACEWARD_HOME": str(cli.home)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "the clock runs, every 1s; end it with Ctrl-C or SIGTERM\n"
    assert "committed the ends of the subjects' chains" in process.stdout.readline()
    # Other commands work beside it, and it sees at its next turn what they left.
    cli.ok("complaint", "add", "--subject", GRACE, "--text", "That was not me.")
    assert "committed the ends" in process.stdout.readline()
    process.send_signal(number)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 0
    assert cli.json("audit", "verify")["unfinished"] == []


@pytest.mark.parametrize("every", ["0s", "fast", "25h", "30"])
def test_run_takes_an_interval_between_a_second_and_a_day(cli: Cli, every: str) -> None:
    assert "no interval" in cli.refused(2, "run", "--every", every)


def test_D1_a_subjects_copy_is_a_new_folder_or_a_zip_file(cli: Cli, tmp_path: Path) -> None:
    folder, file = tmp_path / "copy", tmp_path / "copy.zip"
    assert cli.ok("subject", "export", GRACE, "-o", folder).out == f"written to {folder}\n"
    assert {path.name for path in folder.iterdir()} == {
        "index.html", "data.json", "chain.json", "README.txt", "log.vkey", "receipts",
    }  # fmt: skip
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cli.json("subject", "export", GRACE, "-o", file) == {"subject": GRACE, "output": str(file)}
    assert file.read_bytes()[:2] == b"PK"
    for taken in (folder, file):
        assert "holds something already" in cli.refused(2, "subject", "export", GRACE, "-o", taken)
    cli.ok("subject", "export", GRACE, "-o", tmp_path / "copy.json")
    assert json.loads((tmp_path / "copy.json").read_text(encoding="utf-8"))["subject"] == GRACE


def test_E5_an_exemption_from_the_notice_is_named_at_enrolment(cli: Cli, grace: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.toml"
    release.write_text('subject = "Again"\npurpose = "door"\nsigned = 2020-01-01\nterm = "99y"\n', encoding="utf-8")
    enrol = ("enrol", grace, "--subject", "Again", "--purpose", "door", "--release", release, "--no-notice")
    assert cli.refused(3, *enrol, "disproportionate").startswith("refused by rule E5")
    assert "no exemption" in cli.refused(2, *enrol, "too-busy")
    cli.ok(*enrol, "already-informed")
    assert "No notice was given to Again" in cli.ok("subject", "notice", "Again").out


def test_E1_workplace_keeps_no_watchlists(cli: Cli, grace: Path) -> None:
    said = cli.refused(
        3, "watchlist", "request", grace, "--subject", "Hugo", "--purpose", "door", "--source", "CCTV",
        "--evidence", "report 7", "--born", "1990-01-31",
    )  # fmt: skip
    assert said.startswith("refused by rule P1: this standard keeps no watchlists")
    release = ("--release", cli.home.parent / "none.toml")
    assert cli("enrol", grace, "--subject", "Hugo", "--purpose", "door", *release, "--entry", "0" * 8).code != 0
    assert cli.json("watchlist", "due")["reviews"] == []
    cli.refused(2, "watchlist", "request", grace, "--subject", "Hugo", "--purpose", "door", "--source", "CCTV",
                "--evidence", "report 7", "--born", "yesterday")  # fmt: skip


def test_S4_no_gallery_leaves_without_a_mandate(cli: Cli, tmp_path: Path) -> None:
    from faceward.protection.age import new_identity_file, seal_to

    key = new_identity_file(tmp_path / "police.txt")
    cli.ok("recipient", "add", "Police", "--contact", "desk@police.example", "--age-key", key)
    package = tmp_path / "door.age"
    export = ("gallery", "export", "door", "--to", "Police", "-o", package)
    assert cli.refused(3, *export).startswith("refused by rule")
    assert cli.refused(3, *export, "--mandate", "0" * 64).startswith("refused by rule")
    assert not package.exists()
    assert "is a folder" in cli.refused(2, *export[:-1], tmp_path)
    receive = ("gallery", "receive", package)
    assert "your age identity" in cli.refused(2, *receive)
    package.write_bytes(seal_to(key, b"{}"))
    assert "not what its manifest says" in cli.refused(4, *receive, "--identity", tmp_path / "police.txt")
