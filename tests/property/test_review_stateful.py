"""The invariant of a case: in whatever order things are done, nobody sees too early, nothing is actionable alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.policy import review, review_probe
from faceward.policy.review_codec import read_case
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Finding, Outcome, Search, Version
from faceward.policy.review_view import view

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SCORES = {1: 0.912345, 2: 0.923456}
STEPS = ("same-strong", "same-moderate", "same-limited", "different-strong")
SUPPORT = {"same-strong", "same-moderate"}


@dataclass(frozen=True)
class Person:
    name: str
    roles: frozenset[str] = frozenset({"reviewer"})
    trained: bool = True
    signed_in: bool = True


PEOPLE = {
    person.name: person
    for person in (
        Person("olga", frozenset({"operator", "reviewer"})),
        Person("rosa"),
        Person("remy"),
        Person("ruth", frozenset({"reviewer", "operator"})),
        Person("rita"),
        Person("newcomer", trained=False),
        Person("approver", frozenset({"approver"})),
        Person("auditor", frozenset({"auditor"})),
        # The name of a reviewer, claimed by somebody without her key.
        Person("rosa-unsigned", frozenset(), signed_in=False),
    )
}
ELIGIBLE = {"rosa", "remy", "ruth", "rita"}
# Those who can get somewhere come up more often.
NAMES = st.sampled_from([*sorted(PEOPLE), "rosa", "remy", "ruth", "rosa", "remy", "ruth"])


def comparison(number: int, step: str, reviewer: str) -> Comparison:
    found = dict.fromkeys(review_scheme().features, Finding.SIMILAR)
    return Comparison(number, found, step, f"note of {reviewer} on {number}")


@dataclass
class Model:
    """What happened, kept apart from the code under test."""

    blind: dict[str, dict[int, str]] = field(default_factory=dict)
    amended: dict[str, dict[int, str]] = field(default_factory=dict)
    saw: set[str] = field(default_factory=set)
    decided: bool = False
    was_actionable: dict[int, bool] = field(default_factory=dict)


class CaseMachine(RuleBasedStateMachine):
    """Acts of everybody in any order, refused or not."""

    case: Case
    model: Model

    @initialize(count=st.integers(1, 2))
    def open(self, count: int) -> None:
        candidates = tuple(
            Candidate(n, f"subject-{n}", f"{n:032x}", SCORES[n], sample="5a" * 32) for n in range(1, count + 1)
        )
        search = Search(7, "olga", "suspects", "robbery", "", "who is it")
        original = Version("0" * 64, None, "original", "", "olga", NOW, "probe.jpg")
        self.case = Case("c" * 32, NOW, "olga", NOW + timedelta(days=30), "photograph", search, (original,), candidates)
        self.model = Model()

    def answer_of(self, name: str, steps: list[str]) -> Answer:
        live = [c.number for c in self.case.candidates if c.subject is not None]
        compared = tuple(comparison(n, step, name) for n, step in zip(live, steps, strict=False))
        return Answer(name, NOW, compared, amendment=False, salt="5a" * 32, session="", signature="")

    @rule(name=NAMES, steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=2))
    def answer(self, name: str, steps: list[str]) -> None:
        given = self.answer_of(name, steps)
        try:
            self.case = review.answered(self.case, PEOPLE[name], given)
        except FacewardError:
            return
        assert name in ELIGIBLE
        assert name not in self.model.blind
        assert name not in self.model.saw, f"{name} had seen scores or answers before answering"
        assert not self.model.decided
        self.model.blind[name] = {c.candidate: c.conclusion for c in given.comparisons}

    @rule(name=NAMES, steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=2))
    def amend(self, name: str, steps: list[str]) -> None:
        given = self.answer_of(name, steps)
        try:
            self.case = review.amended(self.case, PEOPLE[name], given)
        except FacewardError:
            return
        assert name in self.model.blind
        for compared in given.comparisons:
            if compared.conclusion not in SUPPORT:
                self.model.amended.setdefault(name, {})[compared.candidate] = compared.conclusion

    @rule(number=st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]))
    def erase(self, number: int) -> None:
        self.case = review.forgotten(self.case, f"subject-{number}")
        assert f"subject-{number}" not in json.dumps(self.case.to_json())
        for answers in self.model.blind.values():
            answers.pop(number, None)

    @rule(change=st.sampled_from([*review_probe.EDITS, *review_probe.REFUSED_EDITS, "nonsense"]), n=st.integers(1, 9))
    def edit(self, change: str, n: int) -> None:
        before = self.case.versions
        try:
            self.case = review_probe.edited(
                self.case, Version(f"{n:064x}", before[-1].sha256, change, "", "olga", NOW, "edit.png")
            )
        except FacewardError:
            return
        assert self.case.versions[:-1] == before
        assert change in review_probe.EDITS

    @rule(name=NAMES)
    def conclude(self, name: str) -> None:
        try:
            self.case = review.concluded(self.case, Outcome(name, NOW, "correct", "found out", "none"))
        except PolicyRefusal:
            assert not self.model.decided

    @rule()
    def seal(self) -> None:
        assert read_case(json.loads(json.dumps(self.case.to_json()))) == self.case

    @rule(name=NAMES)
    def look(self, name: str) -> None:
        self.check_view(name)

    def check_view(self, name: str) -> None:
        seen: dict[str, Any] = view(self.case, PEOPLE[name])
        text = json.dumps(seen)
        others = [other for other in self.model.blind if other != name]
        told = any(f"note of {other}" in text for other in others) or any(str(s) in text for s in SCORES.values())
        if told:
            self.model.saw.add(name)
        if told and not review.decided(self.case):
            assert name in self.model.blind
            assert len(self.model.blind) >= 2
        if not review.decided(self.case) and name not in self.model.blind:
            # Who may yet answer cannot tell whether anybody has.
            fresh = view(replace(self.case, answers=()), PEOPLE[name])
            assert seen == fresh

    @invariant()
    def nothing_is_actionable_alone(self) -> None:
        if not hasattr(self, "case"):
            return
        for number, result in review.results(self.case).items():
            support = {
                name
                for name, steps in self.model.blind.items()
                if steps.get(number) in SUPPORT and number not in self.model.amended.get(name, {})
            }
            assert (result is review.Result.ACTIONABLE) <= (len(support & ELIGIBLE - {"olga"}) >= 2)
            given = [steps[number] in SUPPORT for steps in self.model.blind.values() if number in steps]
            if number in {c.number for c in self.case.candidates if c.subject is not None}:
                wanted = len(given) < 2 or (len(given) == 2 and sum(given) == 1)
                assert (result is review.Result.OPEN) == wanted
            # What was once refused does not come back.
            if self.model.was_actionable.get(number) is False:
                assert result is not review.Result.ACTIONABLE
            if review.decided(self.case):
                self.model.was_actionable[number] = result is review.Result.ACTIONABLE

    @invariant()
    def a_decision_stands(self) -> None:
        if hasattr(self, "case"):
            assert review.decided(self.case) or not self.model.decided
            self.model.decided = review.decided(self.case)

    @invariant()
    def everybody_looks(self) -> None:
        if hasattr(self, "case"):
            for name in PEOPLE:
                self.check_view(name)


TestH1H2NobodySeesTooEarly = CaseMachine.TestCase
TestH1H2NobodySeesTooEarly.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
