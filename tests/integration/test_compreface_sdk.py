"""CompreFace's own client for Python, unmodified, against this service at a port."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image

from faceward.operations.system import System
from faceward.service.app import create_app
from faceward.service.settings import Settings
from faceward.service.state import Service

with warnings.catch_warnings():
    # Its imports warn of one another's versions.
    warnings.simplefilter("ignore")
    from compreface import CompreFace

# The client leaves the files that it sends open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
NOBODY = [{"subject": "unknown", "similarity": 0.0}]


@dataclass
class Client:
    """The client's three services, with one key."""

    recognition: Any
    detection: Any
    verification: Any

    @classmethod
    def of(cls, port: int, key: str, options: dict[str, Any] | None = None) -> Client:
        made = CompreFace("http://127.0.0.1", str(port), options or {})
        return cls(made.init_face_recognition(key), made.init_face_detection(key), made.init_face_verification(key))

    @property
    def faces(self) -> Any:
        return self.recognition.get_face_collection()

    @property
    def subjects(self) -> Any:
        return self.recognition.get_subjects()


@contextmanager
def serving(system: System, clock: Any = None) -> Iterator[int]:
    """Serve a deployment at a free port, in a thread."""
    opened = socket.create_server(("127.0.0.1", 0))
    port = opened.getsockname()[1]
    service = Service.begin(system, Settings(port=port, threads=2), clock)
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, args=([opened],))
    thread.start()
    limit = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < limit
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()
        service.close()
        opened.close()


def key_for(system: System, name: str = "door") -> str:
    return str(system.api_keys.create("shop", purposes=[name], galleries=[name]).secret_access_key)


@pytest.fixture
def picture(world: Any) -> Callable[..., str]:
    """Return a function that paints a picture and says where."""
    return lambda *people: str(world.picture(*people))


def test_a_shop_keeps_its_code(world: Any, picture: Callable[..., str]) -> None:
    system = world.open()
    system.releases.add(world.release("Ann", "Bob"))
    with serving(system, world.clock) as port:
        client = Client.of(port, key_for(system))
        assert client.subjects.add("Ann") == {"subject": "Ann"}
        first = client.faces.add(picture("Ann"), "Ann")
        assert first["subject"] == "Ann"
        assert client.faces.add(picture("Bob"), "Bob", {"det_prob_threshold": 0.8})["subject"] == "Bob"
        assert client.subjects.list() == {"subjects": ["Ann", "Bob"]}
        assert client.faces.list()["total_elements"] == 2

        options = {"limit": 0, "det_prob_threshold": 0.8, "prediction_count": 2, "status": True}
        found = client.recognition.recognize(picture("Bob", "Zoe"), {**options, "face_plugins": "landmarks,age,gender"})
        assert [face["subjects"][0]["subject"] for face in found["result"]] == ["Bob", "unknown"]
        assert found["result"][1]["subjects"] == NOBODY
        assert set(found["result"][0]) == {"box", "subjects", "landmarks", "execution_time"}
        assert found["plugins_versions"]["detector"] == system.pipeline.identifier
        data = Path(picture("Ann")).read_bytes()
        assert client.recognition.recognize(data)["result"][0]["subjects"][0]["subject"] == "Ann"

        assert client.faces.verify(picture("Ann"), first["image_id"])["result"][0]["similarity"] > 0.9
        assert client.faces.verify(picture("Bob"), first["image_id"])["result"][0]["similarity"] == 0
        assert len(client.detection.detect(picture("Ann", "Zoe"))["result"]) == 2
        [compared] = client.verification.verify(picture("Zoe"), picture("Ann", "Zoe"))["result"]
        assert [match["similarity"] > 0.9 for match in compared["face_matches"]] == [True, False]

        assert client.subjects.update("Ann", "Anna")["code"] == 32
        assert client.faces.delete(first["image_id"]) == first
        assert client.faces.delete_all("Bob") == {"deleted": 1}
        assert client.subjects.delete("Ann") == {"subject": "Ann"}
        assert client.subjects.delete("Ann")["code"] == 42
        assert client.subjects.delete_all() == {"deleted": 0}
        assert client.subjects.list() == {"subjects": []}


def test_what_is_wrong_has_compreface_s_numbers(world: Any, picture: Callable[..., str]) -> None:
    system = world.open()
    system.releases.add(world.release("Ann"))
    with serving(system, world.clock) as port:
        client = Client.of(port, key_for(system))
        assert client.recognition.recognize(picture())["code"] == 28
        assert client.detection.detect(picture())["code"] == 28
        assert client.faces.add(picture("Ann", "Bob"), "Ann")["code"] == 31
        assert client.faces.add(b"no picture", "Ann")["code"] == 21
        refused = client.faces.add(picture("Bob"), "Bob")
        assert refused["code"] == 1
        assert "C1" in refused["message"]
        assert Client.of(port, "nobody").subjects.list()["code"] == 10


@pytest.mark.data
@pytest.mark.slow
def test_people_who_do_not_exist_with_the_real_networks(
    make_world: Callable[..., Any], synthetic_faces: list[Path], tmp_path: Path
) -> None:
    world = make_world("real")
    system = world.open(fake=False)
    system.add_purpose("hall", basis="legal-obligation", fmr=1e-3, retention=timedelta(days=30))
    known, stranger = synthetic_faces[:2]
    with serving(system, world.clock) as port:
        client = Client.of(port, key_for(system, "hall"))
        made = client.faces.add(str(known), "Ann")
        assert made.get("subject") == "Ann", made
        probe = tmp_path / "probe.jpg"
        with Image.open(known) as opened:
            small = opened.resize((opened.width * 3 // 4, opened.height * 3 // 4))
            small.save(probe, quality=80)
        two = tmp_path / "two.jpg"
        with Image.open(stranger) as other:
            sides = [np.asarray(one.convert("RGB").resize((512, 512))) for one in (small, other)]
        Image.fromarray(np.hstack(sides)).save(two)
        [face] = client.recognition.recognize(str(probe), {"face_plugins": "landmarks", "status": True})["result"]
        [found] = face["subjects"]
        assert found["subject"] == "Ann"
        assert found["similarity"] > 0.99
        assert len(face["landmarks"]) == 5
        assert client.recognition.recognize(str(stranger))["result"][0]["subjects"] == NOBODY
        both = client.recognition.recognize(str(two))["result"]
        assert {(one["subjects"][0]["subject"], one["box"]["x_min"] < 512) for one in both} == {
            ("Ann", True),
            ("unknown", False),
        }
        assert client.faces.verify(str(stranger), made["image_id"])["result"][0]["similarity"] == 0
        [pair] = client.verification.verify(str(known), str(two))["result"]
        assert [match["similarity"] > 0.9 for match in pair["face_matches"]] == [True, False]
