from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.policy.parameters import Basis, parse_parameters
from faceward.policy.standard import (
    FILES,
    OWN_FILES,
    Standard,
    available_standards,
    common_files,
    load_standard,
    load_standard_folder,
    parse_rules,
    parse_standard,
)
from faceward.policy.tables import EvidenceRules, MandateRules, SignIn


@pytest.fixture
def contents() -> dict[str, bytes]:
    folder = files("faceward.policy.standards").joinpath("workplace")
    return {**common_files(), **{name: folder.joinpath(name).read_bytes() for name in OWN_FILES}}


def test_workplace_loads_typed(workplace: Standard) -> None:
    parameters = workplace.parameters
    assert parameters.maximum_retention == timedelta(days=5 * 365)
    assert parameters.default_fpir == 0.01
    assert parameters.loosest_fmr == 0.01
    assert set(parameters.bases) == set(Basis)
    assert {basis.value for basis in Basis if parameters.bases[basis].allowed} == {"consent", "legal-obligation"}
    assert parameters.bases[Basis.CONSENT].release
    with pytest.raises(FrozenInstanceError):
        workplace.name = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        parameters.bases[Basis.CONTRACT] = parameters.bases[Basis.CONSENT]  # type: ignore[index]


def test_unknown_standard_lists_the_available() -> None:
    assert "workplace" in available_standards()
    for name in ("nope", "", "..", "../standards/workplace", "__pycache__"):
        with pytest.raises(UsageError, match=r"available: .*workplace"):
            load_standard(name)


def test_digest_changes_with_every_file(contents: dict[str, bytes], workplace: Standard) -> None:
    assert parse_standard("workplace", contents).digest == workplace.digest
    comments = dict.fromkeys(FILES, b"// x\n") | {"parameters.toml": b"# x\n"}
    for name in FILES:
        changed = {**contents, name: contents[name] + comments[name]}
        assert parse_standard("workplace", changed).digest != workplace.digest


COMMON = "common/common.cedar"


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_an_integrity_error(contents: dict[str, bytes], name: str) -> None:
    del contents[name]
    with pytest.raises(IntegrityError, match=name):
        parse_standard("workplace", contents)


@pytest.mark.parametrize("name", FILES)
def test_bytes_that_are_not_text_are_an_integrity_error(contents: dict[str, bytes], name: str) -> None:
    with pytest.raises(IntegrityError, match="UTF-8"):
        parse_standard("workplace", {**contents, name: b"\xff\xfe"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.replace(b'@id("E4")\n', b""), "no @id"),
        (lambda p: p.replace(b'@remedy("Enrol the person from', b'@note("Enrol the person from'), "no @remedy"),
        (lambda p: p.replace(b'@id("E4")', b'@id("E9")'), "no policy enforces rule E4"),
        (lambda p: p.replace(b'@id("E2")', b'@id("E4")'), "no policy enforces rule E2"),
        (lambda p: p + b'@id("Z1") @reason("r.") @remedy("r.") forbid (principal, action, resource);', "rule Z1"),
        (lambda p: p + b'@id("t") permit (principal, action, resource);', "permits something"),
        (lambda p: p.replace(b"context.sample_was_probe", b"context.sample_was_prob"), "does not hold"),
        (lambda p: p.replace(b"context.sample_was_probe", b"context.source_kind"), "does not hold"),
        (lambda p: p + b"permit (", "does not hold"),
        (lambda p: b"", "does not hold|no policy enforces"),
        (lambda p: p + b'@id("t") permit (principal == ?principal, action, resource);', "template|does not hold"),
        (lambda p: p.replace(b"probe never becomes", b"probe never\\nbecomes"), "several lines"),
    ],
)
def test_policy_without_its_rules_is_an_integrity_error(
    contents: dict[str, bytes],
    change: object,
    message: str,
) -> None:
    assert callable(change)
    with pytest.raises(IntegrityError, match=message) as caught:
        parse_standard("workplace", {**contents, COMMON: change(contents[COMMON])})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'maximum = "5y"', b'maximum = "5 decades"', "'maximum'"),
        (b'maximum = "5y"', b"maximum = 5", "must be text"),
        (b'maximum = "5y"', b'longest = "5y"', "unknown key 'longest'"),
        (b'maximum = "5y"', b"", "'maximum' is missing"),
        (b"loosest_fmr = 1e-2", b"loosest_fmr = 1.5", "between 0 and 1"),
        (b"loosest_fmr = 1e-2", b"loosest_fmr = nan", "finite"),
        (b"loosest_fmr = 1e-2", b"loosest_fmr = true", "number"),
        (b"default_fpir = 1e-2", b"default_fpir = 0.5", "looser"),
        (b"[bases.contract]", b"[bases.barter]", "unknown key 'barter'"),
        (b"allowed = true", b'allowed = "yes"', "true or false"),
        (b"sharpness = { min = 0.15,", b"sharpness = { min = 0.15, max = 1,", "either 'min' or 'max'"),
        (b"sharpness = { min = 0.15,", b"sharpness = {", "either 'min' or 'max'"),
        (b"[quality.probe]", b"[quality.reviewer]", "unknown key 'reviewer'"),
        (b'"P1", "P2"', b"1, 2", "list of texts"),
        (b'sign_in = "registered"', b'sign_in = "never"', "'always' or 'registered'"),
        (b"reviewers = 0", b"reviewers = 1", "0 or 2"),
        (b"reviewers = 0", b"reviewers = 0.5", "whole number"),
        (b"trained = false", b"trained = 0", "true or false"),
        (b"trained = false", b"", "'trained' is missing"),
        (b'required = ["gallery.export"]', b'required = ["gallery.export", "enrol"]', "'enrol'"),
        (b'required = ["gallery.export"]', b"required = []", "rule S4"),
        (b"searches = 100", b"searches = 0", "above zero"),
        (b"searches = 100", b"searches = -1", "whole number"),
        (b'longest = "30d"', b'longest = "0d"', "above zero"),
        (b'longest = "30d"', b'longest = "1m"', "s, min, h or d"),
        (b'urgent = "0h"', b"urgent = 0", "must be text"),
        (b'lease = "15min"', b'lease = "15m"', "s, min, h or d"),
        (b'lease = "15min"', b'lease = "0min"', "above zero"),
        (b"witnesses = 0", b"witnesses = 10", "from 0 to 9"),
        (b"minimum_age = 18", b"minimum_age = 12", "between 14 and 30"),
        (b'acknowledge = "7d"', b'acknowledge = "31d"', "later than 'decide'"),
        (b"realtime = false", b"real_time = false", "unknown key 'real_time'"),
        (b"alternative = true", b'alternative = "yes"', "true or false"),
        (b'longest = "365d"', b'longest = "0d"', "above zero"),
        (b"own = false", b"own = 0", "true or false"),
        (b"least_subjects = 200", b"least_subjects = 1", "at least 2"),
        (b"least_mated = 500", b"least_mated = 0.5", "whole number"),
        (b"loosest_fnmr = 0.75", b"loosest_fnmr = 0", "above 0"),
        (b"worst_group = 0", b"worst_group = 0.5", "between 1 and 100"),
        (b"[evidence]", b"[proof]", "unknown key 'proof'"),
        (b"[custody]", b"[custodian]", "unknown key 'custodian'"),
        (b"[retention]", b"[retention", "not valid TOML"),
    ],
)
def test_malformed_parameters_are_an_integrity_error(
    contents: dict[str, bytes], old: bytes, new: bytes, message: str
) -> None:
    data = contents["parameters.toml"]
    assert old in data
    with pytest.raises(IntegrityError, match=message) as caught:
        parse_parameters(data.replace(old, new), "standard 'workplace'")
    assert "\n" not in str(caught.value)


def test_standard_without_probe_floors_is_an_integrity_error(contents: dict[str, bytes]) -> None:
    head = contents["parameters.toml"].partition(b"[quality.probe]")[0]
    with pytest.raises(IntegrityError, match="names no component"):
        parse_parameters(head + b"[quality.probe]\n", "standard 'workplace'")


@pytest.mark.parametrize("policy", ["\ud800", "permit (", "permit (principal, action, resource);"])
@pytest.mark.parametrize("schema", ["entity X", "\ud800"])
def test_unreadable_text_never_leaks_another_error(policy: str, schema: str) -> None:
    with pytest.raises(IntegrityError, match="does not hold"):
        parse_rules(policy, schema, "standard 'x'")


def test_E2_probe_floors_are_no_stricter_than_those_of_enrolment(workplace: Standard) -> None:
    parameters = workplace.parameters
    probes = {floor.component: floor for floor in parameters.probe_floors}
    assert set(probes) == {floor.component for floor in parameters.enrolment_floors}
    for floor in parameters.enrolment_floors:
        probe = probes[floor.component]
        assert (probe.minimum or 0) <= (floor.minimum or 0)
        assert (probe.maximum or 0) >= (floor.maximum or 0)


@pytest.mark.parametrize("name", available_standards())
def test_readme_explains_every_rule_and_basis_and_disclaims(name: str) -> None:
    standard = load_standard(name)
    for rule in {rule.rule for rule in standard.rules if rule.forbids}:
        assert f"| {rule} |" in standard.readme, rule
    for basis in Basis:
        said = "allowed" if standard.parameters.bases[basis].allowed else "refused"
        assert f"| `{basis.value}` | {said}" in standard.readme
    assert "legal advice" in standard.readme
    for heading in ("Allowed", "Refused", "Lawful bases", "Numbers"):
        assert f"## {heading}" in standard.readme


@pytest.mark.parametrize("name", available_standards())
def test_reasons_and_remedies_are_sentences_of_one_line(name: str) -> None:
    for rule in load_standard(name).rules:
        if rule.forbids:
            assert rule.reason.endswith(".")
            assert rule.remedy.endswith(".")
            assert "\n" not in rule.reason + rule.remedy


@pytest.mark.parametrize("name", available_standards())
def test_rules_that_hold_everywhere_come_first_and_are_the_same_in_every_standard(name: str) -> None:
    standard, workplace = load_standard(name), load_standard("workplace")
    shared = [rule for rule in standard.rules if rule.common]
    assert shared == [rule for rule in workplace.rules if rule.common]
    assert list(standard.rules[: len(shared)]) == shared
    assert all(rule.forbids for rule in shared)
    assert {file: standard.files[file] for file in common_files()} == {
        file: workplace.files[file] for file in common_files()
    }


def test_new_tables_are_typed(workplace: Standard) -> None:
    parameters = workplace.parameters
    assert parameters.people.sign_in is SignIn.REGISTERED
    assert (parameters.people.reviewers, parameters.people.trained) == (0, False)
    assert parameters.mandate == MandateRules(frozenset({"gallery.export"}), timedelta(days=30), 100, timedelta(0))
    assert (parameters.custody.separate, parameters.custody.lease) == (False, timedelta(minutes=15))
    assert (parameters.log.witnesses, parameters.log.freshest) == (0, timedelta(hours=24))
    assert (parameters.watchlist.allowed, parameters.watchlist.minimum_age) == (False, 18)
    assert (parameters.rights.acknowledge, parameters.rights.decide) == (timedelta(days=7), timedelta(days=30))
    assert (parameters.video.realtime, parameters.video.dwell) == (False, timedelta(seconds=30))
    assert parameters.consent.alternative
    assert parameters.evidence == EvidenceRules(timedelta(days=365), False, 200, 500, 0.75, 0.0)
    with pytest.raises(FrozenInstanceError):
        parameters.people.trained = True  # type: ignore[misc]


def test_what_the_standards_differ_in() -> None:
    """The differences that the issue and the design name, so that none is loosened unnoticed."""
    of = {name: load_standard(name).parameters for name in available_standards()}
    assert set(of) == {"workplace", "border", "investigation", "retail", "library"}
    strict = {"border", "investigation", "retail"}
    assert {name for name, p in of.items() if p.people.sign_in is SignIn.ALWAYS} == strict
    assert {name for name, p in of.items() if p.people.reviewers == 2} == {"investigation", "retail"}
    assert {name for name, p in of.items() if p.video.realtime} == {"border", "retail"}
    assert {name for name, p in of.items() if p.watchlist.allowed} == {"investigation", "retail"}
    assert {name for name, p in of.items() if p.custody.separate} == strict
    assert {name for name, p in of.items() if p.mandate.urgent} == {"investigation"}
    assert {name for name, p in of.items() if not p.consent.alternative} == {"library"}
    assert {name for name, p in of.items() if p.evidence.own} == strict
    assert {name for name, p in of.items() if p.evidence.worst_group} == strict
    assert {name for name, p in of.items() if p.bases[Basis.PUBLIC_TASK].allowed} == {"investigation"}
    assert of["border"].maximum_retention <= timedelta(hours=24)
    assert of["investigation"].mandate.urgent == timedelta(hours=48)
    for parameters in of.values():
        assert parameters.evidence.longest <= timedelta(days=365)
        assert parameters.maximum_retention <= timedelta(days=5 * 365)
        assert parameters.watchlist.entry_approval
        assert parameters.watchlist.minimum_age >= 18


def test_a_folder_of_ones_own_is_read_under_the_rules_of_everybody(contents: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "museum"
    folder.mkdir()
    for name in OWN_FILES:
        (folder / name).write_bytes(contents[name])
    mine = load_standard_folder(folder)
    assert mine.name == "museum"
    assert mine.digest == load_standard("workplace").digest
    (folder / "policy.cedar").write_bytes(contents["policy.cedar"] + b"// stricter\n")
    assert load_standard_folder(folder).digest != mine.digest
    (folder / "README.md").unlink()
    with pytest.raises(IntegrityError, match=r"README\.md is missing"):
        load_standard_folder(folder)
    with pytest.raises(UsageError, match="no folder"):
        load_standard_folder(tmp_path / "nowhere")
    (folder / "README.md").mkdir()
    with pytest.raises(EnvironmentFailure, match="not a regular file"):
        load_standard_folder(folder)
    (folder / "policy.cedar").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(IntegrityError, match="too large"):
        load_standard_folder(folder)


def test_a_standard_can_neither_close_a_comment_nor_open_a_rule_of_the_common_text(
    contents: dict[str, bytes],
) -> None:
    for own in (b") };", b"*/", b"unless { true };", b'@id("x")'):
        with pytest.raises(IntegrityError, match=r"policy\.cedar: the policy does not hold"):
            parse_standard("workplace", {**contents, "policy.cedar": own + contents["policy.cedar"]})
