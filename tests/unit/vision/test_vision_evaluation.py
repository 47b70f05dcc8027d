"""The evaluation that comes with a model pack: named by the manifest, verified by hash, and of that very pack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput, IntegrityError
from faceward.policy.evaluation_reading import parse_evaluation
from faceward.policy.evidence import data_accepted
from faceward.policy.standard import load_standard
from faceward.policy.stated_rates import supports
from faceward.vision.manifest import parse_manifest
from faceward.vision.packs import DEFAULT_PACK, PackStore, attachment
from faceward.vision.pipeline import Pipeline

CONTENT = b'{"what": "was measured"}'


def manifest(more: str = "") -> str:
    return f"""
[pack]
name = "own"
licence = "MIT"
commercial = true
source = "here"

[embedder]
file = "e.onnx"
sha256 = "{sha256_hex(b"network")}"
dimension = 64
size = 112
colour = "bgr"
mean = 127.5
scale = 127.5
template = "arcface"
mirror = true
{more}
"""


def section(file: str = "own.json", sha256: str = sha256_hex(CONTENT), more: str = "") -> str:
    return f'[evaluation]\nfile = "{file}"\nsha256 = "{sha256}"\n{more}\n'


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore(tmp_path / "packs", tmp_path / "cache")


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # What is no network is not looked at any closer here.
    monkeypatch.setattr("faceward.vision.packs._refuse_external_data", lambda _model, _data: None)
    folder = tmp_path / "offered"
    folder.mkdir()
    (folder / "e.onnx").write_bytes(b"network")
    (folder / "own.json").write_bytes(CONTENT)
    (folder / "pack.toml").write_text(manifest(section()), encoding="utf-8")
    return folder


def test_V1_the_evaluation_is_copied_with_its_pack_and_read_verified(store: PackStore, offered: Path) -> None:
    pack = store.add(offered)
    assert Pipeline(store, pack).evaluation == CONTENT
    assert "own.json" in {check.file for check in store.verify(pack)}
    (store.get("own").folder or Path()).joinpath("own.json").write_bytes(CONTENT + b" ")
    with pytest.raises(IntegrityError, match=r"own\.json"):
        _ = Pipeline(store, store.get("own")).evaluation


def test_an_evaluation_that_differs_or_is_missing_keeps_the_pack_out(store: PackStore, offered: Path) -> None:
    (offered / "own.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"own\.json"):
        store.add(offered)
    (offered / "own.json").unlink()
    with pytest.raises(BadInput, match=r"own\.json"):
        store.add(offered)
    assert store.names() == (DEFAULT_PACK,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (section(file="../own.json"), "outside the pack's folder"),
        (section(file=".own.json"), "outside the pack's folder"),
        (section(sha256="ab"), "64 hexadecimal"),
        (section(more="made = 1"), "not a known key"),
        ('[evaluation]\nfile = "own.json"\n', "sha256"),
    ],
)
def test_a_manifest_names_one_file_beside_it(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse_manifest(manifest(text), "pack.toml")


def test_naming_an_evaluation_changes_the_document_and_not_the_features() -> None:
    without, with_it = (parse_manifest(manifest(text), "pack.toml") for text in ("", section()))
    assert (without.evaluation, with_it.evaluation) == (None, ("own.json", sha256_hex(CONTENT)))
    assert without.identifier == with_it.identifier
    assert without.document != with_it.document


def test_V1_the_default_pack_brings_an_evaluation_of_itself_that_will_do_for_a_workplace(store: PackStore) -> None:
    pipeline = Pipeline(store, store.get(DEFAULT_PACK))
    assert pipeline.evaluation is not None
    evaluation = parse_evaluation(pipeline.evaluation, "built in")
    rules = load_standard("workplace").parameters.evidence
    assert evaluation.pack == pipeline.identifier
    assert data_accepted(evaluation)
    assert not evaluation.data.own
    assert supports(evaluation, 1e-5)
    assert evaluation.data.subjects >= rules.least_subjects
    assert evaluation.mated >= rules.least_mated


def test_V1_the_shipped_evaluation_reads_back_to_the_digest_of_what_was_written(pack_store: PackStore) -> None:
    data = attachment("centerface-dlib.evaluation.json", pack_store.get(DEFAULT_PACK))
    assert parse_evaluation(data, "the pack's evaluation").to_json() == json.loads(data)
