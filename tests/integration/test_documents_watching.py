"""Documents tell of cameras, lists and recipients of alerts as they are; a change of any voids a sign-off (rule O1)."""

from __future__ import annotations

import html
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.documents.questions import QUESTIONS
from faceward.documents.write import SIGNED
from faceward.operations import configuration as described
from faceward.operations import gallery_end
from faceward.operations.documents import Order
from faceward.policy.cameras import LOOK, OPT_OUT, CameraChange, parse_zone
from faceward.policy.channel_targets import written_secret
from faceward.policy.channels import ChannelRequest, Secrets

HOUR = timedelta(hours=1)
TELLING = ("dpia", "fria", "record", "annual-report")
LANE, WIDER = parse_zone("0,0 0.3,0 0.3,1 0,1", OPT_OUT), parse_zone("0,0 0.4,0 0.4,1 0,1", OPT_OUT)
FRONT = parse_zone("0.2,0 1,0 1,1 0.2,1", LOOK)
SIGNING = written_secret(b"k" * 32)
HOOK = "https://hooks.office.example/T0KEN/alerts"
PRIVATE = ("hunter2", "gatekeeper", "T0KEN", SIGNING, "10.0.0.9", "rtsp", "s3cret")


def hook(address: str = HOOK, **changes: Any) -> ChannelRequest:
    return ChannelRequest(name="office", secrets=Secrets(address, SIGNING), **changes)


def broker(**changes: Any) -> ChannelRequest:
    secrets = Secrets("mqtt://ha.lan", user="gatekeeper", password="hunter2")
    return replace(ChannelRequest(name="house", secrets=secrets, insecure=True, frigate=True), **changes)


def make(shop: Any, folder: Path, *names: str, **more: Any) -> None:
    shop.act("ana").make_documents(Order(names or TELLING, folder, **more))


def page(folder: Path, name: str) -> str:
    return html.unescape((folder / f"{name}.html").read_text())


def cells(folder: Path, name: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", (folder / f"{name}.html").read_text(), re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)] for row in rows]


@pytest.fixture
def selling(shop: Any) -> Any:
    """Return a shop with zones before one of its cameras and two channels."""
    system = shop.act("ana")
    system.cameras.change("door", CameraChange(zones=(FRONT, LANE), source="rtsp://guard:s3cret@10.0.0.9/door"))
    system.cameras.change("hall", CameraChange(notice=None))
    system.channels.add(hook(details=("place",), origin="https://faces.example"))
    system.channels.add(broker())
    return shop


@pytest.mark.parametrize("name", TELLING)
def test_O1_documents_tell_of_cameras_lists_and_recipients(selling: Any, tmp_path: Path, name: str) -> None:
    make(selling, tmp_path, name)
    rows = cells(tmp_path, name)
    looked = "1 zone, less 1 opt-out zone (10\u00a0% of the picture), 5 times a second"
    assert ["door", "north entrance (London)", "shop", looked, "theft", "the east door"] in rows
    whole = "the whole picture, 5 times a second"
    assert ["hall", "north entrance (Leeds)", "shop", whole, "nothing: no notice", "none"] in rows
    assert ["theft", "theft", "2026-07-01 12:00 UTC", "door, till"] in rows
    assert ["office", "signed webhook, encrypted (TLS)", "hooks.office.example", "place, a link to the console"] in rows
    [house] = [row for row in rows if row and row[0] == "house"]
    assert house[1:3] == ["MQTT broker, can be read on its way", "ha.lan"]
    assert house[3].endswith("events in Frigate's form")
    assert "No message holds a name, a picture, features or a score." in page(tmp_path, name)


def test_O1_the_dpia_quotes_each_notice_once_and_names_what_is_lacking(selling: Any, tmp_path: Path) -> None:
    make(selling, tmp_path, "dpia")
    text = page(tmp_path, "dpia")
    assert text.count("an alert to the guard") == text.count("at both doors") == 1
    assert "What people are told before the cameras 'door', 'till':" in text
    assert "Cameras without a notice: hall." in text
    assert "Cameras without a way around them: hall." in text
    assert "Alerts can be read on their way to: house." in text
    rows = {row[0]: row[1] for row in cells(tmp_path, "dpia") if len(row) == 2}
    noticed = rows["People before cameras are not told, or cannot keep out"]
    assert noticed.startswith("Cameras with a notice: 2 of 3; with a way around: 2 of 3.")
    assert "destroyed with all its references on 2026-07-01" in text


def test_O1_no_document_tells_where_pictures_come_from_or_a_secret_of_a_channel(selling: Any, tmp_path: Path) -> None:
    make(selling, tmp_path, "all")
    for path in tmp_path.glob("*.html"):
        assert not [one for one in (*PRIVATE, "Hugo", "Iris") if one in path.read_text()], path.name
    if shutil.which("pdftotext"):
        for path in tmp_path.glob("*.pdf"):
            text = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
            assert not [one for one in (*PRIVATE, "Hugo", "Iris") if one in text], path.name
    running = json.dumps(described.configuration(selling.deployment))
    assert not [one for one in ("hunter2", "gatekeeper", "T0KEN", SIGNING, "s3cret") if one in running]


def test_O1_the_record_says_whether_anything_leaves_by_itself(shop: Any, tmp_path: Path) -> None:
    make(shop, tmp_path, "record")
    assert "The software sends personal data to nobody by itself." in page(tmp_path, "record")
    shop.act("ana").channels.add(hook())
    make(shop, tmp_path, "record")
    assert "sends personal data to nobody by itself" not in page(tmp_path, "record")
    assert "alerts to the recipients named here, and personal data to nobody else" in page(tmp_path, "record")


def test_O1_a_deployment_that_watches_nothing_is_not_said_to(world: Any, tmp_path: Path) -> None:
    system = world.open(operator="Ophelia Operator")
    system.make_documents(Order(TELLING, tmp_path))
    for name in TELLING:
        assert "Cameras" not in page(tmp_path, name).replace("Periods in which cameras", "")
        assert "of an alert" not in page(tmp_path, name)


def signed(shop: Any, folder: Path) -> Any:
    answers = {name: {question.key: "said" for question in QUESTIONS[name]} for name in SIGNED}
    make(shop, folder, *SIGNED, formats=("html",), answers=answers)
    for name in SIGNED:
        shop.system.sign_document(name, folder / f"{name}.html")
    assert {one.state for one in shop.system.documents_status()} == {"signed"}
    return shop.system


def notice(**changes: str) -> Callable[[Any], object]:
    def change(system: Any) -> None:
        told = system.cameras.get("door").notice
        system.cameras.change("door", CameraChange(notice=replace(told, **changes)))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (notice(sign="at the till"), "the notice sign of the camera 'door' changed from at both doors to at the till"),
        (
            lambda system: system.cameras.change("door", CameraChange(place="south door")),
            "the place of the camera 'door' changed from north entrance to south door",
        ),
        (
            lambda system: system.cameras.change("door", CameraChange(zones=(FRONT, WIDER))),
            "the zones of the camera 'door' were drawn anew: 1 to look at and 1 opt-out zone",
        ),
        (
            lambda system: system.cameras.change("door", CameraChange(zones=())),
            "the zones of the camera 'door' changed from 1 to look at and 1 opt-out zone to none",
        ),
        (lambda system: system.cameras.remove("till"), "the camera 'till' was removed"),
        (lambda system: system.channels.remove("office"), "the channel 'office' was removed"),
        (lambda system: system.channels.add(broker(name="shed")), "the channel 'shed' was added"),
    ],
)
def test_O1_a_changed_camera_or_channel_voids_the_sign_off(
    selling: Any, tmp_path: Path, change: Callable[[Any], object], words: str
) -> None:
    system = signed(selling, tmp_path)
    change(system)
    found = system.documents_status()
    assert {one.state for one in found} == {"void"}
    assert {one.changes for one in found} == {(words,)}


def test_O1_a_channel_to_another_address_of_the_same_host_voids_the_sign_off(selling: Any, tmp_path: Path) -> None:
    system = signed(selling, tmp_path)
    options = {"details": ("place",), "origin": "https://faces.example"}
    system.channels.remove("office")
    system.channels.add(hook("https://hooks.office.example/0THER/alerts", **options))
    assert system.documents_status()[0].changes == ("the channel 'office' leads to another address",)
    # As it was signed, the sign-off holds again.
    system.channels.remove("office")
    system.channels.add(hook(**options))
    assert {one.state for one in system.documents_status()} == {"signed"}


def test_O1_another_password_of_a_camera_or_a_message_that_was_sent_voids_nothing(selling: Any, tmp_path: Path) -> None:
    system = signed(selling, tmp_path)
    system.cameras.change("door", CameraChange(source="rtsp://guard:changed@10.0.0.9/door"))
    system.channels.test("office", lambda *_: None)
    assert {one.state for one in system.documents_status()} == {"signed"}


def test_O1_W3_an_end_that_comes_nearer_voids_the_sign_off_and_no_older_row_takes_that_back(
    selling: Any, tmp_path: Path
) -> None:
    system, home = signed(selling, tmp_path), selling.world.home
    with closing(sqlite3.connect(home / "gallery.db")) as database:
        older = database.execute("SELECT * FROM document WHERE kind = 'gallery'").fetchall()
    selling.end_in(2 * HOUR)
    for _ in range(2):
        [words] = system.documents_status()[0].changes
        assert words.startswith("the end of the gallery 'theft' changed from 2026-07-01T12:00:00")
        make(selling, tmp_path, "dpia")
        assert "2026-06-01 14:00 UTC" in page(tmp_path, "dpia")
        with closing(sqlite3.connect(home / "gallery.db")) as database, database:
            database.executemany("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", older)
    gallery_end.delete(system._deployment, system._desk, "theft")
    assert "the gallery 'theft' was removed" in system.documents_status()[0].changes


def test_O1_a_camera_that_was_put_back_is_named_among_the_gaps(selling: Any, tmp_path: Path) -> None:
    home = selling.world.home
    with closing(sqlite3.connect(home / "gallery.db")) as database:
        older = database.execute("SELECT * FROM document WHERE kind = 'camera' AND name = 'door'").fetchall()
    selling.act("ana").cameras.change("door", CameraChange(source="rtsp://10.0.0.77/other"))
    make(selling, tmp_path, "dpia")
    assert "holds another record than was configured last" not in page(tmp_path, "dpia")
    with closing(sqlite3.connect(home / "gallery.db")) as database, database:
        database.executemany("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", older)
    make(selling, tmp_path, "dpia")
    assert "holds another record than was configured last: door." in page(tmp_path, "dpia")
