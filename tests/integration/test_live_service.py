"""Cameras, alerts and the live board over HTTP: who sees what, and what is never told (rules W2, W7, H2, K2)."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from jsonschema_rs import validator_for
from PIL import Image

from faceward.core.clock import to_rfc3339
from faceward.core.watch_results import LiveCamera, LiveState
from faceward.operations.live import GONE, LiveBoard
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.service import sessions
from faceward.service.callers import Kind
from faceward.service.sessions import SignedIn

CAMERA = {
    "name": "north gate",
    "source": "rtsp://guard:s3cret@10.0.0.9/stream?token=t0ken",
    "place": "by the gate",
    "zones": [{"kind": "opt-out", "points": [[0, 0], [0.5, 0], [0.5, 1]]}],
    "notice": {
        "data": "pictures",
        "outputs": "an alert",
        "purposes": ["theft"],
        "deletion": "at once",
        "contact": "desk@shop.example",
        "sign": "at the gate",
    },
}


def jpeg(colour: int = 90) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (colour, colour, colour)).save(stream, "JPEG")
    return stream.getvalue()


class Watched:
    """A shop behind a service, with two programs' keys and a watch that was just told of."""

    def __init__(self, shop: Any, served: Any) -> None:
        self.shop, self.served, self.client = shop, served, served.client
        other = {"basis": "legal-obligation", "fmr": 1e-3, "fpir": 1e-3, "retention": timedelta(days=90)}
        shop.act("ana").add_purpose("parcels", camera_class="ramp", **other)
        self.keys = {"nvr": self._key("nvr"), "till": self._key("till", purposes=("parcels",))}
        shop.act("olga")
        self.board = LiveBoard(shop.world.home, shop.world.clock)
        self.whole = served.app.openapi()

    def _key(self, name: str, **limits: Any) -> dict[str, str]:
        made = self.shop.act("ana").api_keys.create(name, **limits)
        asked = self.shop.act("ana").api_keys.admit(name)
        if asked.state == "waiting":
            self.shop.act("ben").requests.decide(asked.digest, Decision.APPROVE)
        return {"x-api-key": made.secret_access_key}

    def person(self, name: str) -> dict[str, str]:
        service = self.served.service
        session = OpenSession.begin(name, self.shop.keys[name], service.system.accounts.origin, service.now())
        token = sessions.begin(service, SignedIn(Kind.PERSON, name, service.settings.session, session))
        return {"authorization": f"Bearer {token}"}

    def get(self, path: str, who: str = "nvr", status: int = 200) -> Any:
        headers = self.keys[who] if who in self.keys else self.person(who)
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == status, answer.text[:300]
        return answer

    def described(self, answer: Any, pattern: str) -> Any:
        """Return an answer's object, held against its description."""
        operation = self.whole["paths"][pattern][answer.request.method.lower()]
        schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        errors = [one.message for one in validator_for({**schema, "components": self.whole["components"]}).iter_errors(
            answer.json())]  # fmt: skip
        assert not errors, errors[0]
        return answer.json()

    def tell(self, **camera: Any) -> None:
        now = to_rfc3339(self.shop.world.clock.now())
        seen = LiveCamera("door", "north entrance", **{"state": "connected", "compared": 3, **camera})
        self.board.write_state(LiveState(7, "theft", "theft", now, now, (seen,)))


@pytest.fixture
def watched(shop: Any, service_kit: ModuleType) -> Iterator[Watched]:
    with service_kit.served(shop.system, shop.world.clock) as served:
        yield Watched(shop, served)


def test_a_camera_is_configured_shown_without_its_password_and_removed(watched: Watched) -> None:
    client, key = watched.client, watched.keys["nvr"]
    made = client.post("/v1/cameras", json=CAMERA, headers=key)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/v1/cameras/north%20gate"
    shown = [watched.described(made, "/v1/cameras")]
    shown.append(watched.described(watched.get(made.headers["location"]), "/v1/cameras/{camera}"))
    listed = watched.described(watched.get("/v1/cameras"), "/v1/cameras")
    shown += [one for one in listed["cameras"] if one["name"] == "north gate"]
    assert len({str(one) for one in shown}) == 1
    assert shown[0]["address"] == "rtsp://10.0.0.9/stream?…"
    assert watched.shop.system.cameras.source("north gate") == CAMERA["source"]
    again = client.post("/v1/cameras", json=CAMERA, headers=key)
    malformed = client.post("/v1/cameras", json={**CAMERA, "name": "b", "rate": 99}, headers=key)
    crossing = {"kind": "look", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}
    bow = client.post("/v1/cameras", json={**CAMERA, "name": "b", "zones": [crossing]}, headers=key)
    assert [one.status_code for one in (again, malformed, bow)] == [422, 422, 422]
    for answer in (made, again, malformed, bow):
        assert "s3cret" not in answer.text
        assert "t0ken" not in answer.text
    gone = client.delete("/v1/cameras/north gate", headers=key)
    assert watched.described(gone, "/v1/cameras/{camera}") == {"camera": "north gate", "removed": True}
    watched.get("/v1/cameras/north gate", status=404)


def test_K2_a_key_for_some_purposes_reaches_no_camera_and_that_it_tried_is_in_the_log(watched: Watched) -> None:
    watched.tell()
    for path in ("/v1/cameras", "/v1/cameras/door", "/v1/live", "/v1/live/door/preview"):
        assert watched.get(path, "till", 403).json()["type"] == "urn:faceward:forbidden"
    assert watched.client.delete("/v1/cameras/door", headers=watched.keys["till"]).status_code == 403
    assert watched.client.post("/v1/cameras", json=CAMERA, headers=watched.keys["till"]).status_code == 403
    assert {one["attempt"] for one in watched.served.denied()} == {"scope"}
    assert {one["route"] for one in watched.served.denied()} >= {"GET /v1/live", "DELETE /v1/cameras/{camera}"}
    assert watched.shop.system.cameras.get("door")


def test_W2_previews_are_pictures_of_the_board_and_no_name_leads_elsewhere(watched: Watched) -> None:
    watched.board.write_preview("door", jpeg())
    for path, who in (("/v1/live/door/preview", "nvr"), ("/live/pictures/door", "rosa")):
        found = watched.get(path, who)
        assert found.content == jpeg()
        kinds = [found.headers[name] for name in ("content-type", "cache-control", "x-content-type-options")]
        assert kinds == ["image/jpeg", "no-store", "nosniff"]
        assert found.headers["content-security-policy"].startswith("default-src 'none'")
    (watched.shop.world.home / "live" / "door.jpg").write_bytes(jpeg(1))
    for name in ("hall", "..%2Fkeys.db", "%2Fetc%2Fpasswd", "..%2F..%2Fdoor", "door.jpg", "door%00", "live%2Fdoor"):
        for path in (f"/v1/live/{name}/preview", f"/live/pictures/{name}"):
            assert watched.client.get(path, headers=watched.person("olga")).status_code == 404
    watched.shop.world.clock.advance(GONE + timedelta(seconds=1))
    watched.get("/v1/live/door/preview", status=404)
    assert watched.client.get("/live/pictures/door").status_code == 401


def test_what_cameras_show_is_told_with_its_age_and_whether_all_is_stopped(watched: Watched) -> None:
    assert watched.described(watched.get("/v1/live"), "/v1/live")["cameras"] == []
    watched.tell(dropped=2)
    watched.shop.world.clock.advance(timedelta(seconds=61))
    watched.tell(dropped=5, compared=10, state="lost", message="refused")
    watched.board.write_preview("door", jpeg())
    watched.shop.world.clock.advance(timedelta(seconds=6))
    told = watched.described(watched.get("/v1/live"), "/v1/live")
    [door] = told["cameras"]
    assert (door["state"], door["stale"], door["age"], door["preview"]) == ("lost", True, 6.0, 6.0)
    assert door["hour"] == {"faces": 10, "alerts": 0, "dropped": 5}
    assert told["stopped"] is False
    watched.shop.act("ana").control.stop("a defect")
    assert watched.get("/v1/live").json()["stopped"] is True


@pytest.mark.parametrize("planted", ["nested", "surrogate", "infinite", "pipe"])
def test_what_somebody_planted_on_the_board_is_passed_over(watched: Watched, planted: str) -> None:
    watched.tell()
    folder = watched.shop.world.home / "live"
    good = next(folder.glob("state-*.json")).read_text()
    texts = {
        "nested": good.replace('"rates":{}', f'"rates":{"[" * 100_000}{"]" * 100_000}'),
        "surrogate": good.replace('"north entrance"', r'"\ud800"').replace('"name":"door"', r'"name":"\udfff"'),
        "infinite": good.replace('"rates":{}', '"rates":{"door":Infinity}').replace(
            '"latency":null', '"latency":1e999'
        ),
    }
    if planted == "pipe":
        today = watched.shop.world.clock.now()
        for name in ("state-f.json", *(f"counts-{today - timedelta(days=n):%Y-%m-%d}.jsonl" for n in range(2))):
            os.mkfifo(folder / name)
    else:
        assert texts[planted] != good
        for number in range(2):
            (folder / f"state-{number:016x}.json").write_text(texts[planted])
    [door] = watched.described(watched.get("/v1/live"), "/v1/live")["cameras"]
    assert door["name"] == "door"
    for page in ("/live", "/live/now", "/cameras"):
        watched.get(page, "olga")


def test_W7_cameras_that_are_watched_come_first_and_all_others_are_one_line(watched: Watched) -> None:
    # Before "door" in the alphabet.
    assert watched.client.post("/v1/cameras", json={**CAMERA, "name": "attic"}, headers=watched.keys["nvr"]).is_success
    watched.tell()
    page = watched.get("/live/now", "olga").text
    tiles, rest = page.split('id="live-unwatched"')
    assert 'id="camera-door"' in tiles
    assert "attic" not in tiles
    assert "3 cameras are not watched" in rest
    assert "/cameras/attic" in rest
    assert page.count('class="card tile') == 1


def test_what_watches_tell_is_said_in_the_language_of_the_page_and_else_marked_as_english(watched: Watched) -> None:
    now = to_rfc3339(watched.shop.world.clock.now())
    news = ("door: the picture moves again", "what no watch tells")
    watched.board.write_state(LiveState(7, "theft", "theft", now, now, (LiveCamera("door"),), news=news))
    german = {**watched.person("olga"), "accept-language": "de"}
    page = watched.client.get("/live/now", headers=german).text
    assert '<li><span lang="en">what no watch tells</span></li>' in page
    assert '<li><bdi class="name">door</bdi>: das Bild bewegt sich wieder</li>' in page
    english = watched.get("/live/now", "olga").text
    assert "<li>what no watch tells</li>" in english
    assert '<bdi class="name">door</bdi>: the picture moves again' in english
    assert "Pausieren" in watched.client.get("/live", headers=german).text


def test_K2_reviewers_see_the_wall_but_no_camera_is_opened_to_them_or_linked(watched: Watched) -> None:
    with watched.shop.watch("door") as watching:
        watched.shop.alerted(watching, "Hugo")
    watched.tell()
    for path in ("/live/now", "/alerts"):
        page = watched.get(path, "rosa").text
        assert '<bdi class="name">door</bdi>' in page
        assert "/cameras/" not in page
        assert 'href="/cameras/door"' in watched.get(path, "olga").text
    # Pages and /v1 go by one rule.
    for path in ("/cameras", "/cameras/door", "/v1/cameras", "/v1/cameras/door"):
        watched.get(path, "rosa", 403)
        watched.get(path, "olga")
    for path in ("/live", "/live/counts", "/v1/live", "/v1/alerts"):
        watched.get(path, "rosa")


def test_what_watches_tell_goes_to_prometheus(watched: Watched) -> None:
    watched.tell(decoded=100, dropped=2, tracks=1, alerts=1)
    told = watched.get("/metrics").text
    for line in ("up", "tracks"):
        assert f'faceward_camera_{line}{{camera="door"}} 1.0' in told
    for line in ('frames_total{camera="door"} 100.0', 'frames_dropped_total{camera="door"} 2.0'):  # fmt: skip
        assert f"faceward_camera_{line}" in told
    watched.shop.world.clock.advance(timedelta(seconds=30))
    told = watched.get("/metrics").text
    assert 'faceward_camera_up{camera="door"} 0.0' in told
    assert 'faceward_camera_told_seconds{camera="door"} 30.0' in told


def test_H2_alerts_are_told_without_a_name_or_a_score_and_to_limited_keys_only_their_own(watched: Watched) -> None:
    with watched.shop.watch("door") as watching:
        alert = watched.shop.alerted(watching, "Hugo")
    listed = watched.described(watched.get("/v1/alerts?state=waiting&camera=door"), "/v1/alerts")
    assert [one["alert"] for one in listed["alerts"]] == [alert.alert]
    assert watched.get("/v1/alerts?state=confirmed").json()["alerts"] == []
    assert watched.get("/v1/alerts?camera=hall").json()["alerts"] == []
    watched.get("/v1/alerts?state=odd", status=422)
    shown = watched.described(watched.get(f"/v1/alerts/{alert.alert}", "rosa"), "/v1/alerts/{alert}")
    assert [one["score"] for one in shown["candidates"]] == [None]
    crop = watched.get(f"/v1/alerts/{alert.alert}/crop", "rosa")
    assert Image.open(io.BytesIO(crop.content)).format == "PNG"
    assert crop.headers["cache-control"] == "no-store"
    assert "case.picture" in {line.operation for line in watched.shop.system.log_lines()}
    assert watched.get("/v1/alerts", "till").json()["alerts"] == []
    for path in (f"/v1/alerts/{alert.alert}", f"/v1/alerts/{alert.alert}/crop", "/v1/alerts/00000000"):
        assert watched.get(path, "till", 404).json()["type"] == "urn:faceward:unknown"


def test_H2_pages_name_nobody_and_show_the_crop_to_who_reads_cases(watched: Watched) -> None:
    with watched.shop.watch("door") as watching:
        alert = watched.shop.alerted(watching, "Hugo")
    watched.tell()
    for path in ("/live", "/live/now", "/alerts", "/alerts?state=waiting&camera=door"):
        for who in ("rosa", "olga"):
            page = watched.get(path, who).text
            assert f"/alerts/{alert.alert}/crop" in page
            assert f'href="/review/{alert.case}"' in page
            assert "Hugo" not in page
    crop = watched.get(f"/alerts/{alert.alert}/crop", "rosa")
    assert (crop.headers["content-type"], crop.headers["cache-control"]) == ("image/jpeg", "no-store")
    assert "No alert of this kind" in watched.get("/alerts?state=dismissed", "olga").text
    watched.shop.decide(alert.case)
    watched.shop.act("olga")
    assert f"/alerts/{alert.alert}/crop" not in watched.get("/live/now", "olga").text
    assert "dismissed by people" in watched.get("/alerts?state=all", "olga").text
    assert watched.client.get("/live/now", headers=watched.keys["nvr"]).status_code == 403
