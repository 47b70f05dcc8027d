from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.protection.keys import KeyStore

if TYPE_CHECKING:
    from pathlib import Path


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def _wrapped(path: Path) -> dict[str, bytes]:
    connection = sqlite3.connect(path)
    rows = dict(connection.execute("SELECT key_id, wrapped FROM subject_key"))
    connection.close()
    return rows


def test_keys_are_found_again_after_closing(tmp_path: Path, store: KeyStore, master: bytes) -> None:
    drawn = store.create_subject_keys("staff", 3)
    store.close()
    again = KeyStore.open(tmp_path / "keys.db", master)
    assert again.subject_keys("staff") == dict(drawn)
    assert again.subject_key(drawn[1][0]) == drawn[1][1]
    assert again.subject_keys("staff", [drawn[0][0], "0" * 32]) == dict(drawn[:1])
    assert len({key for _, key in drawn}) == 3
    again.check()
    again.close()


def test_K1_no_key_lies_in_the_file_unwrapped(tmp_path: Path, store: KeyStore, master: bytes) -> None:
    drawn = store.create_subject_keys("staff", 50)
    store.put_secret("seed", b"S" * 32)
    store.close()
    data = _bytes_of(tmp_path)
    assert all(key not in data for _, key in drawn)
    assert b"S" * 32 not in data
    assert master not in data
    assert (tmp_path / "keys.db").stat().st_mode & 0o777 == 0o600


def test_K1_a_gallery_key_does_not_open_another_gallerys_subjects(
    tmp_path: Path, store: KeyStore, master: bytes
) -> None:
    store.create_gallery_key("visitors")
    [(key_id, _)] = store.create_subject_keys("staff")
    store.close()
    connection = sqlite3.connect(tmp_path / "keys.db")
    connection.execute("UPDATE subject_key SET gallery = 'visitors'")
    connection.commit()
    connection.close()
    again = KeyStore.open(tmp_path / "keys.db", master)
    with pytest.raises(IntegrityError, match=key_id):
        again.subject_key(key_id)
    with pytest.raises(IntegrityError, match=key_id):
        again.check()
    again.close()


def test_K1_two_wrapped_keys_cannot_be_swapped(tmp_path: Path, store: KeyStore, master: bytes) -> None:
    first, second = (key_id for key_id, _ in store.create_subject_keys("staff", 2))
    store.close()
    wrapped = _wrapped(tmp_path / "keys.db")
    connection = sqlite3.connect(tmp_path / "keys.db")
    for key_id, other in ((first, second), (second, first)):
        connection.execute("UPDATE subject_key SET wrapped = ? WHERE key_id = ?", (wrapped[other], key_id))
    connection.commit()
    connection.close()
    again = KeyStore.open(tmp_path / "keys.db", master)
    with pytest.raises(IntegrityError, match=first):
        again.subject_key(first)
    again.close()


def test_another_master_key_does_not_open_the_store(tmp_path: Path, store: KeyStore) -> None:
    with pytest.raises(IntegrityError, match="another master key"):
        KeyStore.open(tmp_path / "keys.db", b"x" * 32)
    with pytest.raises(UsageError, match="32 bytes"):
        KeyStore.open(tmp_path / "keys.db", b"short")


def test_a_gallery_keeps_its_key_when_its_set_up_is_repeated(store: KeyStore) -> None:
    drawn = dict(store.create_subject_keys("staff"))
    store.create_gallery_key("staff")
    assert store.subject_keys("staff") == drawn


def test_a_gallery_without_a_key_is_refused(store: KeyStore) -> None:
    with pytest.raises(UsageError, match="no key"):
        store.create_subject_keys("nobody")
    with pytest.raises(UsageError, match="no key"):
        store.rotate_gallery("nobody")


def test_T2_destroyed_keys_leave_no_byte_in_any_file(tmp_path: Path, store: KeyStore) -> None:
    ids = [key_id for key_id, _ in store.create_subject_keys("staff", 200)]
    wrapped = _wrapped(tmp_path / "keys.db")
    assert store.destroy(ids[50:150]) == 100
    data = _bytes_of(tmp_path)
    assert all((wrapped[key_id] in data) == (index not in range(50, 150)) for index, key_id in enumerate(ids))
    with pytest.raises(IntegrityError, match="destroyed"):
        store.subject_key(ids[60])
    assert store.destroyed(ids) == frozenset(ids[50:150])
    assert store.destroy(ids[50:52]) == 0


def test_T2_destruction_while_another_process_reads_can_be_repeated(tmp_path: Path, store: KeyStore) -> None:
    [(key_id, _)] = store.create_subject_keys("staff")
    reader = sqlite3.connect(tmp_path / "keys.db")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM subject_key").fetchall()
    store._database._connection.execute("PRAGMA busy_timeout = 50")
    store._database._patience = 0.05
    with pytest.raises(EnvironmentFailure, match="another process"):
        store.destroy([key_id])
    reader.close()
    assert store.destroy([key_id]) == 0
    assert (tmp_path / "keys.db-wal").stat().st_size == 0


def test_destructions_are_numbered(store: KeyStore) -> None:
    ids = [key_id for key_id, _ in store.create_subject_keys("staff", 3)]
    assert store.destroyed_since(0) == (0, frozenset())
    store.destroy(ids[:1])
    number, gone = store.destroyed_since(0)
    assert gone == {ids[0]}
    store.destroy(ids[1:])
    assert store.destroyed_since(number)[1] == frozenset(ids[1:])


def test_keys_are_pending_until_their_references_are_stored(store: KeyStore) -> None:
    first, second = (key_id for key_id, _ in store.create_subject_keys("staff", 2))
    store.set_pending([first], pending=False)
    assert store.pending("staff") == {second}


def test_K1_rotation_keeps_every_key_and_makes_the_old_gallery_key_useless(
    tmp_path: Path, store: KeyStore, master: bytes
) -> None:
    drawn = dict(store.create_subject_keys("staff", 20))
    before = sqlite3.connect(tmp_path / "keys.db")
    [(old_gallery,)] = before.execute("SELECT wrapped FROM gallery_key").fetchall()
    before.close()
    old_wrapped = _wrapped(tmp_path / "keys.db")
    assert store.rotate_gallery("staff") == 20
    assert store.subject_keys("staff") == drawn
    data = _bytes_of(tmp_path)
    assert old_gallery not in data
    assert not any(value in data for value in old_wrapped.values())
    store.close()
    connection = sqlite3.connect(tmp_path / "keys.db")
    connection.execute("UPDATE gallery_key SET wrapped = ?", (old_gallery,))
    connection.commit()
    connection.close()
    again = KeyStore.open(tmp_path / "keys.db", master)
    with pytest.raises(IntegrityError, match="authenticate"):
        again.subject_keys("staff")
    again.close()


def test_K1_the_master_key_can_be_rotated(tmp_path: Path, store: KeyStore, master: bytes) -> None:
    drawn = dict(store.create_subject_keys("staff", 5))
    store.put_secret("seed", b"s" * 32)
    store.rotate_master(b"n" * 32)
    assert store.subject_keys("staff") == drawn
    store.close()
    with pytest.raises(IntegrityError, match="another master key"):
        KeyStore.open(tmp_path / "keys.db", master)
    again = KeyStore.open(tmp_path / "keys.db", b"n" * 32)
    assert again.subject_keys("staff") == drawn
    assert again.secret("seed") == b"s" * 32
    again.close()


def test_secrets_are_kept_and_replaced(store: KeyStore) -> None:
    store.put_secret("seed", b"one")
    store.put_secret("seed", b"two")
    assert store.secret("seed") == b"two"
    with pytest.raises(UsageError, match="no secret"):
        store.secret("other")
    with pytest.raises(UsageError, match="larger"):
        store.put_secret("big", bytes(70000))


def test_a_closed_store_is_locked(store: KeyStore) -> None:
    [(key_id, _)] = store.create_subject_keys("staff")
    store.close()
    with pytest.raises(UsageError):
        store.subject_key(key_id)
    with pytest.raises(UsageError, match="locked"):
        store.put_secret("a", b"b")


def test_two_processes_draw_keys_at_once(tmp_path: Path, store: KeyStore) -> None:
    code = (
        "import sys; from pathlib import Path; from faceward.protection.keys import KeyStore\n"
        "keys = KeyStore.open(Path(sys.argv[1]), bytes(range(32)))\n"
        "[keys.create_subject_keys('staff', 3) for _ in range(20)]\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(store.path)]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(store.subject_keys("staff")) == 120


def test_a_secret_follows_from_the_one_before(store: KeyStore) -> None:
    seen: list[bytes | None] = []

    def longer(old: bytes | None) -> bytes | None:
        seen.append(old)
        return None if old == b"xx" else (old or b"") + b"x"

    for _ in range(4):
        store.update_secret("count", longer)
    assert seen == [None, b"x", b"xx", b"xx"]
    assert store.secret("count") == b"xx"
    with pytest.raises(UsageError, match="larger than"):
        store.update_secret("count", lambda _: bytes(70000))
    assert store.secret("count") == b"xx"
