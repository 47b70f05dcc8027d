"""Every rule of every standard: the good request passes, the bad one is refused, by that rule and by no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import cedarpy
import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal
from faceward.policy.rules import Conditions, Principal, Request, Rules
from faceward.policy.standard import Standard, available_standards, load_standard

MANDATE = {
    "required": True,
    "present": True,
    "approved": True,
    "in_force": True,
    "not_revoked": True,
    "unspent": True,
    "names_purpose": True,
    "names_operation": True,
    "names_gallery": True,
    "names_camera": True,
    "names_operator": True,
}
ENTRY = {
    "watchlist": False,
    "approved": True,
    "evidence": True,
    "stated_minor": False,
    "stated_vulnerable": False,
    "safeguarding": False,
}
EVIDENCE = {
    "present": True,
    "of_pack": True,
    "of_camera_class": True,
    "own": True,
    "fresh": True,
    "supports_rate": True,
    "within_limits": True,
}
WATCH = {
    "cameras_configured": True,
    "cameras_as_recorded": True,
    "cameras_as_mandated": True,
    "notices_recorded": True,
    "notices_name_purpose": True,
    "opt_outs_named": True,
    "list_ends": True,
    "list_in_force": True,
    "false_alerts_acceptable": True,
    "alerts_decided": True,
}
CHANGE = {"change": {"founding": False, "approved": True}}
LOWERING = {**CHANGE, "lowers": True, "evidence_in_force": True}
PURPOSE = {"purpose_registered": True, "purpose_basis": "consent", "purpose_basis_allowed": True}
ENROL = {
    **PURPOSE,
    "gallery_purpose_matches": True,
    "release_required": True,
    "release_present": True,
    "release_names_subject": True,
    "release_names_purpose": True,
    "release_in_force": True,
    "subject_objected": False,
    "source_kind": "file",
    "source_recorded": True,
    "sample_was_probe": False,
    "entry": ENTRY,
    "retention_within_limit": True,
    "pack_verified": True,
}
LOOK = {**PURPOSE, "gallery_purpose_matches": True, "source_kind": "file", "pack_verified": True, "mandate": MANDATE}
GOOD: dict[str, dict[str, Any]] = {
    "enrol": ENROL,
    "admit": {**ENROL, "quality_acceptable": True},
    "watchlist.entry": {**PURPOSE, "entry": {**ENTRY, "approved": False}},
    "verify": {**LOOK, "reference_in_force": True, "gallery_in_force": True, "watch": WATCH},
    "identify": {**LOOK, "reason_given": True, "evidence": EVIDENCE, "gallery_in_force": True, "watch": WATCH},
    "watch": {**LOOK, "source_kind": "stream", "evidence": EVIDENCE, "watch": WATCH},
    "verify-pair": {"stores_nothing": True, "source_kind": "file", "pack_verified": True},
    "detect": {"source_kind": "file"},
    "redact": {
        **PURPOSE,
        "source_kind": "file",
        "keeps_subjects": True,
        "mandate": MANDATE,
        "evidence": EVIDENCE,
    },
    "purpose.add": {
        "purpose_basis": "consent",
        "purpose_basis_allowed": True,
        "retention_within_limit": True,
        "alternative_named": True,
    },
    "purpose.change": {**PURPOSE, **LOWERING},
    "evidence.add": {**LOWERING, "data_accepted": True},
    "evidence.withdraw": LOWERING,
    "gallery.create": PURPOSE,
    "gallery.migrate": PURPOSE,
    "gallery.export": {**PURPOSE, "gallery_purpose_matches": True, "recipient_named": True, "mandate": MANDATE},
    "recipient.confirm": {},
    "channel.change": {},
    "gallery.delete": {},
    "gallery.end": {},
    "camera.add": {},
    "camera.change": {},
    "camera.remove": {},
    "simulate": {**PURPOSE, "gallery_purpose_matches": True, "gallery_simulated_only": True},
    "rotate": {},
    "tick": {},
    "mandate.request": {**PURPOSE, "within_limits": True, "urgent": False, "urgent_permitted": True},
    "mandate.approve": {"requester_is_other": True},
    "request.approve": {"requester_is_other": True},
    "mandate.revoke": {"own": False},
    "person.add": {**CHANGE, "first": False},
    "person.remove": CHANGE,
    "standard.adopt": CHANGE,
    "restart": CHANGE,
    "stop": {},
    "case.open": {"probe_kept": True, "probe_original": True},
    "case.answer": {"features_recorded": True, "score_hidden": True, "first_answer": True},
    "case.decide": {"answers_sufficient": True, "finding_recorded": True},
    "case.show": {},
    "case.amend": {"own_answer": True, "decided": True},
    "case.delete": {"finding_recorded": True, "searched_by_other": True},
    "adverse.note": {"case_actionable": True, "notice_complete": True},
    "show": {"own": False},
    "export": {"own": False},
    "erase": {"own": False},
    "complaint.add": {"own": False},
    "release.withdraw": {"own": False},
    "complaint.decide": {},
    "document.make": {},
    "document.sign": {"document_current": True},
    "audit.show": {},
}
ROLES = frozenset(("operator", "approver", "reviewer", "custodian", "auditor"))
ANN = Principal("Ann", signed_in=True, roles=ROLES, trained=True)
CALM = Conditions("EU", sign_in_required=True, stopped=False, custodian_separate=True, log_witnessed=True)
STANDARDS = available_standards()
standard_of = cache(load_standard)
# A basis that the standard accepts, and a place where it does.
BASES = {
    "workplace": "consent",
    "border": "consent",
    "investigation": "public-task",
    "retail": "legitimate-interests",
    "library": "consent",
}
PLACES = {"retail": "UK", "border": "UK"}
WATCHLISTS = ("retail", "investigation")
CAMERAS = ("camera.add", "camera.change", "camera.remove")
ABSENT = {
    "workplace": {"watch", *CAMERAS, "watchlist.entry"},
    "border": {"watchlist.entry", "gallery.export"},
    "investigation": {"watch", *CAMERAS},
    "retail": {"gallery.export"},
    "library": {"watch", *CAMERAS, "watchlist.entry", "gallery.export"},
}
"""What no rule of a standard permits."""

ENROLMENT = ("enrol", "admit")
SINGLE = ("verify", "identify")
RECOGNITION = (*SINGLE, "watch")
MANDATED = (*RECOGNITION, "redact", "gallery.export")
ANALYSIS = (*ENROLMENT, *RECOGNITION, "verify-pair", "detect", "redact")
PURPOSEFUL = (
    *ENROLMENT,
    *RECOGNITION,
    "watchlist.entry",
    "purpose.change",
    "gallery.create",
    "gallery.migrate",
    "gallery.export",
    "simulate",
    "mandate.request",
)
MEASURED = ("purpose.change", "evidence.add", "evidence.withdraw")
LOCATED = (*PURPOSEFUL, "verify-pair", "purpose.add")
OPERATED = (
    *LOCATED,
    "evidence.add",
    "evidence.withdraw",
    "detect",
    "redact",
    "recipient.confirm",
    "channel.change",
    "gallery.delete",
    "gallery.end",
    *CAMERAS,
    "case.open",
    "case.delete",
    "adverse.note",
)
RIGHTS = ("show", "export", "erase", "complaint.add", "release.withdraw")
WATCHED = {
    "cameras_configured": "W8",
    "cameras_as_recorded": "W8",
    "cameras_as_mandated": "P2",
    "notices_recorded": "W8",
    "notices_name_purpose": "W8",
    "opt_outs_named": "W10",
    "list_ends": "W3",
    "list_in_force": "W3",
    "false_alerts_acceptable": "W6",
    "alerts_decided": "W6",
}
"""By which rule a watch is refused where one of its facts does not hold."""
UNATTENDED = ("tick", "stop")
RELEASE = ("release_present", "release_names_subject", "release_names_purpose", "release_in_force")


@dataclass(frozen=True)
class Case:
    """One way in which a request can be bad, what else must be so for it to matter, and the rule that says so."""

    rule: str
    action: str
    bad: Mapping[str, Any] = field(default_factory=dict)
    who: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


def good(name: str, action: str) -> dict[str, Any]:
    """Return a context that the standard allows."""
    context = {**GOOD[action]}
    if "purpose_basis" in context:
        context["purpose_basis"] = BASES[name]
    if "release_required" in context:
        context["release_required"] = BASES[name] == "consent"
    if "entry" in context and name in WATCHLISTS:
        context["entry"] = {**context["entry"], "watchlist": True}
    return context


def changed(context: Mapping[str, Any], bad: Mapping[str, Any]) -> dict[str, Any]:
    """Return a context with values changed; `entry.evidence` names a value inside `entry`."""
    result = dict(context)
    for path, value in bad.items():
        outer, _, inner = path.partition(".")
        result[outer] = {**result[outer], inner: value} if inner else value
    return result


def conditions(name: str) -> Conditions:
    return replace(CALM, jurisdiction=PLACES.get(name, "EU"))


@cache
def rules_of(name: str) -> Rules:
    return Rules(standard_of(name))


@cache
def without(name: str, rule: str) -> Rules:
    """The same rules with one of them cut out."""
    standard = standard_of(name)
    parsed = json.loads(cedarpy.policies_to_json_str(standard.policy))
    policies = sorted(parsed["staticPolicies"].items(), key=lambda item: int(item[0].removeprefix("policy")))
    kept = [policy for _, policy in policies if policy["annotations"]["id"] != rule]
    assert len(kept) < len(policies)
    renumbered = {f"policy{number}": policy for number, policy in enumerate(kept)}
    policy = cedarpy.policies_from_json_str(json.dumps({**parsed, "staticPolicies": renumbered}))
    return Rules(replace(standard, policy=policy))


def ask(name: str, case: Case, rules: Rules | None = None) -> None:
    request = Request(
        replace(ANN, **case.who),
        case.action,
        replace(conditions(name), **case.state),
        changed(good(name, case.action), case.bad),
    )
    (rules or rules_of(name)).authorise(request)


def refused(name: str, case: Case, rules: Rules | None = None) -> PolicyRefusal:
    with pytest.raises(PolicyRefusal) as caught:
        ask(name, case, rules)
    return caught.value


def _each(rule: str, actions: tuple[str, ...], bad: Mapping[str, Any] | None = None, **more: Any) -> Iterator[Case]:
    return (Case(rule, action, bad or {}, **more) for action in actions)


def _people() -> Iterator[Case]:
    approvals = ("mandate.approve", "request.approve")
    signed = ("case.answer", "case.amend", *approvals, "document.sign")
    rest = [action for action in GOOD if action not in (*UNATTENDED, *signed)]
    yield from (Case("K2", action, {}, {"signed_in": False}) for action in rest)
    yield from _each("S2", (*approvals, "document.sign"), who={"roles": ROLES - {"approver"}})
    yield from _each("H1", ("case.answer",), who={"roles": ROLES - {"reviewer"}})
    yield from _each("H1", ("case.answer",), who={"trained": False})
    yield from _each("S2", approvals, {"requester_is_other": False})
    yield from _each("S2", ("mandate.revoke",), who={"roles": ROLES - {"approver"}})
    yield from _each("K2", OPERATED, who={"roles": ROLES - {"operator"}})
    yield from _each("K2", RIGHTS, who={"roles": ROLES - {"operator"}})
    yield from _each("K2", RIGHTS, who={"roles": frozenset({"subject"})})
    for action, enough in (
        ("rotate", {"operator", "custodian"}),
        ("audit.show", {"auditor", "operator"}),
        ("document.make", {"operator", "approver", "auditor"}),
        ("complaint.decide", {"operator", "approver"}),
    ):
        yield Case("K2", action, {}, {"roles": ROLES - enough})
    yield from _each("S2", ("person.add", "person.remove", "standard.adopt"), {"change.approved": False})
    yield Case("W7", "restart", {"change.approved": False})


def _purposes() -> Iterator[Case]:
    yield from _each("P3", LOCATED, state={"jurisdiction": "XX"})
    yield from _each("P1", (*PURPOSEFUL, "redact"), {"purpose_registered": False})
    yield from _each("P1", (*PURPOSEFUL, "redact", "purpose.add"), {"purpose_basis_allowed": False})
    yield from _each("P1", (*ENROLMENT, *RECOGNITION, "simulate", "gallery.export"), {"gallery_purpose_matches": False})
    yield Case("P1", "identify", {"reason_given": False})
    yield Case("P1", "verify-pair", {"stores_nothing": False})
    for kind in ("url", "cctv", "search", ""):
        yield from _each("P5", ANALYSIS, {"source_kind": kind})
    for fact in MANDATE:
        if fact != "required":
            yield from _each("P2", MANDATED, {f"mandate.{fact}": False})
    yield Case("P2", "mandate.request", {"within_limits": False})
    yield Case("P7", "mandate.request", {"urgent": True, "urgent_permitted": False})
    yield Case("S4", "gallery.export", {"recipient_named": False})
    yield Case("S4", "gallery.export", {"mandate.required": False})
    yield from _each("W7", (*RECOGNITION, "verify-pair", "redact"), state={"stopped": True})
    for fact in EVIDENCE:
        yield from _each("V1", ("identify", "watch", "redact"), {f"evidence.{fact}": False})
    yield from _each("W3", SINGLE, {"gallery_in_force": False})
    for fact, rule in WATCHED.items():
        yield Case(rule, "watch", {f"watch.{fact}": False})
        if rule in ("W8", "W10", "P2"):
            yield Case(rule, "identify", {f"watch.{fact}": False})
    for fact in ("cameras_as_recorded", "cameras_as_mandated"):
        yield Case(WATCHED[fact], "verify", {f"watch.{fact}": False})
    yield from _each("S1", MEASURED, {"change.approved": False})
    yield from _each("S1", MEASURED, {"evidence_in_force": False})
    yield Case("V3", "evidence.add", {"data_accepted": False})


def _enrolment() -> Iterator[Case]:
    for gap in RELEASE:
        yield from _each("C1", ENROLMENT, {"release_required": True, gap: False})
    yield from _each("E1", ENROLMENT, {"source_recorded": False})
    yield from _each("E4", ENROLMENT, {"sample_was_probe": True})
    yield from _each("T1", (*ENROLMENT, "purpose.add"), {"retention_within_limit": False})
    yield from _each("K2", (*ENROLMENT, *RECOGNITION, "verify-pair"), {"pack_verified": False})
    yield Case("E2", "admit", {"quality_acceptable": False})
    yield Case("E1", "simulate", {"gallery_simulated_only": False})
    yield Case("T1", "verify", {"reference_in_force": False})


def _review() -> Iterator[Case]:
    yield from _each("S3", ("case.open",), {"probe_kept": False})
    yield from _each("S3", ("case.open",), {"probe_original": False})
    yield from _each("H2", ("case.answer",), {"features_recorded": False})
    yield from _each("H2", ("case.answer",), {"score_hidden": False})
    yield from _each("H1", ("case.answer",), {"first_answer": False})
    yield from _each("H1", ("case.amend",), {"own_answer": False})
    yield from _each("H1", ("case.amend",), {"decided": False})
    yield from _each("H1", ("case.show",), who={"roles": frozenset({"custodian"})})
    yield from _each("H1", ("case.decide",), {"answers_sufficient": False})
    yield from _each("H3", ("case.decide", "case.delete"), {"finding_recorded": False})
    yield from _each("D2", ("adverse.note",), {"notice_complete": False})
    yield from _each("O1", ("document.sign",), {"document_current": False})


def _particular(name: str) -> Iterator[Case]:
    parameters = standard_of(name).parameters
    if parameters.people.trained:
        trained = (*ENROLMENT, *RECOGNITION, "watchlist.entry", "redact")
        yield from _each("H1", trained, who={"trained": False})
    if parameters.people.reviewers:
        yield Case("H1", "adverse.note", {"case_actionable": False})
        yield Case("H3", "case.delete", {"searched_by_other": False})
    if parameters.custody.separate:
        yield from _each("L2", (*RECOGNITION, "gallery.export"), state={"custodian_separate": False})
    if parameters.log.witnesses:
        yield from _each("L3", ("identify", "watch"), state={"log_witnessed": False})
    if parameters.watchlist.allowed:
        yield from _each("E1", (*ENROLMENT, "watchlist.entry"), {"entry.evidence": False})
        yield from _each("E1", ENROLMENT, {"entry.approved": False})
        for stated in ("entry.stated_minor", "entry.stated_vulnerable"):
            yield from _each("E3", (*ENROLMENT, "watchlist.entry"), {stated: True})
    else:
        yield from _each("P1", (*ENROLMENT, "watchlist.entry"), {"entry.watchlist": True})
    if name != "retail":
        yield from _each("C2", ENROLMENT, {"subject_objected": True, "entry.watchlist": False})
    if parameters.consent.alternative:
        yield Case("C3", "purpose.add", {"purpose_basis": "consent", "alternative_named": False})
    yield from _own(name)
    place = {"jurisdiction": "US-IL"}
    for gap in RELEASE:
        yield from _each("P3", ENROLMENT, {"release_required": False, gap: False}, state=place)
    law = {"purpose_basis": "legal-obligation"}
    yield from _each("P3", ("identify", "watch", "redact"), law, state=place)


def _own(name: str) -> Iterator[Case]:
    """What one standard refuses alone."""
    if name == "border":
        law = {"purpose_basis": "legal-obligation"}
        yield Case("W10", "purpose.add", {**law, "alternative_named": False})
        yield from _each("P3", (*PURPOSEFUL, "purpose.add"), state={"jurisdiction": "EU"})
    if name == "investigation":
        yield from _each("P6", (*ENROLMENT, *SINGLE, "verify-pair", "detect", "redact"), {"source_kind": "stream"})
        yield from _each("E1", ENROLMENT, {"entry.watchlist": False, "entry.evidence": False})
    if name == "retail":
        eu = {"jurisdiction": "EU"}
        yield from _each("P3", (*PURPOSEFUL, "purpose.add"), state=eu)
        yield from _each("E1", (*ENROLMENT, "watchlist.entry"), {"entry.watchlist": False})
    if name == "library":
        yield from _each("P5", ANALYSIS, {"source_kind": "stream"})


def cases(name: str) -> list[Case]:
    every = (*_people(), *_purposes(), *_enrolment(), *_review(), *_particular(name))
    return [case for case in every if case.action not in ABSENT[name]]


RULES_OF = [(name, rule) for name in STANDARDS for rule in sorted({case.rule for case in cases(name)})]


def doubled(name: str, case: Case) -> bool:
    """Tell whether another rule stands for the same on purpose, so that with one cut out the other still refuses."""
    # Who did not sign in has no role and no training, which H1 and S2 ask for.
    unsigned = case.who.get("signed_in") is False and case.rule == "K2"
    training = standard_of(name).parameters.people.trained or case.action in ("mandate.revoke", "case.show")
    return (name, case.rule) == ("border", "C3") or (unsigned and training)


@pytest.mark.parametrize("name", STANDARDS)
@pytest.mark.parametrize("action", GOOD)
def test_good_request_is_granted_and_names_the_standard(name: str, action: str) -> None:
    request = Request(ANN, action, conditions(name), good(name, action))
    if action in ABSENT[name]:
        with pytest.raises(PolicyRefusal):
            rules_of(name).authorise(request)
        return
    grant = rules_of(name).authorise(request)
    assert (grant.principal, grant.action, grant.standard) == ("Ann", action, name)
    assert grant.digest == standard_of(name).digest


@pytest.mark.parametrize("place", ["EU", "UK", "CH", "NZ", "US", "US-IL"])
@pytest.mark.parametrize("action", sorted(set(GOOD) - ABSENT["workplace"]))
def test_workplace_allows_the_same_in_every_known_place(action: str, place: str) -> None:
    ask("workplace", Case("", action, state={"jurisdiction": place}))


@pytest.mark.parametrize(("name", "rule"), RULES_OF)
def test_rule_refuses_and_only_that_rule(name: str, rule: str) -> None:
    for case in cases(name):
        if case.rule == rule:
            refusal = refused(name, case)
            assert refusal.rule == rule, case
            assert "\n" not in str(refusal)
            if not doubled(name, case):
                # With the rule cut out of the policy the same request passes: this fails if the rule is removed.
                ask(name, case, without(name, rule))


def test_every_forbid_of_every_standard_is_exercised() -> None:
    spoken = {refused(name, case).reason for name in STANDARDS for case in cases(name)}
    spoken |= {
        refused("workplace", Case("K2", "person.add", who={"signed_in": False})).reason,
        # Nothing permits `watch` where these two stand, so that they speak only where a permit is added.
        refused("workplace", Case("P6", "watch")).reason,
        refused("investigation", Case("P6", "watch"), permitting("investigation", "watch", cut="P6-common")).reason,
    }
    assert spoken == {rule.reason for name in STANDARDS for rule in standard_of(name).rules if rule.forbids}


def permitting(name: str, action: str, cut: str = "") -> Rules:
    """The rules of a standard with one permission more; `cut` may take the common P6 out."""
    standard = standard_of(name)
    policy = standard.policy + f'\n@id("x") permit (principal, action == Action::"{action}", resource);'
    parameters = standard.parameters
    if cut:
        parameters = replace(parameters, video=replace(parameters.video, realtime=True))
    return Rules(replace(standard, policy=policy, parameters=parameters))


@pytest.mark.parametrize("name", STANDARDS)
@pytest.mark.parametrize("action", GOOD)
def test_missing_attribute_is_denied(name: str, action: str) -> None:
    context = good(name, action)
    gaps = [{key: value for key, value in context.items() if key != gone} for gone in context]
    for outer, inner in context.items():
        if isinstance(inner, dict):
            gaps += [{**context, outer: {k: v for k, v in inner.items() if k != gone}} for gone in inner]
    for gap in [*gaps, {**context, "more": True}]:
        with pytest.raises(PolicyRefusal) as caught:
            rules_of(name).authorise(Request(ANN, action, conditions(name), gap))
        assert caught.value.rule == "policy-error"
        assert "\n" not in str(caught.value)


# ---- The rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STANDARDS)
def test_P1_call_without_registered_purpose_is_denied(name: str) -> None:
    nothing = {"purpose_registered": False, "purpose_basis": "none", "purpose_basis_allowed": False}
    for action in PURPOSEFUL:
        if action not in ABSENT[name]:
            refusal = refused(name, Case("P1", action, nothing))
            assert refusal.rule == "P1"
            assert "purpose add" in refusal.remedy


@pytest.mark.parametrize("name", STANDARDS)
def test_P1_redaction_of_everybody_needs_neither_purpose_nor_mandate(name: str) -> None:
    nothing = {"purpose_registered": False, "purpose_basis_allowed": False, "mandate.required": False}
    nothing |= {f"evidence.{fact}": False for fact in EVIDENCE}
    ask(name, Case("", "redact", {**nothing, "keeps_subjects": False}, {"trained": False}, {"stopped": True}))


@pytest.mark.parametrize("name", STANDARDS)
def test_P2_without_the_need_of_a_mandate_none_is_asked_for(name: str) -> None:
    none = {f"mandate.{fact}": False for fact in MANDATE}
    for action in ("verify", "identify", "redact"):
        ask(name, Case("", action, none))


@pytest.mark.parametrize("name", STANDARDS)
def test_V1_without_evidence_nobody_is_identified_and_verifying_goes_on(name: str) -> None:
    nothing = {f"evidence.{fact}": False for fact in EVIDENCE}
    assert refused(name, Case("V1", "identify", nothing)).rule == "V1"
    assert refused(name, Case("V1", "redact", nothing)).rule == "V1"
    ask(name, Case("", "verify"))


@pytest.mark.parametrize("name", STANDARDS)
def test_S1_what_lowers_no_threshold_needs_neither_approval_nor_evidence(name: str) -> None:
    for action in MEASURED:
        ask(name, Case("", action, {"lowers": False, "change.approved": False, "evidence_in_force": False}))


@pytest.mark.parametrize("name", STANDARDS)
def test_S1_while_the_roster_is_founded_evidence_is_needed_all_the_same(name: str) -> None:
    founding = {"change.approved": False, "change.founding": True}
    for action in MEASURED:
        ask(name, Case("", action, founding))
        assert refused(name, Case("S1", action, {**founding, "evidence_in_force": False})).rule == "S1"


@pytest.mark.parametrize("name", STANDARDS)
def test_P3_unknown_jurisdiction_and_a_stop_leave_subjects_their_rights(name: str) -> None:
    for action in (*RIGHTS, "complaint.decide"):
        ask(name, Case("", action, state={"jurisdiction": "XX", "stopped": True, "custodian_separate": False}))


@pytest.mark.parametrize("name", STANDARDS)
def test_P4_nothing_in_the_policy_speaks_of_what_a_person_is(name: str) -> None:
    standard = standard_of(name)
    forbidden = r"emotion|race|racial|ethnic|gender|\bsex\b|\bage\b|\bages\b|crime|criminal|risk|mood|religio|health"
    for text in (standard.policy, standard.schema, repr(standard.parameters), json.dumps(GOOD)):
        assert not re.search(forbidden, text, re.IGNORECASE)


def test_P5_url_is_refused_whatever_else_holds() -> None:
    assert "web addresses" in refused("workplace", Case("P5", "enrol", {"source_kind": "url"})).reason
    ask("workplace", Case("", "enrol", {"source_kind": "stream"}))


def test_P6_investigation_has_no_real_time_mode_even_if_a_parameter_and_a_permit_say_so() -> None:
    refusal = refused("investigation", Case("P6", "watch"), permitting("investigation", "watch", cut="P6-common"))
    assert (refusal.rule, refusal.reason) == ("P6", "in an investigation nobody is recognised in real time.")
    assert refused("investigation", Case("P6", "identify", {"source_kind": "stream"})).rule == "P6"
    assert not standard_of("investigation").parameters.video.realtime


def test_P7_only_investigation_knows_urgent_mandates() -> None:
    for name in STANDARDS:
        assert bool(standard_of(name).parameters.mandate.urgent) == (name == "investigation")
    ask("investigation", Case("", "mandate.request", {"urgent": True}))


def test_C1_release_is_needed_only_where_the_basis_rests_on_it() -> None:
    bare = {**dict.fromkeys(RELEASE, False), "release_required": False}
    ask("workplace", Case("", "enrol", {**bare, "purpose_basis": "legal-obligation"}))
    assert refused("workplace", Case("C1", "enrol", {**bare, "release_required": True})).rule == "C1"


def test_C1_is_asked_before_features_are_extracted() -> None:
    # `enrol` must not depend on anything that is known only after extraction.
    assert "quality_acceptable" not in GOOD["enrol"]
    assert refused("workplace", Case("C1", "enrol", {"release_present": False})).rule == "C1"


def test_C3_consent_without_an_alternative_is_refused_and_another_basis_is_not() -> None:
    refusal = refused("workplace", Case("C3", "purpose.add", {"alternative_named": False}))
    assert refusal.rule == "C3"
    assert "--alternative" in refusal.remedy
    ask("workplace", Case("", "purpose.add", {"alternative_named": False, "purpose_basis": "legal-obligation"}))


def test_W10_a_traveller_is_offered_another_lane_whatever_the_basis() -> None:
    law = {"alternative_named": False, "purpose_basis": "legal-obligation"}
    assert refused("border", Case("W10", "purpose.add", law)).rule == "W10"


def test_E2_has_no_override() -> None:
    low = {"quality_acceptable": False}
    assert refused("workplace", Case("E2", "admit", low)).rule == "E2"
    assert refused("workplace", Case("E2", "admit", {**low, "override": True})).rule == "policy-error"


@pytest.mark.parametrize("name", WATCHLISTS)
def test_C2_an_objection_to_a_watchlist_is_a_complaint_and_no_veto(name: str) -> None:
    ask(name, Case("", "enrol", {"subject_objected": True}))


@pytest.mark.parametrize("name", WATCHLISTS)
@pytest.mark.parametrize("stated", ["entry.stated_minor", "entry.stated_vulnerable"])
def test_E3_minors_and_vulnerable_people_are_entered_only_for_their_own_protection(name: str, stated: str) -> None:
    for action in ("watchlist.entry", "enrol", "admit"):
        assert refused(name, Case("E3", action, {stated: True})).rule == "E3"
        ask(name, Case("", action, {stated: True, "entry.safeguarding": True}))


def test_E3_workplace_border_and_library_keep_no_watchlists() -> None:
    for name in set(STANDARDS) - set(WATCHLISTS):
        assert refused(name, Case("P1", "enrol", {"entry.watchlist": True})).rule == "P1"


def test_retail_in_the_EU_rests_on_a_law_and_never_on_legitimate_interests() -> None:
    eu = {"jurisdiction": "EU"}
    assert refused("retail", Case("P3", "purpose.add", state=eu)).rule == "P3"
    ask("retail", Case("", "purpose.add", {"purpose_basis": "legal-obligation"}, state=eu))
    ask("retail", Case("", "purpose.add", state={"jurisdiction": "UK"}))


def test_border_in_the_EU_rests_on_a_law_and_stores_nothing_on_consent() -> None:
    eu = {"jurisdiction": "EU"}
    assert refused("border", Case("P3", "purpose.add", state=eu)).rule == "P3"
    assert refused("border", Case("P3", "enrol", state=eu)).rule == "P3"
    law = {"purpose_basis": "legal-obligation"}
    ask("border", Case("", "enrol", {**law, "release_required": False}, state=eu))
    ask("border", Case("", "identify", law, state=eu))
    ask("border", Case("", "verify-pair", state=eu))


@pytest.mark.parametrize("name", STANDARDS)
def test_K2_nobody_acts_unsigned_where_the_standard_or_the_roster_asks(name: str) -> None:
    claimed = {"signed_in": False, "roles": ROLES, "trained": True}
    always = standard_of(name).parameters.people.sign_in == "always"
    open_doors = {"sign_in_required": False}
    if always:
        assert refused(name, Case("K2", "rotate", who=claimed, state=open_doors)).rule == "K2"
    else:
        ask(name, Case("", "rotate", who=claimed, state=open_doors))
    assert refused(name, Case("K2", "rotate", who=claimed)).rule == "K2"
    # The first person cannot sign in before being registered; a stop and the clock of retention wait for nobody.
    ask(name, Case("", "person.add", {"first": True, "change.founding": True, "change.approved": False}, claimed))
    for action in UNATTENDED:
        ask(name, Case("", action, who=claimed))


def test_K2_roles_that_were_not_proved_count_for_nothing() -> None:
    claimed = {"signed_in": False, "roles": ROLES, "trained": True}
    case = Case("S2", "mandate.approve", who=claimed, state={"sign_in_required": False})
    assert refused("workplace", case).rule == "S2"


@pytest.mark.parametrize("name", STANDARDS)
def test_K2_a_subject_may_ask_about_himself_and_nobody_else(name: str) -> None:
    subject = {"roles": frozenset({"subject"}), "trained": False}
    for action in RIGHTS:
        ask(name, Case("", action, {"own": True}, subject))
        assert refused(name, Case("K2", action, {"own": False}, subject)).rule == "K2"


def test_S2_approvals_and_H1_reviews_take_a_person_who_signed_in_although_nobody_else_must() -> None:
    claimed = {"signed_in": False, "roles": ROLES, "trained": True}
    for name in ("workplace", "library"):
        for rule, action in (("S2", "mandate.approve"), ("S2", "request.approve"), ("S2", "document.sign")):
            assert refused(name, Case("", action, who=claimed, state={"sign_in_required": False})).rule == rule
        assert refused(name, Case("", "case.answer", who=claimed, state={"sign_in_required": False})).rule == "H1"


@pytest.mark.parametrize("name", STANDARDS)
def test_S2_until_two_approvers_are_there_changes_are_founding_acts(name: str) -> None:
    founding = {"change.founding": True, "change.approved": False}
    for action in ("person.add", "person.remove", "standard.adopt", "restart"):
        ask(name, Case("", action, founding))


@pytest.mark.parametrize("name", STANDARDS)
def test_S2_a_mandate_is_revoked_by_its_requester_or_an_approver(name: str) -> None:
    ask(name, Case("", "mandate.revoke", {"own": True}, {"roles": frozenset({"operator"})}))
    ask(name, Case("", "mandate.revoke", {"own": False}, {"roles": frozenset({"approver"})}))


# ---- What Cedar does by itself, and what is made of it ---------------------------------------------


def test_the_first_rule_in_the_file_speaks() -> None:
    bad = {"purpose_registered": False, "source_kind": "url", "release_present": False}
    assert refused("workplace", Case("P1", "enrol", bad)).rule == "P1"


@pytest.mark.parametrize("value", ["yes", "", 1, None, [], float("nan")])
def test_attribute_of_another_type_is_denied(value: object) -> None:
    assert refused("workplace", Case("", "enrol", {"release_present": value})).rule == "policy-error"
    assert refused("workplace", Case("", "identify", {"mandate.approved": value})).rule == "policy-error"


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_condition_or_principal_of_another_type_is_denied(value: object) -> None:
    # What was granted before is remembered, and 1 equals True.
    ask("workplace", Case("", "rotate"))
    assert refused("workplace", Case("", "rotate", state={"stopped": value})).rule == "policy-error"
    assert refused("workplace", Case("", "rotate", who={"trained": value})).rule == "policy-error"
    assert refused("workplace", Case("", "rotate", who={"signed_in": value})).rule == "policy-error"


def test_unserialisable_context_is_denied() -> None:
    assert refused("workplace", Case("", "enrol", {"source_kind": object()})).rule == "policy-error"


@pytest.mark.parametrize("action", ["", "search", "Enrol", "enrolment", "located", 'x"', "\ud800"])
def test_unknown_action_is_denied(action: str) -> None:
    with pytest.raises(PolicyRefusal) as caught:
        rules_of("workplace").authorise(Request(ANN, action, CALM, GOOD["identify"]))
    assert caught.value.rule == "policy-error"


def test_action_without_permit_is_denied_by_default() -> None:
    refusal = refused("workplace", Case("", "rotate"), without("workplace", "upkeep"))
    assert (refusal.rule, refusal.exit_code) == ("default-deny", 3)
    assert refused("library", Case("", "gallery.export")).rule == "default-deny"


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
    rules = Rules(replace(workplace, policy=workplace.policy + trap))
    assert refused("workplace", Case("", "rotate"), rules).rule == "policy-error"


def test_policy_that_does_not_hold_against_its_schema_is_not_loaded(workplace: Standard) -> None:
    with pytest.raises(IntegrityError, match="does not hold against its schema"):
        Rules(replace(workplace, policy='@id("x") permit (principal, action, resource) when { context.nope };'))


def test_names_in_any_script_may_act() -> None:
    for name in ("Zoë", "李雷", 'a"b', "line\nbreak", "::", ""):
        request = Request(replace(ANN, name=name), "erase", CALM, {"own": False})
        assert rules_of("workplace").authorise(request).principal == name
