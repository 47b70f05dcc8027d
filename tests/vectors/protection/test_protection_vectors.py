from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceward.protection.codec import Binding
from faceward.protection.passphrase import PassphraseFile
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, unseal
from faceward.protection.wrap import Wrapper, WrappingContext

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return json.loads((HERE / "vectors.json").read_text(encoding="utf-8"))


def _opener(vector: dict[str, Any]) -> SubjectKey:
    return SubjectKey(bytes.fromhex(vector["key"]), Binding(**vector["binding"]))


def test_the_vectors_are_those_of_their_generator(vectors: dict[str, Any]) -> None:
    assert runpy.run_path(str(HERE / "generate.py"))["vectors"]() == vectors


def test_sealed_features_open(vectors: dict[str, Any]) -> None:
    vector = vectors["features"]
    opened = unseal(bytes.fromhex(vector["blob"]), _opener(vector))
    assert np.frombuffer(opened, dtype="<f4").tolist() == vector["values"]


def test_a_sealed_record_opens(vectors: dict[str, Any]) -> None:
    vector = vectors["record"]
    assert open_record(bytes.fromhex(vector["blob"]), _opener(vector)) == vector["value"]


def test_a_wrapped_key_opens(vectors: dict[str, Any]) -> None:
    vector = vectors["wrapped"]
    wrapper = Wrapper(bytes.fromhex(vector["key"]), WrappingContext(vector["use"], vector["scope"]))
    assert wrapper.unwrap(bytes.fromhex(vector["wrapped"]), vector["identifier"]).hex() == vector["secret"]


def test_a_master_key_file_opens(vectors: dict[str, Any], tmp_path: Path) -> None:
    vector = vectors["master_key_file"]
    (tmp_path / "master.key").write_text(vector["file"])
    assert PassphraseFile(tmp_path / "master.key", vector["passphrase"]).open().hex() == vector["master"]
