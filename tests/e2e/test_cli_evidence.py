"""Evidence by the command line: what searches rest on, and what waits for another person."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli


@pytest.fixture
def evaluation(cli: Cli, tmp_path: Path, evaluations_kit: ModuleType) -> Path:
    """Return a file with an evaluation on the deployment's own cameras, by which fewer scores count."""
    from dataclasses import replace

    pack = cli.json("status")["pack"]
    made = evaluations_kit.evaluation(pack=pack, points=evaluations_kit.points(shift=0.14))
    path = tmp_path / "door.json"
    path.write_text(json.dumps(replace(made, command="faceward evaluate").to_json()), encoding="utf-8")
    return path


def test_V1_the_command_line_says_what_searches_rest_on(cli: Cli, evaluation: Path) -> None:
    listed = cli.json("evidence", "list")
    [shipped] = listed["evidence"]
    [purpose] = listed["purposes"]
    assert (shipped["state"], purpose["evaluation"], purpose["in_force"]) == (
        "with the pack",
        shipped["evaluation"],
        True,
    )
    assert cli.json("status")["evidence"] == listed["purposes"]
    added = cli.json("evidence", "add", evaluation)
    assert (added["state"], added["request"]) == ("done", None)
    assert added["purposes"][0]["data"] == "the door in May"
    shown = cli.json("evidence", "show", added["evaluation"][:12])
    assert shown["whole"] == json.loads(evaluation.read_text(encoding="utf-8"))
    for command in (("evidence", "list"), ("evidence", "show", added["evaluation"]), ("status",)):
        assert "the door in May" in cli.ok(*command).out
    withdrawn = cli.ok("evidence", "withdraw", added["evaluation"], "--reason", "the labels were wrong")
    assert "taken off the record" in withdrawn.out
    assert len(cli.json("evidence", "list")["evidence"]) == 1


def test_S1_the_command_line_changes_a_purposes_rates(cli: Cli) -> None:
    changed = cli.json("purpose", "change", "door", "--fpir", "0.001", "--camera-class", "any")
    assert (changed["state"], changed["purposes"][0]["purpose"]) == ("done", "door")
    assert cli.json("purpose", "list")["purposes"][0]["fpir"] == 0.001
    assert "so already" in cli.refused(2, "purpose", "change", "door")
    assert "out of range" in cli.refused(2, "purpose", "change", "door", "--fpir", "0.5")
    assert "rule P1" in cli.refused(3, "purpose", "change", "nothing", "--fpir", "0.001")


def test_V1_what_is_no_evaluation_is_refused_in_one_line(cli: Cli, tmp_path: Path, evaluation: Path) -> None:
    whole: dict[str, Any] = json.loads(evaluation.read_text(encoding="utf-8"))
    bad = tmp_path / "bad.json"
    for content, said in (("", "not valid JSON"), ("[]", "table"), (json.dumps({**whole, "x": 1}), "unknown key")):
        bad.write_text(content, encoding="utf-8")
        assert said in cli.refused(4, "evidence", "add", bad)
    assert "bad.json" in cli.refused(4, "evidence", "add", tmp_path / "not-there" / "bad.json")
    whole["data"]["basis"] = "public-research"
    bad.write_text(json.dumps(whole), encoding="utf-8")
    assert "rule V3" in cli.refused(3, "evidence", "add", bad)
    assert "evidence list" in cli.refused(2, "evidence", "show", "0" * 12)


def test_V1_an_identification_without_evidence_says_what_to_run(cli: Cli, eileen: Path) -> None:
    cli.ok("purpose", "change", "door", "--camera-class", "gate")
    arguments = ("identify", eileen, "--gallery", "door", "--purpose", "door", "--reason", "test")
    line = cli.refused(3, *arguments)
    assert "'gate'" in line
    assert "faceward evaluate verification" in line
    assert "faceward evidence add" in line
    outcome = cli.ok("status")
    assert "nobody is identified for 'door'" in outcome.err
