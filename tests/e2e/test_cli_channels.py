"""Channels on the command line: added, tried, listed and removed, and sent by from `run`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

import faceward

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli


@pytest.fixture(scope="session")
def ways(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_channels_kit", "channels_kit.py")


@pytest.fixture
def shop(ways: ModuleType) -> Iterator[Any]:
    with ways.receiver() as made:
        yield made


VIEW = {
    *("name", "kind", "place", "details", "origin", "prefix", "discovery", "frigate", "insecure", "since"),
    *("state", "reason", "failing", "following", "latest", "waiting", "delivered", "given_up"),
}


def test_a_webhook_is_added_tried_listed_and_removed(cli: Cli, shop: Any, tmp_path: Path) -> None:
    secret = tmp_path / "shop.secret"
    added = cli.ok("channel", "add", "shop", "--to", shop.url, "--secret-file", secret, "--detail", "place")
    assert added.out == f"channel shop added: alerts go to http://127.0.0.1:{shop.port}\n"
    assert "give it to the receiver" in added.err
    assert "receives personal data from now on" in added.err
    assert secret.stat().st_mode & 0o777 == 0o600
    text = secret.read_text().strip()
    assert cli.json("channel", "test", "shop") == {
        "name": "shop",
        "place": f"http://127.0.0.1:{shop.port}",
        "reopened": False,
    }
    [came] = shop.wait_for(1)
    assert Webhook(text).verify(came.body, came.headers)["type"] == "channel.test"
    listed = cli.ok("channel", "list")
    as_json = cli.json("channel", "list")
    [view] = as_json["channels"]
    assert set(view) == VIEW
    assert (view["details"], view["state"], view["waiting"]) == (["place"], "new", 0)
    removed = cli.ok("channel", "remove", "shop")
    assert "nothing more goes to" in removed.out
    for output in (added, listed, removed, cli.ok("audit", "show", "--last", "20")):
        for hidden in (text, "path-secret", "hooks/shop-7"):
            assert hidden not in output.out + output.err
    assert "path-secret" not in json.dumps(as_json)
    assert cli.json("channel", "list") == {"channels": []}


def test_what_cannot_be_added_is_said_in_a_line_and_leaves_no_secret(cli: Cli, shop: Any, tmp_path: Path) -> None:
    secret = tmp_path / "new.secret"
    to = ("--to", shop.url)
    assert "signed" in cli.refused(2, "channel", "add", "shop", *to)
    assert "--insecure" in cli.refused(
        2, "channel", "add", "shop", "--to", "http://shop.example/", "--secret-file", secret
    )
    assert "no 'face'" in cli.refused(2, "channel", "add", "s", *to, "--secret-file", secret, "--detail", "face")
    assert not secret.exists()
    assert "cannot be read" in cli.refused(
        4, "channel", "add", "s", *to, "--secret-file", secret, "--ca", tmp_path / "x"
    )
    assert not secret.exists()
    secret.write_text("whsec_short\n")
    assert "24 to 64 bytes" in cli.refused(2, "channel", "add", "shop", *to, "--secret-file", secret)
    assert secret.read_text() == "whsec_short\n"
    assert "there is no channel" in cli.refused(2, "channel", "remove", "shop")
    assert "there is no channel" in cli.refused(2, "channel", "test", "shop")


def test_a_test_that_does_not_arrive_is_an_error(cli: Cli, shop: Any, tmp_path: Path) -> None:
    shop.usual = 500
    cli.ok("channel", "add", "shop", "--to", shop.url, "--secret-file", tmp_path / "secret")
    line = cli.refused(1, "channel", "test", "shop")
    assert "status 500" in line
    assert "path-secret" not in line


def test_a_broker_that_is_gone_does_not_keep_its_channel(cli: Cli, ways: ModuleType, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("a password\nanother line\n")
    cli.ok("channel", "add", "house", "--to", f"mqtt://127.0.0.1:{ways.free_port()}", "--user", "u",
           "--password-file", password, "--frigate")  # fmt: skip
    removed = cli.ok("channel", "remove", "house")
    assert "house is removed" in removed.err
    assert cli.json("channel", "list") == {"channels": []}


def test_run_sends_and_ends_when_told_to(
    ways: ModuleType, make_world: Callable[..., Any], shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = make_world()
    with faceward.open(world.home, passphrase="correct horse") as system:
        system.channels.add(ways.webhook("shop", shop.url))
        alert = ways.raise_alert(system)
    command = [sys.executable, "-m", "faceward", "run", "--home", str(world.home), "--every", "1h", "--json"]
    environment = {**os.environ, "FACEWARD_PASSPHRASE": "correct horse"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        [came] = shop.wait_for(1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=ways.PATIENCE)
    finally:
        process.kill()
    assert came.json["data"]["alert"] == alert
    assert process.returncode == 0, err
    assert json.loads(out)["turns"] == 1
