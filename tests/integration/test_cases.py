"""Cases of review on a deployment: kept sealed, answered blind, ended for good."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.audit.entries import Phase
from faceward.core.canonical import sha256_hex
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.operations import case_end, cases
from faceward.operations.case_people import signed, signing_place
from faceward.operations.case_reading import leads
from faceward.operations.case_search import candidates_of
from faceward.operations.case_store import CaseStore
from faceward.operations.system import System
from faceward.policy import review
from faceward.policy.asking import Decision, SignedRequest, new_request, sign_approval, sign_request
from faceward.policy.authority import Mandate
from faceward.policy.people import Person, Role
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Case, Comparison, Finding, Outcome, Search, Version
from faceward.policy.review_view import LEAD_ONLY
from faceward.policy.rules import Rules
from faceward.policy.sessions import OpenSession, SignedSession, check_use
from faceward.policy.sshsig import PrivateKey

SUPPORT, AGAINST = "same-strong", "different-moderate"
STEPS = tuple(review_scheme().conclusions)
SCORE = 0.987


@dataclass
class Court:
    """A deployment with people, whose pictures and clock are the world's."""

    world: Any
    system: System
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    @property
    def deployment(self) -> Any:
        return self.system._deployment

    def add(self, name: str, *roles: str, trained: bool = True) -> None:
        now = self.world.clock.now()
        self.keys[name] = PrivateKey.generate()
        until = now.date() + timedelta(days=90 if trained else -1)
        person = Person(name, self.keys[name].public, frozenset(Role(role) for role in roles), until, now)
        term = (now, now + timedelta(days=1))
        first = next(iter(self.keys))
        request = new_request("person.add", person.to_json(), first, self.deployment.log.origin, term)
        # Whoever is there first is added by nobody's signature, and adds the others.
        asked = SignedRequest(request, "") if name == first else sign_request(request, self.keys[first])
        self.deployment.custody.decide(asked, ())

    def sign_in(self, name: str | None) -> None:
        origin, now = self.deployment.log.origin, self.world.clock.now()
        if name is not None:
            self.deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, now))
        else:
            self.deployment.session, self.deployment.operator = None, "somebody"

    def case(
        self,
        *,
        kind: str = "photograph",
        mandate: str = "",
        people: tuple[str, ...] = ("Ada",),
        pictures: bool = True,
    ) -> str:
        """Search as Olga for a picture of these people, open the case as `identify` does, and add their pictures."""
        self.sign_in("olga")
        picture = self.world.picture(*people)
        found = self.system.identify(picture, gallery="door", purpose="door", reason="who is it")
        wanted = candidates_of(found.probes, 48, 48)
        assert len(wanted) == len(people)
        search = Search(found.entry, "olga", "door", "door", mandate, "who is it")
        wanted = tuple(replace(candidate, score=SCORE) for candidate in wanted)
        request = cases.CaseRequest(picture.read_bytes(), picture.name, kind, search, wanted)
        opened = cases.keep_case(self.deployment, self.system._desk, request)
        self.probe = picture
        for candidate in opened.candidates if pictures else ():
            self.system.cases.add_sample(
                opened.id, self.world.picture(candidate.subject or ""), candidate=candidate.number
            )
        return opened.id

    def answer(self, case: str, name: str, *steps: str, amend: bool = False) -> dict[str, Any]:
        self.sign_in(name)
        findings = dict.fromkeys(review_scheme().features, Finding.SIMILAR)
        given = tuple(Comparison(n, findings, step, f"secret note of {name}") for n, step in enumerate(steps, 1))
        return self.system.cases.answer(case, given, amend=amend)

    def seen(self, case: str, name: str) -> str:
        self.sign_in(name)
        return json.dumps(self.system.cases.show(case))

    def log(self) -> list[Any]:
        return list(self.system.log_lines())

    def held(self, case: str) -> Case:
        return CaseStore(self.deployment).read(case)[1]


@pytest.fixture
def court(world: Any) -> Iterator[Court]:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    made = Court(world, system)
    made.add("olga", "operator", "reviewer")
    for name in ("rosa", "remy", "ruth"):
        made.add(name, "reviewer")
    made.add("nora", "reviewer", trained=False)
    made.add("anna", "auditor")
    made.add("susan", "subject")
    return made


def test_H1_a_lead_needs_two_trained_reviewers_who_agree(court: Court) -> None:
    case = court.case()
    assert court.answer(case, "rosa", SUPPORT)["phase"] == "in-review"
    done = court.answer(case, "remy", "same-moderate")
    assert done["phase"] == "decided"
    assert [c["result"] for c in done["candidates"]] == ["actionable-lead"]


def test_H1_whether_a_case_leads_to_somebody_follows_from_its_answers_alone(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    assert leads(court.deployment, case[:8]) == (case, False)
    court.answer(case, "remy", SUPPORT)
    assert leads(court.deployment, case) == (case, True)
    court.answer(case, "remy", AGAINST, amend=True)
    assert leads(court.deployment, case) == (case, False)


def test_H1_nobody_is_acted_against_before_reviewers_made_the_case_actionable(court: Court) -> None:
    case, other = court.case(), court.case(people=("Grace",))
    _ask_for_reviewers(court)
    happened = ("asked to leave", "hall 2", court.world.clock.now())

    def note(which: str) -> Any:
        court.sign_in("olga")
        return court.system.rights.adverse("Eve", happened, case=which)

    court.answer(case, "rosa", SUPPORT)
    for which in ("", case, other):
        with pytest.raises(PolicyRefusal) as caught:
            note(which)
        assert caught.value.rule == "H1"
        assert (court.log()[-1].operation, court.log()[-1].phase) == ("adverse.note", "denied")
    court.answer(case, "remy", SUPPORT)
    # Whoever was stopped gets the notice, whether or not it was the person whom the reviewers meant.
    assert "Hall 2" in note(case[:8]).notice
    with pytest.raises(PolicyRefusal):
        note(other)


def test_S3_a_case_marks_the_face_of_each_candidate_and_no_order_of_scores(court: Court) -> None:
    case = court.held(court.case(people=("Ada", "Grace")))
    assert {c.face for c in case.candidates} == {(0.0, 0.0417, 0.5, 1.0), (0.5, 0.0417, 1.0, 1.0)}
    assert [c.number for c in case.candidates] == [1, 2]
    assert [c.reference for c in case.candidates] == sorted(c.reference or "" for c in case.candidates)


@pytest.mark.parametrize("step", [step for step in STEPS if step != review.INCONCLUSIVE])
def test_H2_nobody_supports_or_opposes_a_candidate_of_whom_there_was_no_picture(court: Court, step: str) -> None:
    case = court.case(people=("Ada", "Grace"), pictures=False)
    court.sign_in("olga")
    court.system.cases.add_sample(case, court.world.picture("Ada"), candidate=1)
    with pytest.raises(PolicyRefusal, match=r"candidate 2: .* no picture") as refused:
        court.answer(case, "rosa", step, step)
    assert refused.value.rule == "H2"
    assert (court.log()[-1].operation, court.log()[-1].phase) == ("case.answer", "denied")
    assert court.held(case).answers == ()
    assert court.answer(case, "rosa", step, review.INCONCLUSIVE)["phase"] == "in-review"
    court.sign_in("olga")
    court.system.cases.add_sample(case, court.world.picture("Grace"), candidate=2)
    assert court.answer(case, "remy", step, step)["phase"] in ("disputed", "decided")


def test_H1_the_lowest_step_of_support_makes_no_lead(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", "same-limited")
    done = court.answer(case, "remy", "same-limited")
    assert [c["result"] for c in done["candidates"]] == ["not-actionable"]


@pytest.mark.parametrize(("third", "result"), [(SUPPORT, "actionable-lead"), (AGAINST, "not-actionable")])
def test_H1_a_disagreement_goes_to_a_third_who_does_not_know_it(court: Court, third: str, result: str) -> None:
    case = court.case()
    before = json.loads(court.seen(case, "ruth"))
    court.answer(case, "rosa", SUPPORT)
    assert court.answer(case, "remy", AGAINST)["phase"] == "disputed"
    assert json.loads(court.seen(case, "ruth")) == before
    done = court.answer(case, "ruth", third)
    assert done["phase"] == "decided"
    assert [c["result"] for c in done["candidates"]] == [result]


@pytest.mark.parametrize(
    ("who", "rule"), [("olga", "H1"), ("nora", "H1"), ("anna", "H1"), ("susan", "H1"), (None, "H1")]
)
def test_H1_an_answer_of_who_may_not_review_is_refused_and_logged(court: Court, who: str | None, rule: str) -> None:
    case = court.case()
    court.sign_in(who)
    with pytest.raises(PolicyRefusal) as refused:
        court.answer(case, who, SUPPORT) if who else court.system.cases.answer(case, ())
    assert refused.value.rule == rule
    last = court.log()[-1]
    assert (last.operation, last.phase) == ("case.answer", Phase.DENIED.value)
    assert court.held(case).answers == ()


def test_H1_training_that_has_ended_by_the_day_of_the_answer_does_not_count(court: Court) -> None:
    case = court.case()
    court.world.clock.advance(timedelta(days=91))
    with pytest.raises(PolicyRefusal, match="training"):
        court.answer(case, "rosa", SUPPORT)


def test_H1_H2_nobody_sees_an_answer_or_the_score_before_two_have_answered(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    for name in ("olga", "remy", "anna", "rosa"):
        seen = court.seen(case, name)
        assert str(SCORE) not in seen
        assert ("secret note of rosa" in seen) == (name == "rosa")
    court.answer(case, "remy", SUPPORT)
    for name in ("olga", "rosa", "remy", "anna"):
        seen = court.seen(case, name)
        assert str(SCORE) in seen
        assert "secret note of rosa" in seen


def test_H1_the_log_tells_nobody_what_was_answered(court: Court) -> None:
    case = court.case()
    start = court.system.log_size
    court.answer(case, "rosa", AGAINST)
    told = json.dumps([line.to_json() for line in court.system.log_lines(start)])
    assert "was reviewed" in told
    assert not any(word in told for word in (*STEPS, "similar", "secret note", str(SCORE)))


def test_H2_the_score_is_refused_until_the_reviewer_has_answered(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    for name in ("rosa", "remy", "olga"):
        court.sign_in(name)
        with pytest.raises(PolicyRefusal) as refused:
            court.system.cases.scores(case)
        assert refused.value.rule == "H2"
        assert court.log()[-1].phase == Phase.DENIED.value
    court.answer(case, "remy", SUPPORT)
    assert court.system.cases.scores(case)["candidates"][0]["score"] == SCORE


def test_H2_an_answer_without_every_feature_is_refused(court: Court) -> None:
    case = court.case()
    court.sign_in("rosa")
    findings = dict.fromkeys(list(review_scheme().features)[:-1], Finding.SIMILAR)
    with pytest.raises(PolicyRefusal) as refused:
        court.system.cases.answer(case, (Comparison(1, findings, SUPPORT, ""),))
    assert refused.value.rule == "H2"
    nothing = dict.fromkeys(review_scheme().features, Finding.INDETERMINATE)
    with pytest.raises(PolicyRefusal, match="no feature could be compared"):
        court.system.cases.answer(case, (Comparison(1, nothing, SUPPORT, ""),))


def test_H1_an_answer_is_final_and_an_amendment_takes_support_away_only(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    with pytest.raises(PolicyRefusal, match="final"):
        court.answer(case, "rosa", AGAINST)
    with pytest.raises(PolicyRefusal, match="others may be answering"):
        court.answer(case, "rosa", AGAINST, amend=True)
    court.answer(case, "remy", SUPPORT)
    court.answer(case, "rosa", "inconclusive", amend=True)
    assert [a.amendment for a in court.held(case).answers] == [False, False, True]
    done = court.answer(case, "rosa", SUPPORT, amend=True)
    assert [c["result"] for c in done["candidates"]] == ["not-actionable"]


def test_H1_an_answer_carries_a_signature_that_others_can_check(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    [answer] = court.held(case).answers
    session = SignedSession.from_json(json.loads(answer.session)).session
    assert session.person == "rosa"
    digest = bytes.fromhex(answer.digest(case))
    check_use(session, digest, signing_place(case), bytes.fromhex(answer.signature))
    other = bytes.fromhex(replace(answer, reviewer="remy").digest(case))
    with pytest.raises(PolicyRefusal):
        check_use(session, other, signing_place(case), bytes.fromhex(answer.signature))
    details = next(line.opened["details"] for line in court.log() if line.operation == "case.answer")
    assert details["answer_sha256"] == digest.hex()
    assert details["signature"] == answer.signature


def test_H1_an_answer_put_into_a_case_without_its_reviewer_is_seen(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    store, now = CaseStore(court.deployment), court.world.clock.now()
    [given] = court.held(case).answers
    # Somebody with every password adds an answer of Remy's, past all rules: with Rosa's session, or one of his making.
    plain = replace(given, reviewer="remy", session="", signature="")
    store.change(case, lambda held: replace(held, answers=(*held.answers, replace(given, reviewer="remy"))))
    court.sign_in("anna")
    with pytest.raises(IntegrityError, match="not signed by 'remy'"):
        court.system.cases.show(case)
    forged = OpenSession.begin("remy", PrivateKey.generate(), court.deployment.log.origin, now)
    court.deployment.session, court.deployment.operator = forged, "remy"
    answer = signed(court.deployment, case, plain)
    store.change(case, lambda held: replace(held, answers=(given, answer)))
    court.sign_in("anna")
    assert [a["checked"] for a in court.system.cases.show(case)["answers"]] == [True, False]
    court.system.cases.export(case, court.world.folder / "out")
    assert "could not\nbe checked" in (court.world.folder / "out" / "case.html").read_text(encoding="utf-8")


def test_H1_a_forged_session_answers_nothing(court: Court) -> None:
    case = court.case()
    forged = OpenSession.begin("rosa", PrivateKey.generate(), court.deployment.log.origin, court.world.clock.now())
    court.deployment.begin_session(forged)
    findings = dict.fromkeys(review_scheme().features, Finding.SIMILAR)
    with pytest.raises(PolicyRefusal) as refused:
        court.system.cases.answer(case, (Comparison(1, findings, SUPPORT, ""),))
    assert refused.value.rule == "H1"
    assert (court.log()[-1].operation, court.log()[-1].phase) == ("case.answer", Phase.DENIED.value)
    assert court.held(case).answers == ()


def test_H3_nothing_is_concluded_before_the_review_and_something_must_be_after_it(court: Court) -> None:
    case = court.case()
    told = {"accuracy": "incorrect", "finding": "She was abroad.", "action": "none"}
    court.sign_in("olga")
    with pytest.raises(PolicyRefusal) as refused:
        court.system.cases.conclude(case, **told)
    assert refused.value.rule == "H1"
    court.answer(case, "rosa", SUPPORT)
    court.answer(case, "remy", SUPPORT)
    [row] = court.system.cases.listed()
    assert row["finding_wanted"] is True
    court.sign_in("olga")
    with pytest.raises(UsageError, match="action"):
        court.system.cases.conclude(case, **{**told, "action": " "})
    done = court.system.cases.conclude(case, **told)
    assert (done["phase"], done["finding_wanted"]) == ("closed", False)
    assert done["outcomes"][0] | told == done["outcomes"][0]
    # The subject's own history tells them.
    history = court.system.subject("Ada").history
    assert {"outcome": "was reviewed", "result": "actionable-lead"}.items() <= next(
        opened for line in history for opened in line.opened.values() if "result" in opened
    ).items()


def test_H3_where_reviewers_are_asked_for_the_finding_is_one_s_who_did_not_search(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    court.answer(case, "remy", SUPPORT)
    _ask_for_reviewers(court)
    court.add("otto", "operator")
    told = {"accuracy": "correct", "finding": "She was there.", "action": "none"}
    # Olga searched and is a reviewer; Otto is none; Nora's training is not in force; nobody vouches for the last.
    for name, why in (("olga", "who searched"), ("otto", "reviewer"), ("nora", "training"), (None, "signed in")):
        court.sign_in(name)
        with pytest.raises(PolicyRefusal, match=why) as refused:
            court.system.cases.conclude(case, **told)
        assert refused.value.rule == "H3"
        last = court.log()[-1]
        assert (last.operation, last.phase) == ("case.outcome", Phase.DENIED.value)
    assert court.held(case).outcomes == ()
    court.sign_in("rosa")
    assert court.system.cases.conclude(case, **told)["phase"] == "closed"


def test_H4_every_form_of_an_export_says_lead_only(court: Court, tmp_path: Path) -> None:
    case = court.case()
    court.sign_in("rosa")
    court.system.cases.export(case, tmp_path / "blind")
    court.answer(case, "rosa", SUPPORT)
    court.answer(case, "remy", SUPPORT)
    written = court.system.cases.export(case[:8], tmp_path / "full", originals=True)
    assert "lead only" in LEAD_ONLY.lower()
    for folder in ("blind", "full"):
        html = (tmp_path / folder / "case.html").read_text(encoding="utf-8")
        told = json.loads((tmp_path / folder / "case.json").read_text(encoding="utf-8"))
        # In the head of a table, which browsers repeat on each printed page.
        assert f"<thead><tr><th>{LEAD_ONLY}</th></tr></thead>" in html
        assert told["notice"] == LEAD_ONLY
        assert ("secret note of rosa" in html) == (folder == "full")
        assert ("0.987" in html) == (folder == "full")
        # It asks nobody for anything.
        assert "http:" not in html
        assert "https:" not in html
        assert "default-src 'none'" in html
    assert written["notice"] == LEAD_ONLY
    digest = sha256_hex(court.probe.read_bytes())
    assert (tmp_path / "full" / f"{digest}.png").read_bytes() == court.probe.read_bytes()
    with pytest.raises(UsageError, match="new or empty"):
        court.system.cases.export(case, tmp_path / "full")


def test_H4_what_people_wrote_is_text_and_never_markup(court: Court, tmp_path: Path) -> None:
    case = court.case()
    court.sign_in("rosa")
    findings = dict.fromkeys(review_scheme().features, Finding.SIMILAR)
    notes = "<script>alert(1)</script>\u202e"
    court.system.cases.answer(case, (Comparison(1, findings, SUPPORT, notes),))
    court.answer(case, "remy", SUPPORT)
    court.system.cases.export(case, tmp_path / "out")
    html = (tmp_path / "out" / "case.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\ufffd" in html


@pytest.mark.parametrize("kind", ["composite", "sketch", "generated"])
def test_S3_composites_and_sketches_are_refused_and_logged(court: Court, kind: str) -> None:
    with pytest.raises(PolicyRefusal) as refused:
        court.case(kind=kind)
    assert refused.value.rule == "S3"
    last = court.log()[-1]
    assert (last.operation, last.phase) == ("case.open", Phase.DENIED.value)
    assert court.system.cases.listed() == []


def test_S3_the_original_and_every_edit_are_kept_in_a_chain(court: Court) -> None:
    case = court.case()
    original = sha256_hex(court.probe.read_bytes())
    crop, bright = court.world.picture("Ada"), court.world.picture("Ada")
    court.system.cases.add_edit(case, crop, change="crop", note="the face")
    shown = court.system.cases.add_edit(case, bright, change="brightness", of=sha256_hex(crop.read_bytes())[:8])
    assert [v["parent"] for v in shown["probe"]] == [None, original, sha256_hex(crop.read_bytes())]
    store = CaseStore(court.deployment)
    held = store.find(case)
    for picture in (court.probe, crop, bright):
        assert store.picture(held, sha256_hex(picture.read_bytes())) == picture.read_bytes()
    for change in ("generative", "composite"):
        with pytest.raises(PolicyRefusal) as refused:
            court.system.cases.add_edit(case, court.world.picture("Ada"), change=change)
        assert refused.value.rule == "S3"
    with pytest.raises(UsageError, match="in the case already"):
        court.system.cases.add_edit(case, court.probe, change="crop")
    with pytest.raises(UsageError, match="not in the case"):
        court.system.cases.add_edit(case, court.world.picture("Ada"), change="crop", of="ffff")


def _ask_for_reviewers(court: Court) -> None:
    """Let the standard ask for two reviewers, as `investigation` does."""
    standard = court.deployment.standard
    terms = replace(standard.parameters.people, reviewers=2)
    court.deployment.standard = replace(standard, parameters=replace(standard.parameters, people=terms))
    court.deployment.rules = Rules(court.deployment.standard)


def test_H2_a_search_under_a_standard_with_reviewers_opens_a_case_and_shows_no_score(court: Court) -> None:
    _ask_for_reviewers(court)
    court.sign_in("olga")
    picture = court.world.picture("Ada", "Grace")
    found = court.system.identify(picture, gallery="door", purpose="door", reason="who is it")
    assert found.case is not None
    assert [c.score for probe in found.probes for c in probe.candidates] == [None, None]
    case = court.held(found.case)
    assert case.search == Search(found.entry, "olga", "door", "door", "", "who is it")
    scores = [c.score for c in case.candidates]
    assert all(scores)
    seen = court.seen(found.case, "olga")
    assert not any(str(score) in seen for score in scores)
    store = CaseStore(court.deployment)
    assert store.picture(store.find(found.case), case.versions[0].sha256) == picture.read_bytes()
    # Nobody was found: there is nothing to review.
    court.sign_in("olga")
    nobody = court.system.identify(court.world.picture("Nobody"), gallery="door", purpose="door", reason="who is it")
    assert nobody.case is None


def test_S3_only_the_picture_that_was_enrolled_stands_for_a_candidate(court: Court) -> None:
    _ask_for_reviewers(court)
    court.sign_in("olga")
    enrolled = min((court.world.folder / "pictures").iterdir())
    found = court.system.identify(court.world.picture("Ada"), gallery="door", purpose="door", reason="who is it")
    case = found.case
    assert case is not None
    with pytest.raises(UsageError, match="not the picture from which"):
        court.system.cases.add_sample(case, court.world.picture("Ada"), candidate=1)
    shown = court.system.cases.add_sample(case, enrolled, candidate=1)
    assert shown["candidates"][0]["sample"] == sha256_hex(enrolled.read_bytes())
    with pytest.raises(UsageError, match="already"):
        court.system.cases.add_sample(case, enrolled, candidate=1)


def test_S3_a_case_opened_afterwards_is_of_the_very_search_and_file(court: Court) -> None:
    court.sign_in("olga")
    picture = court.world.picture("Ada", "Grace")
    found = court.system.identify(picture, gallery="door", purpose="door", reason="who is it")
    with pytest.raises(UsageError, match="another file"):
        court.system.cases.open(court.world.picture("Ada"), search=found.entry, kind="frame")
    with pytest.raises(UsageError, match="announces no identification"):
        court.system.cases.open(picture, search=0, kind="frame")
    shown = court.system.cases.open(picture, search=found.entry, kind="frame")
    assert {c["subject"] for c in shown["candidates"]} == {"Ada", "Grace"}
    assert shown["search"]["operator"] == "olga"
    with pytest.raises(UsageError, match="already"):
        court.system.cases.open(picture, search=found.entry, kind="frame")


def test_T2_gallery_db_shows_nothing_of_a_case(court: Court) -> None:
    case = court.case()
    court.answer(case, "rosa", SUPPORT)
    data = b"".join(content for name, content in court.world.contents().items() if name.startswith("gallery.db"))
    assert case.encode() in data
    for secret in (b"secret note", b"same-strong", court.probe.read_bytes()[:200], court.probe.name.encode()):
        assert secret not in data


def test_P7_a_refused_authorisation_deletes_what_was_linked_and_no_backup_opens(court: Court) -> None:
    mandate = "ab" * 32
    case = court.case(mandate=mandate, pictures=False)
    other = court.case(mandate="cd" * 32, pictures=False)
    court.deployment.keep("request", mandate, _mandate(court, urgent=False).to_json())
    backup = court.world.copy("gallery.db")
    court.sign_in(None)
    assert case_end.delete_linked(court.deployment, court.system._desk, mandate) == 1
    assert case_end.delete_linked(court.deployment, court.system._desk, mandate) == 0
    store = CaseStore(court.deployment)
    assert [held.id for held in store.held()] == [other]
    court.world.close()
    for path in backup.iterdir():
        shutil.copyfile(path, court.world.home / path.name)
    for leftover in ("gallery.db-wal", "gallery.db-shm"):
        if not (backup / leftover).exists():
            (court.world.home / leftover).unlink(missing_ok=True)
    system = court.world.open()
    store = CaseStore(system._deployment)
    with pytest.raises(IntegrityError, match="older copy"):
        store.open(store.find(case))


def _mandate(court: Court, *, urgent: bool) -> SignedRequest:
    now = court.world.clock.now()
    mandate = Mandate(
        purpose="door",
        operations=("identify",),
        galleries=("door",),
        cameras=(),
        place="station",
        case="2026/7",
        basis="order",
        starts=now,
        until=now + timedelta(days=7),
        searches=5,
        operators=("olga",),
        urgent=urgent,
    )
    return sign_request(mandate.request("olga", court.deployment.log.origin, now), court.keys["olga"])


def _allow_urgency(court: Court) -> timedelta:
    """Let the standard allow urgent mandates for two days, as `investigation` does."""
    standard, limit = court.deployment.standard, timedelta(days=2)
    terms = replace(standard.parameters.mandate, urgent=limit)
    court.deployment.standard = replace(standard, parameters=replace(standard.parameters, mandate=terms))
    return limit


def test_P7_an_approval_unlocks_a_case_and_holds(court: Court) -> None:
    court.add("paul", "approver")
    limit = _allow_urgency(court)
    request = _mandate(court, urgent=True)
    court.deployment.keep("request", request.digest(), request.to_json())
    case = court.case(mandate=request.digest())
    court.world.clock.advance(limit)
    with pytest.raises(PolicyRefusal, match="locked"):
        court.seen(case, "rosa")
    now = court.world.clock.now()
    for approver, decision in (("olga", Decision.APPROVE), ("paul", Decision.APPROVE)):
        given = sign_approval(request.request, approver, decision, now, court.keys[approver])
        court.deployment.keep("approval", f"{request.digest()}/{approver}", given.to_json())
        if approver == "olga":
            with pytest.raises(PolicyRefusal, match="locked"):
                court.seen(case, "rosa")
    court.seen(case, "rosa")
    # Long after the request's own term.
    court.world.clock.advance(timedelta(days=40))
    court.seen(case, "rosa")


def test_P7_a_case_of_an_urgent_mandate_locks_when_nobody_approved_it_in_time(court: Court) -> None:
    limit = _allow_urgency(court)
    request = _mandate(court, urgent=True)
    court.deployment.keep("request", request.digest(), request.to_json())
    case = court.case(mandate=request.digest())
    court.answer(case, "rosa", SUPPORT)
    court.world.clock.advance(limit)
    acts: list[Callable[[], object]] = [
        lambda: court.seen(case, "rosa"),
        lambda: court.answer(case, "remy", SUPPORT),
        lambda: court.system.cases.scores(case),
        lambda: court.system.cases.template(case),
        lambda: court.system.cases.export(case, court.world.folder / "out"),
        lambda: court.system.cases.conclude(case, accuracy="correct", finding="x", action="none"),
        lambda: court.system.cases.add_edit(case, court.world.picture("Ada"), change="crop"),
    ]
    for act in acts:
        with pytest.raises(PolicyRefusal) as refused:
            act()
        assert refused.value.rule == "P7"
        assert court.log()[-1].phase == Phase.DENIED.value
    assert not (court.world.folder / "out").exists()


def test_T3_an_erased_candidate_is_forgotten_and_no_copy_names_them(court: Court) -> None:
    case = court.case(people=("Ada", "Grace"))
    court.answer(case, "rosa", SUPPORT, AGAINST)
    old = CaseStore(court.deployment).find(case)
    court.sign_in("olga")
    number = next(c.number for c in court.held(case).candidates if c.subject == "Ada")
    assert case_end.forget_subject(court.deployment, "Ada") == 1
    assert case_end.forget_subject(court.deployment, "Ada") == 0
    now = court.held(case)
    assert "Ada" not in json.dumps(now.to_json())
    assert now.subjects == ("Grace",)
    assert [compared.candidate for compared in now.answers[0].comparisons] == [3 - number]
    # What is left of the answer is still signed by its reviewer.
    court.sign_in("rosa")
    assert [a["checked"] for a in court.system.cases.show(case)["answers"]] == [True]
    assert review.results(now)[number] is review.Result.NOT_ACTIONABLE
    with pytest.raises(IntegrityError):
        CaseStore(court.deployment).open(old)


def test_T3_an_erasure_reaches_cases(court: Court) -> None:
    case = court.case(people=("Ada", "Grace"))
    court.system.erase("Ada")
    assert court.held(case).subjects == ("Grace",)


def test_T1_the_clock_ends_cases(court: Court) -> None:
    case = court.case()
    court.world.clock.advance(court.held(case).expires - court.world.clock.now())
    court.sign_in(None)
    told = court.system.rights.tick()
    assert any("deleted 1 cases" in line for line in told.done), told
    assert list(CaseStore(court.deployment).held()) == []


def test_T1_a_case_ends_with_its_term(court: Court) -> None:
    case = court.case()
    now = court.world.clock.now()
    assert case_end.expire_cases(court.deployment, court.system._desk, now) == 0
    ends = court.held(case).expires
    assert ends <= now + court.deployment.purpose("door").retention
    assert case_end.expire_cases(court.deployment, court.system._desk, ends) == 1
    assert list(CaseStore(court.deployment).held()) == []
    assert court.deployment.store.documents("case-picture") == {}


def test_a_deleted_case_is_gone_and_the_log_says_why(court: Court) -> None:
    case = court.case()
    court.sign_in("olga")
    with pytest.raises(UsageError, match="reason"):
        court.system.cases.delete(case, reason=" ")
    with pytest.raises(PolicyRefusal) as refused:
        court.system.cases.delete(case, reason="opened by mistake")
    assert refused.value.rule == "H3"
    for name in ("rosa", "remy"):
        court.answer(case, name, review.INCONCLUSIVE)
    court.sign_in("olga")
    court.system.cases.conclude(case, accuracy="undetermined", finding="opened by mistake", action="none")
    court.system.cases.delete(case, reason="opened by mistake")
    with pytest.raises(UsageError, match="no case"):
        court.system.cases.show(case)
    assert any(line.opened["details"].get("reason") == "opened by mistake" for line in court.log())


def test_of_two_answers_at_once_none_is_lost(court: Court) -> None:
    case = court.case()
    store = CaseStore(court.deployment)
    calls = []

    def edit(name: str) -> Callable[[Case], Case]:
        version = Version(sha256_hex(name.encode()), None, "crop", "", name, court.world.clock.now(), name)
        return lambda now: replace(now, versions=(*now.versions, version))

    def slow(now: Case) -> Case:
        calls.append(1)
        if len(calls) <= 2:
            # Two others, so that the number of the revision that this one wanted was used and left again.
            store.change(case, edit(f"faster {len(calls)}"))
            store.change(case, edit(f"faster again {len(calls)}"))
        return edit("slow")(now)

    store.change(case, slow)
    names = [version.by for version in store.read(case)[1].versions[1:]]
    assert names == ["faster 1", "faster again 1", "faster 2", "faster again 2", "slow"]
    assert len(court.deployment.store.documents("case")) == 1


def test_what_a_killed_process_left_of_a_case_is_swept(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    case = court.case()
    store = CaseStore(court.deployment)
    outcome = Outcome("olga", court.world.clock.now(), "correct", "x", "none")
    before = store.find(case)
    monkeypatch.setattr(CaseStore, "_retire", lambda *_: None)
    store.change(case, lambda now: replace(now, outcomes=(outcome,)))
    monkeypatch.undo()
    assert len(court.deployment.store.documents("case")) == 2
    assert store.read(case)[1].outcomes == (outcome,)
    [(lost, _)] = court.deployment.keys.create_subject_keys("\x01case")
    case_end.sweep(court.deployment)
    assert len(court.deployment.store.documents("case")) == 1
    assert court.deployment.keys.destroyed([before.key, lost]) == {before.key, lost}
    assert store.read(case)[1].outcomes == (outcome,)


def test_an_older_copy_of_a_case_put_back_is_refused(court: Court) -> None:
    case = court.case()
    [(name, content)] = court.deployment.store.documents("case").items()
    court.answer(case, "rosa", AGAINST)
    [(now, _)] = court.deployment.store.documents("case").items()
    court.deployment.store.delete_document("case", now)
    court.deployment.store.put_document("case", name, content)
    with pytest.raises(IntegrityError, match="older copy"):
        court.seen(case, "rosa")


def test_a_case_is_named_by_its_first_digits(court: Court) -> None:
    case = court.case()
    assert court.system.cases.show(case[:4])["case"] == case
    for wrong in ("", case[:3], "zzzz"):
        with pytest.raises(UsageError, match="no case"):
            court.system.cases.show(wrong)


def test_H1_subjects_and_custodians_read_no_case(court: Court) -> None:
    case = court.case()
    court.sign_in("susan")
    for act in (lambda: court.system.cases.show(case), court.system.cases.listed):
        with pytest.raises(PolicyRefusal) as refused:
            act()
        assert refused.value.rule == "H1"


def test_a_case_whose_search_found_nobody_keeps_the_probe_and_wants_a_finding(court: Court) -> None:
    court.sign_in("olga")
    picture = court.world.picture("Nobody")
    found = court.system.identify(picture, gallery="door", purpose="door", reason="who is it")
    shown = court.system.cases.open(picture, search=found.entry, kind="photograph")
    assert (shown["candidates"], shown["phase"], shown["finding_wanted"]) == ([], "decided", True)
