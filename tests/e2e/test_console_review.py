"""Review in a browser: two people compare a probe with candidates, each alone."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
NAMES = ("Carla Weiss", "عبد الرحمن")


@pytest.fixture
def station(console: Any, chromium: Any, make_world: Any, passkey_kit: Any) -> Any:
    """A site of an investigation with a case of two candidates, whose pictures are there."""
    world = make_world("station", standard="investigation", trial=True)
    with console.serve(world, chromium, passkey_kit, purpose=None) as site:
        site.pictures = console.investigate(site, dict.fromkeys(NAMES))
        named = console.mandate(site)
        people = ((NAMES[0], None), ("a stranger", None), (NAMES[1], None))
        site.probe = console.scene(world, world.folder / "probe.png", *people)

        def search(system: Any) -> Any:
            return system.identify(site.probe, gallery="missing", purpose="missing", reason="seen", mandate=named)

        site.case = site.as_person("Ana", search).case
        yield site


def add_pictures(site: Any) -> None:
    for one in site.as_person("Ana", lambda system: system.cases.show(site.case))["candidates"]:
        picture, number = site.pictures[one["subject"]], one["number"]
        site.as_person("Ana", lambda s, p=picture, n=number: s.cases.add_sample(site.case, p, candidate=n))


def answer(page: Any, step: str) -> None:
    for feature in page.locator("fieldset.feature").all():
        feature.get_by_label("Similar", exact=True).check()
    for scale in page.locator(".scale").all():
        scale.locator(f"input[value={step}]").check()
    page.get_by_role("button", name="Give this answer").click()
    page.wait_for_url("**said=answered")


def test_H1_H2_two_reviewers_answer_blind_and_a_finding_follows(station: Any, console: Any) -> None:
    add_pictures(station)
    rosa, remy = station.enter("Rosa"), station.enter("Remy")
    rosa.goto("/review")
    console.check(rosa)
    rosa.get_by_role("link", name=station.case[:12]).click()
    rosa.wait_for_load_state("networkidle")
    console.check(rosa)
    answer(rosa, "same-strong")
    # Rosa has answered, and still sees neither a score nor who else has.
    assert "score 0" not in rosa.locator("main").inner_text()
    expect(rosa.get_by_text("hidden", exact=True)).to_have_count(2)
    console.check(rosa)
    remy.goto(f"/review/{station.case}")
    text = remy.locator("main").inner_text()
    assert "Rosa" not in text
    assert "score 0" not in text
    answer(remy, "same-moderate")
    expect(remy.get_by_text("actionable lead, and no more")).to_have_count(2)
    assert "so alike are one in" in remy.locator("main").inner_text()
    expect(remy.locator("summary", has_text="Rosa")).to_be_visible()
    remy.get_by_label("Correct: a candidate is whom the probe shows").check()
    remy.get_by_label("What was found out").fill("she was found")
    remy.get_by_label("What was done").fill("the family was told")
    remy.get_by_role("button", name="Record the finding").click()
    remy.wait_for_url("**said=concluded")
    expect(remy.get_by_text("she was found")).to_be_visible()
    console.check(remy)
    remy.goto(f"/review/{station.case}?amend=yes")
    expect(remy.get_by_role("button", name="Add the amendment")).to_be_visible()


def test_the_pictures_move_together_by_mouse_keys_and_buttons(station: Any) -> None:
    add_pictures(station)
    page = station.enter("Rosa")
    page.goto(f"/review/{station.case}")
    page.wait_for_load_state("networkidle")
    panes = [page.locator("[data-pane=probe]"), page.locator("[data-pane=candidate]:visible")]

    def places() -> list[str]:
        return [pane.locator("img").evaluate("one => one.style.transform") for pane in panes]

    def scales() -> list[float]:
        return [float(one.split("scale(")[1].rstrip(")")) for one in places()]

    # The probe begins with the face in its middle, larger than the whole picture of three.
    first = scales()
    assert first[0] > 1.5 * first[1]
    page.get_by_role("button", name="Larger").click()
    assert scales() == pytest.approx([one * 1.25 for one in first])
    panes[1].focus()
    before = places()
    page.keyboard.press("ArrowLeft")
    assert all(one != other for one, other in zip(before, places(), strict=True))
    before = places()
    box = panes[0].bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 70)
    page.mouse.up()
    assert all(one != other for one, other in zip(before, places(), strict=True))
    page.get_by_label("Move together").uncheck()
    before = places()
    panes[0].focus()
    page.keyboard.press("ArrowUp")
    assert places()[0] != before[0]
    assert places()[1] == before[1]
    page.get_by_label("Overlay").check()
    page.get_by_label("How much of the candidate shows").fill("20")
    assert page.locator("[data-candidate]:visible").evaluate("one => one.style.opacity") == "0.2"
    shown = page.locator("[data-candidate]:visible")
    page.get_by_label("Blink").check()
    seen = {shown.evaluate("one => one.style.opacity") for _ in range(15) if page.wait_for_timeout(100) is None}
    assert "0" in seen
    page.get_by_role("button", name="As at first").click()
    assert scales() == pytest.approx(first)


def test_whoever_answers_for_a_candidate_looks_at_that_candidate(station: Any) -> None:
    add_pictures(station)
    page = station.enter("Rosa")
    page.goto(f"/review/{station.case}")
    page.locator("[name^=feature-2-]").first.focus()
    assert page.locator("#which").input_value() == "2"
    expect(page.locator("[data-candidate='2']")).to_be_visible()
    assert not page.locator("[data-candidate='1']").is_visible()


def test_S3_edits_and_pictures_are_added_and_refused_in_words(station: Any, console: Any) -> None:
    page = station.enter("Ana")
    page.goto(f"/review/{station.case}")
    expect(page.get_by_text("No picture of this candidate yet").first).to_be_visible()
    console.check(page)
    [first, *_] = station.as_person("Ana", lambda system: system.cases.show(station.case))["candidates"]
    page.set_input_files("#sample", station.pictures[first["subject"]])
    page.get_by_role("button", name="Add the picture").click()
    page.wait_for_url("**said=sample-added")
    edited = console.scene(station.world, station.world.folder / "edited.png", (NAMES[0], None))
    for change, words in (("crop", ""), ("generative", "it shows what no camera saw")):
        page.locator("summary", has_text="Add an edit").click()
        page.set_input_files("#edited", edited)
        page.select_option("#change", change)
        page.get_by_role("button", name="Add an edit").click()
        page.wait_for_load_state()
        if words:
            assert words in page.locator("main").inner_text()
        else:
            expect(page.get_by_text("The edit was added to the chain.")).to_be_visible()
            expect(page.locator("#version option")).to_have_count(2)


def test_H4_the_export_is_what_the_reader_may_see(station: Any) -> None:
    page = station.enter("Rosa")
    page.goto(f"/review/{station.case}")
    page.get_by_label("With the pictures as they came").check()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(io.BytesIO(kept.value.path().read_bytes())) as archive:
        names = archive.namelist()
        told = json.loads(archive.read("case.json"))
    assert "case.html" in names
    assert any(name.endswith(".png") for name in names)
    assert told["blind"] is True
    assert {one["score"] for one in told["candidates"]} == {None}


def test_a_review_can_be_answered_without_scripts(station: Any) -> None:
    page = station.enter("Rosa", java_script_enabled=False)
    page.goto(f"/review/{station.case}")
    answer(page, "inconclusive")
    expect(page.get_by_text("Your answer was recorded. It is final.")).to_be_visible()


def test_a_list_without_cases_says_how_one_comes_about(site: Any, console: Any) -> None:
    site.people(Ana=("operator", "approver", "reviewer"), Ben=("approver",))
    page = site.enter("Ana")
    for view in ("mine", "finding", "all"):
        page.goto(f"/review?show={view}")
        expect(page.locator(".empty")).to_be_visible()
    console.check(page)
