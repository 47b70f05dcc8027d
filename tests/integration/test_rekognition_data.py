"""The interface of Rekognition with the pack's own networks, on synthetic faces."""

from __future__ import annotations

import importlib.util
import io
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image


def _kit() -> ModuleType:
    # Tests are no package, so that a module beside them is loaded by its path, once.
    name = "faceward_test_rekognition_kit"
    if name not in sys.modules:
        path = Path(__file__).resolve().parents[1] / "rekognition_kit.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def encoded(picture: Image.Image, quality: int = 92) -> dict[str, bytes]:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return {"Bytes": out.getvalue()}


@pytest.mark.data
@pytest.mark.slow
def test_real_networks_find_and_compare_synthetic_faces(make_world: Any, synthetic_faces: list[Path]) -> None:
    world = make_world()
    world.clock.moment = _kit().now()
    system = world.open(fake=False, purpose=None)
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=timedelta(days=30))
    with _kit().serving(system) as served:
        aws = served.client(system.api_keys.create("shop", purposes=["law"]))
        people = [Image.open(path).convert("RGB").resize((640, 640)) for path in synthetic_faces[1:5]]
        found = aws.detect_faces(Image=encoded(people[0]))["FaceDetails"]
        assert len(found) == 1
        box = found[0]["BoundingBox"]
        assert 0 <= box["Left"] < box["Left"] + box["Width"] <= 1.05
        points = {one["Type"]: one for one in found[0]["Landmarks"]}
        assert points["eyeLeft"]["X"] < points["nose"]["X"] < points["eyeRight"]["X"]
        assert points["eyeLeft"]["Y"] < points["nose"]["Y"] < points["mouthLeft"]["Y"]
        aws.create_collection(CollectionId="people")
        for number, person in enumerate(people[:3]):
            answer = aws.index_faces(CollectionId="people", Image=encoded(person), ExternalImageId=f"person-{number}")
            assert len(answer["FaceRecords"]) == 1, answer["UnindexedFaces"]
        # The same face in another picture: cropped, smaller and compressed more.
        width, height = people[1].size
        again = people[1].crop((width // 20, height // 20, width, height)).resize((width * 3 // 4, height * 3 // 4))
        probe = aws.search_faces_by_image(CollectionId="people", Image=encoded(again, 70))
        assert [one["Face"]["ExternalImageId"] for one in probe["FaceMatches"]] == ["person-1"]
        assert probe["FaceMatches"][0]["Similarity"] >= 99
        stranger = aws.search_faces_by_image(CollectionId="people", Image=encoded(people[3]))
        assert stranger["FaceMatches"] == []
        both = Image.new("RGB", (width * 2, height))
        both.paste(people[0], (0, 0))
        both.paste(people[1], (width, 0))
        compared = aws.compare_faces(SourceImage=encoded(again), TargetImage=encoded(both))
        assert len(compared["FaceMatches"]) == 1
        assert compared["FaceMatches"][0]["Face"]["BoundingBox"]["Left"] > 0.4
        assert len(compared["UnmatchedFaces"]) == 1
