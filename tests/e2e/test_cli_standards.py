"""The commands about standards, which need no deployment."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceward.policy.standard import OWN_FILES, available_standards, load_standard

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

NAMES = available_standards()


@pytest.fixture
def museum(tmp_path: Path) -> Path:
    """A standard of somebody's own, the same as `workplace`."""
    folder = tmp_path / "museum"
    folder.mkdir()
    for name in OWN_FILES:
        shutil.copy(str(files("faceward.policy.standards") / "workplace" / name), folder / name)
    return folder


def test_list_names_the_five(bare: Cli) -> None:
    found = bare.json("standards", "list")["standards"]
    assert [each["name"] for each in found] == ["border", "investigation", "library", "retail", "workplace"]
    assert {each["name"]: each["digest"] for each in found} == {name: load_standard(name).digest for name in NAMES}
    printed = bare.ok("standards", "list").out
    for each in found:
        assert each["name"] in printed
        assert each["for"].startswith("For ")


@pytest.mark.parametrize("name", NAMES)
def test_show_prints_readme_rules_and_parameters(bare: Cli, name: str) -> None:
    standard = load_standard(name)
    assert bare.ok("standards", "show", name).out == standard.readme
    assert bare.json("standards", "show", name)["readme"] == standard.readme
    rules = bare.json("standards", "show", name, "--part", "rules")["rules"]
    assert [(rule["rule"], rule["reason"] or "") for rule in rules] == [(r.rule, r.reason) for r in standard.rules]
    assert {rule["holds"] for rule in rules} == {"everywhere", "here alone"}
    printed = " ".join(bare.ok("standards", "show", name, "--part", "rules").out.split())
    assert "Permitted, unless a rule below refuses it" in printed
    for rule in standard.parameters.enforced:
        assert f"│ {rule} " in printed
    parameters = bare.json("standards", "show", name, "--part", "parameters")["parameters"]
    assert {row["key"]: row["value"] for row in parameters}["rights.decide"] == "30 days"
    assert "rights.decide" in bare.ok("standards", "show", name, "--part", "parameters").out


def test_diff_says_what_differs_in_words(bare: Cli) -> None:
    found = bare.json("standards", "diff", "workplace", "retail")
    changed = {row["key"]: (row["first"], row["second"]) for row in found["parameters"]}
    assert changed["retention.maximum"] == ("5 years", "2 years")
    assert changed["people.reviewers"] == ("none", "2")
    assert "rights.decide" not in changed
    # Both refuse it, if for other reasons: no difference in what is decided.
    assert "bases.contract" not in changed
    live = ["camera.add", "camera.change", "camera.remove", "watch"]
    assert found["permitted"] == {"first": ["gallery.export"], "second": [*live, "watchlist.entry"]}
    assert found["rules"]["first"] == []
    assert {rule["rule"] for rule in found["rules"]["second"]} == {"P3", "E1"}
    printed = bare.ok("standards", "diff", "workplace", "retail").out
    assert "Only workplace permits: handing over a gallery." in printed
    assert "Only retail refuses" in printed
    assert re.search(r"a reference is kept for at most\s+│ 5 years\s+│ 2 years", printed)


def test_diff_of_a_standard_with_itself_and_with_a_copy(bare: Cli, museum: Path) -> None:
    assert bare.ok("standards", "diff", "border", "border").out == "border and border are the same.\n"
    assert "are the same" in bare.ok("standards", "diff", "workplace", museum).out
    (museum / "README.md").write_text("# The museum\n", encoding="utf-8")
    assert "decide the same; their texts differ" in bare.ok("standards", "diff", "workplace", museum).out


def test_check_gives_the_hash_of_every_file(bare: Cli, museum: Path) -> None:
    [found] = bare.json("standards", "check", museum)["standards"]
    assert (found["name"], found["digest"]) == ("museum", load_standard("workplace").digest)
    assert set(found["files"]) == {*OWN_FILES, "common/common.cedar", "common/schema.cedarschema"}
    assert len(bare.json("standards", "check")["standards"]) == len(NAMES)
    printed = bare.ok("standards", "check", "library").out
    assert load_standard("library").digest in printed
    assert re.search(r"library holds: \d+ refusals, \d+ permissions\.", printed)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("policy.cedar", "context", "contxt", "does not hold"),
        ("policy.cedar", 'Action::"erase"', 'Action::"erase', "does not hold"),
        ("parameters.toml", "[rights]", "[right]", "unknown key 'right'"),
        ("parameters.toml", '"P1", "P2",', '"P1",', "enforces rule P2, which 'enforced' does not name"),
    ],
)
def test_check_of_a_defective_standard_exits_with_5_and_one_line(
    bare: Cli, museum: Path, file: str, old: str, new: str, said: str
) -> None:
    text = (museum / file).read_text(encoding="utf-8")
    changed = text.replace(old, new, 1) if old in text else text + f"\n@id({new}"
    (museum / file).write_text(changed, encoding="utf-8")
    assert said in bare.refused(5, "standards", "check", museum)


def test_a_missing_file_and_an_unknown_name_are_said(bare: Cli, museum: Path, tmp_path: Path) -> None:
    (museum / "parameters.toml").unlink()
    assert "parameters.toml is missing" in bare.refused(5, "standards", "check", museum)
    assert "available: border" in bare.refused(2, "standards", "show", "nope")
    assert "no folder" in bare.refused(2, "standards", "show", tmp_path / "nope")
    assert "--part" in bare.refused(2, "standards", "show", "retail", "--part", "all")
