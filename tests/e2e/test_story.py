"""A day at the console, from the first start to an erasure, by people who have nothing but a browser and a passkey.

A real process serves an investigation with the real model pack; the faces are of people who do not exist. The custodian
works in that process, and no witness cosigns: a deployment for trial, as in the first minutes of anybody's.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from faceward import bootstrap
from faceward.core.canonical import canonical_json

pytestmark = [pytest.mark.slow, pytest.mark.data]

PASSPHRASE = "a long passphrase of the unit"
ANA, BEN, ROSA, REMY = "Ana Brandt", "Ben Okafor", "Rosa Lind", "Remy Costa"
MARTIN = "Martin Falk"
SUBJECTS = {MARTIN: "sample_4x8_002.jpg", "Clara Winter": "sample_4x8_005.jpg", "Jonas Weber": "sample_4x8_008.jpg"}
LEAD_ONLY = "LEAD ONLY"
ENTERED = (
    "Somebody asked for you to be entered on a watchlist",
    "Your picture was enrolled",
    "You were among the candidates of a search",
    "People were asked to check whether the search was right about you",
)
STEPS = (
    ("person.add", "end"),
    ("person.invite", "note"),
    ("person.offer", "note"),
    ("person.add.request", "note"),
    ("request.approve", "end"),
    ("purpose.add", "end"),
    ("evidence.add", "end"),
    ("watchlist.entry", "end"),
    ("enrol", "denied"),
    ("request.approve", "end"),
    ("enrol", "end"),
    ("mandate.request", "end"),
    ("mandate.approve", "end"),
    ("identify", "begin"),
    ("case.open", "end"),
    ("identify", "end"),
    ("case.sample", "end"),
    ("case.answer", "end"),
    ("case.answer", "end"),
    ("case.outcome", "end"),
    ("case.export", "end"),
    ("subject.link", "note"),
    ("subject.visit", "note"),
    ("subject.receipt", "end"),
    ("subject.export", "end"),
    ("service.denied", "denied"),
    ("complaint.add", "end"),
    ("subject.erase", "end"),
    ("identify", "end"),
    ("subject.show", "denied"),
)
"""Entries of the day, in their order; there are others between them."""


@dataclass
class Day:
    """What the day begins with, and what is kept of it.

    Attributes:
        kit: The module `story_kit`.
        people: Their browsers.
        home: The deployment's folder.
        folder: Where pictures and downloads lie.
        environment: Of processes that open the deployment.
        portraits: By subject the picture that they are enrolled from.
        album: Takes pictures of pages.
        check: Asserts what holds of every page.
        kept: What later steps need of earlier ones.
    """

    kit: Any
    people: Any
    home: Path
    folder: Path
    environment: dict[str, str]
    portraits: dict[str, Path]
    album: Callable[..., None]
    check: Callable[..., None]
    kept: dict[str, Any] = field(default_factory=dict)

    def who(self, name: str) -> Any:
        return next(one for one in self.people.known if one.name == name)

    def outsider(self, *arguments: object) -> str:
        """Run the verifier that outsiders have, which knows nothing but the log's public key."""
        bare = {name: value for name, value in self.environment.items() if not name.startswith("FACEWARD_")}
        return str(self.kit.faceward("faceward-verify", *arguments, "--key", self.home / "log.vkey", environment=bare))


@pytest.fixture
def day(
    story: Any, console: Any, chromium: Any, fakes: Any, synthetic_faces: list[Path], bare: Any
) -> Iterator[tuple[Day, Any]]:
    """Return a day about to begin, and the service that has just started."""
    faces, folder = {one.name: one for one in synthetic_faces}, bare.home.parent
    missing = set(SUBJECTS.values()) - set(faces)
    if missing:
        pytest.skip(f"../shared/data/sfhq lacks {sorted(missing)}")
    bare.ok(
        "init", "--standard", "investigation", "--trial", "--controller", "Police of Anystadt",
        "--contact", "privacy@anystadt.example", FACEWARD_PASSPHRASE=PASSPHRASE,
    )  # fmt: skip
    # What `faceward evaluate` would write of the unit's own pictures; evaluating is tested elsewhere.
    with bootstrap.open_system(bare.home, passphrase=PASSPHRASE) as system:
        measured = canonical_json(fakes.own_evaluation(system).to_json())
    (folder / "evaluation.json").write_bytes(measured)
    portraits = {
        who: story.portrait(faces[file], folder / f"{who.split()[0].lower()}.jpg") for who, file in SUBJECTS.items()
    }
    environment = story.environment(bare.home, PASSPHRASE)
    wanted = os.environ.get("FACEWARD_STORY_PICTURES")
    album = story.Album(Path(wanted) if wanted else None, console)
    with story.serving(environment) as program:
        origin = program.line(r"serving .* at (http://localhost:\d+)")[1]
        people = story.People(chromium, origin, folder)
        try:
            yield Day(story, people, bare.home, folder, environment, portraits, album, console.check), program
        finally:
            people.leave()


def test_S2_H1_H2_H4_T2_a_day_from_the_first_link_to_an_erasure(day: tuple[Day, Any]) -> None:
    today, program = day
    the_first_person(today, program.line(r"(http://localhost:\d+/auth/begin#\S+)")[1])
    colleagues(today)
    a_gallery(today)
    three_subjects(today)
    a_search_that_lacks_a_mandate(today)
    a_mandate(today)
    a_search(today)
    two_reviewers(today)
    a_finding(today)
    an_export(today)
    my_face(today)
    a_complaint_and_an_erasure(today)
    nothing_is_found_any_more(today)
    the_log(today)
    every_step_is_there(today)
    no_score_before_the_answers(today)


def the_first_person(day: Day, link: str) -> None:
    ana = day.people.arrive(ANA)
    ana.go("/auth/sign-in", "Sign in")
    expect(ana.page.get_by_text("Nobody is registered yet")).to_be_visible()
    ana.make_passkey(link, trained=_in(days=365))
    ana.sign_in()
    day.album(ana.page, "home-of-the-first-person")
    expect(ana.page.get_by_text("Invite a second approver first")).to_be_visible()
    ana.page.get_by_role("navigation", name="Main menu").get_by_role("link", name="People").click()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text("People")


def colleagues(day: Day) -> None:
    ana, ben = day.who(ANA), day.people.arrive(BEN)
    _bring(day, ben, "approver", "auditor")
    ben.sign_in()
    for name in (ROSA, REMY):
        reviewer = day.people.arrive(name)
        _bring(day, reviewer, "reviewer")
        # There are two approvers now: whoever asks waits for the other.
        ana.said("waits for another person")
        _approve(day, name)
        reviewer.sign_in()
    ana.go("/auth/people", "People")
    expect(ana.page.get_by_role("table", name="Registered").get_by_role("row")).to_have_count(5)
    day.album(ana.page, "people")


def _bring(day: Day, invited: Any, *roles: str) -> None:
    """Invite somebody, who makes a passkey, whose fingerprint is compared before they are asked for."""
    ana = day.who(ANA)
    ana.go("/auth/people", "People")
    card = ana.page.locator("#invite")
    card = card if card.count() else ana.page.locator("section", has=ana.page.get_by_text("Invite somebody"))
    card.get_by_label("Name", exact=False).first.fill(invited.name)
    for role in roles:
        card.get_by_role("checkbox", name=role).check()
    card.get_by_label("Training valid until").fill(_in(days=365))
    card.get_by_role("button", name="Make a link").click()
    fingerprint = invited.make_passkey(ana.page.locator("code.link").inner_text())
    ana.go("/auth/people", "People")
    row = ana.page.get_by_role("row", name=invited.name)
    expect(row.get_by_text(fingerprint)).to_be_visible()
    if invited.name == BEN:
        day.album(ana.page, "fingerprint")
    ana.sign(row.get_by_role("button", name="Add"), invited.name)
    expect(ana.page).to_have_url(re.compile("said="))


def a_gallery(day: Day) -> None:
    ana = day.who(ANA)
    ana.go("/galleries", "Galleries")
    purpose = ana.page.get_by_role("region", name="Register a purpose")
    purpose.get_by_label("Name").fill("missing")
    purpose.get_by_label("Lawful basis").select_option("public-task")
    purpose.get_by_label("False-match rate").fill("1e-3")
    purpose.get_by_label("Kept at most").fill("90d")
    purpose.get_by_role("button", name="Register").click()
    ana.said("Saved")
    new = ana.page.get_by_role("region", name="Create a gallery")
    new.get_by_label("Name").fill("missing")
    new.get_by_role("button", name="Create").click()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text("missing")
    ana.go("/evidence", "Evidence")
    ana.page.get_by_label("Evaluation", exact=True).set_input_files(day.folder / "evaluation.json")
    ana.page.get_by_role("button", name="Put on record").click()
    ana.said("Saved")
    expect(ana.page.get_by_role("table", name="Purposes").get_by_text("allowed")).to_be_visible()
    day.album(ana.page, "evidence")


def three_subjects(day: Day) -> None:
    ana = day.who(ANA)
    for who, picture in day.portraits.items():
        ana.go("/galleries/one?gallery=missing", "missing")
        ana.page.get_by_role("link", name="Ask for an entry").click()
        ana.page.get_by_label("Subject", exact=True).fill(who)
        ana.page.get_by_label("Pictures", exact=True).set_input_files(picture)
        ana.page.get_by_label("Where the pictures come from").fill("handed in by the family")
        ana.page.get_by_label("Why, and where the proof is").fill("report 2026/118, cabinet 2")
        ana.page.get_by_label("Born").fill("1984-05-17")
        if who == MARTIN:
            day.album(ana.page, "entry")
        ana.sign(ana.page.get_by_role("button", name="Sign and ask"))
        ana.said("waits for another person")
        # Enrolling before anybody approved is refused (rule E1).
        enrolled = ana.page.get_by_label("Approved request").input_value()
        assert re.fullmatch("[0-9a-f]{64}", enrolled)
        _enrol(ana, who, picture)
        expect(ana.page.get_by_role("main")).to_contain_text("Nobody was enrolled")
        _approve(day, who)
        ana.go(f"/galleries/one?gallery=missing&entry={enrolled}", "missing")
        _enrol(ana, who, picture)
        expect(ana.page.get_by_text("1 enrolled, 0 enrolled already, 0 rejected")).to_be_visible()
    day.album(ana.page, "gallery")


def _enrol(ana: Any, who: str, picture: Path) -> None:
    card = ana.page.get_by_role("region", name="Enrol somebody")
    card.get_by_label("Subject", exact=True).fill(who)
    card.get_by_label("Pictures", exact=True).set_input_files(picture)
    card.get_by_role("button", name="Enrol").click()


def _approve(day: Day, about: str) -> None:
    """Have Ben approve the one request that waits, after reading what it is about."""
    ben = day.who(BEN)
    ben.go("/approvals", "Approvals")
    waiting = ben.page.get_by_role("table", name="Waiting").get_by_role("row")
    expect(waiting).to_have_count(2)
    waiting.nth(1).get_by_role("link").click()
    expect(ben.page.get_by_role("main")).to_contain_text(about)
    ben.sign(ben.page.get_by_role("button", name="Approve"), "approve")
    ben.said("Your approval was recorded")


def a_search_that_lacks_a_mandate(day: Day) -> None:
    ana = day.who(ANA)
    ana.go("/search", "Search")
    lacking = ana.page.get_by_role("region", name="What is missing")
    expect(lacking.get_by_text("Rule P2")).to_be_visible()
    expect(lacking.locator(".notice.warning")).to_have_count(1)
    day.album(ana.page, "search-lacks-a-mandate")
    lacking.get_by_role("link", name="Ask for a mandate").click()


def a_mandate(day: Day) -> None:
    ana, ben = day.who(ANA), day.who(BEN)
    page = ana.page
    page.get_by_label("Case number").fill("K-12/26")
    page.get_by_label("Place").fill("main station")
    page.get_by_label("Legal basis").fill("police act, section 27")
    page.get_by_role("spinbutton", name="Searches").fill("2")
    day.album(page, "mandate")
    seen = lambda: day.album(page, "signing")  # noqa: E731 - the dialog, as it is before it is signed
    ana.sign(page.get_by_role("button", name="Sign and ask"), "K-12/26", "main station", seen=seen)
    expect(page.get_by_role("main")).to_contain_text("waits for another person")
    # Nobody approves of what they ask for.
    ana.go("/approvals", "Approvals")
    page.get_by_role("table", name="Waiting").get_by_role("link").first.click()
    expect(page.get_by_role("main")).to_contain_text("You ask for it yourself")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    ben.go("/approvals", "Approvals")
    ben.page.get_by_role("table", name="Waiting").get_by_role("link").first.click()
    day.album(ben.page, "approval")
    _approve(day, "K-12/26")


def a_search(day: Day) -> None:
    ana = day.who(ANA)
    frame = day.kit.other_picture(day.portraits[MARTIN], day.folder / "corridor.jpg")
    result = _search(ana, frame)
    expect(result.get_by_text("one candidate", exact=True)).to_be_visible()
    lead = result.get_by_role("link", name=MARTIN)
    expect(lead).to_have_attribute("href", "/subjects/one?subject=Martin%20Falk")
    expect(result.get_by_text("score hidden until reviewers have answered")).to_be_visible()
    day.album(ana.page, "result")
    result.get_by_role("link", name="Open the case").click()
    day.kept["case"] = ana.page.url.rsplit("/", 1)[1]
    ana.page.get_by_label("Picture", exact=True).set_input_files(day.portraits[MARTIN])
    ana.page.get_by_role("button", name="Add the picture").click()
    ana.said("picture was added")


def _search(ana: Any, picture: Path) -> Any:
    ana.go("/search", "Search")
    expect(ana.page.get_by_role("region", name="What is missing").get_by_text("Nothing:")).to_be_visible()
    ana.page.get_by_label("Choose a photograph").set_input_files(picture)
    ana.page.get_by_label("Reason").fill("he was last seen on platform 4")
    ana.page.get_by_role("button", name="Search now").click()
    result = ana.page.locator("#result")
    expect(result.get_by_role("heading", level=2).first).to_be_visible()
    return result


def two_reviewers(day: Day) -> None:
    case = day.kept["case"]
    for name, conclusion in ((ROSA, "same-strong"), (REMY, "same-moderate")):
        reviewer = day.who(name)
        reviewer.go("/review", "Review")
        reviewer.page.get_by_role("table").get_by_role("link").first.click()
        assert reviewer.page.url.endswith(case)
        expect(reviewer.page.get_by_text("blind: scores and answers of others are hidden")).to_be_visible()
        shown = _case_by_interface(reviewer, case)
        assert [one["score"] for one in shown["candidates"]] == [None]
        assert (shown["blind"], shown["answers"]) == (True, [])
        if name == ROSA:
            day.album(reviewer.page, "review-blind")
        for feature in reviewer.page.locator("fieldset.feature").all():
            feature.get_by_text("Similar", exact=True).click()
        day.kept["answered"] = day.kit.now()
        reviewer.page.locator(f'input[value="{conclusion}"]').check(force=True)
        if name == ROSA:
            day.album(reviewer.page, "review-answering")
        reviewer.page.get_by_role("button", name="Give this answer").click()
        reviewer.said("Your answer was recorded")
        if name == ROSA:
            # Nor is anything told to who has answered, while the other has not.
            expect(reviewer.page.get_by_text("The rest shows once the review is decided")).to_be_visible()
            assert _case_by_interface(reviewer, case)["candidates"][0]["score"] is None
    rosa = day.who(ROSA)
    rosa.go(f"/review/{case}")
    expect(rosa.page.get_by_text("actionable lead, and no more")).to_be_visible()
    expect(rosa.page.get_by_text("so alike are")).to_be_visible()
    shown = _case_by_interface(rosa, case)
    day.kept["score"] = shown["candidates"][0]["score"]
    assert 0 < day.kept["score"] <= 1
    assert {one["reviewer"] for one in shown["answers"]} == {ROSA, REMY}
    day.album(rosa.page, "review-decided")


def _case_by_interface(person: Any, case: str) -> dict[str, Any]:
    """Return what the native interface says of a case to somebody in their browser."""
    asked = "name => fetch(`/v1/cases/${name}`).then(response => response.json())"
    shown: dict[str, Any] = person.page.evaluate(asked, case)
    return shown


def a_finding(day: Day) -> None:
    rosa = day.who(ROSA)
    rosa.go("/review?show=finding", "Review")
    rosa.page.get_by_role("table").get_by_role("link").first.click()
    rosa.page.get_by_label("Correct: a candidate is whom the probe shows").check()
    rosa.page.get_by_label("What was found out").fill("he was met and named himself")
    rosa.page.get_by_label("What was done").fill("the family was told; nothing else")
    rosa.page.get_by_role("button", name="Record the finding").click()
    rosa.said("The finding was recorded")


def an_export(day: Day) -> None:
    ana = day.who(ANA)
    ana.go(f"/review/{day.kept['case']}", "Case")
    button = ana.page.get_by_role("region", name="Export").get_by_role("button", name="Download")
    with zipfile.ZipFile(ana.save(button, day.folder)) as archive:
        names = archive.namelist()
        page = next(name for name in names if name.endswith(".html"))
        data = next(name for name in names if name.endswith(".json"))
        told = archive.read(page).decode()
        assert LEAD_ONLY in told
        assert "<script" not in told
        assert LEAD_ONLY in archive.read(data).decode()
        exported = json.loads(archive.read(data))
    assert day.kept["case"] in json.dumps(exported)
    day.album(ana.page, "case-closed")


def my_face(day: Day) -> None:
    ana = day.who(ANA)
    ana.go("/subjects", "Subjects")
    ana.page.get_by_label("The exact name").fill(MARTIN)
    ana.page.get_by_role("button", name="Show", exact=True).click()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text(MARTIN)
    day.album(ana.page, "subject")
    ana.page.get_by_label("I made sure that whoever gets it is the subject").check()
    ana.page.get_by_role("button", name="Make a one-time link").click()
    link = ana.page.locator("#link").inner_text()
    martin = day.people.arrive(MARTIN, passkey=False)
    martin.page.goto(link)
    martin.page.get_by_role("button", name="Show me what is held").click()
    expect(martin.page.get_by_role("heading", level=1)).to_contain_text("What is held about you")
    assert "#" not in martin.page.url
    page = martin.page
    history = page.get_by_role("region", name="What happened")
    expect(history.get_by_text("A reviewer compared you with the picture")).to_have_count(2)
    searches = page.get_by_role("table", name="Searches that compared you").get_by_role("link")
    expect(searches).to_have_count(1)
    day.album(page, "my-face")
    receipt = martin.save(searches.first, day.folder)
    assert "is in the log" in day.outsider("receipt", receipt)
    with zipfile.ZipFile(martin.save(page.get_by_role("button", name="Download your copy"), day.folder)) as archive:
        archive.extractall(day.folder / "copy")
    day.outsider("chain", next((day.folder / "copy").rglob("chain.json")))
    happened = []
    for number in (1, 2):
        page.goto(f"/me?page={number}")
        happened.append(history.inner_text())
    assert [told for told in ENTERED if told not in "".join(happened)] == []
    # The link was used up: whoever finds it gets nowhere.
    stranger = day.people.arrive("a stranger", passkey=False)
    stranger.page.goto(link)
    stranger.page.get_by_role("button", name="Show me what is held").click()
    expect(stranger.page.get_by_text("This link lets nobody in")).to_be_visible()


def a_complaint_and_an_erasure(day: Day) -> None:
    martin = day.who(MARTIN)
    page = martin.page
    page.get_by_label("What is wrong?").fill("I was found a week ago. Why am I still in there?")
    page.get_by_role("button", name="Complain").click()
    martin.said("The complaint was recorded")
    page.get_by_role("link", name="Erase everything").click()
    page.get_by_label("Type your name").fill("somebody else")
    page.get_by_role("button", name="Erase everything about me").click()
    expect(page.get_by_text("Nothing was erased")).to_be_visible()
    page.get_by_label("Type your name").fill(MARTIN)
    day.album(page, "my-face-erase")
    page.get_by_role("button", name="Erase everything about me").click()
    expect(page.get_by_text("Everything about you was erased")).to_be_visible()
    day.album(page, "my-face-erased")
    receipt = martin.save(page.get_by_role("link", name="Download the receipt"), day.folder)
    assert "erase" in day.outsider("receipt", receipt)
    page.goto("/me")
    expect(page).not_to_have_url(re.compile("/me$"))


def nothing_is_found_any_more(day: Day) -> None:
    ana, ben = day.who(ANA), day.who(BEN)
    result = _search(ana, day.kit.other_picture(day.portraits[MARTIN], day.folder / "again.jpg"))
    expect(result.get_by_text("Nobody in this gallery is like this face enough to be named")).to_be_visible()
    assert MARTIN not in result.inner_text()
    expect(result.get_by_text("A lead, and no more")).to_have_count(0)
    day.album(ana.page, "result-after-the-erasure")
    ana.go("/subjects", "Subjects")
    ana.page.get_by_label("The exact name").fill(MARTIN)
    ana.page.get_by_role("button", name="Show", exact=True).click()
    expect(ana.page.get_by_text("Nothing is held under that name")).to_be_visible()
    ben.go(f"/review/{day.kept['case']}", "Case")
    expect(ben.page.get_by_text("This candidate was erased")).to_be_visible()
    assert MARTIN not in ben.page.content()
    # The mandate allowed two searches.
    ana.go("/search", "Search")
    expect(ana.page.get_by_role("region", name="What is missing").get_by_text("Rule P2")).to_be_visible()


def the_log(day: Day) -> None:
    ben = day.who(BEN)
    ben.go("/audit", "Audit")
    day.album(ben.page, "audit")
    page = ben.go("/log/verify", "Check the log")
    page.get_by_role("button", name="Use the key that this service shows").click()
    expect(page.get_by_label("The log's key")).not_to_have_value("")
    assert page.get_by_label("The log's key").input_value() == (day.home / "log.vkey").read_text().strip()
    result = page.locator("#verify-result")
    page.get_by_role("button", name="Check everything").click()
    expect(result).to_have_attribute("data-code", "verified")
    day.album(page, "log-verified")
    with _altered(day.home / "log.db"):
        page.get_by_role("button", name="Check everything").click()
        expect(result).to_have_attribute("data-code", "root")
        expect(result.locator(".notice.bad")).to_be_visible()
        day.album(page, "log-altered")
    page.get_by_role("button", name="Check everything").click()
    expect(result).to_have_attribute("data-code", "verified")


@contextmanager
def _altered(path: Path) -> Iterator[None]:
    """Change one word of one entry in the file that the log is published from, as who owns the machine can."""
    with closing(sqlite3.connect(path)) as database:
        guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        number, leaf = database.execute("SELECT number, leaf FROM entries ORDER BY number LIMIT 1 OFFSET 7").fetchone()

        def write(content: bytes) -> None:
            with database:
                for name, _ in guards:
                    database.execute(f'DROP TRIGGER "{name}"')
                database.execute("UPDATE entries SET leaf = ? WHERE number = ?", (content, number))
                for _, command in guards:
                    database.execute(command)

        other = leaf.replace(b'"operation":"', b'"operation":"x', 1)
        assert other != leaf
        write(other)
        yield
        write(leaf)


def every_step_is_there(day: Day) -> None:
    verified = json.loads(day.kit.faceward("faceward", "audit", "verify", "--json", environment=day.environment))
    with closing(sqlite3.connect(day.home / "log.db")) as database:
        leaves = [leaf for (leaf,) in database.execute("SELECT leaf FROM entries ORDER BY number")]
    assert verified["size"] == len(leaves)
    happened = [(entry["operation"], entry["phase"]) for entry in map(json.loads, leaves)]
    rest = iter(happened)
    assert [step for step in STEPS if step not in rest] == []
    assert Counter(operation for operation, phase in happened if phase == "end")["identify"] == 2
    # What is published names nobody (rule L4).
    for name in (*SUBJECTS, ANA, BEN, ROSA, REMY):
        assert not [leaf for leaf in leaves if name.encode() in leaf]


def no_score_before_the_answers(day: Day) -> None:
    """Nothing that any browser received before both had answered says the score, rounded however (rule H2)."""
    score = day.kept["score"]
    places = [str(score)[:6], f"{score:.4g}", f"{score:.3f}", f"{100 * score:.1f}"]
    day.people.leave()
    for name in (ROSA, REMY, ANA, BEN):
        received = day.who(name).received(day.kept["answered"])
        assert len(received) > 10
        if name != BEN:
            assert any("A lead only: no evidence of identity" in text for text in received.values())
        for address, text in received.items():
            assert not [place for place in places if place in text], address
            assert "so alike are" not in text, address
    after = "".join(day.who(ROSA).received(day.kit.now()).values())
    assert "so alike are" in after
    assert str(score)[:6] in after
    assert f"{score:.4g}" in after
    day.people.known.clear()


def _in(*, days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
