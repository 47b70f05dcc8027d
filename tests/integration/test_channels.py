"""Alerts leave by webhooks: signed, in order, at least once, and with nothing in them that need not be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from faceward.core.clock import SystemClock
from faceward.core.errors import EnvironmentFailure, PolicyRefusal, UsageError
from faceward.operations import channels as channels_module
from faceward.operations.channel_store import ChannelStore
from faceward.outbound import trial
from faceward.outbound.connecting import resolved
from faceward.outbound.courier import Courier
from faceward.outbound.errors import NotDelivered
from faceward.outbound.webhook import Terms, WebhookSender
from faceward.policy.alert_events import trial_event
from faceward.policy.deliveries import Pace

QUICK = Pace(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=100))
SLOW = Pace(first=timedelta(days=1), longest=timedelta(days=1), asked=timedelta(days=1))


@pytest.fixture(scope="session")
def ways(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_channels_kit", "channels_kit.py")


@pytest.fixture
def system(make_world: Callable[..., Any]) -> Any:
    return make_world().open(clock=SystemClock(), purpose=None)


@pytest.fixture
def shop(ways: ModuleType) -> Iterator[Any]:
    with ways.receiver() as made:
        yield made


@pytest.fixture
def told() -> list[str]:
    return []


def courier(system: Any, told: list[str] | None = None, pace: Pace = QUICK) -> Courier:
    return Courier(system, None if told is None else told.append, every=0.02, pace=pace)


def raw(log: Any, operation: str) -> list[dict[str, Any]]:
    """Return the details of the log's entries of an operation."""
    return [line.opened["details"] for line in log.log_lines() if line.operation == operation]


def test_an_alert_is_sent_signed_as_standard_webhooks_says(ways: ModuleType, system: Any, shop: Any) -> None:
    secret = ways.new_secret()
    system.channels.add(ways.webhook("shop", shop.url, secret))
    alert = ways.raise_alert(system)
    with courier(system):
        [came] = shop.wait_for(1)
    assert Webhook(secret).verify(came.body, came.headers)["data"]["alert"] == alert
    signed = f"{came.id}.{came.headers['webhook-timestamp']}.".encode() + came.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert came.headers["webhook-signature"] == f"v1,{expected}"
    assert came.path == "/hooks/shop-7?key=path-secret"
    assert came.headers["content-type"] == "application/json"


def test_H4_what_leaves_is_the_least_and_says_lead_only(ways: ModuleType, system: Any, shop: Any) -> None:
    system.channels.add(ways.webhook("shop", shop.url, origin="https://faces.example.org/"))
    alert = ways.raise_alert(system)
    with courier(system):
        [came] = shop.wait_for(1)
    data = came.json["data"]
    assert came.json["type"] == "alert.raised"
    assert set(data) == {"alert", "camera", "captured", "fpir", "state", "flags", "lead_only", "notice", "link"}
    assert (data["alert"], data["camera"], data["state"], data["flags"]) == (alert, "door 1", "waiting", [])
    assert data["lead_only"] is True
    assert "waits for two trained people" in data["notice"]
    assert data["fpir"] == 0.00123
    assert data["link"] == "https://faces.example.org/alerts?state=all&camera=door+1"
    text = came.body.decode()
    assert ways.SUBJECT not in text
    assert system._deployment.pseudonym(ways.SUBJECT).hex() not in text
    assert "0.71" not in text
    assert "Leeds" not in text


def test_more_is_told_only_where_it_was_asked_for(ways: ModuleType, system: Any, shop: Any) -> None:
    system.channels.add(ways.webhook("shop", shop.url, details=("gallery", "branch")))
    ways.raise_alert(system)
    with courier(system):
        [came] = shop.wait_for(1)
    assert {name: came.json["data"].get(name) for name in ("branch", "gallery", "purpose", "link")} == {
        "branch": "Leeds",
        "gallery": "list",
        "purpose": None,
        "link": None,
    }
    [entry] = [one for one in raw(system, "channel.add") if "details" in one]
    assert entry["details"] == ["branch", "gallery"]


def test_H1_each_change_is_sent_and_only_two_make_it_confirmed(ways: ModuleType, system: Any, shop: Any) -> None:
    system.channels.add(ways.webhook("shop", shop.url))
    alert = ways.raise_alert(system)
    with courier(system) as running:
        shop.wait_for(1)
        # One answer is nobody's business, and no decision.
        ways.review(system, alert, True)
        ways.flag(system, alert, "impossible-travel")
        running.wake()
        shop.wait_for(2)
        ways.review(system, alert, True, True)
        shop.wait_for(3)
        ways.forget(system, alert)
        came = shop.wait_for(4)
    assert [(one.json["type"], one.json["data"]["state"]) for one in came] == [
        ("alert.raised", "waiting"),
        ("alert.changed", "waiting"),
        ("alert.changed", "confirmed"),
        ("alert.ended", "ended"),
    ]
    assert came[1].json["data"]["flags"] == ["impossible-travel"]
    assert "two trained people agree" in came[2].json["data"]["notice"]
    assert set(came[3].json["data"]) == {"alert", "camera", "state", "notice"}
    assert len({one.id for one in came}) == 4
    assert ChannelStore(system._deployment).queues() == {}


def test_W5_an_alert_that_was_suppressed_is_told_nobody(ways: ModuleType, system: Any, shop: Any) -> None:
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system, state="suppressed")
    real = ways.raise_alert(system)
    with courier(system):
        shop.wait_for(1)
    assert [one.json["data"]["alert"] for one in shop.received] == [real]


def test_alerts_of_before_a_channel_was_added_are_not_sent_by_it(ways: ModuleType, system: Any, shop: Any) -> None:
    ways.raise_alert(system)
    system.channels.add(ways.webhook("shop", shop.url))
    after = ways.raise_alert(system)
    with courier(system):
        shop.wait_for(1)
    assert [one.json["data"]["alert"] for one in shop.received] == [after]


def test_what_fails_is_sent_again_with_the_same_id_and_in_order(
    ways: ModuleType, system: Any, shop: Any, told: list[str]
) -> None:
    shop.answers = [500, 503, "garble", 200, (302, {"location": shop.url}), 200]
    system.channels.add(ways.webhook("shop", shop.url))
    alerts = [ways.raise_alert(system) for _ in range(3)]
    with courier(system, told):
        came = shop.wait_for(7)
        ways.wait_until(lambda: ways.channel_of(system, "shop").delivered == 3)
    sent = [one.json["data"]["alert"] for one in came]
    assert sent == [alerts[0]] * 4 + [alerts[1]] * 2 + [alerts[2]]
    assert len({one.id for one in came}) == 3
    assert {one.headers["webhook-signature"] for one in came[:4]}
    # Redirects are not followed: each attempt is a POST to the address that was configured.
    assert {one.path for one in came} == {"/hooks/shop-7?key=path-secret"}
    assert any("status 500" in line for line in told)
    assert any("sends on to elsewhere" in line for line in told)
    assert any("answers again" in line for line in told)
    view = ways.channel_of(system, "shop")
    assert (view.state, view.waiting, view.given_up) == ("working", 0, 0)


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_a_receiver_that_hangs_is_left_after_the_limit(ways: ModuleType, system: Any, shop: Any, way: str) -> None:
    shop.answers = [way]
    system.channels.add(ways.webhook("shop", shop.url))
    store = ChannelStore(system._deployment)
    sender = WebhookSender(
        store.find("shop"), store.secrets("shop"), system._deployment.now, Terms(seconds=0.4, resolve=resolved)
    )
    with pytest.raises(NotDelivered, match="did not answer in time"):
        sender.send(trial_event("msg_1", "2026-01-01T00:00:00Z"))
    sender.send(trial_event("msg_2", "2026-01-01T00:00:00Z"))


def test_stopping_does_not_wait_for_a_receiver_that_hangs(ways: ModuleType, system: Any, shop: Any) -> None:
    shop.answers = ["hang"]
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    running = courier(system)
    running.start()
    shop.wait_for(1)
    running.stop(patience=0.1)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("faceward-")]
    assert ways.channel_of(system, "shop").waiting == 1


def test_a_dead_channel_holds_up_no_other(ways: ModuleType, system: Any, shop: Any) -> None:
    with ways.receiver("hang") as dead:
        system.channels.add(ways.webhook("dead", dead.url))
        system.channels.add(ways.webhook("gone", f"http://127.0.0.1:{ways.free_port()}/"))
        system.channels.add(ways.webhook("shop", shop.url))
        alerts = [ways.raise_alert(system) for _ in range(3)]
        running = courier(system)
        running.start()
        dead.wait_for(1)
        shop.wait_for(3)
        ways.wait_until(lambda: ways.channel_of(system, "gone").state == "failing")
        running.stop(patience=0.1)
    assert [one.json["data"]["alert"] for one in shop.received] == alerts
    assert ways.channel_of(system, "gone").reason == "nobody answers there"
    assert ways.channel_of(system, "gone").waiting == 3


def test_a_receiver_that_wants_no_more_is_left_alone_until_a_test_arrives(
    ways: ModuleType, system: Any, shop: Any, told: list[str]
) -> None:
    shop.answers = [410]
    system.channels.add(ways.webhook("shop", shop.url))
    first = ways.raise_alert(system)
    with courier(system, told):
        shop.wait_for(1)
        ways.wait_until(lambda: ways.channel_of(system, "shop").state == "closed")
        second = ways.raise_alert(system)
        ways.wait_until(lambda: ways.channel_of(system, "shop").waiting == 2)
        assert len(shop.received) == 1
        assert system.channels.test("shop", trial.send).reopened
        came = shop.wait_for(4)
    assert [one.json["type"] for one in came] == ["alert.raised", "channel.test", "alert.raised", "alert.raised"]
    assert [one.json["data"].get("alert") for one in came] == [first, None, first, second]
    assert raw(system, "channel.closed")[0]["channel"] == "shop"
    assert any("wants nothing more" in line for line in told)


def test_what_cannot_be_delivered_for_three_days_is_given_up_and_logged(
    ways: ModuleType, make_world: Callable[..., Any], shop: Any
) -> None:
    world = make_world()
    system = world.open(purpose=None)
    shop.usual = 500
    system.channels.add(ways.webhook("shop", shop.url))
    old = ways.raise_alert(system)
    with system.channels.outbox(Pace()) as outbox:
        outbox.collect()
        [identifier] = [one.identifier for one in outbox.collect()]
        world.clock.advance(timedelta(days=2))
        young = ways.raise_alert(system)
        outbox.collect()
        world.clock.advance(timedelta(days=1) - timedelta(seconds=1))
        outbox.collect()
        assert outbox.following(identifier).data["alert"] == old
        world.clock.advance(timedelta(seconds=1))
        outbox.collect()
        assert outbox.following(identifier).data["alert"] == young
    [entry] = raw(system, "channel.give-up")
    assert (entry["channel"], entry["alerts"]) == ("shop", [old])
    view = ways.channel_of(system, "shop")
    assert (view.given_up, view.waiting) == (1, 1)


def test_the_pause_is_kept_over_a_restart(ways: ModuleType, system: Any, shop: Any) -> None:
    shop.answers = [500]
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    with courier(system, pace=SLOW):
        ways.wait_until(lambda: ways.channel_of(system, "shop").state == "failing")
    with courier(system, pace=SLOW):
        ways.raise_alert(system)
        ways.wait_until(lambda: ways.channel_of(system, "shop").waiting == 2)
    assert len(shop.received) == 1


def test_a_receiver_may_ask_for_a_longer_pause(ways: ModuleType, make_world: Callable[..., Any], shop: Any) -> None:
    shop.usual = (429, {"retry-after": "1800"})
    world = make_world()
    system = world.open(purpose=None)
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    with Courier(system, every=0.02):
        ways.wait_until(lambda: ways.channel_of(system, "shop").state == "failing")
    wait = datetime.fromisoformat(ways.channel_of(system, "shop").following) - world.clock.now()
    assert wait == timedelta(minutes=30)


def test_a_sender_that_is_killed_between_sending_and_marking_sends_again_with_the_same_id(
    ways: ModuleType, system: Any, shop: Any, worker: Callable[..., Any]
) -> None:
    secret = ways.new_secret()
    shop.answers = ["hang"]
    system.channels.add(ways.webhook("shop", shop.url, secret))
    alerts = [ways.raise_alert(system) for _ in range(2)]
    home = system.home
    first = worker("courier", home)
    # It has sent the first one, and waits for the answer.
    shop.wait_for(1)
    first.kill()
    second = worker("courier", home)
    came = shop.wait_for(3)
    second.ask("stop")
    assert second.finish()[-1] == "stopped"
    assert [one.json["data"]["alert"] for one in came] == [alerts[0], *alerts]
    assert came[0].id == came[1].id != came[2].id
    assert came[0].body == came[1].body
    for one in came:
        Webhook(secret).verify(one.body, one.headers)


def test_of_two_that_drain_one_sends_and_the_other_goes_on_where_it_dies(
    ways: ModuleType, system: Any, shop: Any, worker: Callable[..., Any]
) -> None:
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    first = worker("courier", system.home)
    shop.wait_for(1)
    with courier(system), system.channels.outbox(QUICK) as nobodys:
        assert nobodys is None
        ways.raise_alert(system)
        ways.wait_until(lambda: ways.channel_of(system, "shop").delivered == 2)
        first.kill()
        ways.raise_alert(system)
        shop.wait_for(3)
    numbers = [one.json["data"]["alert"] for one in shop.received]
    assert len(numbers) == len(set(numbers)) == 3


def test_a_full_disk_does_not_make_it_send_again_and_again(
    ways: ModuleType, system: Any, shop: Any, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    refused = threading.Event()
    keep = ChannelStore.keep_queue

    def full(store: Any, queue: Any) -> None:
        if not queue.events:
            refused.set()
            raise EnvironmentFailure("the disk is full; free some space and repeat")
        keep(store, queue)

    monkeypatch.setattr(ChannelStore, "keep_queue", full)
    monkeypatch.setattr("faceward.outbound.lane._OWN_FAULT", 0.01)
    with courier(system, told):
        assert refused.wait(ways.PATIENCE)
        refused.clear()
        assert refused.wait(ways.PATIENCE)
        monkeypatch.setattr(ChannelStore, "keep_queue", keep)
        ways.wait_until(lambda: ways.channel_of(system, "shop").waiting == 0)
    assert len(shop.received) == 1
    assert [line for line in told if "disk is full" in line] == [
        "channel shop: the disk is full; free some space and repeat"
    ]


def test_what_was_not_sent_before_an_alert_ended_is_not_sent_after(ways: ModuleType, system: Any, shop: Any) -> None:
    shop.answers = [500]
    system.channels.add(ways.webhook("shop", shop.url))
    alert = ways.raise_alert(system)
    with courier(system, pace=SLOW):
        ways.wait_until(lambda: ways.channel_of(system, "shop").state == "failing")
    ways.forget(system, alert)
    with courier(system, pace=SLOW):
        ways.wait_until(lambda: "ended" in str(ChannelStore(system._deployment).queues()))
        system.channels.test("shop", trial.send)
        came = shop.wait_for(3)
    assert [one.json["type"] for one in came] == ["alert.raised", "channel.test", "alert.ended"]


def test_the_log_tells_the_first_delivery_of_a_day_and_not_each(
    ways: ModuleType, make_world: Callable[..., Any], shop: Any
) -> None:
    world = make_world()
    system = world.open(purpose=None)
    system.channels.add(ways.webhook("shop", shop.url))
    with courier(system):
        for count in (1, 2, 3):
            ways.raise_alert(system)
            ways.wait_until(lambda wanted=count: ways.channel_of(system, "shop").delivered == wanted)
        world.clock.advance(timedelta(days=1))
        ways.raise_alert(system)
        ways.wait_until(lambda: ways.channel_of(system, "shop").delivered == 4)
    assert [one["delivered"] for one in raw(system, "channel.delivered")] == [1, 4]


def test_adding_and_removing_is_logged_with_place_and_without_secret(ways: ModuleType, system: Any, shop: Any) -> None:
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    system.channels.remove("shop")
    added, _ = raw(system, "channel.add")
    removed, _ = raw(system, "channel.remove")
    for entry in (added, removed):
        assert (entry["channel"], entry["kind"]) == ("shop", "webhook")
        assert entry["place"] == f"http://127.0.0.1:{shop.port}"
    assert system.channels.list() == ()
    assert ChannelStore(system._deployment).queues() == {}
    with courier(system), pytest.raises(UsageError, match="no channel"):
        system.channels.test("shop", trial.send)
    assert shop.received == []


def test_a_channel_that_is_removed_while_it_is_sent_by_leaves_nothing(ways: ModuleType, system: Any, shop: Any) -> None:
    shop.answers = ["hang"]
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    running = courier(system)
    running.start()
    shop.wait_for(1)
    system.channels.remove("shop")
    shop.over.set()
    running.stop()
    with courier(system):
        ways.wait_until(lambda: ChannelStore(system._deployment).queues() == {})
    assert ChannelStore(system._deployment).lines() == {}


def test_secrets_are_in_no_file_entry_or_output(ways: ModuleType, system: Any, shop: Any) -> None:
    secret = ways.new_secret()
    broken = f"http://127.0.0.1:{ways.free_port()}/hooks/path-secret"
    system.channels.add(ways.webhook("shop", shop.url, secret))
    system.channels.add(ways.webhook("gone", broken, secret))
    system.channels.add(
        ways.mqtt("house", "mqtts://broker.example", user="user-secret", password="password-secret", prefix="a/b")
    )
    ways.raise_alert(system)
    with courier(system):
        shop.wait_for(1)
        ways.wait_until(lambda: ways.channel_of(system, "gone").state == "failing")
    with pytest.raises(EnvironmentFailure):
        system.channels.test("gone", trial.send)
    views = json.dumps([one.to_json() for one in system.channels.list()])
    entries = json.dumps([line.opened for line in system.log_lines()], default=str)
    store = ChannelStore(system._deployment)
    shown = repr([store.secrets(name) for name in ("shop", "gone", "house")]) + repr(store.all())
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = [b"path-secret", b"user-secret", b"password-secret", secret.encode(), secret[6:].encode(), key]
    wanted += [base64.b64encode(one) for one in wanted] + [key.hex().encode()]
    files = {path: path.read_bytes() for path in system.home.rglob("*") if path.is_file()}
    assert any(b"faceward" in content or b"SQLite" in content for content in files.values())
    for one in wanted:
        for text in (views.encode(), entries.encode(), shown.encode(), *files.values()):
            assert one not in text
    assert store.secrets("house").password == "password-secret"


def test_sealed_secrets_belong_to_their_channel(ways: ModuleType, system: Any, shop: Any) -> None:
    for name in ("one", "two"):
        system.channels.add(ways.webhook(name, shop.url))
    deployment = system._deployment
    one, two = (dict(deployment.kept("channel", name)) for name in ("one", "two"))
    deployment.keep("channel", "one", {**one, "sealed": two["sealed"]})
    with pytest.raises(Exception, match="were altered"):
        system.channels.secrets("one")


def test_K2_channels_are_changed_by_operators_alone(
    ways: ModuleType, system: Any, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceward.operations import context
    from faceward.policy.rules import Principal

    system.channels.add(ways.webhook("shop", shop.url))
    known = context.standing

    def reviewer(*given: Any) -> Any:
        _, conditions = known(*given)
        return Principal("Rosa", signed_in=True, roles=frozenset({"reviewer"}), trained=True), conditions

    monkeypatch.setattr(context, "standing", reviewer)
    for act in (
        lambda: system.channels.add(ways.webhook("other", shop.url)),
        lambda: system.channels.remove("shop"),
        lambda: system.channels.test("shop", trial.send),
    ):
        with pytest.raises(PolicyRefusal) as caught:
            act()
        assert caught.value.rule == "K2"
    monkeypatch.setattr(context, "standing", known)
    assert [one.name for one in system.channels.list()] == ["shop"]
    assert shop.received == []
    phases = [(line.operation, line.phase) for line in system.log_lines() if line.operation.startswith("channel.")]
    assert phases.count(("channel.test", "denied")) == 1


def test_names_are_taken_once_and_there_is_a_most(
    ways: ModuleType, system: Any, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.channels.add(ways.webhook("shop", shop.url))
    with pytest.raises(UsageError, match="already"):
        system.channels.add(ways.webhook(" shop ", shop.url))
    monkeypatch.setattr(channels_module, "MOST_CHANNELS", 1)
    with pytest.raises(UsageError, match="remove one first"):
        system.channels.add(ways.webhook("other", shop.url))


def test_tls_is_checked_against_the_authority_and_the_name(ways: ModuleType, system: Any, tmp_path: Path) -> None:
    import ssl

    made = ways.authority(tmp_path, "localhost")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(made.server, made.key)
    with ways.receiver(tls=served) as shop:
        authority = made.certificate.read_text()
        for name, host, given in (
            ("known", "localhost", authority),
            ("stranger", "localhost", ""),
            ("misnamed", "127.0.0.1", authority),
        ):
            system.channels.add(ways.webhook(name, f"https://{host}:{shop.port}/", authority=given))
        system.channels.test("known", trial.send)
        assert len(shop.received) == 1
        for name in ("stranger", "misnamed"):
            with pytest.raises(EnvironmentFailure, match="certificate is not valid"):
                system.channels.test(name, trial.send)
    assert len(shop.received) == 1


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200",
     "::", "224.0.0.1"],
)  # fmt: skip
def test_addresses_that_give_out_credentials_are_refused_when_connecting(
    ways: ModuleType, system: Any, shop: Any, address: str
) -> None:
    system.channels.add(ways.webhook("shop", f"http://receiver.example:{shop.port}/", insecure=True))
    store = ChannelStore(system._deployment)
    event = trial_event("msg_1", "2026-01-01T00:00:00Z")

    def sender(*found: str) -> WebhookSender:
        terms = Terms(seconds=2, resolve=lambda *_: list(found))
        return WebhookSender(store.find("shop"), store.secrets("shop"), system._deployment.now, terms)

    with pytest.raises(NotDelivered, match="refused"):
        sender(address).send(event)
    assert shop.received == []
    # The name may have another address beside it.
    sender(address, "127.0.0.1").send(event)
    assert len(shop.received) == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "100.100.100.200"])
def test_an_address_that_gives_out_credentials_is_refused_when_the_channel_is_added(
    ways: ModuleType, system: Any, address: str
) -> None:
    for request in (
        ways.webhook("shop", f"https://{address}/latest"),
        ways.mqtt("shop", f"mqtt://{address}", insecure=True),
    ):
        with pytest.raises(UsageError, match="is link-local, where clouds keep credentials: refused"):
            system.channels.add(request)
    assert system.channels.list() == ()


def test_without_tls_the_name_must_mean_this_machine_when_connecting_too(
    ways: ModuleType, system: Any, shop: Any
) -> None:
    system.channels.add(ways.webhook("shop", f"http://localhost:{shop.port}/"))
    store = ChannelStore(system._deployment)
    terms = Terms(seconds=2, resolve=lambda *_: ["192.0.2.7"])
    sender = WebhookSender(store.find("shop"), store.secrets("shop"), system._deployment.now, terms)
    with pytest.raises(NotDelivered, match="is not of this machine"):
        sender.send(trial_event("msg_1", "2026-01-01T00:00:00Z"))


def test_a_restored_copy_sends_what_it_does_not_know_to_be_sent_with_the_same_id(
    ways: ModuleType, make_world: Callable[..., Any], shop: Any, tmp_path: Path
) -> None:
    world = make_world()
    system = world.open(clock=SystemClock(), purpose=None)
    system.channels.add(ways.webhook("shop", shop.url))
    ways.raise_alert(system)
    world.close()
    shutil.copytree(world.home, tmp_path / "copy")
    with courier(world.open(clock=SystemClock(), purpose=None)):
        shop.wait_for(1)
    other = replace(world, home=tmp_path / "copy", systems=[])
    with courier(other.open(clock=SystemClock(), purpose=None)):
        came = shop.wait_for(2)
    other.close()
    assert came[0].id == came[1].id
    assert datetime.now(tz=UTC) - datetime.fromtimestamp(int(came[1].headers["webhook-timestamp"]), UTC) < timedelta(1)
