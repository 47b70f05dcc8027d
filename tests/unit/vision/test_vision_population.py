from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from faceward.core.faces import FloatArray
from faceward.vision.images import Picture
from faceward.vision.packs import DEFAULT_PACK, Pack, PackStore
from faceward.vision.pipeline import Pipeline
from faceward.vision.population import Population


@pytest.fixture(scope="module")
def strangers(pack_store: PackStore) -> FloatArray:
    return Population.of(pack_store.get(DEFAULT_PACK), 1).draw(3000)


def test_features_have_the_form_of_the_packs(strangers: FloatArray) -> None:
    assert strangers.shape == (3000, 129)
    assert strangers.dtype == np.float32
    lengths = np.linalg.norm(strangers, axis=1)
    assert lengths.min() > 0.96
    assert lengths.max() <= 1 + 1e-6


def test_the_same_seed_gives_the_same_people(pack_store: PackStore, strangers: FloatArray) -> None:
    pack = pack_store.get(DEFAULT_PACK)
    assert (Population.of(pack, 1).draw(3000) == strangers).all()
    assert (Population.of(pack, 2).draw(3000) != strangers).any()


def test_strangers_resemble_real_faces_as_often_as_the_calibration_says(
    pipeline: Pipeline, portraits: dict[str, Picture], strangers: FloatArray
) -> None:
    calibration = pipeline.pack.manifest.calibration
    assert calibration is not None
    among = strangers[:1500] @ strangers[1500:].T
    for fmr in (1e-1, 1e-2):
        share = float((among >= calibration.at_fmr(fmr).threshold).mean())
        assert fmr / 2 < share < fmr * 2
    for picture in portraits.values():
        (sample,) = pipeline.samples(picture, pipeline.detect(picture))
        assert float((strangers @ sample.features >= calibration.at_fmr(1e-3).threshold).mean()) < 0.01


def test_another_pack_has_a_population_of_its_own_length(pack_store: PackStore) -> None:
    manifest = pack_store.get(DEFAULT_PACK).manifest
    embedder = dataclasses.replace(manifest.embedder, dimension=512)
    other = Pack(dataclasses.replace(manifest, name="other", embedder=embedder, cohort=None), None)
    people = Population.of(other, 1).draw(500)
    assert people.shape == (500, 512)
    assert abs(float((people[:250] @ people[250:].T).mean())) < 0.01
