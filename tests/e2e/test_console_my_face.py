"""My face: the way in by a link, what a subject sees and does, and that they see and do nothing about anybody else."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from faceward.audit.verifier import verify_receipt
from faceward.service import subject_links

pytestmark = pytest.mark.slow


def filled(site: Any) -> Any:
    """Return a site with two subjects, of whom Ada was found with Bob as another candidate."""
    site.world.enrol(site.system, "Ada Lovelace", "Bob Kahn")
    picture = site.world.picture("Ada Lovelace", "Bob Kahn")
    reason = "to find Bob Kahn, who was seen with her"
    site.system.identify(picture, gallery="door", purpose="door", reason=reason)
    site.people(Ana=(), Ben=())
    return site


def link_of(site: Any, name: str = "Ada Lovelace") -> str:
    def make(system: Any) -> Any:
        return subject_links.make(system, site.service.vault, name)

    return str(site.as_person("Ana", make).address(site.origin))


def came(site: Any, name: str = "Ada Lovelace", **options: Any) -> Any:
    """Return a page of a subject who came by a link."""
    page = site.enter(**options)
    page.goto(link_of(site, name))
    page.get_by_role("button", name=re.compile("Show me|Zeigen")).click()
    page.locator("#held").wait_for()
    return page


def test_D1_a_subject_comes_by_a_link_and_sees_what_is_held(site: Any, console: Any) -> None:
    filled(site)
    page = site.enter()
    address = link_of(site)
    page.goto(address)
    # The secret leaves the address at once, and is never sent as part of one.
    assert page.url == f"{site.origin}/me/link"
    console.check(page)
    page.get_by_role("button", name="Show me what is held").click()
    page.locator("#held").wait_for()
    console.check(page)
    words = page.inner_text("main")
    assert "You came in by a link" in words
    assert "You were among the candidates of a search" in words
    assert "Numbers computed from a picture of your face" in words
    expect(page.locator("#searches tbody tr")).to_have_count(1)
    page.get_by_text("The notice that you were to be given").click()
    assert page.locator("#held pre").inner_text().count("Ada Lovelace") > 0

    again = site.enter()
    again.goto(address)
    again.get_by_role("button", name="Show me what is held").click()
    expect(again.get_by_text("This link lets nobody in")).to_be_visible()
    console.check(again)


def test_D1_nothing_on_the_page_or_in_the_copy_tells_of_anybody_else(site: Any) -> None:
    filled(site)
    page = came(site)
    assert "Bob" not in page.content()
    entries = page.locator("a[href^='/me/receipts/']").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    for href in entries:
        text = page.request.get(href).text()
        report = verify_receipt(text, site.system.log_key())
        assert "Bob" not in str(report)


def test_D1_a_subject_reaches_no_page_about_others_and_no_program_interface(site: Any) -> None:
    filled(site)
    page = came(site)
    bob = site.as_person("Ana", lambda system: system.rights.account("Bob Kahn"))
    for path in (
        "/subjects",
        "/subjects/one?subject=Bob%20Kahn",
        "/subjects/one?subject=Ada%20Lovelace",
        "/galleries",
        "/galleries/one?gallery=door",
        "/audit",
        "/audit/entries/3",
        "/evidence",
        "/search",
        "/approvals",
        "/status",
        "/v1/subjects/Bob%20Kahn",
        "/v1/galleries",
    ):
        assert page.request.get(path).status == 403, path
    # An entry that is about Bob alone has no receipt for Ada.
    theirs = next(line.index for line in bob.view.history if line.operation == "enrol")
    assert page.request.get(f"/me/receipts/{theirs}").status == 404
    token = page.locator("meta[name=csrf]").get_attribute("content")
    for path, form in (
        ("/subjects/erase", {"subject": "Bob Kahn", "name": "Bob Kahn"}),
        ("/subjects/link", {"subject": "Bob Kahn", "checked": "yes"}),
        ("/subjects/copy", {"subject": "Bob Kahn"}),
        ("/me/erase", {"name": "Bob Kahn"}),
        ("/me/erase", {"subject": "Bob Kahn", "name": "Bob Kahn"}),
    ):
        answer = page.request.post(
            path, form={"csrf": token, **form}, headers={"origin": site.origin, "sec-fetch-site": "same-origin"}
        )
        assert answer.status in (403, 422), path
    still = site.as_person("Ana", lambda system: system.rights.account("Bob Kahn"))
    assert len(still.view.references) == 1


def test_D1_a_subject_complains_asks_and_takes_a_copy(site: Any, console: Any) -> None:
    filled(site)
    page = came(site)
    page.get_by_label("What is wrong?").fill("That was not me.")
    page.get_by_role("button", name="Complain", exact=True).click()
    expect(page.locator("#matters")).to_contain_text("That was not me.")
    page.get_by_label("What do you ask for?").select_option("objection")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#matters")).to_contain_text("objection")
    console.check(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download your copy").click()
    names = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())).namelist()
    assert {"index.html", "chain.json"} <= set(names)


def test_C2_a_subject_withdraws_after_being_asked_once_more(site: Any, console: Any) -> None:
    filled(site)
    page = came(site)
    page.get_by_role("link", name="Withdraw", exact=True).click()
    console.check(page)
    page.get_by_role("button", name="Yes, withdraw").click()
    console.check(page)
    report = verify_receipt(page.locator("pre").inner_text().rstrip("\n") + "\n", site.system.log_key())
    assert report.index > 0
    page.goto("/me")
    expect(page.get_by_text("No reference of your face is held")).to_be_visible()


def test_T2_a_subject_erases_everything_after_being_asked_twice(site: Any, console: Any) -> None:
    filled(site)
    page, elsewhere = came(site), came(site)
    page.get_by_role("link", name="Erase everything").click()
    console.check(page)
    page.fill("#name", "Ada")
    page.get_by_role("button", name="Erase everything about me").click()
    expect(page.get_by_text("Nothing was erased")).to_be_visible()
    console.check(page)
    page.fill("#name", "Ada Lovelace")
    page.get_by_role("button", name="Erase everything about me").click()
    page.locator("#receipt").wait_for()
    console.check(page)
    assert "Ada" not in page.locator("nav").first.inner_text()
    verify_receipt(page.locator("pre").inner_text().rstrip("\n") + "\n", site.system.log_key())
    for gone in (page, elsewhere):
        gone.goto("/me")
        assert "/auth/sign-in" in gone.url
    assert site.system._deployment.store.by_subject(site.system._deployment.pseudonym("Ada Lovelace")) == []


def test_K2_a_visit_ends_after_half_an_hour_and_bad_codes_let_nobody_in(site: Any) -> None:
    filled(site)
    page = came(site)
    site.world.clock.advance(timedelta(minutes=31))
    page.goto("/me")
    assert "/auth/sign-in" in page.url
    guesser = site.enter()
    statuses = [
        guesser.request.post(
            "/me/link",
            form={"token": "fwl_" + "A" * 43},
            headers={"origin": site.origin, "sec-fetch-site": "same-origin"},
        ).status
        for _ in range(13)
    ]
    # A code has 256 random bits: guesses need not be slowed down, and nobody is locked out by those of others.
    assert set(statuses) == {401}
    foreign = guesser.request.post("/me/link", form={"token": "x"}, headers={"origin": "https://evil.example"})
    assert foreign.status == 403


def test_D1_a_subject_with_a_passkey_of_their_own_sees_the_same(site: Any, console: Any) -> None:
    filled(site)
    site.person("Ada Lovelace", ("subject",))
    page = site.enter("Ada Lovelace")
    page.goto("/me")
    console.check(page)
    expect(page.locator("#held article")).to_have_count(1)
    assert "You came in by a link" not in page.inner_text("main")
    assert page.request.get("/subjects/one?subject=Bob%20Kahn").status == 403


def test_the_page_is_there_in_german_and_without_scripts(site: Any) -> None:
    filled(site)
    page = came(site, locale="de-DE")
    words = page.inner_text("main")
    assert "Was über Sie gespeichert ist" in words
    assert "Sie waren unter den Kandidaten einer Suche" in words

    plain = site.enter(java_script_enabled=False)
    address = link_of(site)
    plain.goto(address)
    plain.get_by_label("The code of your link").fill(address.partition("#")[2])
    plain.get_by_role("button", name="Show me what is held").click()
    expect(plain.locator("#held article")).to_have_count(1)
