"""Complaints, requests and suspensions (rule D1), and the clock that keeps their terms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.policy.rights import RequestKind

DAY = timedelta(days=1)


def refused(world: Any, system: Any, who: str) -> bool:
    try:
        world.matches(system, who)
    except PolicyRefusal as refusal:
        return refusal.rule == "D1"
    return False


def test_D1_a_complaint_unacknowledged_for_seven_days_suspends_when_the_reference_would_be_used(world: Any) -> None:
    """No clock runs here: the deadline counts from its moment on."""
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    complaint = system.rights.complain("Ada", "That was not me.")
    world.clock.advance(7 * DAY)
    assert world.found(system, "Ada") == ["Ada"]
    world.clock.advance(timedelta(seconds=1))
    assert world.found(system, "Ada") == []
    assert world.found(system, "Grace") == ["Grace"]
    assert refused(world, system, "Ada")
    with pytest.raises(PolicyRefusal, match="D1"):
        system.redact(world.picture("Ada"), world.folder / "out.png", keep=["Ada"])
    system.rights.acknowledge(complaint.identifier)
    assert world.found(system, "Ada") == ["Ada"]


def test_D1_a_complaint_undecided_for_thirty_days_suspends(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    complaint = system.rights.complain("Ada", "That was not me.")
    system.rights.acknowledge(complaint.identifier)
    world.clock.advance(30 * DAY)
    assert world.found(system, "Ada") == ["Ada"]
    world.clock.advance(timedelta(seconds=1))
    assert world.found(system, "Ada") == []
    system.rights.decide(complaint.identifier, upheld=False, reason="The pictures show her.")
    assert world.found(system, "Ada") == ["Ada"]


def test_D1_the_clock_records_what_is_suspended_and_does_it_once(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    complaint = system.rights.complain("Ada", "That was not me.")
    assert not any("suspended" in line for line in system.rights.tick().done)
    world.clock.advance(8 * DAY)
    first = system.rights.tick()
    assert any(complaint.identifier in line for line in first.done)
    assert [(one["what"], one["overdue"]) for one in first.due] == [("complaint", True)]
    size = system.log_size
    assert system.rights.tick().done == ()
    assert system.log_size == size
    assert ("subject.suspend", "end") in world.log(system)
    system.rights.decide(complaint.identifier, upheld=False, reason="It was she.")
    assert world.found(system, "Ada") == ["Ada"]


def test_D1_an_upheld_complaint_suspends_until_somebody_resumes_with_a_reason(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    complaint = system.rights.complain("Ada", "That was not me.")
    system.rights.decide(complaint.identifier, upheld=True, reason="She is right.")
    assert world.found(system, "Ada") == []
    assert [one.state for one in system.rights.complaints()] == ["upheld"]
    with pytest.raises(UsageError, match="reason is empty"):
        system.rights.resume("Ada", " ")
    assert system.rights.resume("Ada", "The picture was replaced.")
    assert world.found(system, "Ada") == ["Ada"]
    assert not system.rights.resume("Ada", "Again.")


def test_D1_a_complaint_about_one_reference_leaves_the_subjects_others_in_use(world: Any) -> None:
    system = world.open()
    system.add_purpose("canteen", basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a card")
    world.enrol(system, "Ada")
    world.enrol(system, "Ada", purpose="canteen")
    at = {reference.purpose: reference.reference for reference in system.subject("Ada").references}
    system.rights.complain("Ada", "This one is not me.", reference=at["canteen"])
    world.clock.advance(8 * DAY)
    assert world.matches(system, "Ada")
    with pytest.raises(PolicyRefusal, match="suspended"):
        system.verify(world.picture("Ada"), subject="Ada", purpose="canteen")
    with pytest.raises(UsageError, match="has no reference"):
        system.rights.complain("Ada", "Not mine.", reference="0" * 32)


def test_D1_suspending_by_hand_and_resuming(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    assert system.rights.suspend("Ada", "Her badge was stolen.")
    assert not system.rights.suspend("Ada", "Her badge was stolen.")
    assert refused(world, system, "Ada")
    assert system.rights.resume("Ada", "It was found.")
    assert not refused(world, system, "Ada")
    with pytest.raises(UsageError, match="nothing is held"):
        system.rights.suspend("Hugo", "Whoever that is.")


def test_D1_an_overdue_complaint_outlasts_a_resumption_by_hand(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.rights.complain("Ada", "That was not me.")
    world.clock.advance(8 * DAY)
    system.rights.tick()
    system.rights.resume("Ada", "We need her at the door.")
    assert refused(world, system, "Ada")


def test_D1_what_was_said_is_in_no_file_after_the_erasure(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    text = "I was in Reykjavik on that day"
    complaint = system.rights.complain("Ada", text)
    system.rights.ask("Ada", RequestKind.ACCESS, "Everything about Reykjavik")
    assert system.rights.complaints()[0].text == text
    assert all(b"Reykjavik" not in data for data in world.contents().values())
    system.rights.suspend("Ada", "While it is looked into.")
    system.erase("Ada")
    assert system.rights.complaints() == ()
    assert system.rights.requests() == ()
    assert system.rights.due() == ()
    assert complaint.entry < system.log_size
    world.enrol(system, "Ada")
    assert world.found(system, "Ada") == ["Ada"]


def test_D1_somebody_who_is_not_enrolled_may_complain(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    complaint = system.rights.complain("Hugo", "I was taken for Ada.")
    assert [one.identifier for one in system.rights.complaints(due=True)] == [complaint.identifier]
    assert system.subject("Hugo").history


def test_D1_complaints_are_told_from_the_log_and_an_altered_one_is_noticed(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    complaint = system.rights.complain("Ada", "That was not me.")
    store = system._deployment.store
    document = store.document("complaint", complaint.identifier)
    store.put_document("complaint", complaint.identifier, document.replace(b"2026-06-01", b"2027-06-01"))
    with pytest.raises(IntegrityError):
        world.found(system, "Ada")


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001])
def test_D1_a_complaint_has_a_text_of_bounded_length(world: Any, text: str) -> None:
    with pytest.raises(UsageError):
        world.open().rights.complain("Ada", text)


def test_D1_a_complaint_is_decided_once(world: Any) -> None:
    system = world.open()
    complaint = system.rights.complain("Ada", "That was not me.")
    system.rights.acknowledge(complaint.identifier)
    with pytest.raises(UsageError, match="acknowledged already"):
        system.rights.acknowledge(complaint.identifier)
    system.rights.decide(complaint.identifier, upheld=False, reason="It was she.")
    with pytest.raises(UsageError, match="no open complaint"):
        system.rights.decide(complaint.identifier, upheld=True, reason="It was not.")


def test_D1_a_request_is_to_be_answered_within_a_month(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    asked = system.rights.ask("Ada", RequestKind.ACCESS)
    assert asked.deadline == "2026-07-01T12:00:00.000000Z"
    assert system.rights.requests(due=True) == ()
    world.clock.advance(31 * DAY)
    [late] = system.rights.requests(due=True)
    assert late.overdue
    assert [(one["what"], one["overdue"]) for one in system.rights.tick().due] == [("request", True)]
    answered = system.rights.answer(asked.identifier, "Sent by post.")
    assert (answered.state, answered.overdue) == ("answered", False)
    assert system.rights.requests(due=True) == ()
    with pytest.raises(UsageError, match="was answered"):
        system.rights.answer(asked.identifier, "Again.")
    with pytest.raises(UsageError, match="no request"):
        system.rights.answer("0" * 16, "Whom?")


def test_T1_the_clock_erases_what_has_ended(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.clock.advance(400 * DAY)
    assert system.rights.tick().done[0] == "erased 1 references whose term has ended"
    assert system.status()["references"] == 0


def test_T2_the_clock_finishes_an_erasure_of_a_process_that_was_killed(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one process running on, nobody opens the deployment alone, so that recovery at opening never comes."""
    from faceward.operations import consent

    system, beside = world.open(), world.open()
    world.enrol(system, "Ada")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(consent, "end_releases", stop)
        with pytest.raises(KeyboardInterrupt):
            system.erase("Ada")
    assert not any("finished" in line for line in beside.rights.tick().done)
    world.clock.advance(timedelta(minutes=6))
    assert beside.rights.tick().done[0].startswith("finished subject.erase")
    assert beside.status()["references"] == 0
    assert beside.verify_log().unfinished == ()


def test_a_step_of_the_clock_that_fails_keeps_no_other_from_being_done(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceward.core.errors import EnvironmentFailure
    from faceward.operations import clock

    def broken(*_: object) -> Any:
        raise EnvironmentFailure("the disk is full; make room")

    system = world.open()
    world.enrol(system, "Ada")
    complaint = system.rights.complain("Ada", "That was not me.")
    world.clock.advance(8 * DAY)
    monkeypatch.setattr(clock, "STEPS", (broken, *clock.STEPS))
    result = system.rights.tick()
    assert result.failed == ("the disk is full; make room",)
    assert any(complaint.identifier in line for line in result.done)


def test_D1_the_status_names_what_is_due(world: Any) -> None:
    system = world.open()
    complaint = system.rights.complain("Ada", "That was not me.")
    world.clock.advance(8 * DAY)
    assert system.status()["due"] == [
        {
            "what": "complaint",
            "identifier": complaint.identifier,
            "deadline": "2026-06-08T12:00:00.000000Z",
            "overdue": True,
        }
    ]


def test_D1_nobody_reads_complaints_without_a_role_for_it(world: Any) -> None:
    from datetime import date

    from faceward.policy.sessions import OpenSession
    from faceward.policy.sshsig import PrivateKey

    system = world.open()
    system.rights.complain("Ada", "That was not me.")
    key = PrivateKey.generate()
    system.people.add("eva", key.public.line, ("auditor",), date(2027, 12, 31))
    deployment = system._deployment
    deployment.begin_session(OpenSession.begin("eva", key, deployment.log.origin, deployment.now()))
    for read in (system.rights.complaints, system.rights.requests):
        with pytest.raises(PolicyRefusal, match="decided by operators and approvers"):
            read()
