"""Alerts leave by a real broker: in order, with nothing lost where it dies, and with states that tell how it stands."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.core.clock import SystemClock
from faceward.core.errors import EnvironmentFailure
from faceward.operations.channel_store import ChannelStore
from faceward.outbound import trial
from faceward.outbound.courier import Courier
from faceward.outbound.errors import NotDelivered
from faceward.outbound.mqtt import MqttSender
from faceward.outbound.webhook import Terms
from faceward.policy.alert_events import Board, trial_event
from faceward.policy.cameras import CameraRequest, new_camera
from faceward.policy.channels import ChannelRequest, Secrets
from faceward.policy.deliveries import Pace

QUICK = Pace(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=100))
SLOW = Pace(first=timedelta(days=1), longest=timedelta(days=1))
PASSWORD = "a password of a broker"


@pytest.fixture(scope="session")
def ways(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_channels_kit", "channels_kit.py")


@pytest.fixture
def system(make_world: Callable[..., Any]) -> Any:
    return make_world().open(clock=SystemClock(), purpose=None)


@pytest.fixture
def house(ways: ModuleType, tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with ways.broker(folder) as made:
        yield made


def courier(system: Any, told: list[str] | None = None, pace: Pace = QUICK) -> Courier:
    return Courier(system, None if told is None else told.append, every=0.02, pace=pace)


def add(ways: ModuleType, system: Any, port: int, **options: Any) -> Any:
    return system.channels.add(ways.mqtt("house", f"mqtt://127.0.0.1:{port}", **options))


def test_an_alert_is_published_and_the_camera_says_that_it_waits(ways: ModuleType, system: Any, house: Any) -> None:
    add(ways, system, house.port)
    with ways.listening(house.port) as heard:
        with courier(system):
            heard.last("faceward/availability", b"online")
            alert = ways.raise_alert(system)
            [event] = heard.on("faceward/alerts")
            heard.last("faceward/door 1/alert", b"ON")
            ways.review(system, alert, False, False)
            _, decided = heard.on("faceward/alerts", 2)
            heard.last("faceward/door 1/alert", b"OFF")
        heard.last("faceward/availability", b"offline")
    assert (event["type"], event["data"]["alert"], event["data"]["lead_only"]) == ("alert.raised", alert, True)
    assert event["id"].startswith("msg_")
    assert (decided["type"], decided["data"]["state"]) == ("alert.changed", "dismissed")
    assert not [topic for topic, _, _ in heard.messages if topic == "faceward/events"]
    everything = b"".join(topic.encode() + payload for topic, payload, _ in heard.messages)
    assert ways.SUBJECT.encode() not in everything
    assert b"0.71" not in everything


def test_states_are_retained_for_who_listens_later_and_events_are_not(
    ways: ModuleType, system: Any, house: Any
) -> None:
    add(ways, system, house.port)
    alert = ways.raise_alert(system)
    with courier(system):
        ways.wait_until(lambda: ways.channel_of(system, "house").delivered == 1)
        with ways.listening(house.port) as late:
            [attributes] = late.on("faceward/door 1/alert/attributes")
            late.last("faceward/door 1/alert", b"ON")
            late.last("faceward/availability", b"online")
            kept = list(late.messages)
    assert attributes["waiting"] == 1
    assert attributes["latest"]["alert"] == alert
    assert all(retained for _, _, retained in kept)
    assert not [topic for topic, _, _ in kept if topic == "faceward/alerts"]


def test_home_assistant_finds_cameras_and_rates(ways: ModuleType, system: Any, house: Any, tmp_path: Path) -> None:
    from faceward.operations import alert_facts
    from faceward.policy.alert_events import Rate

    system.channels.add(
        ways.mqtt("house", f"mqtt://127.0.0.1:{house.port}", origin="https://faces.example.org", prefix="shop/7")
    )
    ways.raise_alert(system, "Café – Tür")
    counted = (Rate("theft", 0.0004, 0.001, halted=False),)
    with pytest.MonkeyPatch.context() as patched, ways.listening(house.port) as heard:
        patched.setattr(alert_facts.AlertFacts, "_counted", lambda _: counted)
        with courier(system):
            ways.wait_until(lambda: ways.channel_of(system, "house").delivered == 1)
            found = heard.wait_until(lambda all_: sum("/config" in topic for topic, _ in all_) == 2)
            heard.last("shop/7/purposes/theft/false_alerts", json.dumps(
                {"accepted_per_thousand": 1, "halted": False, "per_thousand": 0.4, "purpose": "theft"},
                separators=(",", ":"),
            ).encode())  # fmt: skip
    configs = {topic: json.loads(payload) for topic, payload in found if topic.endswith("/config")}
    [(topic, camera)] = [(one, value) for one, value in configs.items() if "/binary_sensor/" in one]
    prefix, component, node, name, last = topic.split("/")
    assert (prefix, component, last) == ("homeassistant", "binary_sensor", "config")
    assert all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in node + name)
    assert camera["unique_id"] == f"{node}_{name}"
    assert camera["state_topic"] == "shop/7/Café – Tür/alert"
    assert (camera["payload_on"], camera["payload_off"]) == ("ON", "OFF")
    assert camera["availability_topic"] == "shop/7/availability"
    assert camera["device"]["identifiers"] == [node]
    assert camera["device"]["configuration_url"] == "https://faces.example.org"
    heard.last(camera["state_topic"], b"ON")
    [rate] = [value for one, value in configs.items() if "/sensor/" in one]
    assert rate["state_topic"] == "shop/7/purposes/theft/false_alerts"
    assert rate["value_template"] == "{{ value_json.per_thousand }}"


def test_configured_cameras_are_shown_before_anything_happened(ways: ModuleType, system: Any, house: Any) -> None:
    deployment = system._deployment
    camera = new_camera(CameraRequest("till", "unused", "at the till"), "unused", deployment.now())
    deployment.keep("camera", "till", {**camera.to_json(), "source": ""})
    add(ways, system, house.port, discovery="")
    with ways.listening(house.port) as heard, courier(system):
        heard.last("faceward/till/alert", b"OFF")
    assert not [topic for topic, _, _ in heard.messages if topic.startswith("homeassistant/")]


def test_events_in_frigates_form_tell_of_new_and_end(ways: ModuleType, system: Any, house: Any) -> None:
    add(ways, system, house.port, frigate=True)
    with ways.listening(house.port) as heard, courier(system):
        alert = ways.raise_alert(system)
        heard.on("faceward/events", 1)
        ways.flag(system, alert, "impossible-travel")
        heard.on("faceward/events", 2)
        ways.review(system, alert, False, False)
        heard.on("faceward/events", 3)
        ways.forget(system, alert)
        events = heard.on("faceward/events", 4)
    assert [one["type"] for one in events] == ["new", "update", "end", "end"]
    for one in events:
        assert set(one) == {"type", "before", "after"}
        assert one["after"]["id"] == one["before"]["id"] == alert
        assert one["after"]["camera"] == "door 1"
        assert one["after"]["sub_label"] is None
        assert one["after"]["score"] is one["after"]["top_score"] is None
        assert one["after"]["has_snapshot"] is False
    assert events[0]["after"]["end_time"] is None
    assert events[2]["after"]["end_time"] >= events[2]["after"]["start_time"]
    assert events[2]["after"]["false_positive"] is True
    assert events[2]["before"]["false_positive"] is False
    assert events[2]["before"]["faceward"]["flags"] == ["impossible-travel"]


def test_a_broker_that_is_killed_and_comes_back_loses_nothing_and_keeps_the_order(
    ways: ModuleType, system: Any, house: Any
) -> None:
    told: list[str] = []
    add(ways, system, house.port)
    with courier(system, told, SLOW):
        with ways.listening(house.port) as heard:
            before = [ways.raise_alert(system) for _ in range(2)]
            heard.on("faceward/alerts", 2)
            ways.wait_until(lambda: ways.channel_of(system, "house").waiting == 0)
            house.kill()
        after = [ways.raise_alert(system) for _ in range(3)]
        ways.wait_until(lambda: ways.channel_of(system, "house").state == "failing")
        house.start()
        with ways.listening(house.port) as again:
            # Whoever listens is there now; a test that arrives has the rest sent without a pause.
            system.channels.test("house", trial.send)
            came = again.on("faceward/alerts", 3)
            again.last("faceward/availability", b"online")
    assert [one["data"]["alert"] for one in came] == after
    assert [one["data"]["alert"] for one in heard.on("faceward/alerts", 2)] == before
    assert any("ended the connection" in line or "nobody answers" in line for line in told)
    assert any("answers again" in line for line in told)


def test_a_broker_that_is_away_is_tried_until_it_is_there(ways: ModuleType, system: Any, house: Any) -> None:
    house.kill()
    add(ways, system, house.port)
    ways.raise_alert(system)
    with courier(system):
        ways.wait_until(lambda: ways.channel_of(system, "house").state == "failing")
        house.start()
        ways.wait_until(lambda: ways.channel_of(system, "house").delivered == 1)
    assert ways.channel_of(system, "house").state == "working"


def test_whoever_sends_and_dies_is_told_to_be_offline_by_the_broker(
    ways: ModuleType, system: Any, house: Any, worker: Callable[..., Any]
) -> None:
    add(ways, system, house.port)
    with ways.listening(house.port) as heard:
        process = worker("courier", system.home)
        heard.last("faceward/availability", b"online")
        process.kill()
        heard.last("faceward/availability", b"offline")


def test_a_channel_that_is_removed_leaves_nothing_retained(ways: ModuleType, system: Any, house: Any) -> None:
    for running in (True, False):
        add(ways, system, house.port)
        ways.raise_alert(system)
        with courier(system):
            ways.wait_until(lambda: ways.channel_of(system, "house").delivered == 1)
            left = system.channels.leaving("house")
            if running:
                system.channels.remove("house")
                store = ChannelStore(system._deployment)
                ways.wait_until(lambda s=store: not s.lines() and not s.queues())
        if not running:
            system.channels.remove("house")
            trial.end(left)
        with ways.listening(house.port) as late:
            system.channels.add(ways.mqtt("other", f"mqtt://127.0.0.1:{house.port}", prefix="other"))
            system.channels.test("other", trial.send)
            late.on("other/test")
            assert [topic for topic, _, _ in late.messages] == ["other/test"]
        system.channels.remove("other")


@pytest.fixture
def guarded(ways: ModuleType, tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """A broker with TLS under an authority of its own, that lets one user in, who may not publish everything."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto_passwd is not installed")
    made = ways.authority(folder, "localhost")
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(folder / "users"), "alerts", PASSWORD], check=True)
    (folder / "acl").write_text("user alerts\ntopic readwrite faceward/#\ntopic write homeassistant/#\n")
    lines = (
        "allow_anonymous false",
        f"password_file {folder / 'users'}",
        f"acl_file {folder / 'acl'}",
        f"cafile {made.certificate}",
        f"certfile {made.server}",
        f"keyfile {made.key}",
    )
    for file in folder.iterdir():
        file.chmod(0o600)
    with ways.broker(folder, *lines) as started:
        yield started, made.certificate.read_text()


def asked(name: str, url: str, authority: str, password: str = PASSWORD, prefix: str = "faceward") -> ChannelRequest:
    return ChannelRequest(name, Secrets(url, user="alerts", password=password), authority=authority, prefix=prefix)


def test_tls_and_a_password_are_spoken_and_looked_at(ways: ModuleType, system: Any, guarded: tuple[Any, str]) -> None:
    broker, authority = guarded
    url = f"mqtts://localhost:{broker.port}"
    system.channels.add(asked("good", url, authority))
    system.channels.test("good", trial.send)
    ways.raise_alert(system)
    with courier(system):
        ways.wait_until(lambda: ways.channel_of(system, "good").delivered == 1)
    expected = {
        "stranger": (asked("stranger", url, ""), "certificate is not valid"),
        "misnamed": (asked("misnamed", f"mqtts://127.0.0.1:{broker.port}", authority), "certificate is not valid"),
        "wrong": (asked("wrong", url, authority, "another password"), "refuses: not authorized"),
        "open": (ways.mqtt("open", f"mqtt://localhost:{broker.port}"), "ended the connection|no MQTT|in time"),
        "barred": (asked("barred", url, authority, prefix="secrets"), "refuses a message: not authorized"),
    }
    for name, (request, reason) in expected.items():
        system.channels.add(request)
        with pytest.raises(EnvironmentFailure, match=reason) as caught:
            system.channels.test(name, trial.send)
        assert PASSWORD not in str(caught.value)
        assert "alerts" not in str(caught.value).replace(name, "")


def test_no_thread_or_socket_stays(ways: ModuleType, system: Any, house: Any) -> None:
    add(ways, system, house.port)
    for _ in range(3):
        with courier(system):
            ways.wait_until(lambda: ways.channel_of(system, "house").state == "new")
    system.channels.test("house", trial.send)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("faceward-", "paho"))]


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1"])
def test_brokers_at_addresses_that_give_out_credentials_are_refused(
    ways: ModuleType, system: Any, house: Any, address: str
) -> None:
    system.channels.add(ways.mqtt("house", f"mqtt://broker.example:{house.port}", insecure=True))
    store = ChannelStore(system._deployment)

    def sender(*found: str) -> MqttSender:
        terms = Terms(seconds=2, resolve=lambda *_: list(found))
        return MqttSender(store.find("house"), store.secrets("house"), terms, passing=True)

    refused = sender(address)
    with pytest.raises(NotDelivered, match="is link-local"):
        refused.send(trial_event("msg_1", "2026-01-01T00:00:00Z"))
    allowed = sender(address, "127.0.0.1")
    allowed.send(trial_event("msg_1", "2026-01-01T00:00:00Z"))
    allowed.present(Board())
    allowed.close()
