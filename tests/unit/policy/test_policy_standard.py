from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from importlib.resources import files

import pytest

from faceward.core.errors import IntegrityError, UsageError
from faceward.policy.parameters import Basis, parse_parameters
from faceward.policy.standard import FILES, Standard, available_standards, load_standard, parse_rules, parse_standard


@pytest.fixture
def contents() -> dict[str, bytes]:
    folder = files("faceward.policy.standards").joinpath("workplace")
    return {name: folder.joinpath(name).read_bytes() for name in FILES}


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
    comments = {"policy.cedar": b"// x\n", "schema.cedarschema": b"// x\n", "README.md": b"x\n"}
    for name in FILES:
        changed = {**contents, name: contents[name] + comments.get(name, b"# x\n")}
        assert parse_standard("workplace", changed).digest != workplace.digest


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
        parse_standard("workplace", {**contents, "policy.cedar": change(contents["policy.cedar"])})
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
        (b'enforced = ["P1"', b"enforced = [1", "list of texts"),
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


def test_readme_explains_every_rule_and_basis_and_disclaims(workplace: Standard) -> None:
    for rule in {rule.rule for rule in workplace.rules if rule.forbids}:
        assert f"| {rule} |" in workplace.readme
    for basis in Basis:
        assert f"| `{basis.value}` |" in workplace.readme
    assert "legal advice" in workplace.readme


def test_reasons_and_remedies_are_sentences_of_one_line(workplace: Standard) -> None:
    for rule in workplace.rules:
        if rule.forbids:
            assert rule.reason.endswith(".")
            assert rule.remedy.endswith(".")
            assert "\n" not in rule.reason + rule.remedy
