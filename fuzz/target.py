"""A deployment behind its application in this process, and what must hold of every answer.

The invariant, stated before any input is tried: every answer has a status of 2xx or 4xx; no exception leaves the
application; the process does not grow beyond what it had when it was warm; and at the end the log verifies, whole.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from asked import Made, made
from choices import Choices

from faceward import bootstrap
from faceward.core.faces import Face
from faceward.core.sources import upload
from faceward.operations.system import System
from faceward.policy.consent import Release
from faceward.service import memory, sigv4
from faceward.service.app import create_app
from faceward.service.settings import Settings
from faceward.service.state import Service
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from pictures import seeds

_PASSPHRASE = "fuzz"  # noqa: S105 - it protects nothing
_CHUNK = 16 * 1024
_MOST_PEOPLE = 3


class Broken(Exception):
    """The invariant does not hold."""


class Target:
    """The application.

    Args:
        home: A folder that does not exist yet.
        real: Whether the networks of the default pack look at pictures, or the tests' pipeline, which is quick. The
            decoding is the real one in both.
    """

    def __init__(self, home: Path, *, real: bool = False) -> None:
        # As a service does when it begins.
        memory.give_back()
        bootstrap.create(home, standard="workplace", secret=bootstrap.Secret(_PASSPHRASE))
        self.system = bootstrap.open_system(home, passphrase=_PASSPHRASE)
        if not real:
            deployment = self.system._deployment  # noqa: SLF001 - tests put their pipeline there
            deployment.pipeline = _reading(deployment.pipeline)
        key = _furnish(self.system, enrolled=not real)
        self._key_id, self._secret = key
        self._service = Service.begin(self.system, Settings(threads=2, origin="http://localhost:8000"))
        self._app, self._loop = create_app(self._service), asyncio.new_event_loop()
        self.answers: Counter[str] = Counter()

    def try_one(self, data: bytes) -> int:
        """Send the request that some bytes stand for; return its status.

        Raises:
            Broken: The answer is none that may be.
        """
        request = made(Choices(data))
        try:
            status = self._loop.run_until_complete(asyncio.wait_for(self._answered(request), 60))
        except Exception as error:
            raise Broken(f"{request}: {type(error).__name__}: {error}") from error
        self.answers[f"{request.call or request.path.partition('?')[0]} {status}"] += 1
        if not (200 <= status < 300 or 400 <= status < 500):
            raise Broken(f"{request}: status {status}")
        return status

    def close(self) -> int:
        """Check the whole log, and close; return its size.

        Raises:
            Broken: It does not verify.
        """
        try:
            size = self.system.log_size
            self.system.verify_log()
        except Exception as error:
            raise Broken(f"the log does not verify: {error}") from error
        finally:
            self._service.close()
            self.system.close()
            self._loop.close()
        return size

    async def _answered(self, request: Made) -> int:
        path, _, query = request.path.partition("?")
        headers = {"host": "localhost", "content-length": str(len(request.body))}
        if request.media:
            headers["content-type"] = request.media
        if request.call:
            headers |= self._signed(request, headers)
        else:
            headers |= {"x-api-key": self._secret, "x-faceward-gallery": "door"}
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8000),
        }
        return await _run(self._app, scope, request.body)

    def _signed(self, request: Made, headers: dict[str, str]) -> dict[str, str]:
        now = datetime.now(UTC)
        whole = {
            **headers,
            "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
            "x-amz-target": f"RekognitionService.{request.call}",
        }
        names = tuple(sorted(whole))
        claim = sigv4.Claimed(
            self._key_id, f"{now:%Y%m%d}", "eu-central-1", "rekognition", names, "", whole["x-amz-date"]
        )
        received = sigv4.Received("POST", "/", "", whole, request.body)
        signature = sigv4.signature(received, claim, self._secret)
        credential = f"Credential={self._key_id}/{claim.scope}"
        whole["authorization"] = (
            f"{sigv4.ALGORITHM} {credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return whole


async def _run(app: Callable[..., Any], scope: dict[str, Any], body: bytes) -> int:
    """Carry one request out as a server does; return its status."""
    chunks = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)] or [b""]
    sent: list[dict[str, Any]] = []
    over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if chunks:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    over.set()
    return int(sent[0]["status"])


def resident() -> float:
    """Return the resident memory of this process, MiB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def _furnish(system: System, *, enrolled: bool) -> tuple[str, str]:
    """Register a purpose, enrol somebody, put a release on file; return a key's name and secret."""
    system.add_purpose("door", basis="consent", fmr=1e-3, retention=timedelta(days=300), alternative="a badge")
    now = datetime.now(UTC)
    system.releases.add([Release("ben", "door", now.date(), now + timedelta(days=200), "", "another sheet")])
    if enrolled:
        sheet = Release("ana", "door", now.date(), now + timedelta(days=200), "", "a sheet")
        system.enrol([upload("ana.png", seeds()[0])], subject="ana", purpose="door", releases=(sheet,))
    key = system.api_keys.create("fuzz")
    return key.note.id, key.secret_access_key


def _fakes() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "tests" / "fakes.py"
    name = "faceward_test_fakes"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise AssertionError(f"{path} is a module")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _reading(real: Any) -> Any:  # noqa: ANN401 - the tests' pipeline
    """Return the tests' pipeline, which takes pictures of any size here."""

    class Reading(_fakes().FakePipeline):  # type: ignore[misc]
        def detect(
            self, picture: Picture, effort: Effort = Effort.ALL, threshold: float | None = None
        ) -> tuple[Face, ...]:
            if picture.height < 16 or picture.width < 16:
                return ()
            found: Sequence[Face] = super().detect(picture, effort, threshold)
            # A damaged first row would be a crowd.
            return tuple(found) if len(found) <= _MOST_PEOPLE else ()

    return Reading(real)
