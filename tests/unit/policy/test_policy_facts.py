"""The facts made from purposes and releases, asked of the real rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.policy import facts
from faceward.policy.consent import Release
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.parameters import Basis
from faceward.policy.purposes import Purpose
from faceward.policy.retention import expiry, limit
from faceward.policy.rules import Request, Rules
from faceward.policy.standard import Standard

FILE = facts.Sample("file")


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
            self.rules.authorise(Request("operator", action, self.place.code, context))
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
    good = facts.Recognition(door, "door", FILE, True, ahead, "visitor at the gate")

    def verify(case: facts.Recognition) -> str:
        return ask.rule("verify", facts.verify_context(case, ask.standard, ask.now))

    def identify(case: facts.Recognition) -> str:
        return ask.rule("identify", facts.identify_context(case, ask.standard))

    assert verify(good) == identify(good) == "granted"
    assert verify(replace(good, reference_expires=ask.now)) == "T1"
    assert verify(replace(good, reference_expires=None)) == "T1"
    assert identify(replace(good, reason=" \t")) == "P1"
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
    assert ask.rule("redact", facts.redact_context(FILE, standard)) == "granted"
    assert ask.rule("redact", facts.redact_context(FILE, standard, keeps_subjects=True)) == "P1"
    kept = facts.redact_context(FILE, standard, keeps_subjects=True, purpose=door)
    assert ask.rule("redact", kept) == "granted"
    assert ask.rule("purpose.add", facts.purpose_add_context(door, standard, ask.place)) == "granted"
    endless = replace(door, retention=timedelta(days=9999))
    assert ask.rule("purpose.add", facts.purpose_add_context(endless, standard, ask.place)) == "T1"
    assert ask.rule("gallery.create", facts.purpose_context(door, standard)) == "granted"
    for only, answer in ((True, "granted"), (False, "E1")):
        context = facts.simulate_context(door, "door", standard, gallery_simulated_only=only)
        assert ask.rule("simulate", context) == answer
