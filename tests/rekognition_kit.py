"""What tests of the interface of Rekognition share: a served deployment, and botocore's model, which judges answers."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from faceward.operations.key_results import CreatedKey
from faceward.operations.system import System
from faceward.service.app import create_app
from faceward.service.settings import Settings
from faceward.service.state import Service

MODEL = ServiceModel(Loader().load_service_model("rekognition", "service-2"))


@dataclass(slots=True)
class Served:
    """A deployment that is served at an address of this machine."""

    service: Service
    url: str
    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def client(self, key: CreatedKey | tuple[str, str], *, validate: bool = True, **options: Any) -> Any:
        """Return a client of boto3, whose every answer is checked against the model."""
        pair = key if isinstance(key, tuple) else (key.access_key_id, key.secret_access_key)
        client = boto3.client(
            "rekognition",
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id=pair[0],
            aws_secret_access_key=pair[1],
            config=Config(retries={"max_attempts": 0}, parameter_validation=validate, proxies={}),
            **options,
        )
        client.meta.events.register("after-call.rekognition", self._check)
        return client

    def _check(self, http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        assert http_response.headers["x-amzn-RequestId"] == parsed["ResponseMetadata"]["RequestId"]
        if http_response.status_code >= 300:
            code = parsed["Error"]["Code"]
            assert http_response.headers["x-amzn-ErrorType"] == code
            return

        raw = json.loads(http_response.content)
        self.answers.append((model.name, raw))
        check_shape(model.output_shape, raw, model.name)


def check_shape(shape: Shape, value: Any, where: str) -> None:
    """Fail where a value as it was sent is not of a shape: unknown members, types, enumerations, patterns, bounds."""
    kind, meta = shape.type_name, shape.metadata
    if kind == "structure":
        assert isinstance(value, dict), where
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{where}: {unknown}"
        missing = set(meta.get("required", ())) - set(value)
        assert not missing, f"{where}: {missing}"
        for name, inner in value.items():
            check_shape(shape.members[name], inner, f"{where}.{name}")
    elif kind == "list":
        assert isinstance(value, list), where
        # The model has one shape for the faces that are asked for and for those deleted, of which there may be none.
        least = 0 if where == "DeleteFaces.DeletedFaces" else meta.get("min", 0)
        assert least <= len(value) <= meta.get("max", len(value)), where
        for one in value:
            check_shape(shape.member, one, f"{where}[]")
    elif kind == "string":
        assert isinstance(value, str), where
        assert not shape.enum or value in shape.enum, f"{where}: {value}"
        assert "pattern" not in meta or re.fullmatch(meta["pattern"], value), f"{where}: {value}"
        assert meta.get("min", 0) <= len(value) <= meta.get("max", len(value)), where
    elif kind in ("integer", "long"):
        assert isinstance(value, int), where
        assert not isinstance(value, bool), where
        assert meta.get("min", value) <= value <= meta.get("max", value), where
    elif kind in ("float", "double", "timestamp"):
        assert isinstance(value, int | float), where
        assert meta.get("min", value) <= value <= meta.get("max", value), f"{where}: {value}"
    elif kind == "boolean":
        assert isinstance(value, bool), where
    else:
        raise AssertionError(f"{where}: {kind}")


TAGS = {"purpose": "door", "basis": "consent", "retention": "365d"}


@contextmanager
def serving(system: System, **options: Any) -> Iterator[Served]:
    """Serve an open deployment from a thread, at a free port."""
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    opened.listen(64)
    port = opened.getsockname()[1]
    service = Service.begin(system, Settings(port=port, **options))
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_config=None, access_log=False, lifespan="on"))
    thread = threading.Thread(target=server.run, args=([opened],), daemon=True)
    thread.start()
    limit = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < limit
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Served(service, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(30)
        opened.close()
        service.close()


class Shop:
    """A served deployment with a key, and its pictures."""

    def __init__(self, world: Any, served: Any, system: Any) -> None:
        self.world, self.served, self.system = world, served, system
        self.stop: Callable[[], None] = lambda: None
        if system.purposes():
            self.key = system.api_keys.create("shop")
            self.aws = served.client(self.key)

    def picture(self, *people: str, **options: Any) -> dict[str, bytes]:
        return {"Bytes": self.world.picture(*people, **options).read_bytes()}

    def release(self, *subjects: str) -> None:
        self.system.releases.add(self.world.release(*subjects))

    def indexed(self, *subjects: str, collection: str = "staff") -> list[str]:
        """Create the collection where there is none, and index a picture of each; return the faces."""
        if collection not in self.aws.list_collections()["CollectionIds"]:
            self.aws.create_collection(CollectionId=collection, Tags=TAGS)
        self.release(*subjects)
        return [
            self.aws.index_faces(CollectionId=collection, Image=self.picture(who), ExternalImageId=who)["FaceRecords"][
                0
            ]["Face"]["FaceId"]
            for who in subjects
        ]

    def log(self) -> list[tuple[str, str]]:
        return self.world.log(self.system)


def now() -> datetime:
    """Return the machine's time, which signatures are of."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def make_shop(make_world: Callable[..., Any]) -> Iterator[Callable[..., Shop]]:
    """Return a function that makes deployments and serves them."""
    opened = ExitStack()

    def make(served: dict[str, Any] | None = None, **options: Any) -> Shop:
        world = make_world(**options)
        world.clock.moment = now()
        # Where the standard wants everybody to sign in, the test founds the roster first.
        system = world.open(purpose=None if options else "door")
        own = ExitStack()
        opened.callback(own.close)
        made = Shop(world, own.enter_context(serving(system, **(served or {}))), system)
        made.stop = own.close
        return made

    with opened:
        yield make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """Return a deployment that is served, with a key for everything."""
    return make_shop()
