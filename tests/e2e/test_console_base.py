"""What every page of the console has: the way in, the menu, language, appearance, errors, keys."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_home_shows_what_waits_in_both_themes_and_on_a_phone(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/")
    assert page.locator("h1").inner_text() == "Good day, Ana"
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    console.check(page)


def test_who_has_not_signed_in_is_led_to_the_door_and_back(site: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter()
    page.goto("/status?x=1")
    assert page.url.startswith(f"{site.origin}/auth/sign-in")
    assert "next=%2Fstatus%3Fx%3D1" in page.url
    # Programs get problem details, whatever the page.
    answer = httpx.get(f"{site.origin}/status", headers={"accept": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_the_menu_holds_what_a_role_has_use_for(site: Any) -> None:
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    site.person("Rosa", ("reviewer",))
    seen = {}
    for name in ("Ana", "Rosa"):
        page = site.enter(name)
        page.goto("/")
        seen[name] = page.locator("nav .menu a").all_inner_texts()
    assert "Search" in seen["Ana"]
    assert "Search" not in seen["Rosa"]
    assert {"Home", "Review", "Status"} <= set(seen["Rosa"])


def test_language_and_appearance_are_chosen_without_scripts(site: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana", java_script_enabled=False, locale="de-DE")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert page.locator("h1").inner_text() == "Guten Tag, Ana"
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_keyboard_leads_everywhere_and_says_how(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert console.violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/status")


def test_on_a_phone_the_menu_opens_over_the_page(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana", viewport=console.PHONE)
    page.goto("/")
    assert not page.get_by_role("link", name="Approvals").first.is_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Approvals").click()
    page.wait_for_url("**/approvals")


def test_what_goes_wrong_is_a_page_that_says_so(site: Any, console: Any) -> None:
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    site.person("Rosa", ("reviewer",))
    page = site.enter("Rosa")
    for path, status, words in (
        ("/nothing-is-here", 404, "There is no such thing"),
        ("/search", 403, "This is not allowed"),
    ):
        answer = page.goto(path)
        assert answer.status == status, path
        assert page.locator("h1").inner_text() == words
        console.check(page)


def test_files_that_name_their_content_are_kept_and_nothing_else_is(site: Any) -> None:
    from faceward.service.console.assets import asset

    with httpx.Client(base_url=site.origin) as client:
        kept = client.get(asset("console.css"))
        assert "immutable" in kept.headers["cache-control"]
        for path in ("/static/console.css", "/static/console.css?v=0000000000000000"):
            assert client.get(path).headers["cache-control"] == "no-cache"
        assert client.get("/static/none.css?v=").status_code == 404
        assert client.get("/auth/sign-in").headers["cache-control"] == "no-store"
        assert client.get("/static/..%2f..%2fpyproject.toml").status_code == 404


def test_preferences_lead_to_pages_of_this_service_alone(site: Any) -> None:
    for address in ("https://evil.example/", "//evil.example", "/\\evil.example", "nothing", "/a\nb"):
        answer = httpx.post(f"{site.origin}/preferences", data={"next": address, "theme": "dark", "language": "xx"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), address
        assert "faceward_theme=dark" in answer.headers["set-cookie"]
        assert "faceward_language" not in answer.headers["set-cookie"]
