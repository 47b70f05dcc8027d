"""Search in a browser: what is missing is said beforehand, and what is found is a lead."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
NAMES = ("Carla Weiss", "عبد الرحمن", "Bartholomäus Freiherr von und zu Hohenwittlingen-Trauchburg")


@pytest.fixture
def station(console: Any, chromium: Any, make_world: Any, passkey_kit: Any) -> Any:
    """A site of an investigation with a watchlist."""
    world = make_world("station", standard="investigation", trial=True)
    with console.serve(world, chromium, passkey_kit, purpose=None) as site:
        site.pictures = console.investigate(site, dict.fromkeys(NAMES))
        yield site


def test_P2_the_page_says_what_is_missing_and_where_it_is_got(station: Any, console: Any) -> None:
    page = station.enter("Ana")
    page.goto("/search")
    expect(page.get_by_text("Rule P2", exact=True)).to_be_visible()
    console.check(page)
    page.get_by_role("link", name="Ask for a mandate").click()
    page.wait_for_url(re.compile("/mandates/new.purpose=missing&gallery=missing&next="))
    assert page.locator("[name=gallery]").is_checked()
    console.mandate(station)
    page.goto("/search")
    expect(page.get_by_text("Nothing: with a reason")).to_be_visible()
    # What follows from another choice is said at once.
    page.select_option("#kind", "sketch")
    page.get_by_text("Rule S3", exact=True).wait_for()
    page.fill("#camera", "north door")
    page.press("#camera", "Tab")
    page.get_by_text("Rule P2", exact=True).wait_for()
    console.check(page)


def test_candidates_are_shown_over_the_picture_and_lead_to_a_case(station: Any, console: Any) -> None:
    console.mandate(station)
    probe = console.scene(
        station.world, station.world.folder / "probe.png", (NAMES[1], None), ("a stranger", None), (NAMES[2], None)
    )
    page = station.enter("Ana")
    page.goto("/search")
    page.set_input_files("#photograph", probe)
    expect(page.locator("[data-shown] img")).to_be_visible()
    page.fill("#reason", "a missing person was seen")
    page.locator("[data-go]").click()
    page.locator("#result h2").wait_for()
    assert page.locator("#result h2").inner_text() == "3 faces, 2 with candidates"
    expect(page.locator("#result [data-probe] rect")).to_have_count(3)
    picture = page.locator("#result [data-probe] img")
    assert picture.get_attribute("src").startswith("blob:")
    boxes = [one.bounding_box() for one in page.locator("#result [data-probe] rect").all()]
    assert boxes[1]["x"] == pytest.approx(picture.bounding_box()["x"] + picture.bounding_box()["width"] / 3, abs=3)
    expect(page.get_by_text("score hidden until reviewers have answered")).to_have_count(2)
    console.check(page)
    page.get_by_role("link", name="Open the case").click()
    page.wait_for_url("**/review/*")


def test_a_search_works_without_scripts(station: Any, console: Any) -> None:
    console.mandate(station)
    probe = console.scene(station.world, station.world.folder / "probe.png", (NAMES[0], None))
    page = station.enter("Ana", java_script_enabled=False)
    page.goto("/search?kind=sketch")
    expect(page.get_by_text("Rule S3", exact=True)).to_be_visible()
    page.goto("/search")
    page.set_input_files("#photograph", probe)
    page.fill("#reason", "a missing person was seen")
    page.locator("[data-go]").click()
    expect(page.locator("h2", has_text="One face, 1 with candidates")).to_be_visible()
    expect(page.get_by_role("link", name=NAMES[0])).to_be_visible()


def test_a_refusal_is_said_in_the_page(station: Any, console: Any) -> None:
    console.mandate(station)
    blank = station.world.folder / "blank.png"
    console.scene(station.world, blank, ("nobody", None))
    from PIL import Image

    Image.new("RGB", (64, 64), (0, 0, 0)).save(blank)
    page = station.enter("Ana")
    page.goto("/search")
    page.set_input_files("#photograph", blank)
    page.fill("#reason", "a missing person was seen")
    page.locator("[data-go]").click()
    page.locator("#result .notice").wait_for()
    assert "no face was found" in page.locator("#result").inner_text()
    console.check(page)


def test_scores_are_said_as_what_they_mean_where_nobody_reviews(site: Any, console: Any) -> None:
    site.people(Ana=("operator", "approver"), Ben=("approver",))
    site.as_person("Ana", lambda system: site.world.enrol(system, "Carla"))
    page = site.enter("Ana")
    page.goto("/search")
    page.set_input_files("#photograph", site.world.picture("Carla"))
    page.fill("#reason", "who is at the door")
    page.locator("[data-go]").click()
    page.locator("#result h2").wait_for()
    assert "so alike are one in" in page.locator("#result").inner_text()
    with page.expect_download() as kept:
        page.get_by_role("link", name="Receipt").click()
    assert "tlog-proof" in kept.value.path().read_text()


def test_without_a_purpose_the_page_says_what_comes_first(
    console: Any, chromium: Any, world: Any, passkey_kit: Any
) -> None:
    with console.serve(world, chromium, passkey_kit, purpose=None) as site:
        site.people(Ana=("operator", "approver"), Ben=("approver",))
        page = site.enter("Ana")
        page.goto("/search")
        expect(page.get_by_text("No purpose yet")).to_be_visible()
        console.check(page)
        page.goto("/mandates/new")
        expect(page.get_by_text("Nothing to ask for yet")).to_be_visible()
        console.check(page)
