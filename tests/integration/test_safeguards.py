"""The rows of the requirements that the operations keep; each test fails if its row is broken."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import faceward
from faceward.audit.entries import Entry
from faceward.audit.verifier import verify_receipt
from faceward.core import faces, reports, results
from faceward.core.errors import BadInput, IntegrityError, PolicyRefusal, QualityTooLow, UsageError
from faceward.operations.log_files import read_vkey
from faceward.operations.system import System
from faceward.policy.quality import Floor
from faceward.vision import quality
from faceward.vision.images import Picture

DAY = timedelta(days=1)
SOURCE = Path(faceward.__file__).parent


def denials(world: Any, system: System) -> list[tuple[str, str]]:
    """Return operation and rule of each refusal in the log."""
    lines = [line for line in system.log_lines() if line.phase == "denied"]
    return [(line.operation, str(line.opened["details"]["rule"])) for line in lines]


# ---- P1 ------------------------------------------------------------------------------------------


def test_P1_an_unregistered_purpose_is_denied_and_logged_for_every_operation(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    extracted = list(world.fake(system).extracted)
    probe, output = world.picture("Ada"), world.folder / "out.png"
    calls = {
        "enrol": lambda: system.enrol([probe], subject="Ada", purpose="x", releases=world.release("Ada", purpose="x")),
        "verify": lambda: system.verify(probe, subject="Ada", purpose="x"),
        "identify": lambda: system.identify(probe, gallery="door", purpose="x", reason="a test"),
        "redact": lambda: system.redact(probe, output, keep=["Ada"], purpose="x"),
        "simulate": lambda: system.simulate("door", purpose="x", count=5),
    }
    for operation, call in calls.items():
        before = len(denials(world, system))
        with pytest.raises(PolicyRefusal, match="rule P1"):
            call()
        assert denials(world, system)[before:] == [(operation, "P1")]
    with pytest.raises(PolicyRefusal, match="rule P1"):
        system.simulate("new", purpose="x", count=5)
    assert denials(world, system)[-1] == ("gallery.create", "P1")
    assert world.fake(system).extracted == extracted
    assert not output.exists()
    assert [gallery.name for gallery in system.galleries()] == ["door"]


@pytest.mark.parametrize("reason", ["", "  \t "])
def test_P1_identification_without_a_reason_is_denied_and_logged(world: Any, reason: str) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    extracted = list(world.fake(system).extracted)
    with pytest.raises(PolicyRefusal, match="no reason"):
        system.identify(world.picture("Ada"), gallery="door", purpose="door", reason=reason)
    assert denials(world, system) == [("identify", "P1")]
    assert world.fake(system).extracted == extracted


def test_P1_references_serve_no_other_purpose(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.add_purpose("lockers", basis="consent", fmr=1e-3, retention=30 * DAY, alternative="a badge")
    with pytest.raises(PolicyRefusal, match="another purpose"):
        system.identify(world.picture("Ada"), gallery="door", purpose="lockers", reason="a test")
    releases = world.release("Ada", purpose="lockers")
    with pytest.raises(PolicyRefusal, match="another purpose"):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="lockers", releases=releases, gallery="door")
    with pytest.raises(PolicyRefusal, match="another purpose"):
        system.verify(world.picture("Ada"), subject="Ada", purpose="lockers")
    with pytest.raises(PolicyRefusal, match="rule P1"):
        system.redact(world.picture("Ada"), world.folder / "o.png", keep=["Ada"], purpose="lockers")
    assert denials(world, system) == [("identify", "P1"), ("enrol", "P1"), ("verify", "P1"), ("redact", "P1")]


def test_C1_an_erasure_ends_the_release_and_a_new_one_enrols_again(world: Any) -> None:
    system = world.open()
    picture = world.picture("Ada")
    old = world.release("Ada")
    system.enrol([picture], subject="Ada", purpose="door", releases=old)
    system.erase("Ada")
    system = world.reopen()
    seen = list(world.fake(system).extracted)
    for handed in (picture, world.picture("Ada")):
        with pytest.raises(PolicyRefusal, match="rule C1: the release was ended by the erasure"):
            system.enrol([handed], subject="Ada", purpose="door", releases=old)
    # Another one of before the erasure is no better.
    earlier = world.release("Ada", evidence="another sheet")
    with pytest.raises(PolicyRefusal, match="rule C1"):
        system.enrol([picture], subject="Ada", purpose="door", releases=earlier)
    assert world.fake(system).extracted == seen
    new = world.release("Ada", signed_on=world.clock.now().date(), evidence="signed since")
    assert system.enrol([picture], subject="Ada", purpose="door", releases=[*old, *new]).count("enrolled") == 1


def test_P1_a_basis_that_the_standard_does_not_accept_is_denied_and_logged(world: Any) -> None:
    system = world.open()
    with pytest.raises(PolicyRefusal, match="rule P1"):
        system.add_purpose("ads", basis="legitimate-interests", fmr=1e-3, retention=DAY)
    assert denials(world, system) == [("purpose.add", "P1")]
    assert [purpose.name for purpose in system.purposes()] == ["door"]


# ---- P4, P5 --------------------------------------------------------------------------------------

_FORBIDDEN = ("emotion", "mood", "race", "ethnic", "gender", "sex", "crime", "criminal", "risk", "danger", "intent")


def test_P4_no_result_and_no_quality_component_speaks_of_emotion_race_or_risk(world: Any) -> None:
    names = {
        f.name
        for c in (*vars(results).values(), *vars(reports).values())
        if dataclasses.is_dataclass(c)
        for f in dataclasses.fields(c)
    }
    names |= {f.name for c in (faces.Face, faces.Quality, faces.Sample) for f in dataclasses.fields(c)}
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    points = np.array([[20, 20], [40, 20], [30, 32], [22, 44], [38, 44]], dtype=np.float32)
    face = faces.Face(faces.Box(8, 4, 56, 60), points, 0.9)
    names |= set(quality.assess(picture, face, 1.0).components)
    names |= {name for name in dir(System) if not name.startswith("_")} | set(faceward.__all__)
    assert len(names) > 60
    for name in names:
        words = name.lower().replace(".", "_").split("_")
        assert not [word for word in words if word.startswith(_FORBIDDEN)], name


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/ada.jpg",
        "http://example.org/ada.jpg",
        "rtsp://camera/1",
        "file:///ada.jpg",
        "ftp://x/a.png",
    ],
)
def test_P5_addresses_are_not_enrolled_from(world: Any, address: str) -> None:
    system = world.open()
    for image in (address, Path(address)):
        with pytest.raises(PolicyRefusal) as refusal:
            system.enrol([image], subject="Ada", purpose="door", releases=world.release("Ada"))
        assert refusal.value.rule == "P5"
        last = list(system.log_lines())[-1]
        assert (last.operation, last.phase, last.opened["details"]["rule"]) == ("enrol", "denied", "P5")
    with pytest.raises(BadInput):
        system.enrol_folder(address, purpose="door", releases=world.release("Ada"))
    assert world.fake(system).extracted == []
    assert system.status()["references"] == 0


def test_P5_nothing_in_the_source_imports_the_network() -> None:
    network = {"urllib", "requests", "httpx", "socket", "aiohttp", "http", "ftplib", "smtplib", "ssl", "asyncio"}
    network |= {"av", "httpcore", "paho", "standardwebhooks"}
    modules = sorted(SOURCE.rglob("*.py"))
    assert len(modules) > 80
    reaching: dict[Path, set[str]] = {}
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            # Quoting a path for SQLite reaches nowhere.
            found = {name.split(".")[0] for name in names if name != "urllib.parse"} & network
            if found:
                reaching.setdefault(path, set()).update(found)
    # A witness is asked for signatures under the log's size and root; no picture passes there.
    # The custodian is reached through a Unix socket, which leads to this machine alone.
    # Model packs are fetched on the command line's word, before which nothing is asked of a server; no picture passes.
    # Alerts leave by channels that an operator set up, without names and pictures.
    folders = {SOURCE / name for name in ("witness", "custody", "fetch", "outbound")}
    others = {str(path.relative_to(SOURCE)): found for path, found in reaching.items() if path.parent not in folders}
    # Cameras and footage are read by one package alone, which hands nobody's picture to an enrolment.
    reading = {path for path, found in others.items() if "av" in found}
    assert reading
    assert all(path.startswith("video/") and others.pop(path) == {"av"} for path in sorted(reading))
    # The pieces of a camera's stream are fetched from the camera's own address alone.
    assert others.pop("video/pieces.py") == {"http", "urllib"}
    # The service listens, and asks nobody anything but an OpenID provider who somebody is; no picture passes there.
    assert others == {
        "cli/serve.py": {"socket"},
        "service/serving.py": {"socket", "ssl"},
        "service/protocol.py": {"asyncio"},
        "service/acts.py": {"asyncio"},
        "service/idempotency.py": {"asyncio"},
        "service/work.py": {"asyncio"},
        "service/oidc.py": {"httpx"},
    }
    assert not re.search(r"faceward\.(vision|gallery)", (SOURCE / "service" / "oidc.py").read_text())
    assert not any(re.search(r"faceward\.(vision|gallery)", path.read_text()) for path in SOURCE.glob("outbound/*.py"))
    for name in ("cli/serve.py", "service/serving.py"):
        assert not re.search(r"\.connect\(|create_connection|connect_ex", (SOURCE / name).read_text())
    for path in (SOURCE / "custody").rglob("*.py"):
        assert not re.search(r"AF_INET|create_connection", path.read_text()), path
    for path in (SOURCE / "witness").rglob("*.py"):
        assert not re.search(r"faceward\.(vision|gallery|operations|protection|policy)", path.read_text()), path
    for path in (SOURCE / "fetch").rglob("*.py"):
        known = set(re.findall(r"faceward\.(?:vision\.)?\w+", path.read_text()))
        packs = {f"faceward.vision.{name}" for name in ("acceptance", "catalogue", "download", "packs")}
        assert known <= {"faceward.core", "faceward.fetch", *packs}, path


# ---- C1 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("releases", "why"),
    [
        ({}, "there is no release"),
        ({"subject": "Grace"}, "no release names the subject 'Ada'"),
        ({"purpose": "lockers"}, "names the purpose 'lockers'"),
        ({"until": datetime(2026, 6, 1, tzinfo=UTC)}, "ended at"),
        ({"signed_on": date(2026, 6, 3)}, "signed in the future"),
    ],
)
def test_C1_no_features_are_extracted_without_a_release(world: Any, releases: dict[str, Any], why: str) -> None:
    system = world.open()
    changes = {key: value for key, value in releases.items() if key != "subject"}
    given = world.release(releases.get("subject", "Ada"), **changes) if releases else ()
    with pytest.raises(PolicyRefusal, match=f"rule C1: {why}|{why}"):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=given)
    assert world.fake(system).extracted == []
    assert denials(world, system) == [("enrol", "C1")]
    assert system.status()["references"] == 0


def test_C1_of_a_folder_only_those_with_a_release_are_extracted(world: Any) -> None:
    system = world.open()
    for who in ("Ada", "Eve", "Grace"):
        world.picture(who, name=f"folder/{who}/{who}.png")
    folder = world.folder / "pictures" / "folder"
    outcome = system.enrol_folder(folder, purpose="door", releases=world.release("Ada", "Grace"))
    assert [(s.subject, s.outcome, s.exit_code) for s in outcome.samples] == [
        ("Ada", "enrolled", 0),
        ("Eve", "rejected", 3),
        ("Grace", "enrolled", 0),
    ]
    assert sorted(world.fake(system).extracted) == ["Ada.png", "Grace.png"]


def test_P3_in_Illinois_a_release_is_needed_whatever_the_basis(make_world: Any) -> None:
    world = make_world("illinois", jurisdiction="US-IL")
    system = world.open()
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=DAY)
    with pytest.raises(PolicyRefusal, match="rule P3"):
        system.enrol([world.picture("Ada")], subject="Ada", purpose="law")
    assert world.fake(system).extracted == []
    outcome = system.enrol(
        [world.picture("Ada")], subject="Ada", purpose="law", releases=world.release("Ada", purpose="law")
    )
    assert outcome.samples[0].outcome == "enrolled"
    with pytest.raises(PolicyRefusal, match="rule P3"):
        system.identify(world.picture("Ada"), gallery="law", purpose="law", reason="a test")


# ---- E2 ------------------------------------------------------------------------------------------


def test_E2_a_sample_below_the_floor_is_rejected_and_recorded(world: Any) -> None:
    system = world.open()
    with pytest.raises(QualityTooLow, match="no override"):
        system.enrol([world.picture("Ada", blurred=True)], subject="Ada", purpose="door", releases=world.release("Ada"))
    assert system.status()["references"] == 0
    *_, last = system.log_lines()
    assert (last.operation, last.phase) == ("enrol", "end")
    assert last.opened["details"]["outcome"] == "rejected"
    assert "sharpness" in str(last.opened["subject/0"]["reason"])


def test_E2_a_probe_below_its_floor_is_neither_verified_nor_searched(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    with pytest.raises(QualityTooLow):
        system.verify(world.picture("Ada", blurred=True), subject="Ada", purpose="door")
    probe = world.picture("Ada", blurred=True)
    found = system.identify(probe, gallery="door", purpose="door", reason="a test").probes[0]
    assert found.candidates == ()
    assert found.rejected
    assert found.to_json()["outcome"] == "rejected"


def test_E2_nothing_offers_to_override_a_floor() -> None:
    words = ("force", "override", "floor", "quality", "ignore", "skip", "allow", "unsafe", "min_", "threshold")
    callables = [member for _, member in inspect.getmembers(System, callable)]
    callables += [getattr(faceward, name) for name in faceward.__all__]
    for function in callables:
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            continue
        for parameter in parameters:
            assert not [word for word in words if word in parameter.lower()], (function, parameter)
    # The fields of a floor leave no room for one either.
    assert {f.name for f in dataclasses.fields(Floor)} == {"component", "minimum", "maximum", "advice"}


# ---- E4 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["verify", "identify", "redact"])
@pytest.mark.parametrize("again", ["same", "metadata", "format"])
def test_E4_a_probe_never_becomes_a_reference(world: Any, how: str, again: str) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    probe = world.picture("Ada", name="probe.png")
    if how == "verify":
        system.verify(probe, subject="Ada", purpose="door")
    elif how == "identify":
        system.identify(probe, gallery="door", purpose="door", reason="a test")
    else:
        system.redact(probe, world.folder / "redacted.png", keep=["Ada"])
    other = {"same": probe, "metadata": probe.with_name("m.png"), "format": probe.with_name("f.bmp")}[again]
    if again != "same":
        with Image.open(probe) as image:
            exif = Image.Exif()
            exif[0x010E] = "another description"
            image.save(other, **({"exif": exif} if again == "metadata" else {}))
        assert other.read_bytes() != probe.read_bytes()
    extracted = list(world.fake(system).extracted)
    with pytest.raises(PolicyRefusal, match="rule E4"):
        system.enrol([other], subject="Ada", purpose="door", releases=world.release("Ada"))
    assert denials(world, system) == [("enrol", "E4")]
    assert world.fake(system).extracted == extracted
    # A restart does not make it forgotten.
    system = world.reopen()
    with pytest.raises(PolicyRefusal, match="rule E4"):
        system.enrol([other], subject="Bob", purpose="door", releases=world.release("Bob"))


# ---- E5 ------------------------------------------------------------------------------------------


def test_E5_a_notice_is_written_and_shown_and_the_log_says_so(world: Any) -> None:
    system = world.open()
    system.add_purpose(
        "canteen", basis="consent", fmr=1e-3, retention=30 * DAY, alternative="pay with a card at the till"
    )
    world.enrol(system, "Ada", purpose="canteen")
    closing_entry = list(system.log_lines())[-1]
    assert closing_entry.phase == "end"
    assert closing_entry.opened["details"]["notice"] == "written"
    [notice] = system.notice("Ada")
    for expected in (
        "Notice to Ada",
        "canteen",
        "You agreed to it",
        f"release you signed on {world.clock.now():%Y-%m-%d}",
        "2026-07-01",
        "erased",
        "withdraw",
        "get a copy",
        "complain",
        "ACME",
        "privacy@acme.example",
        "Pay with a card at the till",
    ):
        assert expected in notice, expected
    assert system.export("Ada")["references"][0]["record"]["notice"] == notice


# ---- T1 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retention", "until", "expected"),
    [
        (30 * DAY, datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, 12, tzinfo=UTC)),
        (300 * DAY, datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)),
        (5 * 365 * DAY, datetime(2090, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 12, tzinfo=UTC) + 5 * 365 * DAY),
    ],
)
def test_T1_a_reference_expires_with_the_shortest_term(
    world: Any, retention: timedelta, until: datetime, expected: datetime
) -> None:
    system = world.open(purpose=None)
    system.add_purpose("door", basis="consent", fmr=1e-3, retention=retention, alternative="a badge")
    releases = world.release("Ada", until=until)
    [sample] = system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=releases).samples
    assert sample.expires == expected.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert [reference.expires for reference in system.subject("Ada").references] == [sample.expires]


@pytest.mark.parametrize(("jurisdiction", "years"), [("EU", 5), ("US-IL", 3)])
def test_T1_no_purpose_keeps_longer_than_the_law_allows(make_world: Any, jurisdiction: str, years: int) -> None:
    world = make_world("place", jurisdiction=jurisdiction)
    system = world.open(purpose=None)
    longest = years * 365 * DAY
    with pytest.raises(PolicyRefusal, match="rule T1"):
        system.add_purpose(
            "door", basis="consent", fmr=1e-3, retention=longest + timedelta(hours=1), alternative="a badge"
        )
    assert denials(world, system) == [("purpose.add", "T1")]
    system.add_purpose("door", basis="consent", fmr=1e-3, retention=longest, alternative="a badge")
    releases = world.release("Ada", until=datetime(2099, 1, 1, tzinfo=UTC))
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=releases)
    [reference] = system.subject("Ada").references
    assert datetime.fromisoformat(reference.expires) == world.clock.now() + longest


def test_T1_an_expired_reference_is_neither_verified_nor_identified_and_is_erased(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    [reference] = system.subject("Ada").references
    before = world.copy("gallery.db")
    world.clock.moment = datetime.fromisoformat(reference.expires) - timedelta(microseconds=1)
    assert world.matches(system, "Ada")
    assert world.found(system, "Ada") == ["Ada"]
    world.clock.advance(timedelta(microseconds=1))
    assert world.found(system, "Ada") == []
    assert system.status()["references"] == 0
    with pytest.raises(UsageError, match="no reference"):
        world.matches(system, "Ada")
    assert ("expire", "end") in world.log(system)
    with closing(sqlite3.connect(before / "gallery.db")) as database:
        [(key_id,)] = database.execute("SELECT key_id FROM reference").fetchall()
    with world.opened(system), pytest.raises(IntegrityError, match="destroyed"):
        system._deployment.keys.subject_key(key_id)


@pytest.mark.parametrize("call", ["subject", "export", "notice", "verify", "enrol", "redact", "simulate"])
def test_T1_any_operation_erases_what_has_expired(world: Any, call: str) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.add_purpose("other", basis="consent", fmr=1e-3, retention=DAY, alternative="a badge")
    world.clock.advance(366 * DAY)
    picture = world.picture("Ada")
    calls = {
        "subject": lambda: system.subject("Ada").references,
        "export": lambda: system.export("Ada")["references"],
        "notice": lambda: system.notice("Ada"),
        "verify": lambda: system.verify(picture, subject="Ada", purpose="door"),
        "enrol": lambda: system.enrol([picture], subject="Ada", purpose="door"),
        "redact": lambda: system.redact(picture, world.folder / "out.png"),
        "simulate": lambda: system.simulate("other", purpose="other", count=1),
    }
    try:
        assert not calls[call]() or call in {"redact", "simulate"}
    except (UsageError, PolicyRefusal):
        assert call in {"verify", "enrol"}
    stored = system._deployment.store.by_subject(system._deployment.pseudonym("Ada"))
    assert stored == []


# ---- T2, K1 --------------------------------------------------------------------------------------


def traces(world: Any, needles: dict[str, bytes]) -> set[tuple[str, str]]:
    """Return which needles are in which files of the deployment."""
    return {
        (name, what)
        for name, content in world.contents().items()
        for what, needle in needles.items()
        if needle in content
    }


def personal(world: Any, system: System, fakes: Any, who: str, picture: Path) -> dict[str, bytes]:
    """Return what must stand in no file: name, picture's name and digests, features, and the key's bytes."""
    store, keys = system._deployment.store, system._deployment.keys
    [reference] = store.by_subject(system._deployment.pseudonym(who))
    with Image.open(picture) as image:
        variant = int(np.asarray(image)[1, 0, 0])
    features = fakes.features_of(who, variant)
    with world.opened(system):
        key = keys.subject_key(reference.key_id)
    return {
        "name": who.encode(),
        "picture": picture.stem.encode(),
        "sample": hashlib.sha256(picture.read_bytes()).digest(),
        "sample in hexadecimal": hashlib.sha256(picture.read_bytes()).hexdigest().encode(),
        "features": features.tobytes(),
        "a few features": features[5:9].tobytes(),
        "key": key,
    }


def test_K1_references_are_ciphertext_under_a_key_each_also_while_open(world: Any, fakes: Any) -> None:
    system = world.open()
    first, second = world.picture("Ada Lovelace", name="portrait-of-her.png"), world.picture("Ada Lovelace")
    releases = world.release("Ada Lovelace")
    assert (
        system.enrol([first, second], subject="Ada Lovelace", purpose="door", releases=releases).count("enrolled") == 2
    )
    world.enrol(system, "Grace")
    store = system._deployment.store
    pseudonym = system._deployment.pseudonym("Ada Lovelace")
    references = [*store.by_subject(pseudonym), *store.by_subject(system._deployment.pseudonym("Grace"))]
    assert len({reference.key_id for reference in references}) == 3
    system.erase("Grace")
    store.delete([references[1].reference_id])
    assert world.found(system, "Ada Lovelace") == ["Ada Lovelace"]
    needles = personal(world, system, fakes, "Ada Lovelace", first)
    assert traces(world, needles) == set()
    world.close()
    assert traces(world, needles) == set()


def test_K1_a_gallery_is_rotated_and_a_subject_renewed_without_a_new_picture(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    keys = sqlite3.connect(world.home / "keys.db")
    with closing(keys):
        wrapped = {row[0] for row in keys.execute("SELECT wrapped FROM subject_key")}
    stolen = world.copy("gallery.db")
    before = system._deployment.keys.custodied("door")
    assert system.rotate("door") == 2
    assert system._deployment.keys.custodied("door") != before
    assert ("rotate", "begin") in world.log(system)
    old = [blob for blob in wrapped if any(blob in content for content in world.contents().values())]
    # Subjects' log keys are of another gallery and stay.
    assert len(old) == 2
    pseudonym = system._deployment.pseudonym("Ada")
    [was] = system._deployment.store.by_subject(pseudonym)
    with world.opened(system) as gallery:
        gallery.renew(pseudonym)
    [now] = system._deployment.store.by_subject(pseudonym)
    assert (now.reference_id, now.sample) == (was.reference_id, was.sample)
    assert now.key_id != was.key_id
    assert now.sealed != was.sealed
    with world.opened(system), pytest.raises(IntegrityError, match="destroyed"):
        system._deployment.keys.subject_key(was.key_id)
    assert was.sealed in (stolen / "gallery.db").read_bytes() + (stolen / "gallery.db-wal").read_bytes()
    assert world.matches(system, "Ada")
    assert world.found(world.reopen(), "Ada") == ["Ada"]


def test_T2_erasure_leaves_nothing_in_any_file_and_a_receipt_that_verifies_offline(world: Any, fakes: Any) -> None:
    system = world.open()
    picture = world.picture("Ada Lovelace", name="portrait-of-her.png")
    system.enrol([picture], subject="Ada Lovelace", purpose="door", releases=world.release("Ada Lovelace"))
    world.enrol(system, "Grace")
    assert world.found(system, "Ada Lovelace") == ["Ada Lovelace"]
    needles = personal(world, system, fakes, "Ada Lovelace", picture)
    outcome = system.erase("Ada Lovelace")
    assert outcome.references == 1
    assert traces(world, needles) == set()
    assert world.found(system, "Ada Lovelace") == []
    assert world.found(system, "Grace") == ["Grace"]
    with pytest.raises(UsageError, match="nothing is held"):
        system.subject("Ada Lovelace")
    opened = json.dumps([dict(line.opened) for line in system.log_lines()], default=dict)
    for what in ("name", "picture", "sample in hexadecimal"):
        assert needles[what].decode() not in opened
    key = read_vkey(world.home)
    world.close()
    assert traces(world, needles) == set()
    # The receipt needs neither the deployment nor its secrets.
    shutil.rmtree(world.home)
    report = verify_receipt(outcome.receipt, key)
    about = dict(report.opened["subject/0"])
    assert about.pop("chain")["number"] > 1
    assert about == {"outcome": "erased", "references": 1, "subject": "Ada Lovelace"}
    assert (report.entry.operation, report.entry.phase.value) == ("subject.erase", "end")
    with pytest.raises((IntegrityError, BadInput)):
        verify_receipt(outcome.receipt.replace("erase", "enrol", 1).replace("\nextra e", "\nextra f", 1), key)


def test_T2_copies_from_before_the_erasure_open_for_everyone_else_but_not_for_the_erased(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    assert world.found(system, "Ada") == ["Ada"]
    backup = world.copy("gallery.db", "log.db")
    system.erase("Ada")
    world.close()
    kept = world.copy("log.db")
    _put_back(world, backup, "gallery.db")
    _put_back(world, backup, "log.db")
    # The log that was put back is found to be an old one.
    with pytest.raises(IntegrityError, match="rolled back"):
        world.open()
    # What its copy holds of the erased is sealed with a key that was destroyed.
    with closing(sqlite3.connect(backup / "log.db")) as database:
        sealed = [bytes(row[0]) for row in database.execute("SELECT sealed FROM openings WHERE slot = 'subject/0'")]
    assert sealed
    assert not any(b"Ada" in blob for blob in sealed)
    _put_back(world, kept, "log.db")
    system = world.open()
    # Opening it finds rows whose keys were destroyed, and sweeps them.
    assert world.found(system, "Ada") == []
    assert world.found(system, "Grace") == ["Grace"]
    with pytest.raises(UsageError, match="no reference"):
        world.matches(system, "Ada")
    opened = json.dumps([dict(line.opened) for line in system.log_lines(0, 12)], default=dict)
    assert "Ada" not in opened
    assert "Grace" in opened


def _put_back(world: Any, folder: Path, name: str) -> None:
    for path in world.home.glob(name + "*"):
        path.unlink()
    for path in folder.glob(name + "*"):
        shutil.copyfile(path, world.home / path.name)


# ---- L1, L4 --------------------------------------------------------------------------------------


def test_L4_leaves_hold_no_personal_data(world: Any) -> None:
    system = world.open(operator="Olga Operator")
    world.enrol(system, "Ada Lovelace")
    probe = world.picture("Ada Lovelace", name="gate-camera.png")
    reason = "the badge of somebody with this face was found"
    system.identify(probe, gallery="door", purpose="door", reason=reason)
    system.verify(probe, subject="Ada Lovelace", purpose="door")
    blurred = world.picture("Ada Lovelace", name="gate-camera-2.png", blurred=True)
    with pytest.raises(QualityTooLow):
        system.verify(blurred, subject="Ada Lovelace", purpose="door")
    with pytest.raises(PolicyRefusal):
        system.enrol([probe], subject="Ada Lovelace", purpose="door")
    system.redact(probe, world.folder / "out.png", keep=["Ada Lovelace"])
    system.export("Ada Lovelace")
    with closing(sqlite3.connect(world.home / "log.db")) as database:
        leaves = [bytes(row[0]) for row in database.execute("SELECT leaf FROM entries")]
    assert len(leaves) == system.log_size > 15
    for leaf in leaves:
        fields = json.loads(leaf)
        assert set(fields) <= {"commitments", "operation", "phase", "refers", "time", "version"}
        for slot, digest in fields["commitments"].items():
            assert slot in {"details", "gallery", "heads"} or slot.startswith("subject/")
            assert len(digest) == 44
        assert Entry.decode(leaf).encode() == leaf
    everything = b"".join(content for name, content in world.contents().items() if name.startswith("log.db"))
    for needle in ("Ada", "Lovelace", "gate-camera", "badge", "Olga", "door"):
        assert needle.encode() not in everything, needle
    # What is committed to is not lost for those who may see it.
    opened = json.dumps([dict(line.opened) for line in system.log_lines()], default=dict)
    for needle in ("Ada Lovelace", reason, "Olga Operator", "door"):
        assert needle in opened
    assert hashlib.sha256(probe.read_bytes()).hexdigest() in opened


def test_L4_the_same_details_never_give_the_same_commitment(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    for _ in range(3):
        system.subject("Ada")
    with closing(sqlite3.connect(world.home / "log.db")) as database:
        leaves = [json.loads(row[0]) for row in database.execute("SELECT leaf FROM entries")]
    digests = [digest for leaf in leaves for digest in leaf["commitments"].values()]
    assert len(digests) == len(set(digests))


def test_L1_every_operation_is_recorded_before_and_after_it_acts(world: Any) -> None:
    system = world.open()
    seen: list[tuple[str, str]] = []

    def watch() -> None:
        *_, last = system.log_lines()
        seen.append((last.operation, last.phase))

    world.fake(system).watch = watch
    world.enrol(system, "Ada")
    world.matches(system, "Ada")
    world.found(system, "Ada")
    system.redact(world.picture("Ada"), world.folder / "out.png", keep=["Ada"])
    assert seen == [("enrol", "begin"), ("verify", "begin"), ("identify", "begin"), ("redact", "begin")]
    assert world.log(system)[-8:] == [
        (operation, phase) for operation in ("enrol", "verify", "identify", "redact") for phase in ("begin", "end")
    ]
    assert system.verify_log().unfinished == ()


def test_L1_a_comparison_names_the_probe_by_its_hash(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    picture = world.picture("Ada")
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    entries = (
        system.verify(picture, subject="Ada", purpose="door").entry,
        system.identify(picture, gallery="door", purpose="door", reason="a test").entry,
    )
    lines = {line.index: line for line in system.log_lines()}
    assert [lines[entry].opened["details"]["probe_sha256"] for entry in entries] == [digest, digest]


def test_L1_an_operation_that_fails_is_closed_with_its_failure(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")

    def fail() -> None:
        raise MemoryError("something that a library says of Ada")

    world.fake(system).watch = fail
    picture = world.picture("Ada")
    for call in (
        lambda: system.verify(picture, subject="Ada", purpose="door"),
        lambda: system.identify(picture, gallery="door", purpose="door", reason="a test"),
        lambda: system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=world.release("Ada")),
    ):
        with pytest.raises(MemoryError):
            call()
        *_, last = system.log_lines()
        assert last.phase == "end"
        details = last.opened["details"]
        assert "MemoryError" in (details.get("failed"), last.opened.get("subject/0", {}).get("reason"))
        assert "library" not in json.dumps([dict(line.opened) for line in system.log_lines()], default=dict)
    assert system.verify_log().unfinished == ()
    assert system.status()["references"] == 1


def test_features_of_a_probe_are_overwritten_and_in_no_file(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    held: list[np.ndarray] = []
    seen: list[bytes] = []
    fake = world.fake(system)

    class Keeping(type(fake)):  # type: ignore[misc]
        def samples(self, picture: Any, detected: Any) -> Any:
            made = super().samples(picture, detected)
            held.extend(sample.features for sample in made)
            seen.extend(sample.features.tobytes() for sample in made)
            return made

    system._deployment.pipeline = Keeping(fake)
    assert world.matches(system, "Ada")
    assert world.found(system, "Eve") == []
    system.redact(world.picture("Ada"), world.folder / "out.png", keep=["Ada"])
    assert len(held) == len(seen) == 3
    assert traces(world, {str(n): features[:32] for n, features in enumerate(seen)}) == set()
    assert not any(features.any() for features in held)


def test_H2_a_verification_tells_no_score_where_reviewers_answer_first(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    standard = system._deployment.standard
    people = dataclasses.replace(standard.parameters.people, reviewers=2)
    system._deployment.standard = dataclasses.replace(
        standard, parameters=dataclasses.replace(standard.parameters, people=people)
    )
    told = system.verify(world.picture("Ada"), subject="Ada", purpose="door")
    assert (told.decision, told.score) == ("match", None)


def test_decisions_carry_their_operating_point_and_scores_are_withheld_from_impostors(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    mated = system.verify(world.picture("Ada"), subject="Ada", purpose="door")
    assert (mated.decision, mated.operating_point.fmr) == ("match", 1e-3)
    assert mated.score is not None
    assert mated.score >= mated.operating_point.score
    assert mated.score == round(mated.score, 3)
    impostor = system.verify(world.picture("Grace"), subject="Ada", purpose="door")
    assert (impostor.decision, impostor.score) == ("non-match", None)
    assert impostor.to_json()["score"] is None
    unknown = system.identify(world.picture("Eve"), gallery="door", purpose="door", reason="a test")
    assert unknown.probes[0].to_json()["outcome"] == "unknown"
    # With two references the purpose's FMR is the stricter, with hundreds the rate of the whole search is.
    assert unknown.operating_point.fmr == pytest.approx(1e-3)
    assert unknown.operating_point.fpir == pytest.approx(1 - (1 - 1e-3) ** 2, rel=1e-2)
    group = system.identify(world.picture("Eve", "Grace", "Ada"), gallery="door", purpose="door", reason="a test")
    assert [[c.subject for c in probe.candidates] for probe in group.probes] == [[], ["Grace"], ["Ada"]]
    system.simulate("crowd", purpose="door", count=400)
    crowd = system.identify(world.picture("Ada"), gallery="crowd", purpose="door", reason="a test")
    assert crowd.operating_point.fpir == pytest.approx(1e-2, rel=1e-2)
    assert crowd.operating_point.fmr == pytest.approx(1 - (1 - 1e-2) ** (1 / 400), rel=1e-2)


def test_E4_a_large_probe_is_known_by_its_file_though_its_pixels_are_read_smaller(world: Any) -> None:
    deployment = world.open()._deployment
    full = Picture(np.zeros((8, 8, 3), dtype=np.uint8), 1.0, b"f" * 32, "as redacted")
    reduced = Picture(np.zeros((4, 4, 3), dtype=np.uint8), 0.5, b"f" * 32, "as enrolled")
    other = Picture(np.ones((4, 4, 3), dtype=np.uint8), 0.5, b"g" * 32, "another")
    deployment.remember_probe(full)
    assert deployment.was_probe(reduced)
    assert not deployment.was_probe(other)
