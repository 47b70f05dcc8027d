from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faceward.protection.keys import KeyStore
from faceward.protection.passphrase import Argon2Cost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MASTER = bytes(range(32))


@pytest.fixture
def master() -> bytes:
    return MASTER


@pytest.fixture
def cheap() -> Argon2Cost:
    return Argon2Cost(memory_kib=64, iterations=1, lanes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    keys = KeyStore.create(tmp_path / "keys.db", MASTER)
    keys.create_gallery_key("staff")
    yield keys
    keys.close()
