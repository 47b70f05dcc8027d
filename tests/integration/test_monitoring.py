"""Findings on real cases, counted: a rate above the accepted one is a breach, noted once, whoever crashes or looks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, NoFace, PolicyRefusal, UsageError
from faceward.operations import monitoring, upkeep
from faceward.operations.case_search import open_from_log
from faceward.operations.evidence import checked
from faceward.operations.journal import Journal
from faceward.operations.measured import addition
from faceward.operations.monitoring_view import EXPORT
from faceward.operations.system import System
from faceward.policy import review
from faceward.policy.people import Person, Role
from faceward.policy.requests import SignedRequest, new_request, sign_request
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Case, Comparison, Finding
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

OTHERS = ("Ada", "Grace", "Mary", "Rosalind")


@dataclass
class Office:
    """A deployment whose searches are reviewed."""

    world: Any
    system: System
    evaluations: Any
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    measured: int = 0

    @property
    def deployment(self) -> Any:
        return self.system._deployment

    def sign_in(self, name: str) -> None:
        origin, now = self.deployment.log.origin, self.world.clock.now()
        if name not in self.keys:
            key = self.keys[name] = PrivateKey.generate()
            roles = frozenset((Role("operator" if name == "olga" else "reviewer"),))
            person = Person(name, key.public, roles, now.date() + timedelta(days=90), now)
            first = next(iter(self.keys))
            request = new_request("person.add", person.to_json(), first, origin, (now, now + timedelta(days=1)))
            asked = SignedRequest(request, "") if name == first else sign_request(request, self.keys[first])
            self.deployment.custody.decide(asked, ())
        self.deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, now))

    def measure(self) -> None:
        """Put an evaluation on record that is made now and accepted for every purpose."""
        # Other pictures each time: a measurement that a breach voided is not repeated under another date.
        self.measured += 1
        kit, now = self.evaluations, self.world.clock.now()
        data = replace(kit.DATA, digest=sha256_hex(f"pictures {self.measured}".encode()))
        made = kit.evaluation(pack=self.deployment.pipeline.identifier, made=now, data=data)
        candidate = checked(canonical_json(made.to_json()), made.digest())
        addition(self.deployment, candidate).apply()

    def search(self, *people: str, **options: Any) -> tuple[int, Path]:
        self.sign_in("olga")
        picture = self.world.picture(*people, **options)
        found = self.system.identify(picture, gallery="door", purpose="door", reason="who is it")
        return found.entry, picture

    def decided(self, *people: str, support: bool = True) -> str:
        """Search for people, and bring the case to where it waits for its finding."""
        entry, picture = self.search(*people)
        case = open_from_log(self.deployment, self.system._desk, picture, entry, "photograph")
        return self.decide(case, support=support)

    def decide(self, case: Case, *, support: bool = True) -> str:
        """Answer a case twice, so that it waits for its finding; without support every face is dismissed."""
        scheme, conclusion, finding = review_scheme(), review.INCONCLUSIVE, Finding.INDETERMINATE
        if support:
            conclusion = next(key for key, step in scheme.conclusions.items() if step.support)
            finding = Finding.SIMILAR
            drawn = {sha256_hex(path.read_bytes()): path for path in (self.world.folder / "pictures").iterdir()}
            for one in case.candidates:
                picture = drawn.get(str(one.enrolled)) or self.world.picture(one.subject)
                self.system.cases.add_sample(case.id, picture, candidate=one.number)
        findings = dict.fromkeys(scheme.features, finding)
        for name in ("rosa", "remy"):
            self.sign_in(name)
            given = tuple(Comparison(one.number, findings, conclusion, "") for one in case.candidates)
            self.system.cases.answer(case.id, given)
        return case.id

    def find(self, case: str, accuracy: str, by: str = "rosa", **options: Any) -> dict[str, Any]:
        self.sign_in(by)
        return self.system.cases.conclude(case, accuracy=accuracy, finding="looked at", action="none", **options)

    def found(self, accuracy: str, *people: str, **options: Any) -> str:
        case = self.decided(*people or ("Ada",))
        self.find(case, accuracy, **options)
        return case

    def row(self) -> dict[str, Any]:
        [row] = self.system.monitoring.purposes()
        return row

    def counts(self, *names: str) -> tuple[Any, ...]:
        return tuple(self.row()[name] for name in names or ("faces", "alerts", "correct", "incorrect", "undecided"))

    def notes(self) -> list[Any]:
        wanted = (monitoring.BREACH, monitoring.RESTART)
        return [line for line in self.system.log_lines() if line.operation in wanted]


@pytest.fixture
def office(world: Any, evaluations_kit: Any) -> Office:
    system = world.open()
    made = Office(world, system, evaluations_kit)
    made.measure()
    world.enrol(system, *OTHERS)
    return made


def test_V1_findings_of_false_alerts_above_the_accepted_rate_are_a_breach_noted_once(office: Office) -> None:
    assert office.counts() == (0, 0, 0, 0, 0)
    first, second, third, fourth = (office.decided(name) for name in OTHERS)
    office.find(first, "incorrect")
    assert office.counts() == (4, 4, 0, 1, 3)
    assert monitoring.breached(office.deployment, "door") is None
    assert office.notes() == []
    office.world.clock.advance(timedelta(hours=1))
    moment = office.world.clock.now()
    office.find(second, "incorrect")
    assert monitoring.breached(office.deployment, "door") == moment
    assert office.row()["evalue"] > office.row()["limit"] == 20
    assert office.system.status()["breaches"] == {"door": to_rfc3339(moment)}
    [note] = office.notes()
    assert note.phase == "note"
    told = note.opened["details"]
    assert (told["purpose"], told["faces"], told["false_alerts"], told["time"]) == ("door", 4, 2, to_rfc3339(moment))
    # Neither the clock, nor another look, nor another false alert says it again, and nothing takes it back.
    office.world.clock.advance(timedelta(hours=1))
    office.system.rights.tick()
    office.find(third, "incorrect")
    for case in (first, second, third, fourth):
        office.find(case, "correct", by="remy")
    assert office.counts() == (4, 4, 4, 0, 0)
    assert monitoring.note_breaches(office.deployment, office.system._desk.journal) == ()
    assert len(office.notes()) == 1
    assert monitoring.breached(office.deployment, "door") == moment


def test_V1_after_a_breach_nobody_is_identified_before_a_new_evaluation(office: Office) -> None:
    office.found("incorrect")
    office.found("incorrect")
    for _ in range(2):
        with pytest.raises(PolicyRefusal) as refused:
            office.search("Ada")
        assert refused.value.rule == "V1"
        # What is no identification goes on.
        assert office.world.matches(office.system, "Ada")
        # An evaluation from before the breach, or of its very moment, does not help.
        office.measure()
    last = [line for line in office.system.log_lines() if line.operation == "identify"][-1]
    assert (last.phase, last.opened["details"]["rule"]) == ("denied", "V1")
    office.world.clock.advance(timedelta(hours=1))
    office.measure()
    office.search("Ada")
    assert office.counts() == (1, 1, 0, 0, 1)
    assert [line.operation for line in office.notes()] == [monitoring.BREACH, monitoring.RESTART]


def test_W6_a_purpose_is_held_to_its_standard_where_that_accepts_less(office: Office) -> None:
    purpose, parameters = office.deployment.purpose("door"), office.deployment.standard.parameters
    assert monitoring.accepted_rate(office.deployment, "door") == purpose.fpir <= parameters.loosest_fpir
    looser = {**purpose.to_json(), "fpir": 0.9}
    office.deployment.keep("purpose", "door", looser)
    assert monitoring.accepted_rate(office.deployment, "door") == parameters.loosest_fpir
    assert office.row()["accepted"] == parameters.loosest_fpir


def test_what_nobody_decided_is_no_false_alert_yet_and_shows_how_bad_it_may_be(office: Office) -> None:
    for name in OTHERS[:3]:
        office.search(name)
    office.search("a stranger")
    office.found("undetermined", "Grace")
    row = office.row()
    assert (row["faces"], row["alerts"], row["undecided"], row["undetermined"]) == (5, 4, 3, 1)
    assert (row["rate"], row["worst_rate"], row["in_doubt"], row["breached"]) == (0.0, 0.8, True, None)
    assert row["low"] == 0.0 < row["high"] <= 1.0


def test_of_several_findings_on_a_case_no_alert_counts_twice(office: Office) -> None:
    case = office.found("incorrect")
    office.find(case, "incorrect")
    assert office.counts() == (1, 1, 0, 1, 0)
    office.find(case, "correct", by="remy")
    assert office.counts() == (1, 1, 1, 0, 0)
    office.find(case, "undetermined")
    assert office.counts("correct", "incorrect", "undetermined", "undecided") == (0, 0, 1, 0)
    office.search("Mary")
    assert office.counts() == (2, 2, 0, 0, 1)


def test_V1_nobody_alone_takes_back_a_false_alert_and_who_searched_never_does(office: Office) -> None:
    case = office.decided("Ada")
    # More counts from whomever it comes.
    office.find(case, "correct", by="olga")
    assert office.counts() == (1, 1, 1, 0, 0)
    office.find(case, "incorrect")
    assert office.counts() == (1, 1, 0, 1, 0)
    for by in ("olga", "rosa"):
        for accuracy in ("correct", "undetermined"):
            shown = office.find(case, accuracy, by=by)
            assert shown["outcomes"][-1]["accuracy"] == accuracy
            assert office.counts() == (1, 1, 0, 1, 0)
    # To repeat it makes nobody else its author.
    office.find(case, "incorrect", by="olga")
    office.find(case, "correct")
    assert office.counts() == (1, 1, 0, 1, 0)
    office.find(case, "correct", by="remy")
    assert office.counts() == (1, 1, 1, 0, 0)
    # Said again, it counts again, and now a third person is asked for.
    office.find(case, "incorrect")
    office.find(case, "correct", by="remy")
    assert office.counts() == (1, 1, 0, 1, 0)
    office.find(case, "correct", by="ruth")
    assert office.counts() == (1, 1, 1, 0, 0)


def test_W6_V1_what_two_people_dismissed_is_false_until_a_person_who_had_no_part_in_it_says_otherwise(
    office: Office,
) -> None:
    case = office.decided("Ada", "Mary", support=False)
    counted = ("alerts", "correct", "incorrect", "undetermined", "undecided")
    assert office.counts(*counted) == (2, 0, 2, 0, 0)
    for by in ("olga", "rosa", "remy", "ruth"):
        with pytest.raises(PolicyRefusal) as refused:
            office.find(case, "correct", by=by)
        assert refused.value.rule == "H3"
    for by in ("olga", "rosa", "remy"):
        office.find(case, "undetermined", by=by)
        office.find(case, "incorrect", by=by, false_alerts=1)
        assert office.counts(*counted) == (2, 0, 2, 0, 0)
    office.find(case, "undetermined", by="ruth")
    assert office.counts(*counted) == (2, 0, 0, 2, 0)


def test_V1_nobody_alone_lowers_how_many_faces_of_a_search_were_false(office: Office) -> None:
    case = office.decided("Ada", "Mary")
    office.find(case, "incorrect", false_alerts=1)
    office.find(case, "incorrect")
    assert office.counts() == (2, 2, 0, 2, 0)
    office.find(case, "incorrect", false_alerts=1)
    office.find(case, "incorrect", by="olga", false_alerts=1)
    assert office.counts() == (2, 2, 0, 2, 0)
    office.find(case, "incorrect", by="remy", false_alerts=1)
    assert office.counts() == (2, 2, 1, 1, 0)


def test_V1_the_same_picture_searched_again_neither_dilutes_nor_inflates(office: Office) -> None:
    entry, picture = office.search("a stranger")
    # The same pixels in another file are the same picture.
    copy = picture.with_name("copy.png")
    copy.write_bytes(picture.read_bytes() + b"\0")
    for again in (picture, copy) * 5:
        office.sign_in("olga")
        office.system.identify(again, gallery="door", purpose="door", reason="again")
    assert office.counts("searches", "faces", "alerts") == (11, 1, 0)
    entry, picture = office.search("Ada")
    cases = [office.decide(open_from_log(office.deployment, office.system._desk, picture, entry, "photograph"))]
    for _ in range(3):
        office.sign_in("olga")
        found = office.system.identify(picture, gallery="door", purpose="door", reason="again")
        opened = open_from_log(office.deployment, office.system._desk, picture, found.entry, "photograph")
        cases.append(office.decide(opened))
    assert office.counts() == (2, 1, 0, 0, 1)
    for case in cases[1:]:
        office.find(case, "incorrect")
    assert office.counts() == (2, 1, 0, 1, 0)
    assert office.row()["breached"] is None
    # A search of it that was found right takes nothing off.
    office.find(cases[0], "correct")
    assert office.counts() == (2, 1, 0, 1, 0)
    # Each search is corrected by itself.
    for number, case in enumerate(cases[1:], 1):
        office.find(case, "correct", by="remy")
        assert office.counts("incorrect") == (int(number < 3),)
    # Another false alert is seen as early as if nothing had been repeated.
    office.find(cases[1], "incorrect", by="ruth")
    office.found("incorrect", "Grace")
    assert office.counts("faces", "incorrect") == (3, 2)
    assert office.row()["breached"] is not None
    office.sign_in("olga")
    rows = office.system.monitoring.outcomes()
    assert [(row["faces"], row["false_alerts"]) for row in rows] == [(1, 0), (1, 1), (1, 1)]


def test_what_is_kept_names_nobody_and_no_picture(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "_STEP", 1)
    entry, picture = office.search("Ada")
    office.decide(open_from_log(office.deployment, office.system._desk, picture, entry, "photograph"))
    office.found("incorrect", "Grace")
    office.row()
    content = office.deployment.kept_content("monitoring", "counts").decode()
    for name in ("olga", "rosa", "Ada", "Grace", sha256_hex(picture.read_bytes())[:32]):
        assert name not in content


def test_each_purpose_has_a_count_of_its_own(office: Office) -> None:
    system = office.system
    system.add_purpose("gate", basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a badge")
    office.measure()
    office.world.enrol(system, "Ada", purpose="gate")
    office.found("incorrect")
    _, picture = office.search("Ada")
    # The same picture is another one elsewhere.
    office.sign_in("olga")
    system.identify(picture, gallery="gate", purpose="gate", reason="who is it")
    office.found("incorrect")
    rows = {row["purpose"]: row for row in system.monitoring.purposes()}
    assert [rows[name]["faces"] for name in ("door", "gate")] == [3, 1]
    assert [rows[name]["incorrect"] for name in ("door", "gate")] == [2, 0]
    assert monitoring.breached(office.deployment, "door") is not None
    assert monitoring.breached(office.deployment, "gate") is None
    with pytest.raises(PolicyRefusal):
        office.search("Ada")
    office.sign_in("olga")
    assert system.identify(picture, gallery="gate", purpose="gate", reason="still allowed").probes


def test_H3_a_finding_on_several_faces_counts_all_of_them_or_as_many_as_it_states(office: Office) -> None:
    several = office.decided("Ada", "a stranger", "Mary")
    for stated, accuracy in ((3, "incorrect"), (0, "incorrect"), (1, "correct"), (1, "undetermined")):
        with pytest.raises(UsageError, match="false alerts"):
            office.find(several, accuracy, false_alerts=stated)
    assert office.find(several, "incorrect", false_alerts=1)["outcomes"][-1]["false_alerts"] == 1
    assert office.counts() == (3, 2, 1, 1, 0)
    assert office.find(several, "incorrect")["outcomes"][-1]["false_alerts"] is None
    assert office.counts() == (3, 2, 0, 2, 0)


def test_faces_that_were_not_compared_and_searches_that_failed_are_not_counted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.search("Ada", blurred=True)
    assert office.counts("searches", "faces", "alerts") == (1, 0, 0)
    office.sign_in("olga")
    with monkeypatch.context() as patched:
        patched.setattr(type(office.world.fake(office.system)), "detect", lambda *_: ())
        with pytest.raises(NoFace):
            office.search("Grace")
    assert office.counts("searches", "faces") == (1, 0)


def test_counts_follow_from_the_log_alone_however_often_they_are_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "_STEP", 1)
    office.found("correct")
    office.found("incorrect", "Grace")
    office.search("Mary")
    first = office.row()
    kept = office.deployment.kept("monitoring", "counts")
    assert kept["stop"] == office.system.log_size
    for _ in range(2):
        office.deployment.store.delete_document("monitoring", "counts")
        assert office.row() == first
        assert office.deployment.kept("monitoring", "counts") == kept
    # An older copy put back is read on from where it ends.
    office.found("incorrect", "Rosalind")
    later = office.row()
    office.deployment.keep("monitoring", "counts", kept)
    assert office.row() == later
    assert monitoring.breached(office.deployment, "door") is not None


def test_entries_that_were_counted_are_not_opened_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in OTHERS:
        office.search(who)
    expected = office.counts("searches", "faces")
    log, read = office.deployment.log, list[int]()
    events = monitoring.events

    def reading(deployment: Any, journal: Any, start: int, stop: int | None = None) -> Any:
        read.append(log.size - start)
        return events(deployment, journal, start, stop)

    monkeypatch.setattr(monitoring, "events", reading)
    assert monitoring.breached(office.deployment, "door") is None
    assert read == [0]
    before = log.size
    office.search("Ada")
    assert office.counts("searches", "faces") == (expected[0] + 1, expected[1] + 1)
    assert sum(read) == log.size - before
    # Another process counts the same from what is kept.
    monitoring._LATEST.clear()
    assert office.counts("searches", "faces") == (expected[0] + 1, expected[1] + 1)
    assert sum(read) > log.size - before


def test_V1_a_breach_that_a_killed_process_left_unnoted_counts_and_the_clock_notes_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.found("incorrect")
    with monkeypatch.context() as patched:
        patched.setattr("faceward.operations.dismissals.monitoring.note_breaches", lambda *_: ())
        office.found("incorrect")
    assert office.notes() == []
    assert monitoring.breached(office.deployment, "door") is not None
    told = office.system.rights.tick()
    assert any("more false alerts than it accepts" in line for line in told.done)
    assert len(office.notes()) == 1
    assert not any("false alerts" in line for line in office.system.rights.tick().done)


def test_a_finding_whose_process_was_killed_counts_once_it_is_brought_to_its_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = office.decided("Ada")
    with monkeypatch.context() as patched:
        patched.setattr(type(office.system._desk), "close", lambda *_, **__: None)
        office.find(case, "incorrect")
    assert office.counts() == (1, 1, 0, 0, 1)
    upkeep.recover(office.deployment, office.system._desk)
    assert office.counts() == (1, 1, 0, 1, 0)
    # It is in the case as well; said again, it is still one false alert.
    office.find(case, "incorrect")
    assert office.counts() == (1, 1, 0, 1, 0)


def test_of_two_processes_that_see_a_breach_one_notes_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    other = office.world.open()
    journal = Journal(other._deployment)
    seen = monitoring._read_on
    raced: list[str] = []

    def race(*given: Any) -> monitoring.Counts:
        found = seen(*given)
        if found.unnoted and not raced:
            raced.append("begun")
            raced.extend(monitoring.note_breaches(other._deployment, journal))
        return found

    office.found("incorrect")
    monkeypatch.setattr(monitoring, "_read_on", race)
    office.found("incorrect")
    assert raced == ["begun", "door"]
    assert len(office.notes()) == 1


def test_V1_new_evidence_answers_a_breach_and_the_test_begins_anew(office: Office) -> None:
    deployment, clock = office.deployment, office.world.clock
    old = office.decided("Ada")
    office.found("incorrect")
    # Without a breach evidence does not begin anew what counts against the purpose.
    clock.advance(timedelta(hours=1))
    office.measure()
    assert office.counts("incorrect") == (1,)
    office.found("incorrect", "Grace")
    moment = monitoring.breached(deployment, "door")
    assert not monitoring.restart(deployment, "door", clock.now())
    clock.advance(timedelta(hours=1))
    assert not monitoring.restart(deployment, "another purpose", clock.now())
    office.measure()
    assert not monitoring.restart(deployment, "door", clock.now())
    assert office.counts("searches", *("faces", "alerts", "incorrect", "breached", "low")) == (0, 0, 0, 0, None, 0)
    assert office.system.status()["breaches"] == {}
    # What came before the breach stays void, and findings on searches from before count no more.
    assert monitoring.breached(deployment, "door") == moment
    office.find(old, "incorrect")
    assert office.counts("incorrect") == (0,)
    # Another excess is another breach.
    office.found("incorrect")
    office.found("incorrect")
    second = monitoring.breached(deployment, "door")
    assert second is not None
    assert moment is not None
    assert second > moment
    assert len(office.notes()) == 3


def test_V1_evidence_whose_process_was_killed_before_it_answered_the_breach_answers_it_at_the_next_tick(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.found("incorrect")
    office.found("incorrect")
    office.world.clock.advance(timedelta(hours=1))
    assert not any("anew" in line for line in office.system.rights.tick().done)
    with monkeypatch.context() as patched:
        patched.setattr("faceward.operations.measured.monitoring.restart", lambda *_: False)
        office.measure()
    office.search("Ada")
    assert office.system.status()["breaches"] != {}
    assert any("anew" in line for line in office.system.rights.tick().done)
    assert office.system.status()["breaches"] == {}
    assert not any("anew" in line for line in office.system.rights.tick().done)


def test_counts_that_were_altered_are_refused(office: Office) -> None:
    office.search("Ada")
    store = office.deployment.store
    store.put_document("monitoring", "counts", b"x" * 40)
    for look in (office.row, lambda: monitoring.breached(office.deployment, "door")):
        with pytest.raises(IntegrityError, match="altered"):
            look()
    office.deployment.keep("monitoring", "counts", {"version": 3, "stop": 10**6, "purposes": {}})
    with pytest.raises(IntegrityError, match="shorter"):
        office.row()


def test_outcomes_are_exported_search_by_search_without_names_and_the_log_says_so(office: Office) -> None:
    office.found("incorrect", "Ada", "Mary", false_alerts=1)
    office.found("undetermined", "Grace")
    office.search("a stranger")
    office.sign_in("olga")
    rows = office.system.monitoring.outcomes()
    keys = ("faces", "alerts", "false_alerts", "undecided")
    assert [tuple(row[key] for key in keys) for row in rows] == [(2, 2, 1, 0), (1, 1, 0, 1), (1, 0, 0, 0)]
    assert all(set(row) == {"time", "purpose", *keys} for row in rows)
    assert not any(name in json.dumps(rows) for name in (*OTHERS, "olga", "rosa"))
    last = list(office.system.log_lines())[-2]
    assert (last.operation, last.opened["details"]["searches"]) == (EXPORT, 3)


def test_a_search_without_candidates_can_be_found_wrong_but_is_no_false_alert(office: Office) -> None:
    entry, picture = office.search("a stranger")
    case = open_from_log(office.deployment, office.system._desk, picture, entry, "photograph")
    office.find(case.id, "incorrect")
    assert office.counts() == (1, 0, 0, 0, 0)
