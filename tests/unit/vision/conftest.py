"""The two public-domain portraits that come with development dependencies, and the default pack at work."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceward.core.faces import ImageArray
from faceward.vision.images import Picture, decode
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Pipeline


def package_folder(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None, f"{name} is a development dependency"
    assert found.origin is not None
    return Path(found.origin).parent


@pytest.fixture(scope="session")
def astronaut() -> ImageArray:
    return np.asarray(Image.open(package_folder("skimage") / "data" / "astronaut.png").convert("RGB"))


@pytest.fixture(scope="session")
def hopper() -> ImageArray:
    path = package_folder("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    return decode(path.read_bytes(), path.name).pixels


@pytest.fixture(scope="session")
def vision_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def pack_store(tmp_path_factory: pytest.TempPathFactory, vision_cache: Path) -> PackStore:
    return PackStore(tmp_path_factory.mktemp("packs"), vision_cache)


@pytest.fixture(scope="session")
def pipeline(pack_store: PackStore) -> Pipeline:
    return Pipeline(pack_store, pack_store.get(DEFAULT_PACK))


@pytest.fixture(scope="session")
def portraits(astronaut: ImageArray, hopper: ImageArray) -> dict[str, Picture]:
    return {
        "astronaut": Picture(astronaut, 1.0, bytes(32), "astronaut"),
        "hopper": Picture(hopper, 1.0, bytes(32), "hopper"),
    }
