"""Withdrawing a release (rule C2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from faceward.core.clock import SystemClock
from faceward.core.errors import PolicyRefusal, UsageError


def test_C2_nothing_that_rests_on_a_withdrawn_release_matches(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    assert world.found(system, "Ada") == ["Ada"]
    result = system.rights.withdraw("Ada", "door")
    assert (result.subject, result.purpose, result.references) == ("Ada", "door", 1)
    assert world.found(system, "Ada") == []
    assert world.found(system, "Grace") == ["Grace"]
    with pytest.raises(UsageError):
        world.matches(system, "Ada")
    assert system.subject("Ada").references == ()


def test_C2_the_subject_gets_a_receipt_that_opens_to_them(world: Any) -> None:
    from faceward.audit.receipt import Receipt

    system = world.open()
    world.enrol(system, "Ada")
    result = system.rights.withdraw("Ada", "door")
    receipt = Receipt.parse(result.receipt)
    assert receipt.index == result.entry
    assert any(opening.details.get("outcome") == "withdrawn" for opening in receipt.content().openings.values())
    assert len(result.receipt) < 4096


def test_C2_other_purposes_of_the_subject_go_on(world: Any) -> None:
    system = world.open()
    system.add_purpose("canteen", basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a card")
    world.enrol(system, "Ada")
    world.enrol(system, "Ada", purpose="canteen")
    system.rights.withdraw("Ada", "canteen")
    assert world.matches(system, "Ada")
    assert [reference.purpose for reference in system.subject("Ada").references] == ["door"]


def test_C2_neither_the_release_used_nor_one_signed_before_revives(world: Any) -> None:
    system = world.open()
    used = world.release("Ada", signed_on=world.clock.now().date(), evidence="used")
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=used)
    system.rights.withdraw("Ada", "door")
    for release in (used, world.release("Ada", evidence="never used")):
        with pytest.raises(PolicyRefusal, match="withdrawal of 2026-06-01") as caught:
            system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=release)
        assert caught.value.rule == "C1"
    world.clock.advance(timedelta(days=1))
    fresh = world.release("Ada", signed_on=world.clock.now().date())
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=fresh)
    assert world.matches(system, "Ada")
    system.rights.withdraw("Ada", "door")
    with pytest.raises(PolicyRefusal):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=fresh)


def test_C2_a_withdrawal_needs_a_registered_purpose_that_rests_on_a_release(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=timedelta(days=30))
    with pytest.raises(UsageError, match="rests on no release"):
        system.rights.withdraw("Ada", "law")
    with pytest.raises(UsageError, match="no purpose"):
        system.rights.withdraw("Ada", "unknown")
    with pytest.raises(UsageError, match="nothing is held"):
        system.rights.withdraw("Hugo", "door")


def test_C2_a_withdrawal_stopped_after_its_record_is_completed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceward.operations import consent

    system = world.open()
    world.enrol(system, "Ada")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(consent, "end_purpose", stop)
        with pytest.raises(KeyboardInterrupt):
            system.rights.withdraw("Ada", "door")
    system = world.reopen()
    assert system.subject("Ada").references == ()
    assert system.verify_log().unfinished == ()
    with pytest.raises(PolicyRefusal):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=world.release("Ada"))


def test_C2_withdrawal_and_erasure_open_no_record(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps the galleries' keys must not be needed for what a subject has a right to."""
    from faceward.gallery.search import Gallery

    system = world.open()
    world.enrol(system, "Ada", "Grace")

    def closed(*_: object) -> None:
        raise AssertionError("a record was opened")

    monkeypatch.setattr(Gallery, "record", closed)
    system.rights.withdraw("Ada", "door")
    system.erase("Grace")
    monkeypatch.undo()
    assert system.status()["references"] == 0


def test_C2_a_withdrawal_stops_matching_in_another_process_within_a_minute(world: Any, worker: Any) -> None:
    world.clock = SystemClock()
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    # The other process holds the gallery open in its memory before the withdrawal.
    other = worker("listen", world.home, fake=True, folder=world.folder / "heard")
    assert other.ask("Ada") == "Ada"
    started = datetime.now(tz=UTC)
    system.rights.withdraw("Ada", "door")
    assert other.ask("Ada") == "unknown"
    assert datetime.now(tz=UTC) - started < timedelta(seconds=60)
    assert other.ask("Grace") == "Grace"


@pytest.mark.parametrize("end", ["withdraw", "erase"])
def test_C2_what_is_enrolled_while_its_release_is_ended_is_taken_back(
    world: Any, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The release is ended, by another process, between the last question and the storing."""
    from faceward.gallery.search import Gallery

    system, beside = world.open(), world.open()
    kept = Gallery.enrol

    def meanwhile(self: Any, enrolments: Any, now: Any) -> Any:
        stored = kept(self, enrolments, now)
        rights = beside.rights
        # As the other process would: what it lists may be older than what was just stored.
        with monkeypatch.context() as patch:
            patch.setattr(type(beside._deployment.store), "by_subject", lambda *_, **__: [])
            if end == "withdraw":
                rights.withdraw("Ada", "door")
            else:
                beside.erase("Ada")
        return stored

    monkeypatch.setattr(Gallery, "enrol", meanwhile)
    old = world.release("Ada", evidence="another sheet of before")
    with pytest.raises(PolicyRefusal, match="ended meanwhile"):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=old)
    monkeypatch.undo()
    assert system._deployment.store.by_subject(system._deployment.pseudonym("Ada")) == []
    assert system.verify_log().unfinished == ()
