"""The service as processes: several workers, one that is killed, requests under way at the end, TLS, and its log."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SCRIPT = Path(__file__).parents[1] / "service_process.py"
NAME = "Wilhelmina Overgaard"


@dataclass
class Running:
    """A service in a process of its own."""

    process: Any
    port: int
    told: Path

    def client(self, key: str = "", **options: Any) -> httpx.Client:
        headers = {"x-api-key": key} if key else {}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30, **options)

    def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.log()
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)

    def ready(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def workers(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(one) for one in found]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def log(self) -> str:
        return self.told.read_text()


Start = Callable[..., Running]


@pytest.fixture(scope="module")
def services(load_beside: Callable[..., Any]) -> Iterator[Any]:
    """Return what starts processes that have loaded the service already."""
    made = load_beside("faceward_test_forked", "forked.py").Nursery("service_process")
    yield made
    made.close()


@pytest.fixture
def start(tmp_path: Path, services: Any) -> Iterator[Start]:
    made: list[Running] = []

    def begin(home: Path, *, slow: float = 0, **settings: Any) -> Running:
        job = {"home": str(home), "slow": slow, "settings": settings}
        told, port = tmp_path / f"service-{len(made)}.log", tmp_path / f"port-{len(made)}"
        with told.open("w") as errors, port.open("w") as says:
            process = services.start(SCRIPT, [json.dumps(job)], says.fileno(), errors.fileno())
        made.append(Running(process, 0, told))
        made[-1].until(lambda: port.read_text().endswith("\n"))
        made[-1].port = int(port.read_text())
        made[-1].until(made[-1].ready)
        return made[-1]

    yield begin
    for one in made:
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(30)


@pytest.fixture
def home(world: Any) -> Path:
    """Return a deployment that nobody has open, with the purpose `door` and a key."""
    with world.open() as system:
        world.enrol(system, "Ada")
        (world.folder / "key").write_text(system.api_keys.create("shop").secret_access_key)
    found: Path = world.home
    return found


@pytest.fixture
def key(home: Path, world: Any) -> str:
    return str((world.folder / "key").read_text())


def _search(client: httpx.Client, picture: bytes) -> httpx.Response:
    return client.post(
        "/v1/identifications",
        data={"gallery": "door", "purpose": "door", "reason": "a test"},
        files={"image": ("p.png", picture)},
    )


def test_what_runs_is_finished_when_the_service_is_told_to_end(start: Start, home: Path, key: str, world: Any) -> None:
    picture = world.picture("Ada").read_bytes()
    running = start(home, slow=1.5, threads=1, queue=8)
    with ThreadPoolExecutor() as pool, running.client(key) as client:
        begun = pool.submit(_search, client, picture)
        with running.client(key) as other:
            running.until(lambda: "faceward_work_running 1.0" in other.get("/metrics").text)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(httpx.TransportError), running.client(key) as late:
            late.get("/v1/status")
        assert begun.result().status_code == 200
    assert running.process.wait(30) == 0
    with world.open() as system:
        assert ("identify", "end") in world.log(system)
        assert system.verify_log().unfinished == ()


def test_K2_two_workers_know_the_same_keys_and_one_that_is_killed_is_begun_anew(
    start: Start, home: Path, key: str, world: Any
) -> None:
    running = start(home, workers=2, threads=1)
    running.until(lambda: len(running.workers()) == 2)

    def asked(secret: str, times: int = 12) -> set[int]:
        found = set()
        for _ in range(times):
            with running.client(secret) as client:
                found.add(client.get("/v1/purposes").status_code)
        return found

    assert asked(key) == {200}
    with world.open() as system:
        second = system.api_keys.create("second").secret_access_key
        assert asked(second) == {200}
        system.api_keys.revoke("second")
    assert asked(second) == {401}
    killed = running.workers()[0]
    os.kill(killed, signal.SIGKILL)
    running.until(lambda: len(running.workers()) == 2 and killed not in running.workers())
    running.until(running.ready)
    assert asked(key) == {200}
    with running.client(key) as client:
        # Whichever worker is asked, it answers for both, and for the one that was killed.
        counted = [
            float(line.rpartition(" ")[2])
            for line in client.get("/metrics").text.splitlines()
            if line.startswith("faceward_requests_total{") and '"/v1/purposes"' in line and 'status="200"' in line
        ]
    assert sum(counted) == 36
    assert running.end() == 0


def test_no_line_of_the_log_names_anybody_or_anything_secret(start: Start, home: Path, key: str, world: Any) -> None:
    running = start(home, threads=1)
    picture = world.picture(NAME).read_bytes()
    sheet = f"subject,purpose,signed,term\n{NAME},door,2026-05-01,365d\n"
    with running.client(key) as client:
        assert client.post("/v1/releases", files={"release": ("r.csv", sheet)}).status_code == 201
        form = {"subject": NAME, "purpose": "door"}
        assert client.post("/v1/enrolments", data=form, files={"image": ("a.png", picture)}).status_code == 200
        assert client.post("/v1/verifications", data=form, files={"image": ("a.png", picture)}).status_code == 200
        assert _search(client, picture).status_code == 200
        assert client.get(f"/v1/subjects/{NAME}").status_code == 200
        assert client.get(f"/v1/subjects/{NAME} the other").status_code == 404
        assert client.post("/v1/complaints", json={"subject": NAME}).status_code == 422
        assert client.post("/v1/purposes", content=b"{" + NAME.encode()).status_code == 422
        assert client.get("/v1/release-template", params={"subject": NAME, "purpose": "door"}).is_success
        assert client.delete(f"/v1/subjects/{NAME}").status_code == 200
    with running.client("no such key at all") as client:
        assert client.get(f"/v1/subjects/{NAME}").status_code == 401
    assert running.end() == 0
    log = running.log()
    lines = [json.loads(line) for line in log.splitlines()]
    assert sum(line["event"] == "request" for line in lines) > 10
    assert {"/v1/subjects/{subject}", "/v1/enrolments"} <= {line.get("route") for line in lines}
    for secret in (NAME, "Wilhelmina", "Overgaard", key, "no such key", "correct horse", "a.png"):
        assert secret not in log


def test_TLS_with_a_certificate_of_its_own(start: Start, home: Path, tmp_path: Path) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, own.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(own, hashes.SHA256())
    )
    (tmp_path / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "tls.key").write_bytes(
        own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    told = tmp_path / "tls.log"
    command = [sys.executable, "-m", "faceward", "--home", str(home), "serve", "--port", "0", "--threads", "1"]
    command += ["--tls-certificate", str(tmp_path / "tls.pem"), "--tls-key", str(tmp_path / "tls.key")]
    environment = {**os.environ, "FACEWARD_PASSPHRASE": "correct horse"}
    with told.open("w") as file:
        process = subprocess.Popen(command, stderr=file, stdout=subprocess.DEVNULL, env=environment)
    try:
        limit = time.monotonic() + 60
        while " at https://" not in told.read_text():
            assert process.poll() is None, told.read_text()
            assert time.monotonic() < limit
            time.sleep(0.05)
        port = told.read_text().partition(" at https://localhost:")[2].split()[0]
        trusted = ssl.create_default_context(cafile=str(tmp_path / "tls.pem"))
        answer = httpx.get(f"https://127.0.0.1:{port}/readyz", verify=trusted, timeout=30)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
