"""Every rule of `workplace`: the good request passes, the bad one is refused, by that rule."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import cedarpy
import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal
from faceward.policy.rules import Request, Rules
from faceward.policy.standard import Standard

PURPOSE = {"purpose_registered": True, "purpose_basis": "consent", "purpose_basis_allowed": True}
ENROL = {
    **PURPOSE,
    "gallery_purpose_matches": True,
    "release_required": True,
    "release_present": True,
    "release_names_subject": True,
    "release_names_purpose": True,
    "release_in_force": True,
    "source_kind": "file",
    "source_recorded": True,
    "sample_was_probe": False,
    "retention_within_limit": True,
    "pack_verified": True,
}
LOOK = {**PURPOSE, "gallery_purpose_matches": True, "source_kind": "file", "pack_verified": True}
GOOD: dict[str, dict[str, bool | str]] = {
    "enrol": ENROL,
    "admit": {**ENROL, "quality_acceptable": True},
    "verify": {**LOOK, "reference_in_force": True},
    "identify": {**LOOK, "reason_given": True},
    "verify-pair": {"stores_nothing": True, "source_kind": "file", "pack_verified": True},
    "detect": {"source_kind": "file"},
    "redact": {**PURPOSE, "source_kind": "file", "keeps_subjects": True},
    "purpose.add": {
        "purpose_basis": "consent",
        "purpose_basis_allowed": True,
        "retention_within_limit": True,
    },
    "gallery.create": PURPOSE,
    "simulate": {**PURPOSE, "gallery_purpose_matches": True, "gallery_simulated_only": True},
    "rotate": {},
    "show": {},
    "export": {},
    "erase": {},
}
ENROLMENT = ("enrol", "admit")
RECOGNITION = ("verify", "identify")
ANALYSIS = (*ENROLMENT, *RECOGNITION, "verify-pair", "detect", "redact")
LOCATED = (*ENROLMENT, *RECOGNITION, "verify-pair", "purpose.add", "gallery.create", "simulate")


def ask(rules: Rules, action: str, jurisdiction: str = "EU", **changes: bool | str) -> None:
    rules.authorise(Request("operator", action, jurisdiction, {**GOOD[action], **changes}))


def refused(rules: Rules, action: str, jurisdiction: str = "EU", **changes: bool | str) -> PolicyRefusal:
    with pytest.raises(PolicyRefusal) as caught:
        ask(rules, action, jurisdiction, **changes)
    return caught.value


def without(standard: Standard, rule: str) -> Rules:
    """The same rules with one of them cut out."""
    parsed = json.loads(cedarpy.policies_to_json_str(standard.policy))
    kept = {k: v for k, v in parsed["staticPolicies"].items() if v["annotations"]["id"] != rule}
    assert len(kept) < len(parsed["staticPolicies"])
    renumbered = {f"policy{number}": policy for number, policy in enumerate(kept.values())}
    policy = cedarpy.policies_from_json_str(json.dumps({**parsed, "staticPolicies": renumbered}))
    return Rules(replace(standard, policy=policy))


CASES = [
    *[("P1", action, "EU", {"purpose_registered": False}) for action in (*ENROLMENT, *RECOGNITION)],
    *[("P1", action, "EU", {"purpose_registered": False}) for action in ("gallery.create", "simulate", "redact")],
    *[("P1", action, "EU", {"purpose_basis_allowed": False}) for action in (*ENROLMENT, *RECOGNITION)],
    *[("P1", action, "EU", {"purpose_basis_allowed": False}) for action in ("purpose.add", "redact")],
    *[("P1", action, "EU", {"gallery_purpose_matches": False}) for action in (*ENROLMENT, *RECOGNITION)],
    ("P1", "simulate", "EU", {"gallery_purpose_matches": False}),
    ("P1", "identify", "EU", {"reason_given": False}),
    ("P1", "verify-pair", "EU", {"stores_nothing": False}),
    *[("P3", action, "XX", {}) for action in LOCATED],
    *[("P3", action, "US-IL", {"purpose_basis": "legal-obligation"}) for action in ("identify", "redact")],
    *[
        ("P3", action, "US-IL", {"purpose_basis": "legal-obligation", "release_required": False, gap: False})
        for action in ENROLMENT
        for gap in ("release_present", "release_names_subject", "release_names_purpose", "release_in_force")
    ],
    *[("P5", action, "EU", {"source_kind": k}) for action in ANALYSIS for k in ("url", "cctv", "search", "")],
    *[
        ("C1", action, "EU", {gap: False})
        for action in ENROLMENT
        for gap in ("release_present", "release_names_subject", "release_names_purpose", "release_in_force")
    ],
    *[("E1", action, "EU", {"source_recorded": False}) for action in ENROLMENT],
    ("E1", "simulate", "EU", {"gallery_simulated_only": False}),
    ("E2", "admit", "EU", {"quality_acceptable": False}),
    *[("E4", action, "EU", {"sample_was_probe": True}) for action in ENROLMENT],
    *[("T1", action, "EU", {"retention_within_limit": False}) for action in (*ENROLMENT, "purpose.add")],
    ("T1", "verify", "EU", {"reference_in_force": False}),
    *[("K2", a, "EU", {"pack_verified": False}) for a in (*ENROLMENT, *RECOGNITION, "verify-pair")],
]
IDS = [f"{rule}-{action}-{place}-{'-'.join(changes) or 'as-is'}" for rule, action, place, changes in CASES]


@pytest.mark.parametrize("action", GOOD)
@pytest.mark.parametrize("jurisdiction", ["EU", "UK", "CH", "US", "US-IL"])
def test_good_request_is_granted_and_names_the_standard(
    rules: Rules, workplace: Standard, action: str, jurisdiction: str
) -> None:
    grant = rules.authorise(Request("operator", action, jurisdiction, GOOD[action]))
    assert (grant.action, grant.standard, grant.digest) == (action, "workplace", workplace.digest)


@pytest.mark.parametrize(("rule", "action", "jurisdiction", "changes"), CASES, ids=IDS)
def test_rule_refuses_and_only_that_rule(
    rules: Rules,
    workplace: Standard,
    rule: str,
    action: str,
    jurisdiction: str,
    changes: dict[str, bool | str],
) -> None:
    refusal = refused(rules, action, jurisdiction, **changes)
    assert refusal.rule == rule
    # With the rule cut out of the policy the same request passes: this test fails if the rule is removed.
    ask(without(workplace, rule), action, jurisdiction, **changes)


def test_every_forbid_of_the_policy_is_exercised(workplace: Standard, rules: Rules) -> None:
    spoken = {refused(rules, action, place, **changes).reason for _, action, place, changes in CASES}
    assert spoken == {rule.reason for rule in workplace.rules if rule.forbids}


def test_P1_call_without_registered_purpose_is_denied(rules: Rules) -> None:
    for action in (*ENROLMENT, *RECOGNITION, "gallery.create", "simulate"):
        refusal = refused(rules, action, purpose_registered=False, purpose_basis="none", purpose_basis_allowed=False)
        assert refusal.rule == "P1"
        assert "purpose add" in refusal.remedy


def test_P1_redaction_of_everybody_needs_no_purpose(rules: Rules) -> None:
    ask(rules, "redact", keeps_subjects=False, purpose_registered=False, purpose_basis_allowed=False)


def test_P3_unknown_jurisdiction_still_lets_subjects_exercise_their_rights(rules: Rules) -> None:
    for action in ("show", "export", "erase"):
        ask(rules, action, "XX")


def test_P5_url_is_refused_whatever_else_holds(rules: Rules) -> None:
    assert "web addresses" in refused(rules, "enrol", source_kind="url").reason
    ask(rules, "enrol", source_kind="stream")


def test_C1_release_is_needed_only_where_the_basis_rests_on_it(rules: Rules) -> None:
    bare = {name: False for name in ENROL if name.startswith("release_")}
    ask(rules, "enrol", **{**bare, "purpose_basis": "legal-obligation"})
    assert refused(rules, "enrol", **{**bare, "release_required": True}).rule == "C1"


def test_C1_is_asked_before_features_are_extracted(workplace: Standard) -> None:
    # `enrol` must not depend on anything that is known only after extraction.
    assert "quality_acceptable" not in GOOD["enrol"]
    assert refused(Rules(workplace), "enrol", release_present=False).rule == "C1"


def test_E2_has_no_override(rules: Rules) -> None:
    extra = {"override": True}
    assert refused(rules, "admit", quality_acceptable=False).rule == "E2"
    assert refused(rules, "admit", quality_acceptable=False, **extra).rule == "policy-error"


def test_the_first_rule_in_the_file_speaks(rules: Rules) -> None:
    refusal = refused(rules, "enrol", purpose_registered=False, source_kind="url", release_present=False)
    assert refusal.rule == "P1"


@pytest.mark.parametrize(
    ("action", "attribute"), [(action, name) for action, context in GOOD.items() for name in context]
)
def test_missing_attribute_is_denied(rules: Rules, action: str, attribute: str) -> None:
    context = {name: value for name, value in GOOD[action].items() if name != attribute}
    with pytest.raises(PolicyRefusal) as caught:
        rules.authorise(Request("operator", action, "EU", context))
    assert caught.value.rule == "policy-error"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["yes", "", 1, None, [], float("nan")])
def test_attribute_of_another_type_is_denied(rules: Rules, value: object) -> None:
    context = {**GOOD["enrol"], "release_present": value}
    with pytest.raises(PolicyRefusal) as caught:
        rules.authorise(Request("operator", "enrol", "EU", context))  # type: ignore[arg-type]
    assert caught.value.rule == "policy-error"


def test_unserialisable_context_is_denied(rules: Rules) -> None:
    with pytest.raises(PolicyRefusal) as caught:
        rules.authorise(Request("operator", "enrol", "EU", {**GOOD["enrol"], "source_kind": object()}))  # type: ignore[dict-item]
    assert caught.value.rule == "policy-error"


@pytest.mark.parametrize("action", ["", "search", "Enrol", "enrolment", "located", 'x"', "watch", "\ud800"])
def test_unknown_action_is_denied(rules: Rules, action: str) -> None:
    with pytest.raises(PolicyRefusal) as caught:
        rules.authorise(Request("operator", action, "EU", GOOD["identify"]))
    assert caught.value.rule == "policy-error"


def test_action_without_permit_is_denied_by_default(workplace: Standard) -> None:
    refusal = refused(without(workplace, "upkeep"), "rotate")
    assert (refusal.rule, refusal.exit_code) == ("default-deny", 3)


def test_cedar_alone_would_allow_what_an_erring_forbid_should_stop() -> None:
    """The trap: a `forbid` whose attribute is absent errs, Cedar skips it, and the `permit` wins."""
    policy = "permit(principal, action, resource); forbid(principal, action, resource) when { context.stop };"
    entity = 'A::"a"'
    result = cedarpy.is_authorized(
        {"principal": entity, "action": 'Action::"x"', "resource": entity, "context": {}}, policy, []
    )
    assert result.decision == cedarpy.Decision.Allow
    assert result.diagnostics.errors


def test_erring_policy_is_denied_although_cedar_says_allow(workplace: Standard) -> None:
    # Integer overflow is an error that no schema can rule out.
    trap = """
    @id("trap") @reason("r.") @remedy("r.")
    forbid (principal, action == Action::"rotate", resource) when { 9223372036854775807 + 1 == 0 };
    """
    with pytest.raises(PolicyRefusal) as caught:
        ask(Rules(replace(workplace, policy=workplace.policy + trap)), "rotate")
    assert caught.value.rule == "policy-error"


def test_policy_that_does_not_hold_against_its_schema_is_not_loaded(workplace: Standard) -> None:
    with pytest.raises(IntegrityError, match="does not hold against its schema"):
        Rules(replace(workplace, policy='@id("x") permit (principal, action, resource) when { context.nope };'))


def test_names_in_any_script_may_act(rules: Rules) -> None:
    for name in ("Zoë", "李雷", 'a"b', "line\nbreak", "::", ""):
        assert rules.authorise(Request(name, "erase", "EU", {})).principal == name


def test_P4_nothing_in_the_policy_speaks_of_what_a_person_is(workplace: Standard) -> None:
    forbidden = r"emotion|race|racial|ethnic|gender|\bsex\b|\bage\b|\bages\b|crime|criminal|risk|mood|religio|health"
    parameters = repr(workplace.parameters)
    contexts = " ".join(name for context in GOOD.values() for name in context)
    actions = " ".join(GOOD)
    for text in (workplace.policy, workplace.schema, parameters, contexts, actions):
        assert not re.search(forbidden, text, re.IGNORECASE)
