"""The interface of Rekognition, driven by boto3 as it is, each answer judged by botocore's own model."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

KIT = Path(__file__).resolve().parents[1] / "rekognition_kit.py"
TAGS = {"purpose": "door", "basis": "consent", "retention": "365d"}


def _kit() -> ModuleType:
    name = "faceward_test_rekognition_kit"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, KIT)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


class Bench:
    """A served deployment with a key, and its pictures."""

    def __init__(self, world: Any, served: Any, system: Any) -> None:
        self.world, self.served, self.system = world, served, system
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


@pytest.fixture
def make_bench(make_world: Callable[..., Any]) -> Iterator[Callable[..., Bench]]:
    opened = []

    def make(**options: Any) -> Bench:
        world = make_world(**options)
        world.clock.moment = _kit().now()
        system = world.open()
        opened.append(_kit().serving(system))
        return Bench(world, opened[-1].__enter__(), system)

    yield make
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_a_shop_moves_in(bench: Bench) -> None:
    aws = bench.aws
    made = aws.create_collection(CollectionId="staff", Tags=TAGS)
    assert made["StatusCode"] == 200
    assert made["CollectionArn"] == "aws:rekognition:eu-central-1:000000000000:collection/staff"
    bench.release("ana", "ben")
    indexed = aws.index_faces(CollectionId="staff", Image=bench.picture("ana"), ExternalImageId="ana", MaxFaces=1)
    face = indexed["FaceRecords"][0]["Face"]
    assert face["ExternalImageId"] == "ana"
    assert indexed["UnindexedFaces"] == []
    aws.index_faces(CollectionId="staff", Image=bench.picture("ben"), ExternalImageId="ben")
    described = aws.describe_collection(CollectionId="staff")
    assert (described["FaceCount"], described["UserCount"]) == (2, 0)
    assert described["FaceModelVersion"] == indexed["FaceModelVersion"] == face["IndexFacesModelVersion"]
    found = aws.search_faces_by_image(CollectionId="staff", Image=bench.picture("ana"), MaxFaces=5)
    [match] = found["FaceMatches"]
    assert match["Face"]["FaceId"] == face["FaceId"]
    assert match["Face"]["ExternalImageId"] == "ana"
    assert match["Similarity"] >= 80
    stranger = aws.search_faces_by_image(CollectionId="staff", Image=bench.picture("eve"))
    assert stranger["FaceMatches"] == []
    assert [f["ExternalImageId"] for f in aws.list_faces(CollectionId="staff")["Faces"]].sort() == ["ana", "ben"].sort()
    deleted = aws.delete_faces(CollectionId="staff", FaceIds=[face["FaceId"]])
    assert deleted["DeletedFaces"] == [face["FaceId"]]
    assert aws.search_faces_by_image(CollectionId="staff", Image=bench.picture("ana"))["FaceMatches"] == []
    assert aws.delete_collection(CollectionId="staff")["StatusCode"] == 200
    assert aws.list_collections()["CollectionIds"] == []
    assert bench.system.verify_log()
