"""Deployments under each of the standards: what the library does, and what the log says of a refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal

DAY = timedelta(days=1)


def denied(system: Any) -> list[tuple[str, str]]:
    """Return every refusal of the log with its rule, oldest first."""
    lines = [line for line in system.log_lines() if line.phase == "denied"]
    return [(line.operation, str(line.opened["details"]["rule"])) for line in lines]


def test_C3_a_purpose_on_consent_without_an_alternative_is_refused_and_logged(world: Any) -> None:
    system = world.open(purpose=None)
    for alternative in ("", "   "):
        with pytest.raises(PolicyRefusal, match="rule C3"):
            system.add_purpose("door", basis="consent", fmr=1e-3, retention=DAY, alternative=alternative)
    assert system.purposes() == ()
    assert denied(system) == [("purpose.add", "C3")] * 2
    system.add_purpose("door", basis="consent", fmr=1e-3, retention=DAY, alternative="a badge at the desk")
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=DAY)
    assert [purpose.name for purpose in system.purposes()] == ["door", "law"]


def test_C3_a_library_needs_no_alternative(make_world: Any) -> None:
    system = make_world("library", standard="library").open(purpose=None)
    assert system.add_purpose("album", basis="consent", fmr=1e-3, retention=DAY).alternative == ""


@pytest.mark.parametrize("standard", ["border", "investigation", "retail"])
def test_K2_where_the_standard_asks_nobody_acts_under_a_claimed_name(make_world: Any, standard: str) -> None:
    system = make_world(standard, standard=standard, jurisdiction="UK").open(purpose=None, operator="Ann")
    with pytest.raises(PolicyRefusal, match="rule K2"):
        system.add_purpose("x", basis="legal-obligation", fmr=1e-3, retention=DAY, alternative="the counter")
    assert denied(system) == [("purpose.add", "K2")]
    assert system.purposes() == ()
