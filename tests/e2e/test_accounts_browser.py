"""The first person's way in with a real browser, whose virtual authenticator makes the passkey and signs (rule K2)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from faceward.service import first_start, sessions

pytestmark = pytest.mark.slow


def _authenticator(page: Page, *, verifies: bool = True) -> Any:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devices


def test_K2_first_link_passkey_sign_in_out_and_in_again(site: Any, console: Any) -> None:
    page = site.enter()
    page.goto("/auth/sign-in")
    console.check(page)
    _authenticator(page)
    page.goto(first_start.first_link(site.system, site.service.vault, site.origin))
    expect(page.get_by_text("You are the first person here")).to_be_visible()
    console.check(page)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("Sign in with your new passkey")).to_be_visible()
    assert [person.name for person in site.system.people.listed()] == ["Ada"]
    assert "#" not in page.url
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_label("Your name")).to_have_value("Ada")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada")
    cookie = page.context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()
    page.goto("/approvals")
    expect(page).to_have_url(re.compile(r"/auth/sign-in\?next="))
    page.get_by_label("Your name").fill("")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile(r"/approvals$"))


def test_S2_an_invited_person_is_added_by_a_signature_in_the_browser(site: Any, console: Any) -> None:
    site.people(Ana=())
    page, other = site.enter("Ana"), site.enter()
    page.goto("/auth/people")
    console.check(page)
    page.get_by_label("Name", exact=False).first.fill("Ben")
    page.get_by_role("checkbox", name="approver").check()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("code.link").inner_text()
    _authenticator(other)
    other.goto(link)
    other.get_by_role("button", name="Make the passkey").click()
    expect(other.get_by_text("waiting for the person who invited you")).to_be_visible()
    page.goto("/auth/people")
    page.get_by_role("button", name="Add").click()
    dialog = page.get_by_role("dialog", name="Sign with your passkey")
    expect(dialog.get_by_text("Ben", exact=True)).to_be_visible()
    console.check(page)
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")
    assert len(site.system.people.listed()) == 1
    page.get_by_role("button", name="Add").click()
    dialog.get_by_role("button", name="Sign").click()
    expect(page).to_have_url(re.compile("said=carried-out"))
    assert [person.name for person in site.system.people.listed()] == ["Ana", "Ben"]
    sessions.forget_roster()
    other.goto("/auth/sign-in")
    other.get_by_role("button", name="Sign in with a passkey").click()
    expect(other.get_by_role("heading", level=1)).to_contain_text("Ben")
    other.goto("/auth/account")
    console.check(other)


def test_K2_a_device_that_does_not_know_its_owner_makes_no_passkey(site: Any) -> None:
    page = site.enter()
    page.goto("/auth/sign-in")
    _authenticator(page, verifies=False)
    page.goto(first_start.first_link(site.system, site.service.vault, site.origin))
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert site.system.people.listed() == ()
