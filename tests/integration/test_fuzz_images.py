"""The fuzzer's own harness, for a few hundred inputs from a fixed seed: the same requests, the same invariant."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FUZZ = Path(__file__).resolve().parents[2] / "fuzz"
SEED, INPUTS = 20_261_123, 500
MOST_GROWTH = 64.0
# Each once was an answer that must not be, or took more than it may; the name says what was found.
FOUND = {
    "blocks of a strip's face, 4 GB": "/j0DEP6Dg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODPQMQ",
}


@pytest.fixture(scope="module")
def harness() -> Iterator[ModuleType]:
    """Load the harness, whose modules lie beside each other in a folder of their own."""
    names = ("choices", "pictures", "asked", "target")
    sys.path.insert(0, str(FUZZ))
    try:
        spec = importlib.util.spec_from_file_location("target", FUZZ / "target.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["target"] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(FUZZ))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture
def target(harness: ModuleType, tmp_path: Path) -> Iterator[Any]:
    logging.disable(logging.CRITICAL)
    try:
        yield harness.Target(tmp_path / "home")
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.filterwarnings("ignore")
def test_whatever_picture_is_sent_is_answered_or_refused_and_the_log_verifies(harness: ModuleType, target: Any) -> None:
    drawn = np.random.default_rng(SEED)
    inputs = [drawn.bytes(int(drawn.integers(4, 500))) for _ in range(INPUTS)]
    for data in inputs[:100]:
        target.try_one(data)
    warm = harness.resident()
    statuses = [target.try_one(data) for data in inputs[100:]]
    assert harness.resident() - warm < MOST_GROWTH
    # Of both kinds enough, or nothing would have been tried.
    assert sum(status < 300 for status in statuses) > 20
    assert sum(status >= 400 for status in statuses) > 200
    assert len({name.partition(" ")[0] for name in target.answers}) == 15
    assert target.close() > 40


def test_what_was_found_once_is_answered(target: Any) -> None:
    import base64

    assert {name: target.try_one(base64.b64decode(data)) // 100 for name, data in FOUND.items()} == dict.fromkeys(
        FOUND, 2
    )
    target.close()


def test_an_answer_that_must_not_be_is_told(harness: ModuleType, target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(type(target.system._deployment.pipeline), "detect", failing)
    inputs = [np.random.default_rng(start).bytes(300) for start in range(200)]
    with pytest.raises(harness.Broken):
        [target.try_one(data) for data in inputs]
    target.close()
