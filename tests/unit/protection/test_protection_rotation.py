from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError, WrongSecret
from faceward.protection.passphrase import Argon2Cost, PassphraseFile
from faceward.protection.rotation import create_keys, open_keys, rotate_master

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def holder(tmp_path: Path, cheap: Argon2Cost) -> PassphraseFile:
    return PassphraseFile(tmp_path / "master.key", "secret", cheap)


def test_a_key_store_opens_with_its_holder(tmp_path: Path, holder: PassphraseFile, cheap: Argon2Cost) -> None:
    keys = create_keys(tmp_path / "keys.db", holder)
    keys.put_secret("seed", b"s")
    keys.close()
    again = open_keys(tmp_path / "keys.db", holder)
    assert again.secret("seed") == b"s"
    again.close()
    with pytest.raises(WrongSecret):
        open_keys(tmp_path / "keys.db", PassphraseFile(holder.path, "wrong", cheap))
    with pytest.raises(UsageError):
        create_keys(tmp_path / "keys.db", holder)


def test_K1_rotation_replaces_the_master_key(tmp_path: Path, holder: PassphraseFile) -> None:
    keys = create_keys(tmp_path / "keys.db", holder)
    keys.put_secret("seed", b"s")
    old = holder.open()
    rotate_master(keys, holder)
    keys.close()
    assert holder.open() != old
    assert not holder.staged().path.exists()
    again = open_keys(tmp_path / "keys.db", holder)
    assert again.secret("seed") == b"s"
    again.close()


@pytest.mark.parametrize("rewrapped", [False, True])
def test_a_rotation_killed_between_its_steps_is_finished_or_undone(
    tmp_path: Path, holder: PassphraseFile, rewrapped: bool
) -> None:
    keys = create_keys(tmp_path / "keys.db", holder)
    keys.put_secret("seed", b"s")
    old = holder.open()
    holder.staged().seal(b"n" * 32)
    if rewrapped:
        keys.rotate_master(b"n" * 32)
    keys.close()
    again = open_keys(tmp_path / "keys.db", holder)
    assert again.secret("seed") == b"s"
    assert holder.open() == (b"n" * 32 if rewrapped else old)
    assert not holder.staged().path.exists()
    again.close()


def test_a_key_store_of_another_master_key_is_an_integrity_error(tmp_path: Path, holder: PassphraseFile) -> None:
    create_keys(tmp_path / "keys.db", holder).close()
    holder.seal(b"o" * 32)
    with pytest.raises(IntegrityError):
        open_keys(tmp_path / "keys.db", holder)
    holder.staged().seal(b"p" * 32)
    with pytest.raises(IntegrityError):
        open_keys(tmp_path / "keys.db", holder)


def test_a_staged_key_that_cannot_be_adopted_is_an_environment_failure(tmp_path: Path, holder: PassphraseFile) -> None:
    keys = create_keys(tmp_path / "keys.db", holder)
    holder.path.unlink()
    holder.path.mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot be replaced"):
        rotate_master(keys, holder)
    keys.close()
