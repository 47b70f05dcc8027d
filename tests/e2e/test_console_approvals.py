"""Approvals in a browser: asked for and decided with passkeys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from faceward.policy.requests import Decision

pytestmark = pytest.mark.slow


@pytest.fixture
def office(site: Any, console: Any) -> Any:
    """A site with Ana and Ben, and a gallery."""
    site.people(Ana=("operator", "approver"), Ben=("operator", "approver"))
    site.as_person("Ana", lambda system: site.world.enrol(system, "Carla"))
    site.console = console
    return site


def ask(site: Any, **changes: Any) -> str:
    digest: str = site.console.mandate(site, approved=False, purpose="door", galleries=("door",), **changes)
    return digest


def test_S2_a_mandate_is_asked_for_and_approved_with_two_passkeys(office: Any, console: Any) -> None:
    ana, ben = office.enter("Ana"), office.enter("Ben")
    ana.goto("/mandates/new")
    console.check(ana)
    ana.fill("[name=case]", "K-12/26 عربي")
    ana.fill("[name=place]", "main station")
    ana.fill("[name=basis]", "police act, section 27")
    ana.get_by_role("button", name="Sign and ask").click()
    ana.locator("dialog.signing").get_by_role("button", name="Sign").click()
    ana.wait_for_url("**/approvals/*said=asked")
    expect(ana.get_by_text("You ask for it yourself")).to_be_visible()
    digest = office.system.requests.listed(waiting=True)[0].digest
    ben.goto("/approvals")
    ben.get_by_role("link", name="Mandate to search").click()
    ben.wait_for_url(f"**/approvals/{digest}")
    console.check(ben)
    ben.get_by_role("button", name="Approve").click()
    ben.locator("dialog.signing").wait_for()
    assert console.violations(ben) == []
    ben.locator("dialog.signing").get_by_role("button", name="Sign").click()
    ben.wait_for_url("**said=approved")
    expect(ben.get_by_text("Your approval was recorded.")).to_be_visible()
    [decision] = office.system.requests.show(digest).decisions
    assert (decision.approver, decision.decision, decision.counts) == ("Ben", "approve", True)


def test_a_signature_that_is_refused_in_the_browser_decides_nothing(office: Any) -> None:
    digest = ask(office)
    page = office.enter("Ben")
    page.goto(f"/approvals/{digest}")
    page.get_by_role("button", name="Refuse").click()
    page.locator("dialog.signing").get_by_role("button", name="Cancel").click()
    page.wait_for_timeout(200)
    assert office.system.requests.show(digest).decisions == ()


def test_a_mandate_is_revoked_by_one_person(office: Any) -> None:
    digest = ask(office)
    office.as_person("Ben", lambda system: system.requests.decide(digest, Decision.APPROVE))
    page = office.enter("Ana")
    page.goto(f"/approvals/{digest}")
    page.fill("[name=reason]", "the person was found")
    page.get_by_role("button", name="Revoke the mandate").click()
    page.locator("dialog.signing").get_by_role("button", name="Sign").click()
    page.wait_for_url("**said=revoked")
    assert office.system.requests.show(digest).state == "revoked"


def test_long_lists_and_long_names_are_shown_page_by_page(office: Any, console: Any) -> None:
    long = "K-1/26 " + "without any end " * 10
    for number in range(52):
        ask(office, case=f"{long.strip()} {number}", until=office.service.now() + timedelta(days=1, minutes=number))
    page = office.enter("Ben")
    page.goto("/approvals")
    expect(page.locator(".rows tbody tr")).to_have_count(50)
    console.check(page)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next").click()
    page.wait_for_url("**page=2")
    expect(page.locator(".rows tbody tr")).to_have_count(2)
    page.goto("/approvals?page=99999&show=nonsense")
    expect(page.locator(".rows tbody tr")).to_have_count(2)


def test_an_empty_list_says_what_will_stand_there(office: Any, console: Any) -> None:
    page = office.enter("Ana")
    page.goto("/approvals?show=waiting")
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    console.check(page)
