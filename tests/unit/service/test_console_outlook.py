"""What a search would lack, told beforehand: every rule that refuses, and nothing in the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from faceward.operations.identification import SearchRequest
from faceward.policy.rules import Conditions, Principal, Request, Rules
from faceward.policy.standard import load_standard


def search(**changes: Any) -> SearchRequest:
    values: dict[str, Any] = {"gallery": "door", "purpose": "door", "reason": "a test"}
    return SearchRequest(**{**values, **changes})


def test_P1_a_search_that_lacks_nothing_is_told_so_and_is_made(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    outlook = system.search_outlook(search())
    assert (outlook.refusals, outlook.mandate_needed, outlook.mandates, outlook.subjects) == ((), False, (), 1)
    assert world.found(system, "Ada") == ["Ada"]


def test_everything_that_is_missing_is_told_at_once_and_nothing_is_recorded(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.control.stop("a test")
    before = system.log_size
    rules = [one.rule for one in system.search_outlook(search(reason="", kind="sketch")).refusals]
    assert {"S3", "W7"} <= set(rules)
    assert len(rules) == len(set(rules))
    assert len(rules) > 2
    assert system.log_size == before


def test_P2_the_mandate_that_is_needed_is_told_from_the_start(make_world: Callable[..., Any]) -> None:
    world = make_world("station", standard="investigation", trial=True)
    system = world.open(purpose=None)
    outlook = system.search_outlook(search())
    assert outlook.mandate_needed
    assert outlook.mandates == ()
    assert {"P1", "P2"} <= {one.rule for one in outlook.refusals}


def test_what_is_told_is_what_the_rules_then_say(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.clock.advance(timedelta(days=4000))
    told = system.search_outlook(search()).refusals
    assert "V1" in {one.rule for one in told}
    assert all(one.reason and one.remedy for one in told)


def test_a_request_that_the_rules_allow_has_no_refusals_and_an_unknown_act_is_refused_by_default() -> None:
    rules = Rules(load_standard("workplace"))
    conditions = Conditions("EU", sign_in_required=False, stopped=False, custodian_separate=True, log_witnessed=True)
    assert rules.refusals(Request(Principal("ana"), "show", conditions, {"own": False})) == ()
    [refusal] = rules.refusals(Request(Principal("ana"), "unheard.of", conditions, {}))
    assert refusal.rule in ("default-deny", "policy-error")
