"""What a channel may be: addresses, secrets and settings, looked at before anything is sent."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, UsageError
from faceward.policy.channel_targets import check_origin, parse_secret, parse_target, written_secret
from faceward.policy.channels import Channel, ChannelRequest, Secrets, new_channel, slug, told_details

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECRET = written_secret(bytes(range(32)))


def made(address: str = "https://shop.example/hook", *, secret: str = SECRET, **options: Any) -> Channel:
    given = {name: options.pop(name) for name in ("user", "password") if name in options}
    request = ChannelRequest("shop", Secrets(address, secret=secret, **given), **options)
    return new_channel(request, "0" * 32, 7, NOW)


@pytest.mark.parametrize(
    ("address", "kind", "place", "path"),
    [
        ("https://shop.example/a?b=c", "webhook", "https://shop.example:443", "/a?b=c"),
        ("https://shop.example", "webhook", "https://shop.example:443", "/"),
        ("https://[2001:db8::1]:8443/x", "webhook", "https://[2001:db8::1]:8443", "/x"),
        ("http://localhost:8080/x", "webhook", "http://localhost:8080", "/x"),
        ("mqtts://broker.example", "mqtt", "mqtts://broker.example:8883", ""),
        ("mqtt://127.0.0.1/", "mqtt", "mqtt://127.0.0.1:1883", ""),
    ],
)
def test_addresses_are_taken_apart_and_shown_without_their_path(address: str, kind: str, place: str, path: str) -> None:
    target = parse_target(address)
    assert (target.kind, target.place, target.path) == (kind, place, path)
    assert "b=c" not in repr(target)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "shop.example/hook",
        "ftp://shop.example/",
        "https://",
        "https:///x",
        "https://shop.example/#part",
        "https://user:secret@shop.example/",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example/a b",
        "https://shöp.example/",
        "https://[::1/",
        "mqtts://broker.example/topic",
        "mqtts://broker.example?x=y",
        "https://shop.example/" + "x" * 3000,
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(address)
    assert "secret" not in str(caught.value)
    assert "user:" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://shop.example/", "http://192.168.1.7/", "mqtt://broker.example"])
def test_without_tls_only_this_machine_will_do(address: str) -> None:
    secret = "" if address.startswith("mqtt") else SECRET
    with pytest.raises(UsageError, match="--insecure"):
        made(address, secret=secret)
    assert made(address, secret=secret, insecure=True).insecure
    assert not made("http://127.0.0.1:80/").insecure
    assert not made(insecure=True).insecure


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_!!!!", SECRET.removeprefix("whsec_"), "whsec_" + base64.b64encode(bytes(23)).decode(),
     "whsec_" + base64.b64encode(bytes(65)).decode()],
)  # fmt: skip
def test_a_webhook_needs_a_secret_of_24_to_64_bytes(secret: str) -> None:
    with pytest.raises(UsageError, match="secret") as caught:
        made(secret=secret)
    assert len(secret) < 10 or secret not in str(caught.value)
    assert parse_secret(f" {SECRET}\n") == bytes(range(32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": "x"}, "leave out --user"),
        ({"details": ("name",)}, "no 'name' to tell"),
        ({"frigate": True}, "go to a broker"),
        ({"origin": "https://faces.example/path"}, "no origin"),
        ({"origin": "javascript:alert(1)"}, "no origin"),
        ({"authority": "no certificates"}, "no certificates"),
        ({"authority": "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----"}, "private key"),
    ],
)
def test_settings_of_a_webhook_are_looked_at(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"secret": SECRET}, "no secret that signs"),
        ({"password": "x"}, "give --user"),
        ({"user": "a\nb"}, "one line"),
        ({"user": "a", "password": "b\x00"}, "one line"),
        ({"prefix": "a/#"}, "cannot begin a topic"),
        ({"prefix": ""}, "cannot begin a topic"),
        ({"prefix": "/a"}, "cannot begin a topic"),
        ({"discovery": "$SYS"}, "cannot begin a topic"),
    ],
)
def test_settings_of_a_broker_are_looked_at(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made("mqtts://broker.example", **{"secret": "", **options})


def test_a_channel_is_read_back_equal_and_strictly() -> None:
    channel = made("mqtts://broker.example", secret="", details=("purpose", "place"), origin="https://x.example/")
    assert Channel.from_json(channel.to_json()) == channel
    assert channel.details == ("place", "purpose")
    assert channel.origin == "https://x.example"
    for bad in ({}, {**channel.to_json(), "more": 1}, {**channel.to_json(), "since": "x"}, None):
        with pytest.raises(IntegrityError):
            Channel.from_json(bad)


def test_secrets_are_not_shown_by_accident() -> None:
    shown = repr(Secrets("https://shop.example/path-secret", SECRET, "user-secret", "password-secret"))
    assert shown == "Secrets()"


def test_origins_and_details() -> None:
    assert check_origin(" https://x.example:8443/ ") == "https://x.example:8443"
    assert told_details({"place": "a", "branch": "b", "name": "c"}, ("branch", "gallery")) == {"branch": "b"}


def test_slugs_differ_where_names_do() -> None:
    names = ["door", "Door", "door 1", "door_1", "door-1", "Tür", "Tur", "門", "门"]
    made_of = [slug(name) for name in names]
    assert len(set(made_of)) == len(names)
    assert all(one.isascii() and one.replace("_", "").isalnum() for one in made_of)
    assert made_of[0] == "door"
