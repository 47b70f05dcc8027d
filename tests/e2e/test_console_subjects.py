"""Subjects: found by the exact name alone, their history, and what an operator does for them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from playwright.sync_api import expect

from faceward.audit.verifier import verify_receipt

pytestmark = pytest.mark.slow
ADA = "/subjects/one?subject=Ada%20Lovelace"


def filled(site: Any) -> Any:
    site.world.enrol(site.system, "Ada Lovelace", "Bob Kahn")
    site.system.identify(site.world.picture("Ada Lovelace"), gallery="door", purpose="door", reason="a test")
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    return site


def test_D1_nobody_leafs_through_people_and_an_exact_name_finds_its_subject(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    page.goto("/subjects")
    assert "Ada" not in page.content()
    console.check(page)
    page.fill("#subject", "Ada")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing is held under that name")).to_be_visible()
    console.check(page)
    page.fill("#subject", "Ada Lovelace")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("h1")).to_have_text("Ada Lovelace")
    assert "You were among the candidates of a search" in page.inner_text("#history")
    console.check(page)
    # That somebody looked is told to the subject.
    history = site.as_person("Ana", lambda system: system.rights.account("Ada Lovelace")).view.history
    assert ("subject.show", "begin") in [(line.operation, line.phase) for line in history]


def test_K2_who_is_no_operator_sees_what_their_role_is_for(site: Any) -> None:
    filled(site)
    site.person("Rosa", ("reviewer",))
    site.person("Otto", ("auditor",))
    rosa, otto, ben = (site.enter(name) for name in ("Rosa", "Otto", "Ben"))
    assert rosa.request.get(ADA).status == 403
    assert ben.request.get(ADA).status == 403
    # An auditor has a role for looking; whether the standard's rules let them is theirs to say.
    assert otto.request.get(ADA).status == 403
    assert otto.request.get("/subjects").status == 200


def test_D1_complaints_are_recorded_and_decided(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    page.goto(ADA)
    page.get_by_text("A complaint", exact=True).click()
    page.fill("#complaint-text", "That was not me.")
    page.get_by_role("button", name="Record the complaint").click()
    expect(page.locator("#matters")).to_contain_text("That was not me.")
    page.get_by_text("A request", exact=True).click()
    page.select_option("#kind", "access")
    page.get_by_role("button", name="Record the request").click()
    page.goto("/subjects")
    console.check(page)
    waiting = page.locator("#waiting article")
    expect(waiting).to_have_count(2)
    complaint = waiting.filter(has_text="That was not me.")
    complaint.get_by_role("button", name="Acknowledge").click()
    complaint.get_by_label("What the subject is told").fill("You were right.")
    complaint.get_by_role("button", name="Uphold").click()
    expect(page.locator("#waiting article")).to_have_count(1)
    page.goto(ADA)
    assert "suspended" in page.inner_text("#held")
    page.get_by_text("Suspend, or end that").click()
    page.fill("#reason", "it was settled")
    page.get_by_role("button", name="End the suspension").click()
    expect(page.locator("#held")).not_to_contain_text("suspended")


def test_D1_a_link_and_a_copy_are_made_for_the_subject(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    page.goto(ADA)
    page.get_by_role("button", name="Make a one-time link").click()
    expect(page.locator("#link")).to_have_count(0)
    page.goto(ADA)
    page.check("#checked")
    page.get_by_role("button", name="Make a one-time link").click()
    address = page.locator("#link").inner_text()
    console.check(page)
    guest = site.enter()
    guest.goto(address)
    guest.get_by_role("button", name="Show me what is held").click()
    guest.locator("#held").wait_for()
    page.goto(ADA)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the copy").click()
    assert "chain.json" in zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())).namelist()
    with page.expect_download() as download:
        page.locator("#history a", has_text="Receipt of entry").last.click()
    verify_receipt(download.value.path().read_text(), site.system.log_key())


def test_T2_erasing_asks_for_the_name_and_gives_the_receipt_to_hand_over(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    page.goto(ADA)
    page.get_by_role("link", name="Erase everything").click()
    console.check(page)
    page.fill("#name", "Bob Kahn")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Nothing was erased")).to_be_visible()
    page.fill("#name", "Ada Lovelace")
    page.get_by_role("button", name="Erase for good").click()
    console.check(page)
    report = verify_receipt(page.locator("pre").inner_text().rstrip("\n") + "\n", site.system.log_key())
    assert f"entry {report.index} of the log" in page.inner_text("main")
    assert page.request.get(ADA).status == 404


def test_C2_a_release_is_withdrawn_after_a_second_question(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter("Ana")
    page.goto(ADA)
    page.get_by_role("link", name="Withdraw the release for door").click()
    console.check(page)
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("The release of Ada Lovelace was withdrawn")).to_be_visible()
    page.goto(ADA)
    expect(page.get_by_text("No reference is held")).to_be_visible()
