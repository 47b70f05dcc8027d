"""The formats do not drift: what was written once is still written, and still read."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faceward.audit import merkle
from faceward.audit.checkpoint import open_checkpoint
from faceward.audit.cosignature import CosignatureVerifier, verify_cosignatures
from faceward.audit.entries import Entry, Opening
from faceward.audit.log import Log, Record
from faceward.audit.note import Verifier
from faceward.audit.sealed import SealedOpening
from faceward.audit.verifier import verify_log, verify_receipt

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / "golden.json").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_vectors_generate", HERE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generator_writes_the_same_bytes(golden: dict[str, Any], generator: ModuleType) -> None:
    assert generator.build() == golden


def test_leaves_openings_and_roots_are_read(golden: dict[str, Any]) -> None:
    hashes = []
    for number, (leaf, text) in enumerate(zip(golden["leaves"], golden["openings"], strict=True)):
        entry = Entry.decode(leaf.encode())
        opening = Opening.decode(text.encode())
        assert opening.details["number"] == number
        assert opening.opens(entry.digest("details"))
        assert merkle.root_from_leaf_hashes(hashes).hex() == golden["roots"][number]
        hashes.append(merkle.leaf_hash(leaf.encode()))
    checkpoint = open_checkpoint(golden["checkpoint"], Verifier.from_vkey(golden["vkey"]))
    assert merkle.root_from_leaf_hashes(hashes) == checkpoint.root
    proof = [bytes.fromhex(h) for h in golden["consistency 6"]]
    merkle.verify_consistency(6, 13, proof, bytes.fromhex(golden["roots"][6]), checkpoint.root)


@pytest.mark.parametrize("index", ["0", "7", "12"])
def test_receipts_verify(golden: dict[str, Any], index: str) -> None:
    report = verify_receipt(golden["receipts"][index], golden["vkey"])
    assert report.index == int(index)
    assert report.opened["details"]["subject"] == "Žofie 山田"


def test_the_log_signs_the_same_checkpoint(tmp_path: Path, golden: dict[str, Any], generator: ModuleType) -> None:
    path, now = tmp_path / "log.db", datetime(2026, 2, 1, tzinfo=UTC)
    with Log.create(path, generator.SIGNER) as log:
        for leaf in golden["leaves"]:
            opening = SealedOpening("details", "k" * 32, b"sealed")
            log.append([Record(Entry.decode(leaf.encode()), (opening,))], now)
        assert log.checkpoint() == golden["checkpoint"]
        assert log.receipt(7, {"details": generator.opening(7)}).encode() == golden["receipts"]["7"]
    assert verify_log(path, golden["vkey"], golden["checkpoint"]).unfinished == (12,)


def test_cosignatures_are_read(golden: dict[str, Any]) -> None:
    [found] = verify_cosignatures(golden["cosigned"], [CosignatureVerifier.from_vkey(golden["witness"])])
    assert (found.witness, found.time) == ("vectors.example/witness", "2026-01-02T03:04:05.000000Z")
    assert open_checkpoint(golden["cosigned"], Verifier.from_vkey(golden["vkey"])).size == 13
