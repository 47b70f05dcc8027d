"""What waits for the disk and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceward.core.errors import UsageError
from faceward.protection.keys import KeyStore


def mode(keys: KeyStore) -> int:
    return int(keys._database._connection.execute("PRAGMA synchronous").fetchone()[0])


def test_only_what_says_so_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    keys = KeyStore.create(tmp_path / "keys.db", bytes(32))
    modes = []
    keys.update_secret("head", lambda _: modes.append(mode(keys)) or b"1", durable=False)
    assert mode(keys) == 2
    keys.update_secret("seed", lambda _: modes.append(mode(keys)) or b"2")
    with pytest.raises(UsageError):
        keys.update_secret("head", lambda _: bytes(100_000), durable=False)
    assert (modes, mode(keys), keys.secret("head")) == ([1, 2], 2, b"1")
    # It is there for every process at once.
    with_other = KeyStore.open(tmp_path / "keys.db", bytes(32))
    assert with_other.secret("head") == b"1"
    with_other.close()
    keys.close()
