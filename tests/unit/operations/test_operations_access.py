"""A subject's own copy (GDPR Art. 15): readable, complete, and checked without us."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from faceward.cli.packages import write_package
from faceward.core.errors import UsageError
from faceward.operations.access import zipped
from faceward.operations.access_words import told
from faceward.policy.rights import RequestKind

FILES = {"index.html", "data.json", "chain.json", "README.txt", "log.vkey"}


class Page(HTMLParser):
    """Collects the text and the tags of a page."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.text, self.tags = "", set()
        self.feed(html.decode())

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)


@pytest.fixture
def copy(world: Any) -> dict[str, bytes]:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    world.matches(system, "Ada")
    world.found(system, "Ada")
    system.rights.complain("Ada", "That <script>alert(1)</script> was not me.")
    system.rights.ask("Ada", RequestKind.ACCESS, "Everything.")
    made: dict[str, bytes] = system.rights.access("Ada")
    return made


def test_D1_the_copy_says_in_plain_words_what_is_held_why_until_when_and_what_happened(copy: dict[str, bytes]) -> None:
    page = Page(copy["index.html"])
    for part in (
        "What is held about Ada",
        "ACME made this copy on 2026-06-01 12:00 UTC",
        "You agreed to it, in the release of 2026-06-01.",
        "2027-06-01 00:00 UTC",
        "A picture was compared with yours",
        "You were among the candidates of a search",
        "1 search compared you",
        "That <script>alert(1)</script> was not me.",
        "Everything.",
        "Notice to Ada: your face was enrolled",
        "privacy@acme.example",
    ):
        assert part in " ".join(page.text.split()), part
    assert "script" not in page.tags
    assert b"http" not in copy["index.html"]


def test_D1_the_copy_is_about_nobody_else_and_holds_no_features(copy: dict[str, bytes]) -> None:
    assert all(b"Grace" not in content for content in copy.values())
    data = json.loads(copy["data.json"])
    assert data["features"].startswith("withheld")
    assert {one["kind"] for one in data["matters"]} == {"complaint", "access"}
    assert {name for name in copy if "/" not in name} == FILES


def test_D1_outsiders_check_the_copy_with_what_lies_in_it(copy: dict[str, bytes], tmp_path: Path) -> None:
    write_package(tmp_path / "copy", copy)
    told_how = copy["README.txt"].decode()
    commands = [line.split() for line in told_how.splitlines() if line.startswith("  faceward-verify")]
    assert len(commands) == 2
    receipts = [("receipt", name) for name in copy if name.startswith("receipts/")]
    assert len(receipts) >= 7
    for kind, name in [(command[1], command[2]) for command in commands] + receipts:
        done = subprocess.run(
            [sys.executable, "-m", "faceward.verify", kind, name, "--key", "log.vkey"],
            cwd=tmp_path / "copy",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_D1_a_copy_that_was_altered_does_not_verify(copy: dict[str, bytes], tmp_path: Path) -> None:
    chain = json.loads(copy["chain.json"])
    del chain["receipts"][2]
    write_package(tmp_path / "copy", {**copy, "chain.json": json.dumps(chain).encode()})
    folder = tmp_path / "copy"
    arguments = [sys.executable, "-m", "faceward.verify", "chain", "chain.json", "--key", "log.vkey"]
    assert subprocess.run(arguments, cwd=folder, capture_output=True, check=False).returncode == 5


def test_D1_the_copy_as_one_file_holds_the_same(copy: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped(copy))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == copy
    assert zipped(copy) == zipped(copy)


def test_D1_a_copy_of_somebody_who_is_not_enrolled_tells_what_happened(world: Any) -> None:
    system = world.open()
    system.rights.complain("Hugo", "I was taken for Ada.")
    page = Page(system.rights.access("Hugo")["index.html"])
    assert "No reference of your face is held." in page.text
    assert "I was taken for Ada." in page.text
    with pytest.raises(UsageError, match="nothing is held"):
        system.rights.access("Nobody")


def test_D1_the_copy_after_a_withdrawal_and_a_term_that_ended(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.rights.withdraw("Ada", "door")
    world.clock.advance(timedelta(days=900))
    page = Page(system.rights.access("Ada")["index.html"])
    assert "No reference of your face is held." in page.text
    assert "You withdrew a release" in page.text


def test_D1_every_entry_has_words_even_where_nobody_wrote_any() -> None:
    line = {"operation": "new.thing", "phase": "begin", "opened": {"subject/0": {"subject": "Ada", "outcome": "done"}}}
    assert told(line) == "new.thing, begin (outcome: done)"
    for act in ("open", "answer", "amend", "sample", "show", "score", "export", "outcome", "delete"):
        assert "case." not in told({**line, "operation": f"case.{act}", "opened": {}})
    assert told({**line, "phase": "denied", "opened": {}}) == "Somebody tried this about you and was refused: new.thing"
