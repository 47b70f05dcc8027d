from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from faceward.core.errors import BadInput, NoFace, PolicyRefusal, SeveralFaces, UsageError


def test_a_verification_takes_the_reference_that_lasts_longest(world: Any) -> None:
    system = world.open()
    short = world.release("Ada", until=datetime(2026, 6, 10, tzinfo=UTC))
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=short)
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=world.release("Ada"))
    world.clock.advance(timedelta(days=20))
    assert world.matches(system, "Ada")
    assert len(system.subject("Ada").references) == 1


def test_a_subject_with_several_references_is_one_candidate(world: Any) -> None:
    system = world.open()
    for _ in range(3):
        world.enrol(system, "Ada")
    world.enrol(system, "Grace")
    assert world.found(system, "Ada") == ["Ada"]
    # A person who is enrolled under two names is both, the better first.
    system.enrol([world.picture("Ada")], subject="A. King", purpose="door", releases=world.release("A. King"))
    result = system.identify(world.picture("Ada"), gallery="door", purpose="door", reason="a test")
    scores = [candidate.score for candidate in result.probes[0].candidates]
    assert {candidate.subject for candidate in result.probes[0].candidates} == {"Ada", "A. King"}
    assert scores == sorted(scores, reverse=True)
    only = system.identify(world.picture("Ada"), gallery="door", purpose="door", reason="a test", top=1)
    assert len(only.probes[0].candidates) == 1


@pytest.mark.parametrize("top", [0, -1, 51])
def test_the_number_of_candidates_is_bounded(world: Any, top: int) -> None:
    system = world.open()
    with pytest.raises(UsageError, match="out of range"):
        system.identify(world.picture("Ada"), gallery="door", purpose="door", reason="a test", top=top)


def test_a_verification_wants_one_face(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    for people, error in (((), NoFace), (("Ada", "Grace"), SeveralFaces)):
        with pytest.raises(error):
            system.verify(world.picture(*people), subject="Ada", purpose="door")
        *_, last = system.log_lines()
        assert last.opened["details"]["failed"] == error.__name__
        # What names the picture is told under the subject's key.
        assert last.opened["details"]["message"] == ""
        assert "picture" in str(last.opened["subject/0"]["message"])


def test_a_picture_without_a_face_is_said_to_have_none(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    with pytest.raises(NoFace, match="no face was found"):
        system.identify(world.picture(), gallery="door", purpose="door", reason="a test")
    *_, last = system.log_lines()
    assert (last.operation, last.phase, last.opened["details"]["failed"]) == ("identify", "end", "NoFace")


def test_the_operating_point_is_that_of_one_comparison_however_many_references(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    one = system.verify(world.picture("Ada"), subject="Ada", purpose="door").operating_point
    world.enrol(system, "Ada", "Ada")
    three = system.verify(world.picture("Ada"), subject="Ada", purpose="door").operating_point
    assert three == one
    assert one.fmr == pytest.approx(1e-3)
    assert one.score == pytest.approx(system._deployment.pipeline.calibration.at_fmr(1e-3).threshold, abs=1e-4)


def test_unknown_names_are_wrong_calls_and_open_nothing(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    size, seen = system.log_size, list(world.fake(system).extracted)
    with pytest.raises(UsageError, match="no reference for the purpose"):
        system.verify(world.picture("Ada"), subject="Nobody", purpose="door")
    with pytest.raises(UsageError, match="no gallery"):
        system.identify(world.picture("Ada"), gallery="none", purpose="door", reason="a test")
    with pytest.raises(UsageError, match="nothing is held"):
        system.subject("Nobody")
    with pytest.raises(UsageError, match="nothing is held"):
        system.erase("Nobody")
    with pytest.raises(UsageError, match="no gallery"):
        system.rotate("none")
    with pytest.raises(BadInput):
        system.verify(world.folder / "none.png", subject="Ada", purpose="door")
    # Asking who is not enrolled is recorded, without the name.
    lines = list(system.log_lines(size))
    assert [(line.operation, line.phase) for line in lines] == [
        ("verify", "denied"),
        ("identify", "denied"),
        ("subject.show", "denied"),
        ("subject.erase", "denied"),
    ]
    assert not any("Nobody" in str(line.opened) for line in lines)
    assert world.fake(system).extracted == seen


def test_the_log_tells_a_subject_of_every_use_and_nothing_of_others(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    world.matches(system, "Grace", "Ada")
    system.identify(world.picture("Ada", "Grace"), gallery="door", purpose="door", reason="the lobby")
    view = system.subject("Ada")
    assert [(line.operation, line.phase) for line in view.history] == [
        ("enrol", "begin"),
        ("enrol", "end"),
        ("verify", "begin"),
        ("verify", "end"),
        ("identify", "end"),
    ]
    assert "Grace" not in str(view.to_json())
    assert view.history[3].opened["subject/0"]["decision"] == "non-match"
    assert "sample_sha256" in view.history[0].opened["subject/0"]


def test_V1_a_search_that_the_calibration_cannot_stand_for_is_refused_before_it_begins(world: Any) -> None:
    system = world.open()
    system.add_purpose(
        "strict", basis="consent", fmr=1e-3, retention=timedelta(days=9), fpir=1e-6, alternative="a badge"
    )
    system.simulate("strict", purpose="strict", count=10)
    with pytest.raises(PolicyRefusal, match="rule V1"):
        system.identify(world.picture("Ada"), gallery="strict", purpose="strict", reason="a test")
    *_, last = system.log_lines()
    assert (last.operation, last.phase) == ("identify", "denied")
    assert last.opened["details"]["rule"] == "V1"
    with pytest.raises(PolicyRefusal, match="rule V1"):
        system.add_purpose("stricter", basis="consent", fmr=1e-9, retention=timedelta(days=9), alternative="a badge")


def test_a_locked_system_opens_references_again_when_it_is_asked(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    assert world.found(system, "Ada") == ["Ada"]
    system.lock()
    assert world.found(system, "Ada") == ["Ada"]


def test_a_closed_system_does_nothing_and_says_so(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    picture = world.picture("Ada")
    system.close()
    system.close()
    for call in (
        lambda: system.verify(picture, subject="Ada", purpose="door"),
        lambda: system.identify(picture, gallery="door", purpose="door", reason="a test"),
        lambda: system.enrol([picture], subject="Ada", purpose="door"),
        lambda: system.erase("Ada"),
        system.status,
        lambda: list(system.log_lines()),
    ):
        with pytest.raises(UsageError, match=r"closed|locked"):
            call()
