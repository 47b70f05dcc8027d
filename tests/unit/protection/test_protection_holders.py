from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pyrage
import pytest

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, UsageError, WrongSecret
from faceward.protection.age import AgeFile, new_identity_file
from faceward.protection.holder import new_master_key, reseal
from faceward.protection.passphrase import Argon2Cost, PassphraseFile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def holder(tmp_path: Path, cheap: Argon2Cost, master: bytes) -> PassphraseFile:
    sealed = PassphraseFile(tmp_path / "master.key", "correct horse", cheap)
    sealed.seal(master, replace=False)
    return sealed


def test_the_default_cost_is_the_second_recommended_option_of_rfc_9106() -> None:
    assert Argon2Cost() == Argon2Cost(memory_kib=65536, iterations=3, lanes=4)


def test_sealing_spends_the_default_cost(tmp_path: Path, true_cost: Argon2Cost, master: bytes) -> None:
    assert true_cost == Argon2Cost()
    PassphraseFile(tmp_path / "k", "correct horse").seal(master)
    header = json.loads((tmp_path / "k").read_bytes())["header"]
    assert [header[name] for name in ("memory_kib", "iterations", "lanes")] == [65536, 3, 4]


def test_a_passphrase_opens_what_it_sealed(holder: PassphraseFile, master: bytes) -> None:
    assert holder.open() == master
    assert holder.path.stat().st_mode & 0o777 == 0o600
    assert master not in holder.path.read_bytes()
    assert "correct horse" not in repr(holder)


def test_opening_follows_the_cost_in_the_file(holder: PassphraseFile, master: bytes) -> None:
    assert PassphraseFile(holder.path, "correct horse", Argon2Cost(128, 2, 2)).open() == master


def test_a_wrong_passphrase_is_told_from_a_damaged_file(holder: PassphraseFile, cheap: Argon2Cost) -> None:
    with pytest.raises(WrongSecret, match="passphrase"):
        PassphraseFile(holder.path, "wrong", cheap).open()
    data = bytearray(holder.path.read_bytes())
    place = data.index(b'"ciphertext":"') + 20
    data[place] = ord("A") if data[place] != ord("A") else ord("B")
    holder.path.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        holder.open()


def test_a_passphrase_opens_in_either_unicode_spelling(tmp_path: Path, cheap: Argon2Cost, master: bytes) -> None:
    path = tmp_path / "master.key"
    PassphraseFile(path, "café", cheap).seal(master)
    assert PassphraseFile(path, "cafe\u0301", cheap).open() == master


@pytest.mark.parametrize("passphrase", ["", "\ud800"])
def test_an_unusable_passphrase_is_refused(tmp_path: Path, cheap: Argon2Cost, passphrase: str) -> None:
    with pytest.raises(UsageError, match="passphrase"):
        PassphraseFile(tmp_path / "k", passphrase, cheap).seal(new_master_key())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"header":1,"ciphertext":"","checksum":""}',
        b'{"header":{"format":"faceward-master-key","version":1},"ciphertext":"","checksum":""}',
    ],
)
def test_garbage_is_an_integrity_error(tmp_path: Path, cheap: Argon2Cost, data: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        PassphraseFile(path, "x", cheap).open()


def test_every_truncation_is_an_integrity_error(holder: PassphraseFile) -> None:
    whole = holder.path.read_bytes()
    for length in range(len(whole) - 1):
        holder.path.write_bytes(whole[:length])
        with pytest.raises(IntegrityError):
            holder.open()


def _altered(holder: PassphraseFile, **changes: object) -> None:
    """Rewrite the header and make the checksum right again, as an attacker would."""
    document = json.loads(holder.path.read_bytes())
    document["header"] |= changes
    document["checksum"] = sha256_hex(canonical_json(document["header"]) + base64.b64decode(document["ciphertext"]))
    holder.path.write_bytes(canonical_json(document))


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_kib": 100 * 1024 * 1024},
        {"memory_kib": 0},
        {"memory_kib": -8},
        {"iterations": 10**9},
        {"lanes": 10**6},
        {"lanes": 0},
        {"iterations": True},
        {"memory_kib": "64"},
        {"kdf": "scrypt"},
        {"salt": ""},
        {"nonce": "AAAA"},
        {"extra": 1},
    ],
)
def test_a_hostile_header_is_refused_before_any_work(holder: PassphraseFile, changes: dict[str, object]) -> None:
    _altered(holder, **changes)
    with pytest.raises(IntegrityError):
        holder.open()


def test_the_header_is_bound_to_the_ciphertext(holder: PassphraseFile) -> None:
    _altered(holder, iterations=2)
    with pytest.raises(WrongSecret):
        holder.open()


def test_a_newer_version_asks_for_an_upgrade(holder: PassphraseFile) -> None:
    _altered(holder, version=2)
    with pytest.raises(IntegrityError, match="upgrade"):
        holder.open()


def test_a_missing_or_huge_file_is_one_clear_line(tmp_path: Path, cheap: Argon2Cost) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(IntegrityError, match="missing"):
        PassphraseFile(path, "x", cheap).open()
    path.write_bytes(b" " * 5000)
    with pytest.raises(IntegrityError, match="larger"):
        PassphraseFile(path, "x", cheap).open()
    with pytest.raises(EnvironmentFailure, match="cannot be read"):
        PassphraseFile(tmp_path, "x", cheap).open()


def test_a_second_master_key_does_not_overwrite_the_first(holder: PassphraseFile, master: bytes) -> None:
    with pytest.raises(UsageError, match="exists"):
        holder.seal(new_master_key(), replace=False)
    assert holder.open() == master
    assert [path.name for path in holder.path.parent.iterdir()] == ["master.key"]


def test_a_master_key_of_another_length_is_refused(holder: PassphraseFile, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="32 bytes"):
        holder.seal(b"short")
    with pytest.raises(UsageError, match="32 bytes"):
        AgeFile(tmp_path / "m", tmp_path / "i").seal(b"short")
    with pytest.raises(UsageError, match="out of bounds"):
        PassphraseFile(tmp_path / "m", "x", Argon2Cost(iterations=99)).seal(new_master_key())


def test_a_folder_that_is_not_there_is_an_environment_failure(tmp_path: Path, cheap: Argon2Cost) -> None:
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        PassphraseFile(tmp_path / "no" / "master.key", "x", cheap).seal(new_master_key())


def test_a_passphrase_is_changed_without_touching_the_keys(
    holder: PassphraseFile, cheap: Argon2Cost, master: bytes
) -> None:
    new = PassphraseFile(holder.path, "new", cheap)
    reseal(holder, new)
    assert new.open() == master
    with pytest.raises(WrongSecret):
        holder.open()


def test_age_opens_with_the_identity_and_with_nothing_else(tmp_path: Path, master: bytes) -> None:
    mine, other = tmp_path / "mine.txt", tmp_path / "other.txt"
    recipient = new_identity_file(mine)
    new_identity_file(other)
    holder = AgeFile(tmp_path / "master.key", mine)
    holder.seal(master)
    assert recipient.startswith("age1")
    assert mine.stat().st_mode & 0o777 == 0o600
    assert holder.open() == master
    with pytest.raises(WrongSecret, match="identity"):
        AgeFile(holder.path, other).open()


def test_age_seals_to_several_recipients(tmp_path: Path, master: bytes) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    recipients = tuple(new_identity_file(file) for file in files)
    AgeFile(tmp_path / "master.key", files[0], recipients).seal(master)
    assert [AgeFile(tmp_path / "master.key", file).open() for file in files] == [master, master]


def test_a_damaged_age_file_is_an_integrity_error(tmp_path: Path, master: bytes) -> None:
    identity = tmp_path / "id.txt"
    recipient = new_identity_file(identity)
    holder = AgeFile(tmp_path / "master.key", identity)
    holder.seal(master)
    whole = holder.path.read_bytes()
    for data in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:60], b"", b"junk"):
        holder.path.write_bytes(data)
        with pytest.raises(IntegrityError):
            holder.open()
    holder.path.write_bytes(whole.replace(b"/v1\n", b"/v2\n", 1))
    with pytest.raises(IntegrityError, match="upgrade"):
        holder.open()
    holder.path.write_bytes(pyrage.encrypt(b"short", [pyrage.x25519.Recipient.from_str(recipient)]))
    with pytest.raises(IntegrityError, match="does not hold"):
        holder.open()


@pytest.mark.parametrize("text", ["", "# nothing\n", "AGE-SECRET-KEY-1JUNK\n", "\udcff"])
def test_an_identity_file_without_an_identity_is_bad_input(tmp_path: Path, text: str, master: bytes) -> None:
    identity = tmp_path / "id.txt"
    identity.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadInput, match="identity"):
        AgeFile(tmp_path / "master.key", identity).seal(master)


def test_a_recipient_that_is_none_is_refused(tmp_path: Path, master: bytes) -> None:
    with pytest.raises(UsageError, match="recipient"):
        AgeFile(tmp_path / "master.key", tmp_path / "id.txt", ("age1junk",)).seal(master)


def test_a_deployment_moves_from_a_passphrase_to_age(holder: PassphraseFile, tmp_path: Path, master: bytes) -> None:
    identity = tmp_path / "id.txt"
    new_identity_file(identity)
    reseal(holder, AgeFile(holder.path, identity))
    assert AgeFile(holder.path, identity).open() == master
