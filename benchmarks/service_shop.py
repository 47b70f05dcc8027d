"""What benchmarks/service.py measures: deployments with people of LFW, requests to them, and the server's process."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from faceward import bootstrap
from faceward.core.canonical import canonical_json
from faceward.core.errors import FacewardError
from faceward.operations.system import System
from faceward.policy.consent import Release

HERE = Path(__file__).parent
IMAGES = HERE.parents[1] / "shared" / "data" / "lfw-view1" / "images"
PASSPHRASE = "a passphrase for the benchmark"  # noqa: S105 - it protects nothing
PURPOSE = "door"
SUBJECTS = 20
LARGE = 100_000
_BOUNDARY = "------------------------0123456789abcdef"
MULTIPART = f"multipart/form-data; boundary={_BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Shop:
    """A deployment.

    Attributes:
        home: Its folder.
        key: A program's key, as `x-api-key` shows it.
        key_id: The key's public name.
        probes: Subjects, and further pictures of each, which can be compared.
    """

    home: Path
    key: str
    key_id: str
    probes: tuple[tuple[str, Path], ...]

    def verification(self, subject: str, picture: Path) -> bytes:
        """Return a request that verifies a claim."""
        return self.form("/v1/verifications", {"subject": subject, "purpose": PURPOSE}, [picture.read_bytes()])

    def form(self, path: str, fields: Mapping[str, str], pictures: list[bytes], field: str = "image") -> bytes:
        """Return a request that sends a form."""
        return self.request("POST", path, MULTIPART, form(fields, pictures, field))

    def request(self, method: str, path: str, media: str = "", body: bytes = b"") -> bytes:
        """Return a request with the key."""
        headers = {"x-api-key": self.key, "x-faceward-gallery": PURPOSE}
        return request(method, path, {**headers, **({"content-type": media} if media else {})}, body)

    def signed(self, port: int, operation: str, value: Mapping[str, Any]) -> bytes:
        """Return a call of Rekognition's interface, signed now; it is good for some minutes."""
        body = json.dumps(value).encode()
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"RekognitionService.{operation}"}
        made = AWSRequest("POST", f"http://localhost:{port}/", headers=headers, data=body)
        SigV4Auth(Credentials(self.key_id, self.key), "rekognition", "eu-central-1").add_auth(made)
        return request("POST", "/", {**dict(made.headers), "host": f"localhost:{port}"}, body)


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return an HTTP/1.1 request as it is sent."""
    whole = {"host": "localhost", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in whole.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def form(fields: Mapping[str, str], pictures: list[bytes], field: str = "image") -> bytes:
    """Return a body of the type multipart/form-data."""
    parts = [f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]  # fmt: skip
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="p.jpg"\r\n\r\n'.encode()
    return b"".join([*parts, *(head + picture + b"\r\n" for picture in pictures), f"--{_BOUNDARY}--\r\n".encode()])


def make(home: Path) -> Shop:
    """Set up a deployment of the standard `workplace` in which people of LFW are enrolled, one picture each."""
    bootstrap.create(home, standard="workplace", secret=bootstrap.Secret(PASSPHRASE))
    with bootstrap.open_system(home, passphrase=PASSPHRASE) as system:
        system.add_purpose(PURPOSE, basis="consent", fmr=1e-3, retention=timedelta(days=300), alternative="a badge")
        probes = list(_enrolled(system))
        key = system.api_keys.create("benchmark")
    return Shop(home, key.secret_access_key, key.note.id, tuple(probes))


def _enrolled(system: System) -> Iterator[tuple[str, Path]]:
    taken = 0
    for folder in sorted(IMAGES.iterdir()):
        pictures = sorted(folder.glob("*.jpg"))
        if len(pictures) < 3:
            continue
        try:
            system.enrol([pictures[0]], subject=folder.name, purpose=PURPOSE, releases=(_release(folder.name),))
        except FacewardError:
            continue
        taken += 1
        for picture in pictures[1:4]:
            if _usable(system, folder.name, picture):
                yield folder.name, picture
        if taken == SUBJECTS:
            return
    raise SystemExit(f"{IMAGES}: too few people there; these benchmarks need LFW View 1")


def _usable(system: System, subject: str, picture: Path) -> bool:
    try:
        system.verify(picture, subject=subject, purpose=PURPOSE)
    except FacewardError:
        return False
    return True


def _release(subject: str) -> Release:
    now = datetime.now(UTC)
    return Release(subject, PURPOSE, now.date(), now + timedelta(days=200), "", "a sheet")


def make_large(home: Path, size: int) -> Shop:
    """Set up a deployment with a gallery of simulated references.

    The default pack's own evaluation reaches down to an FMR of 1e-6, which such a search is not allowed by (rule V1).
    A made one stands in for it here, since time is measured and not accuracy.
    """
    sys.path.insert(0, str(HERE.parent / "tests"))
    import evaluations

    bootstrap.create(home, standard="workplace", secret=bootstrap.Secret(PASSPHRASE))
    with bootstrap.open_system(home, passphrase=PASSPHRASE) as system:
        system.add_purpose(
            PURPOSE, basis="consent", fmr=1e-3, fpir=0.05, retention=timedelta(days=300), alternative="a badge"
        )
        pipeline = system._deployment.pipeline  # noqa: SLF001 - the evaluation is made of what its pack says
        rows = sorted((fmr, at, fnmr / 10) for fmr, _, _, at, fnmr in pipeline.calibration.table.tolist())
        rows.insert(0, (1e-8, rows[0][1] + 0.01, rows[0][2]))
        made = datetime.now(UTC) - timedelta(days=31)
        points = evaluations.points(tuple(sorted(rows, reverse=True)))
        found = evaluations.evaluation(pack=pipeline.identifier, points=points, made=made)
        system.evidence.add(canonical_json(found.to_json()), "evaluation.json")
        system.simulate(PURPOSE, purpose=PURPOSE, count=size)
        key = system.api_keys.create("benchmark")
    return Shop(home, key.secret_access_key, key.note.id, ())


@dataclass(frozen=True, slots=True)
class Server:
    """A service at work.

    Attributes:
        port: Where it listens.
        process: The process.
    """

    port: int
    process: int

    def resident(self) -> float:
        """Return its resident memory in MiB."""
        text = Path(f"/proc/{self.process}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def processor(self) -> float:
        """Return the seconds of processor that it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, folder: Path, **options: float) -> dict[str, Any]:
        """Send the requests in a folder from a process of its own; see service_client.py."""
        command = [sys.executable, str(HERE / "service_client.py"), str(folder), str(self.port)]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return found


@contextmanager
def served(home: Path, threads: int | None = None) -> Iterator[Server]:
    """Run `faceward serve` for a deployment."""
    environment = {**os.environ, "FACEWARD_PASSPHRASE": PASSPHRASE}
    command = [sys.executable, "-m", "faceward", "--home", str(home), "serve", "--port", "0"]
    command += [] if threads is None else ["--threads", str(threads)]
    log = home.parent / f"{home.name}.log"
    with log.open("w") as stream, subprocess.Popen(command, stderr=stream, env=environment) as process:
        try:
            yield Server(_port(process, log), process.pid)
        finally:
            process.terminate()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    while process.poll() is None:
        found = re.search(r"serving .* at http://localhost:(\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise SystemExit(f"the service did not start:\n{log.read_text()}")


@contextmanager
def peer(name: str, port: int, picture: Path) -> Iterator[Server]:
    """Run one of service_peer.py."""
    command = [sys.executable, str(HERE / "service_peer.py"), name, str(port), str(picture)]
    with subprocess.Popen(command) as process:
        try:
            _until_it_listens(port)
            yield Server(port, process.pid)
        finally:
            process.terminate()


def _until_it_listens(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the peer did not start")
