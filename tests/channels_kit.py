"""Receivers of alerts on loopback, and alerts for them: a web server, a broker, and whoever listens to it."""

from __future__ import annotations

import hashlib
import http.server
import ipaddress
import json
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faceward.audit.entries import Phase
from faceward.core.errors import UsageError
from faceward.operations import alert_store
from faceward.operations.case_store import CaseStore
from faceward.operations.journal import Happening
from faceward.operations.system import System
from faceward.policy.channel_targets import written_secret
from faceward.policy.channels import ChannelRequest, Secrets
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Finding, Search, Version

PATIENCE = 20.0
"""Seconds after which a test fails that waits for something; nothing is measured by it."""

SUBJECT = "Ada Bystander"
"""Who is on every alert of these tests, and must be in nothing that leaves."""

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


@dataclass(frozen=True)
class Received:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


@dataclass
class Receiver:
    """A web server that answers as it is told: `answers` are used up one by one, then `usual`.

    An answer is a status, a pair of a status and headers, or `hang`, `drip` or `garble`.
    """

    usual: Any = 204
    answers: list[Any] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def wait_for(self, count: int) -> list[Received]:
        """Return what came when so many came."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= count, PATIENCE), self.received
            return list(self.received)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/shop-7?key=path-secret"


def _handler(receiver: Receiver) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with receiver.changed:
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else receiver.usual
                receiver.changed.notify_all()
            self._answer(answer)

        do_GET = do_POST  # noqa: N815 - the library looks for it

        def _answer(self, answer: Any) -> None:
            self.close_connection = True
            if answer == "hang":
                receiver.over.wait(PATIENCE)
            elif answer == "drip":
                self.connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not receiver.over.wait(0.05):
                    try:
                        self.connection.sendall(b"x-more: 1\r\n")
                    except OSError:
                        return
            elif answer == "garble":
                self.connection.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
            else:
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def receiver(usual: Any = 204, *, tls: Any = None) -> Iterator[Receiver]:
    """Run a web server."""
    made = Receiver(usual)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Broker:
    """Mosquitto on loopback."""

    def __init__(self, folder: Path, *lines: str) -> None:
        if not Path(MOSQUITTO).exists():
            pytest.skip("mosquitto is not installed")
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        own = (f"listener {self.port} 127.0.0.1", "user root", "persistence false", "log_dest stderr")
        self._config.write_text("\n".join([*own, *(lines or ("allow_anonymous true",))]) + "\n")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [MOSQUITTO, "-v", "-c", str(self._config)], stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        said = []
        assert self._process.stderr is not None
        for line in self._process.stderr:
            said.append(line)
            if " running" in line:
                # Somebody must read on, or it would stop where the pipe is full.
                self._reader = threading.Thread(target=self._process.stderr.read, daemon=True)
                self._reader.start()
                return
        raise AssertionError("".join(said))

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None


@contextmanager
def broker(folder: Path, *lines: str) -> Iterator[Broker]:
    """Run a broker."""
    made = Broker(folder, *lines)
    made.start()
    try:
        yield made
    finally:
        made.kill()


class Listener:
    """Whoever has subscribed to everything at a broker."""

    def __init__(self, port: int, **login: str) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._changed = threading.Condition()
        self._ready = threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if login:
            client.username_pw_set(login["user"], login["password"])
        client.on_connect = lambda c, *_: c.subscribe("#", qos=1)
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._heard
        client.connect("127.0.0.1", port)
        client.loop_start()
        self._client = client
        assert self._ready.wait(PATIENCE)

    def _heard(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, message.payload, message.retain))
            self._changed.notify_all()

    def wait_until(self, true: Callable[[list[tuple[str, bytes]]], bool]) -> list[tuple[str, bytes]]:
        """Return what came, as pairs of topic and payload, when something is true of it."""

        def plain() -> list[tuple[str, bytes]]:
            return [(topic, payload) for topic, payload, _ in self.messages]

        with self._changed:
            assert self._changed.wait_for(lambda: true(plain()), PATIENCE), plain()
            return plain()

    def on(self, topic: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the JSON of a topic when so many messages came."""
        found = self.wait_until(lambda all_: sum(one == topic for one, _ in all_) >= count)
        return [json.loads(payload) for one, payload in found if one == topic]

    def last(self, topic: str, payload: bytes) -> None:
        """Wait until the latest message of a topic is this."""
        self.wait_until(lambda all_: [p for t, p in all_ if t == topic][-1:] == [payload])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()


@contextmanager
def listening(port: int, **login: str) -> Iterator[Listener]:
    """Listen to a broker."""
    made = Listener(port, **login)
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Authority:
    """An authority of one's own: its certificate, and files of a server that it vouches for."""

    certificate: Path
    server: Path
    key: Path


def authority(folder: Path, *names: str) -> Authority:
    """Make an authority and a server's certificate for these names."""
    now = datetime.now(tz=UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of a test")])

    def builder(subject: x509.Name, public: Any) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        return (
            made.serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
        )

    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )  # fmt: skip
    called = [x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
    server = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), key.public_key())
        .add_extension(x509.SubjectAlternativeName(called), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    made = Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.certificate.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    made.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def new_secret() -> str:
    return written_secret(secrets.token_bytes(32))


def webhook(name: str, url: str, secret: str | None = None, **options: Any) -> ChannelRequest:
    return ChannelRequest(name, Secrets(url, secret=secret or new_secret()), **options)


def mqtt(name: str, url: str, *, user: str = "", password: str = "", **options: Any) -> ChannelRequest:
    return ChannelRequest(name, Secrets(url, user=user, password=password), **options)


def raise_alert(system: System, camera: str = "door 1", *, state: str = alert_store.RAISED, **changes: Any) -> str:
    """Put an alert and its case on record, as a watch does; return its identifier."""
    deployment = system._deployment
    now = deployment.now()
    [noted] = system._desk.journal.write(Phase.NOTE, [Happening("watch.alert", {"camera": camera})])
    case = Case(
        id=secrets.token_hex(16),
        opened=now,
        opener="watch",
        expires=now + timedelta(days=30),
        kind="frame",
        search=Search(noted.index, "watch", "list", "theft", "", "a watch"),
        versions=(Version(hashlib.sha256(b"crop").hexdigest(), None, "original", "", "watch", now, "crop.png"),),
        candidates=(Candidate(1, SUBJECT, "0" * 32, 0.71234),),
    )
    CaseStore(deployment).create(case, {})
    alert = alert_store.Kept(
        id=secrets.token_hex(16),
        state=state,
        entry=noted.index,
        case=case.id,
        camera=camera,
        branch="Leeds",
        position=None,
        captured=now,
        gallery="list",
        purpose="theft",
        fpir=0.00123456,
        expected=0.4,
        matches=1,
        expires=now + timedelta(days=30),
        subjects=(deployment.pseudonym(SUBJECT).hex(),),
    )
    alert_store.put(deployment, replace(alert, **changes))
    # As the entry that closes an act does, the last one comes after all that it changed.
    system._desk.journal.write(Phase.NOTE, [Happening("watch.alerted", {"camera": camera})])
    return alert.id


def review(system: System, alert: str, *support: bool) -> None:
    """Have reviewers answer an alert's case, each for or against."""
    deployment = system._deployment
    scheme = review_scheme()
    yes, no = (next(k for k, one in scheme.conclusions.items() if one.support is wanted) for wanted in (True, False))

    def answer(number: int, *, supports: bool) -> Answer:
        features = dict.fromkeys(scheme.features, Finding.SIMILAR)
        comparison = Comparison(1, features, yes if supports else no, "")
        return Answer(f"reviewer {number}", deployment.now(), (comparison,), amendment=False, salt="0" * 64)

    answers = tuple(answer(number, supports=one) for number, one in enumerate(support))
    case = alert_store.find(deployment, alert).case
    CaseStore(deployment).change(case, lambda known: replace(known, answers=answers))
    system._desk.journal.write(Phase.NOTE, [Happening("case.answer", {"case": case})])


def flag(system: System, alert: str, text: str) -> None:
    deployment = system._deployment
    with alert_store.changing(deployment):
        alert_store.flagged(deployment, alert, text)
    system._desk.journal.write(Phase.NOTE, [Happening("watch.suppressed", {})])


def forget(system: System, alert: str) -> None:
    """Delete an alert with its case, as the end of its term does."""
    deployment = system._deployment
    kept = alert_store.find(deployment, alert)
    CaseStore(deployment).delete(CaseStore(deployment).find(kept.case))
    alert_store.forget_case(deployment, kept.case)
    system._desk.journal.write(Phase.NOTE, [Happening("case.delete", {"case": kept.case})])


def wait_until(true: Callable[[], bool]) -> None:
    """Return when something is true that only another thread or process can tell by a file."""
    limit = datetime.now(tz=UTC) + timedelta(seconds=PATIENCE)
    pause = threading.Event()
    while not true():
        assert datetime.now(tz=UTC) < limit
        pause.wait(0.01)


def channel_of(system: System, name: str) -> Any:
    found = [one for one in system.channels.list() if one.name == name]
    if not found:
        raise UsageError(name)
    return found[0]
