"""The facts made from purposes and releases, asked of the real rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.policy import facts
from faceward.policy.consent import Release
from faceward.policy.evidence import FACTS as EVIDENCE_FACTS
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.mandates import FACTS
from faceward.policy.parameters import Basis
from faceward.policy.purposes import Purpose
from faceward.policy.retention import expiry, limit
from faceward.policy.rules import Conditions, Principal, Request, Rules
from faceward.policy.standard import Standard, available_standards, load_standard

FILE = facts.Sample("file")
WATCHED = facts.Watched(*[True] * 10)
MEASURED = dict.fromkeys(EVIDENCE_FACTS, True)


@pytest.fixture
def release() -> Release:
    return Release("Grace", "door", date(2026, 1, 31), datetime(2027, 2, 1, tzinfo=UTC))


@pytest.fixture
def enrolment(door: Purpose, release: Release, workplace: Standard, eu: Jurisdiction, now: datetime) -> facts.Enrolment:
    return facts.Enrolment("Grace", door, (release,), "door", expiry(now, door, release, workplace, eu), FILE, True)


class Ask:
    def __init__(self, rules: Rules, standard: Standard, place: Jurisdiction, now: datetime) -> None:
        self.rules, self.standard, self.place, self.now = rules, standard, place, now

    def rule(self, action: str, context: facts.Context) -> str:
        try:
            conditions = Conditions(
                self.place.code, sign_in_required=False, stopped=False, custodian_separate=False, log_witnessed=False
            )
            self.rules.authorise(Request(Principal("Ann"), action, conditions, context))
        except PolicyRefusal as refusal:
            return refusal.rule
        return "granted"

    def enrol(self, enrolment: facts.Enrolment) -> str:
        return self.rule("enrol", facts.enrol_context(enrolment, self.standard, self.place, self.now))


@pytest.fixture
def ask(rules: Rules, workplace: Standard, eu: Jurisdiction, now: datetime) -> Ask:
    return Ask(rules, workplace, eu, now)


def test_C1_enrolment_under_a_release_is_granted_and_without_it_refused(
    ask: Ask, enrolment: facts.Enrolment, release: Release, now: datetime
) -> None:
    assert ask.enrol(enrolment) == "granted"
    for releases in (
        (),
        (replace(release, subject="Eileen"),),
        (replace(release, purpose="canteen"),),
        (replace(release, until=now),),
        (replace(release, signed_on=date(2030, 1, 1)),),
        # Two halves of a release do not make one.
        (replace(release, subject="Eileen"), replace(release, purpose="canteen")),
    ):
        assert ask.enrol(replace(enrolment, releases=releases)) == "C1"


def test_P1_unregistered_purpose_or_other_gallery_is_refused(ask: Ask, enrolment: facts.Enrolment) -> None:
    assert ask.enrol(replace(enrolment, purpose=None)) == "P1"
    assert ask.enrol(replace(enrolment, gallery_purpose="canteen")) == "P1"
    assert ask.enrol(replace(enrolment, gallery_purpose=None)) == "P1"


def test_P1_basis_that_the_standard_no_longer_accepts_is_refused(
    ask: Ask, enrolment: facts.Enrolment, door: Purpose
) -> None:
    assert ask.enrol(replace(enrolment, purpose=replace(door, basis=Basis.CONTRACT))) == "P1"


def test_legal_obligation_needs_no_release_but_illinois_does(
    ask: Ask, enrolment: facts.Enrolment, door: Purpose, illinois: Jurisdiction
) -> None:
    ordered = replace(enrolment, purpose=replace(door, basis=Basis.LEGAL_OBLIGATION), releases=())
    assert ask.enrol(ordered) == "granted"
    assert Ask(ask.rules, ask.standard, illinois, ask.now).enrol(ordered) == "P3"


def test_P5_and_E1_and_E4_and_K2_are_asked_of_the_sample(ask: Ask, enrolment: facts.Enrolment) -> None:
    assert ask.enrol(replace(enrolment, sample=facts.Sample("url"))) == "P5"
    assert ask.enrol(replace(enrolment, sample=facts.Sample("file", source_recorded=False))) == "E1"
    assert ask.enrol(replace(enrolment, sample=facts.Sample("file", was_probe=True))) == "E4"
    assert ask.enrol(replace(enrolment, pack_verified=False)) == "K2"


def test_E2_admission_needs_quality(ask: Ask, enrolment: facts.Enrolment) -> None:
    for acceptable, answer in ((True, "granted"), (False, "E2")):
        context = facts.admit_context(enrolment, acceptable, ask.standard, ask.place, ask.now)
        assert ask.rule("admit", context) == answer


def test_T1_expiry_must_lie_ahead_and_within_the_limit(ask: Ask, enrolment: facts.Enrolment) -> None:
    longest = limit(ask.standard, ask.place)
    for expires, answer in (
        (None, "T1"),
        (ask.now, "T1"),
        (ask.now + timedelta(seconds=1), "granted"),
        (ask.now + longest, "granted"),
        (ask.now + longest + timedelta(seconds=1), "T1"),
    ):
        assert ask.enrol(replace(enrolment, expires=expires)) == answer


def test_T1_expiry_is_the_earliest_of_all_limits(
    door: Purpose, release: Release, workplace: Standard, illinois: Jurisdiction, eu: Jurisdiction, now: datetime
) -> None:
    assert expiry(now, door, None, workplace, eu) == now + timedelta(days=365)
    assert expiry(now, door, release, workplace, eu) == release.until
    long = replace(door, retention=timedelta(days=9999))
    assert expiry(now, long, None, workplace, eu) == now + timedelta(days=5 * 365)
    assert expiry(now, long, None, workplace, illinois) == now + timedelta(days=3 * 365)


def test_recognition_needs_purpose_gallery_and_reference_or_reason(ask: Ask, door: Purpose) -> None:
    ahead = ask.now + timedelta(days=1)
    good = facts.Recognition(door, "door", FILE, True, ahead, "visitor at the gate", evidence=MEASURED)

    def verify(case: facts.Recognition) -> str:
        return ask.rule("verify", facts.verify_context(case, ask.standard, ask.now))

    def identify(case: facts.Recognition) -> str:
        return ask.rule("identify", facts.identify_context(case, ask.standard))

    assert verify(good) == identify(good) == "granted"
    assert verify(replace(good, reference_expires=ask.now)) == "T1"
    assert verify(replace(good, reference_expires=None)) == "T1"
    assert identify(replace(good, reason=" \t")) == "P1"
    assert verify(replace(good, gallery_in_force=False)) == identify(replace(good, gallery_in_force=False)) == "W3"
    assert identify(replace(good, evidence=None)) == "V1"
    for fact in EVIDENCE_FACTS:
        assert identify(replace(good, evidence={**MEASURED, fact: False})) == "V1"
    for bad, answer in (
        (replace(good, purpose=None), "P1"),
        (replace(good, gallery_purpose="canteen"), "P1"),
        (replace(good, sample=facts.Sample("cctv")), "P5"),
        (replace(good, pack_verified=False), "K2"),
    ):
        assert verify(bad) == identify(bad) == answer


def test_other_contexts_fit_the_schema(ask: Ask, door: Purpose) -> None:
    standard = ask.standard
    assert ask.rule("verify-pair", facts.pair_context(FILE, stores_nothing=True, pack_verified=True)) == "granted"
    assert ask.rule("detect", facts.detect_context(FILE)) == "granted"
    everybody = facts.Recognition(None, None, FILE, True)
    assert ask.rule("redact", facts.redact_context(everybody, standard, keeps_subjects=False)) == "granted"
    assert ask.rule("redact", facts.redact_context(everybody, standard, keeps_subjects=True)) == "P1"
    keeping = facts.Recognition(door, None, FILE, True, evidence=MEASURED)
    assert ask.rule("redact", facts.redact_context(keeping, standard, keeps_subjects=True)) == "granted"
    unmeasured = replace(keeping, evidence={**MEASURED, "fresh": False})
    assert ask.rule("redact", facts.redact_context(unmeasured, standard, keeps_subjects=True)) == "V1"
    assert ask.rule("purpose.add", facts.purpose_add_context(door, standard, ask.place)) == "granted"
    endless = replace(door, retention=timedelta(days=9999))
    assert ask.rule("purpose.add", facts.purpose_add_context(endless, standard, ask.place)) == "T1"
    assert ask.rule("gallery.create", facts.purpose_context(door, standard)) == "granted"
    for only, answer in ((True, "granted"), (False, "E1")):
        context = facts.simulate_context(door, "door", standard, gallery_simulated_only=only)
        assert ask.rule("simulate", context) == answer


def test_C3_a_purpose_on_consent_without_alternative_is_refused(ask: Ask, door: Purpose) -> None:
    bare = replace(door, alternative="")
    assert ask.rule("purpose.add", facts.purpose_add_context(bare, ask.standard, ask.place)) == "C3"
    law = replace(bare, basis=Basis.LEGAL_OBLIGATION)
    assert ask.rule("purpose.add", facts.purpose_add_context(law, ask.standard, ask.place)) == "granted"


def test_C2_who_objected_is_not_enrolled(ask: Ask, enrolment: facts.Enrolment) -> None:
    assert ask.enrol(replace(enrolment, objected=True)) == "C2"


def test_E1_workplace_has_no_watchlists(ask: Ask, enrolment: facts.Enrolment, door: Purpose) -> None:
    entry = facts.Entry(watchlist=True, approved=True, evidence=True)
    assert ask.enrol(replace(enrolment, entry=entry)) == "P1"
    context = facts.entry_context(entry, door, ask.standard)
    assert set(context) == {"purpose_registered", "purpose_basis", "purpose_basis_allowed", "entry"}


def test_P2_a_mandate_counts_only_with_every_answer(now: datetime, door: Purpose) -> None:
    standard = load_standard("investigation")
    purpose = replace(door, basis=Basis.PUBLIC_TASK)
    holds = dict.fromkeys(FACTS, True)

    def ask(assessment: dict[str, bool] | None) -> str:
        case = facts.Recognition(purpose, "door", FILE, True, None, "case 7", assessment, MEASURED)
        conditions = Conditions("EU", True, False, True, True)
        ann = Principal("Ann", signed_in=True, roles=frozenset({"operator"}), trained=True)
        try:
            Rules(standard).authorise(Request(ann, "identify", conditions, facts.identify_context(case, standard)))
        except PolicyRefusal as refusal:
            return refusal.rule
        return "granted"

    assert ask(holds) == "granted"
    assert ask(None) == ask({}) == "P2"
    for fact in FACTS:
        assert ask({**holds, fact: False}) == "P2"
        assert ask({name: value for name, value in holds.items() if name != fact}) == "P2"


@pytest.mark.parametrize(
    ("fact", "rule"),
    [
        ("cameras_configured", "W8"),
        ("cameras_as_recorded", "W8"),
        ("cameras_as_mandated", "P2"),
        ("notices_recorded", "W8"),
        ("notices_name_purpose", "W8"),
        ("opt_outs_named", "W10"),
        ("list_ends", "W3"),
        ("list_in_force", "W3"),
        ("false_alerts_acceptable", "W6"),
        ("alerts_decided", "W6"),
    ],
)
def test_W8_W10_W3_W6_nothing_is_watched_unless_every_fact_of_cameras_and_list_holds(
    door: Purpose, fact: str, rule: str
) -> None:
    purpose = replace(door, basis=Basis.LEGITIMATE_INTERESTS)
    case = facts.Recognition(
        purpose, "door", facts.Sample("stream"), True, mandate=dict.fromkeys(FACTS, True), evidence=MEASURED
    )
    conditions = Conditions("UK", True, False, True, True)
    ann = Principal("Ann", signed_in=True, roles=frozenset({"operator"}), trained=True)
    standard = load_standard("retail")

    def ask(watched: facts.Watched) -> None:
        Rules(standard).authorise(Request(ann, "watch", conditions, facts.watch_context(case, watched, standard)))

    ask(WATCHED)
    assert set(WATCHED.to_context()) == set(facts.Watched.__dataclass_fields__)
    with pytest.raises(PolicyRefusal) as caught:
        ask(replace(WATCHED, **{fact: False}))
    assert caught.value.rule == rule


def test_P2_a_mandate_is_required_where_the_standard_says_so(door: Purpose) -> None:
    case = facts.Recognition(door, "door", FILE, True)
    for name in available_standards():
        standard = load_standard(name)
        required = standard.parameters.mandate.required
        for action, context in (
            ("verify", facts.verify_context(case, standard, datetime(2026, 1, 1, tzinfo=UTC))),
            ("identify", facts.identify_context(case, standard)),
            ("watch", facts.watch_context(case, WATCHED, standard)),
            ("redact", facts.redact_context(case, standard, keeps_subjects=True)),
            ("gallery.export", facts.export_context(door, "door", standard, mandate=None, recipient_named=True)),
        ):
            mandate = context["mandate"]
            assert isinstance(mandate, dict)
            assert mandate["required"] == (action in required)
        assert facts.redact_context(case, standard, keeps_subjects=False)["mandate"] == {
            "required": False,
            **{fact.removeprefix("mandate_"): False for fact in FACTS},
        }


def test_S4_export_is_refused_without_a_mandate_that_names_the_recipient(ask: Ask, door: Purpose) -> None:
    holds = dict.fromkeys(FACTS, True)

    def export(mandate: dict[str, bool] | None, named: bool) -> str:
        context = facts.export_context(door, "door", ask.standard, mandate=mandate, recipient_named=named)
        return ask.rule("gallery.export", context)

    assert export(holds, named=True) == "granted"
    assert export(holds, named=False) == "S4"
    assert export(None, named=True) == "P2"


def test_S1_contexts_of_changes_that_may_lower_a_threshold_fit_the_schema(ask: Ask, door: Purpose) -> None:
    nobody = facts.Change(founding=False, approved=False)
    for lowering, answer in (
        (facts.Lowering(False, False, nobody), "granted"),
        (facts.Lowering(True, True, nobody), "S1"),
        (facts.Lowering(True, False, facts.Change(founding=True, approved=False)), "S1"),
        (facts.Lowering(True, True, facts.Change(founding=False, approved=True)), "granted"),
    ):
        assert ask.rule("purpose.change", facts.purpose_change_context(door, ask.standard, lowering)) == answer
        assert ask.rule("evidence.add", facts.evidence_add_context(lowering, data_accepted=True)) == answer
        assert ask.rule("evidence.withdraw", facts.measured_context(lowering)) == answer
    harmless = facts.Lowering(False, False, nobody)
    assert ask.rule("evidence.add", facts.evidence_add_context(harmless, data_accepted=False)) == "V3"
    assert ask.rule("purpose.change", facts.purpose_change_context(None, ask.standard, harmless)) == "P1"


def test_contexts_of_changes_mandates_and_rights_fit_the_schema(ask: Ask, door: Purpose) -> None:
    change = facts.Change(founding=True, approved=False)
    assert ask.rule("person.add", facts.person_add_context(change, first=True)) == "granted"
    for action, refusing in (("person.remove", "S2"), ("standard.adopt", "S2"), ("restart", "W7")):
        assert ask.rule(action, change.to_context()) == "granted"
        assert ask.rule(action, facts.Change(founding=False, approved=False).to_context()) == refusing
    for action in ("show", "export", "erase", "complaint.add", "release.withdraw"):
        assert ask.rule(action, facts.rights_context()) == "granted"
    for limits, urgent, answer in ((True, False, "granted"), (False, False, "P2"), (True, True, "P7")):
        context = facts.mandate_request_context(door, ask.standard, within_limits=limits, urgent=urgent)
        assert ask.rule("mandate.request", context) == answer
