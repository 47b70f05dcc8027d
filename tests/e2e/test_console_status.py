"""Status in a browser: everything that must be watched, and the switch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_W7_one_person_stops_recognition_and_two_restart_it(site: Any, console: Any) -> None:
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    ana, ben = site.enter("Ana"), site.enter("Ben")
    ana.goto("/status")
    console.check(ana)
    ana.fill("[name=reason]", "a defect")
    ana.get_by_role("button", name="Stop all recognition").click()
    ana.locator("dialog.signing").get_by_role("button", name="Sign").click()
    ana.wait_for_url("**said=stopped")
    assert site.system.control.stopped
    expect(ana.get_by_text("Recognition is stopped.", exact=True)).to_be_visible()
    console.check(ana)
    ana.get_by_role("button", name="Ask for the restart").click()
    ana.locator("dialog.signing").get_by_role("button", name="Sign").click()
    ana.wait_for_url("**said=restart-asked")
    ben.goto("/")
    expect(ben.get_by_text("Recognition is stopped.", exact=True)).to_be_visible()
    ben.get_by_role("link", name="Restart of recognition").click()
    ben.get_by_role("button", name="Approve").click()
    ben.locator("dialog.signing").get_by_role("button", name="Sign").click()
    ben.wait_for_url("**said=approved")
    assert not site.system.control.stopped


def test_without_scripts_the_page_says_that_a_signature_is_needed(site: Any) -> None:
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    page = site.enter("Ana", java_script_enabled=False)
    page.goto("/status")
    page.fill("[name=reason]", "a defect")
    page.get_by_role("button", name="Stop all recognition").click()
    # The stop is a statement that a person signs, so the page says what it lacks instead of pretending.
    expect(page.locator("h1")).to_have_text("Your signature is needed")
    assert not site.system.control.stopped


def test_what_is_overdue_void_or_missing_is_named(site: Any, console: Any) -> None:
    site.people(Ana=("operator", "approver", "auditor"), Ben=("approver",))
    site.as_person("Ana", lambda system: site.world.enrol(system, "Carla"))
    site.as_person("Ana", lambda system: system.rights.complain("Carla", "I was stopped twice."))
    site.world.clock.advance(timedelta(days=40))
    page = site.enter("Ana")
    page.goto("/")
    expect(page.get_by_text("One term has passed")).to_be_visible()
    console.check(page)
    page.get_by_role("link", name="See what is overdue").click()
    page.wait_for_url("**/status#due")
    for words in ("Complaint", "overdue", "not signed off", "in force", "no searches yet"):
        expect(page.get_by_text(words).first).to_be_visible()
    console.check(page)
