"""Exemptions from the notice (rule E5), objections (rule C2), and adverse actions (rule D2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.operations.grounds import Grounds
from faceward.policy.rights import RequestKind

DAY = timedelta(days=1)


def enrol(world: Any, system: Any, purpose: str = "door", **grounds: Any) -> Any:
    given = Grounds(world.release("Ada", purpose=purpose, signed_on=world.clock.now().date()), **grounds)
    return system.enrol_on(given, [world.picture("Ada")], subject="Ada", purpose=purpose)


def details(system: Any, operation: str, phase: str = "end") -> dict[str, Any]:
    found = [line for line in system.log_lines() if (line.operation, line.phase) == (operation, phase)]
    return dict(found[-1].opened["details"])


def test_E5_an_exemption_from_the_notice_is_in_the_log_and_in_the_record(world: Any) -> None:
    system = world.open()
    enrol(world, system, exemption="already-informed")
    assert details(system, "enrol")["notice"] == "exempt: already-informed"
    [notice] = system.notice("Ada")
    assert notice == (
        "No notice was given to Ada on 2026-06-01 (UTC): the subject already has this information (GDPR Art. 13(4)).\n"
    )


def test_E5_without_an_exemption_the_notice_is_written(world: Any) -> None:
    system = world.open()
    enrol(world, system)
    assert details(system, "enrol")["notice"] == "written"
    assert system.notice("Ada")[0].startswith("# Notice to Ada")


@pytest.mark.parametrize("exemption", ["disproportionate", "laid-down-by-law", "professional-secrecy"])
def test_E5_exemptions_for_data_from_elsewhere_do_not_apply_to_who_signed_a_release(world: Any, exemption: str) -> None:
    system = world.open()
    with pytest.raises(PolicyRefusal) as caught:
        enrol(world, system, exemption=exemption)
    assert caught.value.rule == "E5"
    assert details(system, "enrol", "denied")["exemption"] == exemption
    assert system.status()["references"] == 0


def test_E5_where_no_release_is_needed_the_law_may_exempt(world: Any) -> None:
    system = world.open()
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=30 * DAY)
    enrol(world, system, "law", exemption="laid-down-by-law")
    assert details(system, "enrol")["notice"] == "exempt: laid-down-by-law"


def test_E5_there_are_no_exemptions_but_those_of_the_law(world: Any) -> None:
    with pytest.raises(UsageError, match="no exemption"):
        enrol(world, world.open(), exemption="too-busy")


def test_C2_who_asked_not_to_be_found_is_not_enrolled_until_they_sign_a_release(world: Any) -> None:
    system = world.open()
    before = world.release("Ada")
    system.rights.ask("Ada", RequestKind.OBJECTION, "Leave me out.")
    with pytest.raises(PolicyRefusal) as caught:
        system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=before)
    assert caught.value.rule == "C2"
    enrol(world, system)
    assert world.matches(system, "Ada")


def test_C2_an_objection_outlives_the_erasure(world: Any) -> None:
    system = world.open()
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=30 * DAY)
    asked = system.rights.ask("Ada", RequestKind.OBJECTION)
    system.erase("Ada")
    with pytest.raises(PolicyRefusal, match="asked not to be found"):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="law")
    with pytest.raises(UsageError, match="no request"):
        system.rights.answer(asked.identifier, "No.", rejected=True)


def test_C2_an_objection_that_is_rejected_keeps_nobody_out(world: Any) -> None:
    system = world.open()
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=30 * DAY)
    asked = system.rights.ask("Ada", RequestKind.OBJECTION)
    system.rights.answer(asked.identifier, "The law orders it.", rejected=True)
    system.enrol([world.picture("Ada")], subject="Ada", purpose="law")


def test_D2_an_adverse_action_is_written_down_with_time_place_action_and_contact(world: Any) -> None:
    system = world.open()
    result = system.rights.adverse("Ada", ("asked to leave", "hall 2", world.clock.now() - DAY))
    for part in ("2026-05-31 12:00 (UTC)", "Hall 2", "Asked to leave", "privacy@acme.example", "complain"):
        assert part in result.notice
    [begun] = system.subject("Ada").history
    assert begun.operation == "adverse.note"
    assert begun.opened["subject/0"]["place"] == "hall 2"


@pytest.mark.parametrize("happened", [("", "hall", 0), ("asked to leave", " ", 0), ("asked to leave", "hall", 1)])
def test_D2_a_notice_lacks_no_part(world: Any, happened: tuple[str, str, int]) -> None:
    action, place, days = happened
    system = world.open()
    with pytest.raises(UsageError):
        system.rights.adverse("Ada", (action, place, world.clock.now() + days * DAY))


def test_D2_a_deployment_without_a_contact_names_one_in_the_notice(make_world: Any) -> None:
    world = make_world("bare", about=("", ""))
    system = world.open()
    happened = ("asked to leave", "hall 2", world.clock.now())
    with pytest.raises(UsageError, match="contact is empty"):
        system.rights.adverse("Ada", happened)
    assert "manager@acme.example" in system.rights.adverse("Ada", happened, "manager@acme.example").notice
