"""Shares that people hold open for ever, and were made by the specification, not by this program's library."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from faceward.protection.share_words import HeldShare
from faceward.protection.shares import SharesFile

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "shares.json").read_text(encoding="ascii"))
    return found


def test_any_two_of_the_golden_shares_open(tmp_path: Path, vector: dict[str, Any]) -> None:
    path = tmp_path / "custodian.key"
    path.write_text(vector["file"], encoding="ascii")
    held = [HeldShare.parse(words, "a share") for words in vector["shares"]]
    assert [(share.number, share.set_name, share.threshold) for share in held] == [
        (number, "3f2a", 2) for number in (1, 2, 3)
    ]
    for pair in itertools.permutations(held, 2):
        assert SharesFile(path, pair).open().hex() == vector["master"]


def test_the_vector_is_what_its_generator_writes(vector: dict[str, Any]) -> None:
    spec = importlib.util.spec_from_file_location("generate_shares", HERE / "generate_shares.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.vectors() == vector
