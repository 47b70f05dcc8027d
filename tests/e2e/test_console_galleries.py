"""Galleries: what is in them without who, enrolment with a release, releases on file, and handing one over."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
DOOR = "/galleries/one?gallery=door"


def test_T1_galleries_say_what_they_are_for_and_when_terms_end(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/galleries")
    expect(page.get_by_text("There is no gallery yet")).to_be_visible()
    console.check(page)
    page.fill("#new-name", "door")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Nobody is in this gallery")).to_be_visible()
    page.goto("/galleries")
    expect(page.locator("#galleries tbody tr")).to_have_count(1)
    console.check(page)
    page.fill("#new-purpose #name", "canteen")
    page.fill("#fmr", "1e-3")
    page.fill("#alternative", "a card")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#purposes")).to_contain_text("canteen")


def test_C1_somebody_is_enrolled_with_the_release_that_they_signed(site: Any, console: Any) -> None:
    site.world.enrol(site.system, "Bob Kahn")
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto(DOOR)
    console.check(page)
    picture = site.world.picture("Ada Lovelace")

    def enrol(signed: str, until: str) -> None:
        page.fill("#subject", "Ada Lovelace")
        page.set_input_files("#pictures", str(picture))
        page.fill("#signed_on", signed)
        page.fill("#until", until)
        page.get_by_role("button", name="Enrol", exact=True).click()

    enrol("", "")
    assert "refused by rule C1" in page.inner_text("main")
    console.check(page)
    enrol("2026-05-30", "2027-05-30")
    expect(page.get_by_text("1 enrolled, 0 enrolled already, 0 rejected")).to_be_visible()
    console.check(page)
    account = site.as_person("Ana", lambda system: system.rights.account("Ada Lovelace"))
    assert account.view.references[0].record["release"]["signed_on"] == "2026-05-30"


def test_C1_releases_on_file_carry_an_enrolment(site: Any) -> None:
    site.world.enrol(site.system, "Bob Kahn")
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto(DOOR)
    sheet = b"subject,purpose,signed,until\nAda Lovelace,door,2026-05-01,2027-05-01\n"
    page.set_input_files("#file", {"name": "releases.csv", "mimeType": "text/csv", "buffer": sheet})
    page.get_by_role("button", name="Put on file").click()
    expect(page.get_by_text("The releases are on file.")).to_be_visible()
    on_file = site.as_person("Ana", lambda system: system.releases.of("Ada Lovelace"))
    assert [one.purpose for one in on_file] == ["door"]


def test_L1_names_of_members_are_opened_by_operators_alone_and_that_is_logged(site: Any, console: Any) -> None:
    site.world.enrol(site.system, "Ada Lovelace", "Bob Kahn")
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    site.person("Rosa", ("reviewer",))
    page, ben, rosa = site.enter("Ana"), site.enter("Ben"), site.enter("Rosa")
    for visitor, rows in ((page, 2), (ben, 2), (rosa, 0)):
        visitor.goto(DOOR)
        assert "Ada" not in visitor.content()
        expect(visitor.locator("#members tbody tr")).to_have_count(rows)
    expect(ben.get_by_role("button", name="Show the names")).to_have_count(0)
    size = site.system.log_size
    page.get_by_role("button", name="Show the names on this page").click()
    for name in ("Ada Lovelace", "Bob Kahn"):
        expect(page.locator("#members tbody a", has_text=name)).to_be_visible()
    console.check(page)
    assert {line.operation for line in site.system.log_lines(size)} == {"subject.show"}
    token = ben.locator("meta[name=csrf]").get_attribute("content")
    answer = ben.request.post(
        "/galleries/names",
        form={"csrf": token, "gallery": "door"},
        headers={"origin": site.origin, "sec-fetch-site": "same-origin"},
    )
    assert answer.status == 403


def test_S4_a_gallery_is_handed_over_only_under_a_mandate(site: Any, console: Any) -> None:
    site.world.enrol(site.system, "Ada Lovelace")
    site.people(Ana=(), Ben=())
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    site.as_person("Ana", lambda system: system.rights.add_recipient("Police", "desk@police.example", age_key=key))
    page = site.enter("Ana")
    page.goto(DOOR)
    console.check(page)
    page.fill("#mandate", "0123456789")
    page.get_by_role("button", name="Download the sealed package").click()
    page.locator("h1").wait_for()
    assert "mandate" in page.inner_text("main")


def test_a_gallery_that_is_not_there_is_said_so(site: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    assert page.goto("/galleries/one?gallery=nowhere").status == 404
