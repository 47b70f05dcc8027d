"""Documents of an open deployment: made of what runs, signed off, void when it changes, and naming nobody."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.audit.entries import Phase
from faceward.core.errors import BadInput, EnvironmentFailure, PolicyRefusal, UsageError
from faceward.documents.questions import QUESTIONS
from faceward.documents.write import SIGNED, WRITERS
from faceward.gallery.store import GalleryInfo
from faceward.operations import configuration as described
from faceward.operations.documents import Order
from faceward.operations.journal import Happening
from faceward.operations.signing_in import Credentials
from faceward.policy.sshsig import PrivateKey

OPERATOR = "Ophelia Operator"
KEY = PrivateKey.generate()
SUBJECTS = ("Ada Lovelace", "Grace Hopper", "Zoë Ångström")


def answers(*names: str) -> dict[str, dict[str, str]]:
    return {name: {question.key: f"said of {question.key}" for question in QUESTIONS[name]} for name in names}


def order(folder: Path, *names: str, **more: Any) -> Order:
    return Order(names or ("all",), folder, **more)


def page(folder: Path, name: str) -> str:
    text = (folder / f"{name}.html").read_text()
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", "\n", text, flags=re.DOTALL))


def cells(folder: Path, name: str) -> list[list[str]]:
    text = (folder / f"{name}.html").read_text()
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)] for row in rows]


@pytest.fixture
def used(world: Any) -> Any:
    """Return a system that was used by somebody who has signed in, for somebody."""
    system = world.open(operator=OPERATOR)
    world.enrol(system, *SUBJECTS)
    system.people.add(OPERATOR, KEY.public.line, ("operator", "approver", "auditor"), None)
    return sign_in(world)


def sign_in(world: Any) -> Any:
    """Open the deployment anew, signed in; a session lasts some hours."""
    return world.reopen(credentials=Credentials(OPERATOR, KEY))


def test_O1_documents_are_written_from_the_running_configuration(world: Any, used: Any, tmp_path: Path) -> None:
    made = used.make_documents(order(tmp_path / "new" / "docs"))
    written = {path.name for path in (tmp_path / "new" / "docs").iterdir()}
    assert written == {f"{name}.{kind}" for name in WRITERS for kind in ("html", "pdf")}
    digest = described.digest(described.configuration(used._deployment))
    assert made.configuration == digest
    for name in WRITERS:
        text = page(tmp_path / "new" / "docs", name)
        assert digest in text
        assert used._deployment.standard.digest in text or name == "model-card"
    dpia = page(tmp_path / "new" / "docs", "dpia")
    assert "ACME" in dpia
    assert "365 days" in dpia
    for rule in used._deployment.standard.rules:
        assert not rule.forbids or rule.reason in dpia


def test_O1_no_document_holds_a_person(world: Any, used: Any, tmp_path: Path) -> None:
    world.found(used, SUBJECTS[0])
    used.erase(SUBJECTS[1])
    with pytest.raises(PolicyRefusal):
        used.identify(
            world.picture("Ada"), gallery="door", purpose=f"find {SUBJECTS[2]}", reason=f"about {SUBJECTS[2]}"
        )
    used.make_documents(order(tmp_path))
    private = [*SUBJECTS, OPERATOR, *(part for name in (*SUBJECTS, OPERATOR) for part in name.split())]
    for path in tmp_path.glob("*.html"):
        assert not [name for name in private if name in page(tmp_path, path.stem)], path.name
    if shutil.which("pdftotext"):
        for path in tmp_path.glob("*.pdf"):
            text = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
            assert not [name for name in private if name in text], path.name


def test_O1_the_same_configuration_at_the_same_time_gives_the_same_bytes(world: Any, used: Any, tmp_path: Path) -> None:
    names = tuple(name for name in WRITERS if name not in ("annual-report", "fria"))
    used.make_documents(order(tmp_path / "a", *names))
    used.make_documents(order(tmp_path / "b", *names))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    world.clock.advance(timedelta(days=1))
    used = sign_in(world)
    used.make_documents(order(tmp_path / "c", *names))
    before, after = (tmp_path / "a" / "dpia.html").read_text(), (tmp_path / "c" / "dpia.html").read_text()
    assert before.replace("2026-06-01 12:00 UTC", "2026-06-02 12:00 UTC") == after


def counted(system: Any, year: int) -> dict[str, Any]:
    """Count the log a second time, from the lines that the log shows."""
    lines = [line for line in system.log_lines() if line.time.startswith(str(year))]
    phases = Counter((line.operation, line.phase) for line in lines)
    ended = [line for line in lines if line.phase == "end"]
    denied = [line for line in lines if line.phase == "denied"]
    searches = [line for line in ended if line.operation == "identify" and "failed" not in line.opened["details"]]
    enrolled = [line for line in ended if line.operation == "enrol"]
    return {
        "phases": phases,
        "verifications": phases["verify", "begin"],
        "searches": phases["identify", "begin"],
        "candidates": sum(
            len([slot for slot in (*line.opened, *line.sealed) if slot.startswith("subject/")]) for line in searches
        ),
        "rules": Counter(str(line.opened["details"].get("rule")) for line in denied),
        "enrolled": sum(line.opened["details"].get("outcome") == "enrolled" for line in enrolled),
        "rejected": sum(line.opened["details"].get("outcome") == "rejected" for line in enrolled),
        "erasures": phases["subject.erase", "end"],
        "failed": sum("failed" in line.opened["details"] for line in ended),
    }


def test_O2_the_figures_of_the_annual_report_agree_with_the_log(world: Any, used: Any, tmp_path: Path) -> None:
    for who in (SUBJECTS[0], SUBJECTS[1], "A Stranger"):
        world.found(used, who)
    assert world.matches(used, SUBJECTS[0])
    with pytest.raises(UsageError):
        used.verify(world.picture("x"), subject="Nobody", purpose="door")
    for _ in range(2):
        with pytest.raises(PolicyRefusal):
            used.identify(world.picture("Ada"), gallery="door", purpose="door", reason=" ")
    with pytest.raises(PolicyRefusal):
        used.identify(world.picture("Ada"), gallery="door", purpose="other", reason="a test")
    blurred = world.picture("Blurred", blurred=True)
    with pytest.raises(BadInput):
        used.enrol([blurred], subject="Blurred", purpose="door", releases=world.release("Blurred"))
    with pytest.raises(BadInput):
        used.identify(world.picture(), gallery="door", purpose="door", reason="nobody on it")
    used.erase(SUBJECTS[1])
    expected = counted(used, 2026)
    used.make_documents(order(tmp_path, "annual-report"))
    rows = {row[0]: row[1:] for row in cells(tmp_path, "annual-report") if row}
    titles = {
        "Verifications carried out (one person claimed)": "verifications",
        "Identifications carried out (a gallery searched)": "searches",
        "Candidates returned": "candidates",
        "Pictures enrolled": "enrolled",
        "Pictures rejected at enrolment": "rejected",
        "People erased on request": "erasures",
        "Operations that failed or were interrupted": "failed",
    }
    for title, name in titles.items():
        assert rows[title] == [str(expected[name])], title
        assert expected[name] > 0, title
    refusals = [row for row in cells(tmp_path, "annual-report") if len(row) == 3 and row[2].isdigit()]
    by_rule = Counter[str]()
    for rule, _, count in refusals:
        by_rule["None" if rule.startswith("no rule") else rule] += int(count)
    assert by_rule == expected["rules"]
    assert rows["Operations refused by a rule"] == [str(sum(expected["rules"].values()) - expected["rules"]["None"])]
    operations = {row[0]: [int(cell) for cell in row[1:]] for row in cells(tmp_path, "annual-report") if len(row) == 6}
    assert set(operations) == {operation for operation, _ in expected["phases"]}
    for operation, (begun, ended, _, denied, noted) in operations.items():
        assert begun == expected["phases"][operation, "begin"], operation
        assert ended == expected["phases"][operation, "end"], operation
        assert denied == expected["phases"][operation, "denied"], operation
        assert noted == expected["phases"][operation, "note"], operation
    [purpose] = [row for row in cells(tmp_path, "annual-report") if len(row) == 4 and row[0] == "door"]
    assert purpose[1:] == [str(expected["verifications"]), str(expected["searches"]), "4"]
    assert not [row for row in cells(tmp_path, "annual-report") if row and row[0] == "other"]


def test_O2_a_year_counts_its_own_entries_and_no_other(world: Any, used: Any, tmp_path: Path) -> None:
    world.found(used, SUBJECTS[0])
    world.clock.moment = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    used = sign_in(world)
    world.found(used, SUBJECTS[0])
    world.clock.moment = datetime(2027, 1, 1, tzinfo=UTC)
    world.found(used, SUBJECTS[0])
    title = "Identifications carried out (a gallery searched)"
    for year, count in ((2026, "2"), (2027, "1")):
        used.make_documents(order(tmp_path, "annual-report", year=year))
        assert [title, count] in cells(tmp_path, "annual-report")
    assert "as far as the log went on" in page(tmp_path, "annual-report")
    used.make_documents(order(tmp_path, "annual-report", year=2026))
    assert "as far as the log went on" not in page(tmp_path, "annual-report")
    for year in (2028, 1999, 10_000):
        with pytest.raises(UsageError, match="out of range"):
            used.make_documents(order(tmp_path, "annual-report", year=year))


def test_O2_stops_complaints_and_reviews_are_counted_by_their_entries(used: Any, tmp_path: Path) -> None:
    journal = used._desk.journal
    for operation in ("stop", "restart", "stop"):
        journal.write(Phase.NOTE, [Happening(operation, {})])
    for operation in ("complaint.add", "case.open", "case.answer", "case.answer"):
        journal.write(Phase.BEGIN, [Happening(operation, {})])
    for accuracy, actionable in (("correct", 1), ("incorrect", 0), ("incorrect", 0)):
        journal.write(Phase.BEGIN, [Happening("case.outcome", {"accuracy": accuracy, "actionable": actionable})])
    used.make_documents(order(tmp_path, "annual-report"))
    rows = cells(tmp_path, "annual-report")
    assert ["Stops of all searching", "2"] in rows
    assert ["Restarts after a stop", "1"] in rows
    assert ["Complaints received", "1"] in rows
    assert ["Cases opened for review", "1"] in rows
    assert ["Answers given by reviewers", "2"] in rows
    assert ["Candidate lists found correct", "1"] in rows
    assert ["Candidate lists found incorrect (false alerts)", "2"] in rows
    assert ["Candidate lists found undetermined", "0"] in rows
    assert ["Candidates that reviewers found actionable", "1"] in rows


def test_O1_making_and_signing_are_in_the_log(used: Any, tmp_path: Path) -> None:
    made = used.make_documents(order(tmp_path, "dpia", formats=("pdf",), answers=answers("dpia")))
    signed = used.sign_document("dpia", tmp_path / "dpia.pdf")
    lines = list(used.log_lines())
    [begun, ended] = [line for line in lines if line.operation == "document.make"]
    assert begun.opened["details"]["documents"] == ["dpia"]
    assert ended.opened["details"]["files"] == {"dpia.pdf": made.files[0].sha256}
    [begun, ended] = [line for line in lines if line.operation == "document.sign"]
    assert signed.entry == begun.index
    assert begun.opened["details"]["sha256"] == made.files[0].sha256
    assert begun.opened["details"]["configuration"] == made.configuration
    assert (signed.state, signed.person, signed.sha256) == ("signed", used._deployment.operator, made.files[0].sha256)


def states(system: Any) -> dict[str, str]:
    found: dict[str, str] = system.status()["documents"]
    return found


def sign_all(system: Any, folder: Path) -> None:
    system.make_documents(order(folder, *SIGNED, formats=("html",), answers=answers(*SIGNED)))
    for name in SIGNED:
        system.sign_document(name, folder / f"{name}.html")


def test_O1_drift_voids_the_sign_off_and_says_what_changed(world: Any, used: Any, tmp_path: Path) -> None:
    assert states(used) == dict.fromkeys(SIGNED, "missing")
    sign_all(used, tmp_path)
    assert states(used) == dict.fromkeys(SIGNED, "signed")
    # Use is no change: neither people enrolled, nor searches, nor the day.
    world.enrol(used, "Mary Somerville")
    world.found(used, "Mary Somerville")
    world.clock.advance(timedelta(days=30))
    used = sign_in(world)
    used.erase("Mary Somerville")
    assert states(used) == dict.fromkeys(SIGNED, "signed")
    used.add_purpose("event", basis="consent", fmr=1e-3, retention=timedelta(days=1), alternative="a list")
    assert states(used) == dict.fromkeys(SIGNED, "void")
    dpia = used.documents_status()[0]
    assert dpia.sentence == "void since the configuration changed: the purpose 'event' was added"
    sign_all(used, tmp_path)
    assert states(used) == dict.fromkeys(SIGNED, "signed")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: setattr(d, "jurisdiction", replace(d.jurisdiction, release_required=True)), "release required"),
        (lambda d: setattr(d, "standard", replace(d.standard, digest="0" * 64)), "the files of the standard changed"),
        (
            lambda d: setattr(
                d,
                "standard",
                replace(d.standard, parameters=replace(d.standard.parameters, maximum_retention=timedelta(days=30))),
            ),
            "the maximum retention of the standard changed from 1,825 days to 30 days",
        ),
        (
            lambda d: (
                d.keep("gallery", "vault", {"purpose": "door", "simulated": 0}),
                d.store.add_gallery(GalleryInfo("vault", "sealed", "p@1", d.now())),
            ),
            "the gallery 'vault' was added",
        ),
        (
            lambda d: d.keep("purpose", "door", {**d.kept("purpose", "door"), "retention": "30d"}),
            "the retention of the purpose 'door' changed from 365d to 30d",
        ),
    ],
)
def test_O1_each_part_of_the_configuration_is_named_when_it_changes(
    used: Any, tmp_path: Path, change: Any, words: str
) -> None:
    sign_all(used, tmp_path)
    change(used._deployment)
    assert states(used) == dict.fromkeys(SIGNED, "void")
    assert words in used.documents_status()[0].sentence


def test_O1_a_role_that_nobody_held_before_voids_the_sign_off(used: Any, tmp_path: Path) -> None:
    used.people.add("Rita Reviewer", PrivateKey.generate().public.line, ("reviewer",), None)
    sign_all(used, tmp_path)
    used.people.add("Ruth Reviewer", PrivateKey.generate().public.line, ("reviewer",), None)
    [words] = used.documents_status()[0].changes
    assert words == "the number of people with the role reviewer changed from one to two or more"
    sign_all(used, tmp_path)
    used.people.add("Rosa Reviewer", PrivateKey.generate().public.line, ("reviewer",), None)
    assert states(used) == dict.fromkeys(SIGNED, "signed")
    for path in tmp_path.glob("*.html"):
        assert "Reviewer" not in path.read_text()


def test_O1_a_sign_off_survives_reopening(world: Any, used: Any, tmp_path: Path) -> None:
    sign_all(used, tmp_path)
    assert states(world.reopen(operator="Somebody else")) == dict.fromkeys(SIGNED, "signed")


def test_O1_nobody_signs_off_without_signing_in(world: Any, tmp_path: Path) -> None:
    system = world.open()
    system.make_documents(order(tmp_path, "dpia", formats=("html",), answers=answers("dpia")))
    with pytest.raises(PolicyRefusal, match="signed in") as caught:
        system.sign_document("dpia", tmp_path / "dpia.html")
    assert caught.value.rule == "S2"
    assert states(system)["dpia"] == "missing"


def test_O1_a_document_with_open_questions_cannot_be_signed(used: Any, tmp_path: Path) -> None:
    made = used.make_documents(order(tmp_path, "dpia", formats=("html",)))
    assert len(made.files[0].missing) == len(QUESTIONS["dpia"]) - 2
    with pytest.raises(PolicyRefusal, match="not answered") as caught:
        used.sign_document("dpia", tmp_path / "dpia.html")
    assert caught.value.rule == "O1"
    [denied] = [line for line in used.log_lines() if line.phase == "denied"]
    assert (denied.operation, denied.opened["details"]["rule"]) == ("document.sign", "O1")
    assert states(used)["dpia"] == "missing"


def test_O1_a_document_of_another_configuration_cannot_be_signed(used: Any, tmp_path: Path) -> None:
    used.make_documents(order(tmp_path, "dpia", formats=("html",), answers=answers("dpia")))
    used.add_purpose("event", basis="consent", fmr=1e-3, retention=timedelta(days=1), alternative="a list")
    with pytest.raises(PolicyRefusal, match="another configuration") as caught:
        used.sign_document("dpia", tmp_path / "dpia.html")
    assert caught.value.rule == "O1"


def test_O1_only_what_this_deployment_made_can_be_signed(used: Any, tmp_path: Path) -> None:
    used.make_documents(order(tmp_path, "dpia", "record", formats=("html",), answers=answers("dpia", "record")))
    edited = tmp_path / "edited.html"
    edited.write_text((tmp_path / "dpia.html").read_text().replace("365 days", "3 days"))
    for name, file in (("dpia", edited), ("dpia", tmp_path / "record.html")):
        with pytest.raises(UsageError, match="made no dpia"):
            used.sign_document(name, file)
    with pytest.raises(UsageError, match="document to sign off"):
        used.sign_document("annual-report", tmp_path / "record.html")
    with pytest.raises(BadInput, match="cannot be read"):
        used.sign_document("dpia", tmp_path / "none.html")
    assert states(used)["dpia"] == "missing"


def test_O1_a_sign_off_edited_in_the_database_is_found(world: Any, used: Any, tmp_path: Path) -> None:
    sign_all(used, tmp_path)
    store = used._deployment.store
    store.put_document("sign-off", "fria", store.document("sign-off", "dpia"))
    with pytest.raises(Exception, match="altered"):
        used.documents_status()


@pytest.mark.parametrize(
    ("names", "more", "problem"),
    [
        (("dpa",), {}, "no document 'dpa'"),
        ((), {"names": ()}, "no document is named"),
        (("dpia",), {"formats": ("doc",)}, "no format 'doc'"),
        (("dpia",), {"formats": ()}, "no format is named"),
    ],
)
def test_O1_unknown_documents_and_formats_are_refused(
    used: Any, tmp_path: Path, names: tuple[str, ...], more: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        used.make_documents(Order(**{"names": names, "folder": tmp_path, **more}))
    assert list(tmp_path.glob("*.html")) == []


def test_O1_a_folder_that_cannot_be_written_is_said_in_one_line(used: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        used.make_documents(order(tmp_path / "file", "dpia"))
    with pytest.raises(EnvironmentFailure):
        used.make_documents(order(tmp_path / "file" / "below", "dpia"))
    (tmp_path / "dpia.html").mkdir()
    with pytest.raises(EnvironmentFailure):
        used.make_documents(order(tmp_path, "dpia"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_O1_a_process_killed_while_it_writes_leaves_whole_files(world: Any, tmp_path: Path, worker: Any) -> None:
    world.open().close()
    for number in range(8):
        process = worker("documents", world.home, folder=tmp_path / "docs")
        # Once a whole set and into the next; from then on at instants spread over the writing of a set.
        process.wait_for(2 if number == 0 else 1)
        time.sleep(0.08 * number)
        process.kill()
        for path in (tmp_path / "docs").iterdir():
            if path.name.startswith("."):
                continue
            data = path.read_bytes()
            assert data.endswith(b"</html>\n" if path.suffix == ".html" else b"%%EOF\n"), path.name
    system = world.open(operator=OPERATOR)
    begun = [line for line in system.log_lines() if line.operation == "document.make"]
    assert Counter(line.phase for line in begun)["begin"] == Counter(line.phase for line in begun)["end"]


def test_O1_the_configuration_is_one_canonical_object_without_counts_or_people(world: Any, used: Any) -> None:
    before = described.configuration(used._deployment)
    text = json.dumps(before)
    assert not [name for name in (*SUBJECTS, OPERATOR) if name in text]
    world.enrol(used, "Mary Somerville")
    assert described.digest(described.configuration(used._deployment)) == described.digest(before)
