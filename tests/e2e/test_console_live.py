"""The live wall, alerts and cameras in a browser: what changes is put in by itself, and the stop is at hand."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from faceward.core.clock import to_rfc3339
from faceward.core.watch_results import LiveCamera, LiveState
from faceward.operations.live import LiveBoard
from faceward.policy.requests import Decision

pytestmark = pytest.mark.slow


def jpeg(colour: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (colour, colour, colour)).save(stream, "JPEG")
    return stream.getvalue()


class Wall:
    """A shop that is watched, and Pia, who runs it, at a browser."""

    def __init__(self, shop: Any, site: Any) -> None:
        self.shop, self.site = shop, site
        self.board = LiveBoard(shop.world.home, shop.world.clock)
        passkey = site.passkey_kit.SoftPasskey(site.service.settings.site, site.origin)
        asked = shop.act("ana").people.add("Pia", passkey.public.line, ("operator", "auditor"), date(2027, 1, 1))
        shop.act("ben").requests.decide(asked.digest, Decision.APPROVE)
        site.keys["Pia"] = passkey
        shop.act("olga")

    def tell(self, state: str, message: str = "") -> None:
        now = to_rfc3339(self.shop.world.clock.now())
        door = LiveCamera("door", "north entrance", "London", state, message, compared=3, dropped=2)
        self.board.write_state(LiveState(7, "theft", "theft", now, now, (door,)))


@pytest.fixture
def wall(console: Any, chromium: Any, shop: Any, passkey_kit: Any) -> Iterator[Wall]:
    with console.serve(shop.world, chromium, passkey_kit, purpose=None) as site:
        yield Wall(shop, site)


def test_W7_the_wall_follows_its_cameras_and_stops_everything(wall: Wall, console: Any) -> None:
    with wall.shop.watch("door") as watching:
        alert = wall.shop.alerted(watching, "Hugo")
    wall.tell("connected")
    wall.board.write_preview("door", jpeg(90))
    page = wall.site.enter("Pia")
    page.goto("/live")
    for one in page.locator("#live img").all():
        one.evaluate("one => one.decode()")
    tile = page.locator("#camera-door")
    expect(tile.get_by_text("working", exact=True)).to_be_visible()
    others = page.locator("#live-unwatched")
    others.get_by_text("2 cameras are not watched").click()
    expect(others.get_by_role("link", name="hall")).to_be_visible()
    assert page.get_by_role("link", name="Open the case").get_attribute("href") == f"/review/{alert.case}"
    assert "Hugo" not in page.content()
    console.check(page)
    # What changes is put in where it stands: neither the focus nor the picture's element goes.
    tile.get_by_role("link").focus()
    picture = tile.locator("img").element_handle()
    before = picture.get_attribute("src")
    wall.site.world.clock.advance(timedelta(seconds=1))
    wall.tell("frozen", "the same picture for 30 s")
    wall.board.write_preview("door", jpeg(200))
    tile.get_by_text("the picture is frozen").wait_for()
    expect(tile.locator("img")).not_to_have_attribute("src", before)
    assert picture.get_attribute("src") != before
    assert page.evaluate("document.activeElement.closest('#camera-door') !== null")
    expect(others.get_by_role("link", name="hall")).to_be_visible()
    # Paused, it stays as it is, whatever comes.
    page.get_by_role("button", name="Pause").click()
    wall.tell("lost", "refused")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.locator("#live-pause").get_attribute("aria-pressed") == "true"
    expect(tile.get_by_text("the picture is frozen")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    tile.get_by_text("vanished").wait_for()
    # The alert is decided: it goes from the wall, and the page says so to who does not see it.
    wall.shop.decide(alert.case)
    wall.shop.act("olga")
    page.locator("#alert-" + alert.alert).wait_for(state="detached")
    assert "0 alerts are open." in page.locator("#live-said").inner_text()
    page.fill("#reason", "a defect")
    page.get_by_role("button", name="Stop all recognition").click()
    page.locator("dialog.signing").get_by_role("button", name="Sign").click()
    page.wait_for_url("**/live?said=stopped")
    assert wall.site.system.control.stopped
    expect(page.get_by_text("Nothing is searched or compared until two people restart it.")).to_be_visible()
    page.context.clear_cookies()
    page.get_by_text("This page does not hear from the service").wait_for()


def test_W7_a_wall_says_that_somebody_else_stopped_recognition(wall: Wall) -> None:
    wall.tell("connected")
    page = wall.site.enter("Pia")
    page.goto("/live")
    expect(page.get_by_role("button", name="Stop all recognition")).to_be_visible()
    wall.shop.act("ana").control.stop("seen elsewhere")
    expect(page.locator(".banner.bad")).to_contain_text("Recognition is stopped.")
    expect(page.get_by_role("button", name="Stop all recognition")).to_have_count(0)
    # It loads anew once, and then stands still.
    page.evaluate("document.documentElement.dataset.loaded = 'once'")
    page.wait_for_timeout(2500)
    assert page.evaluate("document.documentElement.dataset.loaded") == "once"


# Words of the English pages that are none in German.
_ENGLISH = re.compile(
    r"\b(alerts?|and|are|cameras?|case|check|chance|comparison|confirmed|dismissed|entry|faces?|finding|frames?|frozen"
    r"|hour|is|list|looked|named|not|notice|nothing|of|open|pictures?|recorded|review|seen|since|state|stop|suppressed"
    r"|the|time|vanished|waits?|watch|watched|with|working|zones?)\b"
)
_TEXT = """main => {
    const copy = main.cloneNode(true);
    // What people wrote is in their language, and what is marked as English says so.
    for (const one of copy.querySelectorAll("[lang=en], bdi, code, option, #notice dd")) one.remove();
    const said = [...copy.querySelectorAll("[aria-label], [alt], [title]")];
    const attributes = said.flatMap(one => ["aria-label", "alt", "title"].map(name => one.getAttribute(name) ?? ""));
    return copy.textContent + " " + attributes.join(" ");
}"""


def test_in_german_no_word_of_the_english_pages_is_left(wall: Wall) -> None:
    with wall.shop.watch("door") as watching:
        first, second = (wall.shop.alerted(watching, name) for name in ("Hugo", "Iris"))
    wall.shop.decide(first.case)
    wall.shop.decide(second.case, support=True)
    wall.shop.act("olga")
    with wall.shop.watch("hall") as watching:
        wall.shop.alerted(watching, "Hugo", "hall")
    page = wall.site.enter("Pia", locale="de-DE")
    for state in ("connected", "resized", "stalled", "frozen", "garbage", "lost", "ended", "starting"):
        wall.tell(state, "what comes cannot be decoded; check the camera and its network")
        wall.site.world.clock.advance(timedelta(seconds=61))
        wall.tell(state, "what comes cannot be decoded; check the camera and its network")
        for path in ("/live", "/alerts?state=all", "/cameras", "/cameras/door", "/live/counts"):
            text = _text_of(page, path)
            assert _ENGLISH.findall(text) == [], (state, path)
            assert len(text.split()) > 15
    text = _text_of(page, "/alerts?state=all")
    assert all(word in text for word in ("bestätigt", "verworfen", "wartet"))


def _text_of(page: Any, path: str) -> str:
    page.goto(path)
    text: str = page.locator("main").evaluate(_TEXT)
    return text.lower()


def _nothing_beside(page: Any, *paths: str) -> None:
    """Look that a page is as wide as its window, and its table within its card."""
    for path in paths:
        page.goto(path)
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), path
        region = page.locator(".sideways")
        inside = region.evaluate(
            "one => one.getBoundingClientRect().right <= one.parentNode.getBoundingClientRect().right"
        )
        assert inside, path
        assert region.get_attribute("tabindex") == "0"


def _no_hole_between_plots(wall: Wall, page: Any) -> None:
    """Look that of three plots in two columns the first is as wide as both."""
    wall.tell("connected")
    wall.site.world.clock.advance(timedelta(seconds=61))
    wall.tell("connected")
    page.goto("/live/counts")
    wide, *others = [one.bounding_box()["width"] for one in page.locator(".plots > *").all()]
    assert wide == page.locator(".plots").bounding_box()["width"]
    assert len(others) == 2
    assert sum(others) < wide


def test_W8_a_camera_is_configured_changed_and_removed_on_pages(wall: Wall, console: Any) -> None:
    with wall.shop.watch("door") as watching:
        wall.shop.alerted(watching, "Hugo")
    page = wall.site.enter("Pia")
    page.goto("/alerts")
    expect(page.locator(".badge", has_text="waits for people")).to_be_visible()
    console.check(page)
    page.goto("/live/counts")
    expect(page.get_by_text("Nothing was watched in this time")).to_be_visible()
    _no_hole_between_plots(wall, page)
    page.goto("/cameras")
    console.check(page)
    _nothing_beside(wall.site.enter("Pia", viewport={"width": 1100, "height": 900}), "/alerts", "/cameras")
    german = wall.site.enter("Pia", viewport={"width": 1280, "height": 900}, locale="de-DE")
    _nothing_beside(german, "/alerts", "/cameras")
    page.get_by_role("link", name="Configure a camera").click()
    page.fill("#name", "gate")
    page.fill("#place", "by the gate")
    page.fill("#source", "rtsp://guard:s3cret@10.0.0.9/s")
    page.fill("#opt_out", "0,0 1,1 1,0 0,1")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("the lines of a zone cross").wait_for()
    assert "s3cret" not in page.evaluate("JSON.stringify(sessionStorage)")
    page.goto("/new-camera")
    console.check(page)
    page.fill("#name", "gate")
    page.fill("#place", "by the gate")
    page.fill("#source", "rtsp://guard:s3cret@10.0.0.9/s")
    page.fill("#opt_out", "0,0 1,0 1,0.3")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/cameras/gate?said=camera-added")
    expect(page.get_by_text("nothing is watched with this camera (rule W8)")).to_be_visible()
    expect(page.locator(".screen polygon.opt-out")).to_have_count(1)
    assert "s3cret" not in page.content()
    console.check(page)
    page.get_by_role("link", name="Change").click()
    for key in ("data", "outputs", "deletion", "contact", "sign"):
        page.fill(f"#notice-{key}", f"the {key}")
    page.get_by_label("theft").check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/cameras/gate?said=camera-changed")
    assert wall.site.system.cameras.get("gate").notice.sign == "the sign"
    assert wall.site.system.cameras.source("gate") == "rtsp://guard:s3cret@10.0.0.9/s"
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove the camera").click()
    page.wait_for_url("**/cameras?said=camera-removed")
    assert "gate" not in {one.name for one in wall.site.system.cameras.list()}
