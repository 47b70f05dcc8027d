"""What was typed or followed is not lost: a failed form comes back filled in; a link outlives another language."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_a_form_that_failed_is_shown_again_with_what_was_typed(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/galleries")
    form = page.locator("#new-purpose")
    form.get_by_label("Name", exact=True).fill("porch")
    form.get_by_label("Lawful basis").select_option("consent")
    form.get_by_label("False-match rate").fill("a tenth of nothing")
    form.get_by_role("button", name="Register").click()
    page.get_by_role("link", name="Back to the form").wait_for()
    console.check(page)
    page.get_by_role("link", name="Back to the form").click()
    page.wait_for_url("**/galleries")
    assert form.get_by_label("Name", exact=True).input_value() == "porch"
    assert form.get_by_label("False-match rate").input_value() == "a tenth of nothing"
    page.goto("/galleries")
    assert form.get_by_label("Name", exact=True).input_value() == ""


def test_another_language_keeps_what_stands_behind_the_number_sign(site: Any) -> None:
    page = site.enter()
    page.goto("/auth/begin#none-of-ours-at-all")
    page.locator("form.card .told").filter(has_text="This link lets nobody in").wait_for()
    page.get_by_role("button", name="Deutsch").click()
    page.locator("form.card .told").filter(has_text="Dieser Link lässt niemanden hinein").wait_for()
    assert page.url.endswith("/auth/begin#none-of-ours-at-all")
    link = "fwl_" + "A" * 43
    page.goto(f"/me/link#{link}")
    assert page.locator("#token").input_value() == link
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Come in with your link").wait_for()
    assert page.locator("#token").input_value() == link
