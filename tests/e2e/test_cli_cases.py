"""A case from the search to the finding, on the command line (rules H1 to H4, S3)."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli, Outcome

NAMES = {"olga": "operator", "rosa": "reviewer", "remy": "reviewer"}


class People:
    """Runs commands as somebody who signs in."""

    def __init__(self, cli: Cli, folder: Path) -> None:
        self.cli, self.folder = cli, folder
        until = (datetime.now(tz=UTC) + timedelta(days=30)).date().isoformat()
        for name in NAMES:
            cli.ok("person", "key", folder / name, "--no-passphrase")
        signed: tuple[object, ...] = ()
        for name, role in NAMES.items():
            public = folder / f"{name}.pub"
            cli.ok(*signed, "person", "add", name, "--key", public, "--role", role, "--trained-until", until)
            signed = ("--as", "olga", "--key", folder / "olga")

    def __call__(self, name: str, *arguments: object) -> Outcome:
        return self.cli("--as", name, "--key", self.folder / name, *arguments)

    def json(self, name: str, *arguments: object) -> dict[str, Any]:
        outcome = self(name, *arguments, "--json")
        assert outcome.code == 0, outcome.err
        return outcome.json()

    def refused(self, rule: str, name: str, *arguments: object) -> None:
        outcome = self(name, *arguments, "--json")
        assert outcome.code == 3, (outcome.code, outcome.err)
        assert outcome.json()["error"]["rule"] == rule
        assert len(outcome.lines) == 1


@pytest.fixture
def people(cli: Cli, tmp_path: Path) -> People:
    return People(cli, tmp_path)


def _search(people: People, picture: Path) -> int:
    asked = ("--gallery", "door", "--purpose", "door", "--reason", "who is it")
    return int(people.json("olga", "identify", picture, *asked)["entry"])


def _answer(people: People, name: str, case: str, conclusion: str) -> dict[str, Any]:
    text: str = people.json(name, "case", "answer", case, "--template")["file"]
    filled = text.replace('= ""  ', '= "similar"  ').replace('conclusion = ""', f'conclusion = "{conclusion}"')
    file = people.folder / f"{name}.toml"
    file.write_text(filled, encoding="utf-8")
    return people.json(name, "case", "answer", case, file)


def test_H1_H2_H3_H4_S3_a_case_from_the_search_to_the_finding(people: People, eileen: Path, tmp_path: Path) -> None:
    entry = _search(people, eileen)
    people.refused("S3", "olga", "case", "open", eileen, "--search", entry, "--kind", "sketch")
    opened = people.json("olga", "case", "open", eileen, "--search", entry, "--kind", "photograph")
    case = opened["case"][:6]
    assert [c["subject"] for c in opened["candidates"]] == ["Eileen Collins"]
    people.json("olga", "case", "sample", case, eileen, "--candidate", 1)
    [row] = people.json("rosa", "case", "list")["cases"]
    assert row["may_answer"] is True

    people.refused("H1", "olga", "case", "answer", case, _file(people, "olga", case))
    people.refused("H2", "rosa", "case", "score", case)
    assert _answer(people, "rosa", case, "same-strong")["phase"] == "in-review"
    people.refused("H1", "rosa", "case", "answer", case, people.folder / "rosa.toml")
    assert people.json("remy", "case", "show", case)["answers"] == []
    done = _answer(people, "remy", case, "same-moderate")
    assert [c["result"] for c in done["candidates"]] == ["actionable-lead"]
    assert [c["result"] for c in people.json("rosa", "case", "score", case)["candidates"]] == ["actionable-lead"]

    told = ("--accuracy", "correct", "--finding", "She is the astronaut.", "--action", "none")
    closed = people.json("olga", "case", "outcome", case, *told)
    assert closed["phase"] == "closed"
    written = people.json("olga", "case", "export", case, "-o", tmp_path / "out", "--originals")
    assert written["notice"].startswith("LEAD ONLY")
    for name in written["files"]:
        assert Path(name).is_file()
    assert "LEAD ONLY" in Path(written["files"][0]).read_text(encoding="utf-8")
    assert any(Path(name).read_bytes() == eileen.read_bytes() for name in written["files"])

    shown = people("olga", "case", "show", case)
    assert shown.code == 0
    for words in ("LEAD ONLY", "actionable-lead", "She is the astronaut.", "Eileen Collins"):
        assert words in shown.out
    assert people("olga", "case", "list").code == 0
    assert people("olga", "case", "delete", case, "--reason", "over").code == 0
    assert people.json("olga", "case", "list")["cases"] == []


def _file(people: People, name: str, case: str) -> Path:
    text: str = people.json(name, "case", "answer", case, "--template")["file"]
    path = people.folder / "file.json"
    findings = ["similar", "dissimilar", "indeterminate"]
    features = {line.split(" = ")[0]: findings[0] for line in text.splitlines() if ' = ""  ' in line}
    compared = {"candidate": 1, "conclusion": "same-strong", "notes": "", "features": features}
    whole = next(line.split('"')[1] for line in text.splitlines() if line.startswith("case = "))
    path.write_text(json.dumps({"case": whole, "comparison": [compared]}), encoding="utf-8")
    return path


class Terminal(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


def test_H2_a_reviewer_is_asked_for_every_feature_on_a_terminal(
    people: People, eileen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = _search(people, eileen)
    case = people.json("olga", "case", "open", eileen, "--search", entry, "--kind", "frame")["case"]
    people.json("olga", "case", "sample", case, eileen, "--candidate", 1)
    said = ["s", "perhaps", "d", *["i"] * 16, "surely", "different-strong", "other ears"]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join([*said, "n", ""])))
    outcome = people("rosa", "case", "answer", case)
    assert outcome.code == 2
    assert outcome.err.endswith("faceward: the answer was not signed; nothing was recorded\n")
    monkeypatch.setattr("sys.stdin", Terminal("\n".join([*said, "y", ""])))
    assert people("rosa", "case", "answer", case).code == 0
    [answer] = people.json("rosa", "case", "show", case)["answers"]
    [compared] = answer["comparisons"]
    assert (compared["conclusion"], compared["notes"], answer["checked"]) == ("different-strong", "other ears", True)
    assert list(compared["features"].values()).count("indeterminate") == 16


def test_mistakes_with_cases_end_in_one_line(people: People, eileen: Path, tmp_path: Path) -> None:
    entry = _search(people, eileen)
    case = people.json("olga", "case", "open", eileen, "--search", entry, "--kind", "frame")["case"]
    cases: list[tuple[int, str, tuple[object, ...]]] = [
        (2, "no case 'ffff", ("case", "show", "ffffffff")),
        (2, "unknown; state photograph", ("case", "open", eileen, "--search", entry, "--kind", "hologram")),
        (2, "announces no identification", ("case", "open", eileen, "--search", 99999, "--kind", "frame")),
        (2, "there is a case of the search", ("case", "open", eileen, "--search", entry, "--kind", "frame")),
        (2, "give an answer file", ("case", "answer", case)),
        (2, "leave out the file", ("case", "answer", case, eileen, "--template")),
        (4, "not UTF-8 text", ("case", "answer", case, eileen)),
        (4, "cannot be read", ("case", "answer", case, tmp_path / "none.toml")),
        (2, "an edit 'paint' is unknown", ("case", "edit", "add", case, eileen, "--change", "paint")),
        (2, "there is no candidate 9", ("case", "sample", case, eileen, "--candidate", 9)),
        (2, "the reason is empty", ("case", "delete", case, "--reason", "")),
        (3, "not decided", ("case", "outcome", case, "--accuracy", "correct", "--finding", "x", "--action", "y")),
        (2, "holds something already", ("case", "export", case, "-o", tmp_path)),
    ]
    for code, words, arguments in cases:
        outcome = people("olga", *arguments)
        assert (outcome.code, len(outcome.lines)) == (code, 1), (arguments, outcome.err)
        assert words in outcome.err, arguments
