"""Cameras of a deployment: who configures them, what is kept of them, and that no address gets out (W8, W10, K2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.operations import configuration
from faceward.operations.camera_facts import watched
from faceward.operations.system import System
from faceward.policy.cameras import OPT_OUT, CameraChange, CameraRequest, NoticeRecord, parse_zone
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

SECRET = "hunter2hunter2"
SOURCE = f"rtsp://admin:{SECRET}@10.0.0.5:554/ch1"
NOTICE = NoticeRecord("pictures", "an alert", ("theft",), "at once", "desk@shop.example", "at both doors", "east door")
LANE = parse_zone("0,0 0.3,0 0.3,1 0,1", OPT_OUT)
DOOR = CameraRequest("door", SOURCE, "main door", "Shop 12", (51.5, -0.1), "shop", 5, (LANE,), NOTICE)
HALL = CameraRequest("hall", "/srv/clips/hall.mp4", "hall")


class Shop:
    """A deployment under the standard `retail`; Ana is an operator, Ben is none."""

    def __init__(self, make_world: Callable[..., Any]) -> None:
        self.world = make_world("shop", standard="retail", jurisdiction="UK", trial=True)
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben")}
        self.system: System = self.world.open(purpose=None)
        for name, roles in (("ana", ("operator", "approver")), ("ben", ("reviewer",))):
            asked = self.act(name and "ana" if name == "ben" else None).people.add(
                name, self.keys[name].public.line, roles, date(2027, 12, 31)
            )
            assert asked.state == "carried out"
        self.act("ana").add_purpose("theft", basis="legal-obligation", fmr=1e-4, retention=timedelta(days=180))

    def act(self, name: str | None) -> System:
        deployment = self.system._deployment
        deployment.session = None
        if name is not None:
            deployment.begin_session(OpenSession.begin(name, self.keys[name], deployment.log.origin, deployment.now()))
        return self.system

    def reopen(self) -> System:
        self.system = self.world.reopen(purpose=None)
        return self.act("ana")

    def details(self, operation: str) -> list[dict[str, Any]]:
        lines = [line for line in self.system.log_lines() if line.operation == operation and line.phase == "begin"]
        return [dict(line.opened["details"]) for line in lines]


@pytest.fixture
def shop(make_world: Callable[..., Any]) -> Shop:
    return Shop(make_world)


def test_W8_a_camera_is_configured_changed_and_removed_and_every_reader_sees_it_at_once(shop: Shop) -> None:
    cameras = shop.act("ana").cameras
    door = cameras.add(DOOR)
    cameras.add(HALL)
    assert [camera.name for camera in cameras.list()] == ["door", "hall"]
    assert cameras.get(" door ") == door
    assert (cameras.source("door"), cameras.source("hall")) == (SOURCE, "/srv/clips/hall.mp4")
    after = cameras.change("hall", CameraChange(notice=NOTICE, source="/dev/video0"))
    assert (after.notice, after.address, cameras.source("hall")) == (NOTICE, "/dev/video0", "/dev/video0")
    # Another one who acts in the same deployment reads the same, and so does who opens it anew.
    assert shop.system.acting("guest").cameras.get("hall") == after
    assert shop.reopen().cameras.list() == (door, after)
    shop.system.cameras.remove("hall")
    assert [camera.name for camera in shop.system.cameras.list()] == ["door"]
    for gone in (shop.system.cameras.get, shop.system.cameras.source, shop.system.cameras.remove):
        with pytest.raises(UsageError, match="no camera 'hall'"):
            gone("hall")


def test_W8_what_would_change_nothing_or_exists_already_is_refused(shop: Shop) -> None:
    cameras = shop.act("ana").cameras
    cameras.add(DOOR)
    before = shop.system.log_size
    cases: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: cameras.add(replace(DOOR, source="/dev/video1")), "already"),
        (lambda: cameras.change("door", CameraChange()), "is so already"),
        (lambda: cameras.change("door", CameraChange(rate=5.0, source=SOURCE)), "is so already"),
        (lambda: cameras.change("none", CameraChange(rate=1.0)), "no camera"),
        (lambda: cameras.change("door", CameraChange(rate=100.0)), "--rate"),
    )
    for act, why in cases:
        with pytest.raises(UsageError, match=why):
            act()
    assert shop.system.log_size == before


def test_K2_only_an_operator_who_signed_in_configures_cameras(shop: Shop) -> None:
    shop.act("ana").cameras.add(DOOR)
    for who in ("ben", None):
        cameras = shop.act(who).cameras
        for act, given in (
            (cameras.add, (HALL,)),
            (cameras.change, ("door", CameraChange(zones=()))),
            (cameras.remove, ("door",)),
        ):
            with pytest.raises(PolicyRefusal, match="rule K2"):
                act(*given)
            assert [*shop.world.log(shop.system)][-1][1] == "denied"
    assert [camera.zones for camera in shop.system.cameras.list()] == [(LANE,)]


def test_a_standard_that_knows_no_live_cameras_takes_none(world: Any) -> None:
    system = world.open()
    with pytest.raises(PolicyRefusal, match=r"permits no action 'camera\.add'"):
        system.cameras.add(HALL)
    assert system.cameras.list() == ()


def test_K2_the_address_lies_sealed_and_is_nowhere_in_log_views_or_files(shop: Shop) -> None:
    system = shop.act("ana")
    system.cameras.add(DOOR)
    system.cameras.change("door", CameraChange(source=f"http://cam/video?pwd={SECRET}"))
    for name in ("other:1", "x"):
        with pytest.raises(UsageError) as caught:
            system.cameras.add(replace(HALL, name=name, source=f"rtsp://u:{SECRET}@x@cam/1"))
        assert SECRET not in str(caught.value)
    text = json.dumps([line.opened for line in system.log_lines()]) + repr(system.cameras.list())
    text += json.dumps([camera.to_json() for camera in system.cameras.list()]) + repr(system.status())
    assert SECRET not in text
    assert "admin" not in text
    shop.world.close()
    for name, data in shop.world.contents().items():
        assert SECRET.encode() not in data, name
    assert shop.reopen().cameras.source("door") == f"http://cam/video?pwd={SECRET}"


def test_W8_the_log_names_the_camera_and_the_digest_of_its_notice(shop: Shop) -> None:
    system = shop.act("ana")
    system.cameras.add(DOOR)
    [added] = shop.details("camera.add")
    assert (added["camera"], added["place"], added["notice_sha256"]) == ("door", "main door", NOTICE.digest())
    assert (added["zones"], added["opt_outs"], added["operator"]) == (1, 1, "ana")
    system.cameras.change("door", CameraChange(notice=None, source="/dev/video0"))
    [changed] = shop.details("camera.change")
    assert changed["changed"] == ["notice", "source"]
    assert changed["notice_sha256"] is None
    assert changed["source"] != added["source"]
    system.cameras.remove("door")
    assert shop.details("camera.remove")[0]["camera"] == "door"
    assert system.verify_log().unfinished == ()


def test_a_removed_camera_leaves_no_address_behind(shop: Shop) -> None:
    deployment = shop.act("ana")._deployment
    shop.system.cameras.add(DOOR)
    sealed = json.loads(deployment.kept_content("camera", "door") or b"")["source"]
    shop.system.cameras.remove("door")
    assert deployment.kept("camera", "door") is None
    shop.world.close()
    assert all(sealed.encode() not in data for data in shop.world.contents().values())


def test_K2_a_camera_that_was_altered_or_an_address_put_elsewhere_is_noticed(shop: Shop) -> None:
    system = shop.act("ana")
    deployment = system._deployment
    system.cameras.add(DOOR)
    system.cameras.add(HALL)
    hall, door = deployment.kept("camera", "hall"), deployment.kept("camera", "door")
    assert isinstance(hall, dict)
    assert isinstance(door, dict)
    # Who holds the deployment's secrets could write this; the address is bound to its camera all the same.
    deployment.keep("camera", "hall", {**hall, "source": door["source"]})
    with pytest.raises(IntegrityError, match="'hall' was altered"):
        system.cameras.source("hall")
    deployment.keep("camera", "hall", {key: value for key, value in hall.items() if key != "source"})
    with pytest.raises(IntegrityError, match="'hall' was altered"):
        system.cameras.source("hall")
    content = deployment.store.document("camera", "door")
    deployment.store.put_document("camera", "door", content.replace(b"main door", b"back door"))
    with pytest.raises(IntegrityError, match="was altered"):
        system.cameras.list()


def test_P5_a_file_that_is_moved_into_the_home_is_not_opened(shop: Shop, tmp_path: Path) -> None:
    system = shop.act("ana")
    with pytest.raises(UsageError, match="lies in the deployment's folder"):
        system.cameras.add(replace(HALL, source=str(system.home / "gallery.db")))
    folder = tmp_path / "clips"
    system.cameras.add(replace(HALL, source=str(folder / "gallery.db")))
    folder.symlink_to(system.home)
    with pytest.raises(UsageError, match="lies in the deployment's folder"):
        system.cameras.source("hall")


def test_W8_W10_W3_what_the_rules_ask_of_a_watch_follows_from_cameras_and_list(shop: Shop) -> None:
    system = shop.act("ana")
    deployment = system._deployment

    def facts(*names: str, purpose: str = "theft") -> str:
        """Return the facts that do not hold, by their first letters."""
        found = watched(deployment, names, "theft", purpose=purpose, false_alerts_acceptable=True)
        return " ".join(name for name, holds in found.to_context().items() if not holds)

    every = "cameras_configured notices_recorded notices_name_purpose opt_outs_named"
    ends = "list_ends list_in_force"
    assert facts() == facts("door") == f"{every} {ends}"
    system.cameras.add(DOOR)
    assert facts("door") == ends
    assert facts("door", "hall") == f"{every} {ends}"
    assert facts("door", purpose="door") == f"notices_name_purpose {ends}"
    system.cameras.add(HALL)
    assert facts("door", "hall") == f"notices_recorded notices_name_purpose opt_outs_named {ends}"
    system.cameras.change("hall", CameraChange(notice=replace(NOTICE, alternative="")))
    assert facts("door", "hall") == f"opt_outs_named {ends}"
    system.cameras.change("hall", CameraChange(zones=(LANE,)))
    deployment.keep("gallery", "theft", {"purpose": "theft", "simulated": 0})
    system.end_gallery("theft", deployment.now() + timedelta(hours=1))
    assert facts("door", "hall") == ""
    shop.world.clock.advance(timedelta(hours=1))
    assert facts("door", "hall") == "list_in_force"
    halted = watched(deployment, ("door",), "theft", purpose="theft", false_alerts_acceptable=False)
    assert not halted.false_alerts_acceptable


def test_O1_a_camera_is_part_of_what_documents_describe(shop: Shop) -> None:
    system = shop.act("ana")
    before = configuration.configuration(system._deployment)
    assert "cameras" not in before
    system.cameras.add(DOOR)
    after = configuration.configuration(system._deployment)
    assert after["cameras"]["door"]["notice"]["sign"] == "at both doors"  # type: ignore[index, call-overload]
    assert SECRET not in json.dumps(after)
    assert configuration.digest(after) != configuration.digest(before)
