"""Evidence: what purposes rest on, evaluations in force and expired, groups, and the running count of false alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_V1_purposes_evaluations_and_what_was_found_since_are_shown(site: Any, console: Any) -> None:
    site.world.enrol(site.system, "Ada")
    site.system.identify(site.world.picture("Ada"), gallery="door", purpose="door", reason="a test")
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/evidence")
    console.check(page)
    assert "allowed" in page.inner_text("#purposes")
    assert "quiet" in page.inner_text("#monitoring")
    assert page.locator("#evaluations tbody tr").count() >= 1


def test_V2_an_evaluation_is_drawn_and_every_figure_of_the_drawing_stands_in_a_table(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/evidence")
    page.locator("#evaluations tbody a").first.click()
    console.check(page)
    [shipped] = [one for one in site.system.evidence.listed() if one.state == "with the pack"]
    points = site.system.evidence.show(shipped.digest)[1]["points"]
    assert page.locator("#rates circle").count() == len(points) == page.locator("#rates tbody tr").count()
    assert page.locator("#rates svg title").inner_html() != ""


def test_V1_evidence_that_ran_out_is_shown_as_expired_and_searches_as_refused(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    site.world.clock.advance(timedelta(days=400))
    page = site.enter("Ana")
    page.goto("/evidence")
    assert "expired" in page.inner_text("#evaluations")
    assert "refused" in page.inner_text("#purposes")
    console.check(page)


def test_S1_a_proposal_that_waits_is_named(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    site.as_person("Ana", lambda system: system.evidence.change_purpose("door", fmr=5e-3))
    page = site.enter("Ana")
    page.goto("/evidence")
    assert "other rates of a purpose" in page.inner_text("#waiting")
    console.check(page)
