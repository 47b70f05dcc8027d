"""The key store: subjects' keys wrapped by their gallery's key, galleries' keys wrapped by the master key.

It lives in a file of its own, `keys.db`, which never goes into a backup of the gallery: destroying a row here
is what makes every copy of the gallery unreadable for the subject (ISO/IEC 24745, revocation).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.protection.database import Database
from faceward.protection.grants import Grants
from faceward.protection.guard import ProcessGuard
from faceward.protection.holder import require_master
from faceward.protection.key_schema import CHECK, SCHEMA, wrapped_keys
from faceward.protection.secret_store import SecretStore
from faceward.protection.wrap import KEY_BYTES, Wrapper, WrappingContext

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_ID_BYTES = 16


class KeyStore(SecretStore):
    """Keys of one deployment. Build it with `create` or `open`; share it between threads; close it to lock.

    All methods raise EnvironmentFailure where the machine fails (full disk, permission, busy) and
    IntegrityError where stored bytes do not authenticate.

    Attributes:
        guard: Held shared while keys exist whose references are not written yet, alone while references change keys and
            by recovery.
        grants: What a custodian has lent of the galleries in its custody.
    """

    def __init__(self, database: Database, master: bytes) -> None:
        super().__init__(database, master)
        self.guard = ProcessGuard(database.path.with_name(database.path.name + ".guard"))
        self.grants = Grants()

    @classmethod
    def create(cls, path: Path, master: bytes) -> KeyStore:
        """Set up an empty key store, mode 0600.

        Raises:
            UsageError: It exists, or the master key is not 32 bytes.
        """
        require_master(master)
        store = cls(Database(path, SCHEMA, create=True), master)
        with store._database.transaction() as connection:
            wrapped = store._outer("check", CHECK).wrap(secrets.token_bytes(KEY_BYTES))
            connection.execute("INSERT INTO master_check VALUES (?, ?)", (CHECK, wrapped))
        return store

    @classmethod
    def open(cls, path: Path, master: bytes) -> KeyStore:
        """Open a key store.

        Raises:
            IntegrityError: The file is missing, damaged, of a newer version, or belongs to another master.
        """
        require_master(master)
        store = cls(Database(path, SCHEMA), master)
        try:
            store._check_master()
        except (IntegrityError, EnvironmentFailure):
            store.close()
            raise
        return store

    @property
    def path(self) -> Path:
        """The key store's file."""
        return self._database.path

    def _check_master(self) -> None:
        with self._database.snapshot() as connection:
            row = connection.execute("SELECT wrapped FROM master_check WHERE name = ?", (CHECK,)).fetchone()
        if row is None or not self._outer("check", CHECK).opens(row[0]):
            raise IntegrityError(f"the key store {self.path} belongs to another master key; restore the pair")

    def close(self) -> None:
        """Forget the master key and close the file; the store cannot be used again."""
        self._master = b""
        self.grants.clear()
        self._database.close()

    def create_gallery_key(self, gallery: str) -> None:
        """Draw a gallery's key; one that has a key keeps it, so that a set-up can be repeated."""
        wrapped = self._outer("gallery-key", gallery).wrap(secrets.token_bytes(KEY_BYTES))
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO gallery_key VALUES (?, ?)", (gallery, wrapped))

    def place_in_custody(self, gallery: str, key_id: str) -> None:
        """Note that a new gallery's key is a custodian's, under this identifier; the first to say so decides.

        Raises:
            UsageError: The gallery has a key of its own already.
        """
        wrapped = self._outer("gallery-key", gallery).wrap(secrets.token_bytes(KEY_BYTES))
        with self._database.transaction() as connection:
            if _key_id(connection, gallery) is not None:
                return
            if connection.execute("SELECT 1 FROM gallery_key WHERE gallery = ?", (gallery,)).fetchone():
                raise UsageError(f"the gallery {gallery!r} has a key of its own; choose another name")
            connection.execute("INSERT INTO gallery_key VALUES (?, ?)", (gallery, wrapped))
            connection.execute("INSERT INTO custodied VALUES (?, ?)", (gallery, key_id))

    def custodied(self, gallery: str) -> str | None:
        """Return the identifier of the custodian's key that a gallery's keys are wrapped by, or None."""
        with self._database.snapshot() as connection:
            return _key_id(connection, gallery)

    def create_subject_keys(self, gallery: str, count: int = 1) -> list[tuple[str, bytes]]:
        """Draw keys for references, in one transaction; they are pending until their references are stored.

        Args:
            gallery: A gallery that has a key.
            count: How many.

        Returns:
            Pairs of a random identifier (32 hexadecimal digits) and a 32-byte key.

        Raises:
            UsageError: The gallery has no key.
        """
        keys = [(secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES)) for _ in range(count)]
        with self._database.transaction() as connection:
            wrapper = self._inner(connection, gallery)
            rows = ((key_id, gallery, wrapper.wrap(key, key_id)) for key_id, key in keys)
            connection.executemany("INSERT INTO subject_key VALUES (?, ?, ?, 1)", rows)
        return keys

    def subject_key(self, key_id: str) -> bytes:
        """Return one 32-byte key.

        Raises:
            IntegrityError: It was destroyed, never existed, or does not authenticate.
        """
        with self._database.snapshot() as connection:
            row = connection.execute("SELECT gallery, wrapped FROM subject_key WHERE key_id = ?", (key_id,)).fetchone()
            if row is None:
                raise IntegrityError(f"the key {key_id} does not exist or was destroyed; it cannot be recovered")
            wrapper = self._inner(connection, row[0])
        return wrapper.unwrap(row[1], key_id)

    def subject_keys(self, gallery: str, key_ids: Iterable[str] | None = None) -> Mapping[str, bytes]:
        """Return a gallery's keys by identifier: all of them, or those asked for that exist.

        Raises:
            UsageError: The gallery has no key.
            IntegrityError: A key does not authenticate.
        """
        with self._database.snapshot() as connection:
            wrapper = self._inner(connection, gallery)
            rows = wrapped_keys(connection, gallery, None if key_ids is None else list(key_ids))
            return {key_id: wrapper.unwrap(wrapped, key_id) for key_id, wrapped in rows}

    def set_pending(self, key_ids: Iterable[str], *, pending: bool) -> None:
        """Mark keys whose references are about to be stored or given up, or no longer.

        Only a pending key is ever swept by recovery, so that a gallery restored from an old backup costs no
        key.
        """
        rows = [(int(pending), key_id) for key_id in key_ids]
        with self._database.transaction() as connection:
            connection.executemany("UPDATE subject_key SET pending = ? WHERE key_id = ?", rows)

    def pending(self, gallery: str) -> frozenset[str]:
        """Return the identifiers of a gallery's pending keys."""
        sql = "SELECT key_id FROM subject_key WHERE gallery = ? AND pending"
        with self._database.snapshot() as connection:
            return frozenset(row[0] for row in connection.execute(sql, (gallery,)))

    def destroyed(self, key_ids: Iterable[str]) -> frozenset[str]:
        """Return which of these keys were destroyed on purpose, as opposed to lost."""
        sql = "SELECT 1 FROM destroyed_key WHERE key_id = ?"
        with self._database.snapshot() as connection:
            return frozenset(k for k in key_ids if connection.execute(sql, (k,)).fetchone())

    def destroyed_since(self, number: int) -> tuple[int, frozenset[str]]:
        """Return the number of the last destruction, and the keys destroyed after the one numbered `number`."""
        sql = "SELECT number, key_id FROM destroyed_key WHERE number > ? ORDER BY number"
        rows = self._database.rows(sql, (number,))
        return (rows[-1][0] if rows else number), frozenset(row[1] for row in rows)

    def destroy(self, key_ids: Sequence[str]) -> int:
        """Destroy keys for good: wipe their bytes from file and journal, and check that they are gone.

        Repeating it is safe and finishes an erasure that was interrupted. Beyond its reach are copies that
        the file system or a solid-state disk keeps of overwritten blocks; those stay wrapped by the gallery's
        key.

        Args:
            key_ids: Identifiers; those already gone are passed over, and noted as destroyed.

        Returns:
            How many existed.

        Raises:
            EnvironmentFailure: Another process held the journal; the keys are gone from use, repeat to wipe
                the bytes.
            IntegrityError: The bytes are still in the file.
        """
        wrapped: list[bytes] = []
        with self._database.transaction() as connection:
            for key_id in key_ids:
                row = connection.execute("SELECT wrapped FROM subject_key WHERE key_id = ?", (key_id,)).fetchone()
                wrapped += [row[0]] if row else []
            ids = [(key_id,) for key_id in key_ids]
            connection.executemany("DELETE FROM subject_key WHERE key_id = ?", ids)
            connection.executemany("INSERT OR IGNORE INTO destroyed_key (key_id) VALUES (?)", ids)
        self._database.wipe(wrapped)
        return len(wrapped)

    def rotate_gallery(self, gallery: str, replacement: tuple[str, bytes] | None = None) -> int:
        """Give a gallery a new key and rewrap its subjects' keys, in one transaction.

        The old key is destroyed here, or by the custodian once this has returned.

        Args:
            gallery: The gallery.
            replacement: Identifier and key that the custodian has drawn; for a gallery in custody, whose present
                key must be granted.

        Returns:
            How many subject keys were rewrapped.

        Raises:
            UsageError: The gallery has no key, or a replacement is missing or out of place.
            PolicyRefusal: The present key is not granted (rule L2).
            EnvironmentFailure: As for `destroy`.
        """
        key_id, key = replacement or ("", secrets.token_bytes(KEY_BYTES))
        new = Wrapper(key, WrappingContext("subject-key", gallery))
        replaced: list[bytes] = []
        with self._database.transaction() as connection:
            old = self._inner(connection, gallery)
            if (_key_id(connection, gallery) is None) != (replacement is None):
                raise UsageError(f"the key of the gallery {gallery!r} is replaced by whoever holds it")
            rows = wrapped_keys(connection, gallery, None)
            update = ((new.wrap(old.unwrap(blob, name), name), name) for name, blob in rows)
            connection.executemany("UPDATE subject_key SET wrapped = ? WHERE key_id = ?", update)
            if replacement is None:
                previous = connection.execute(
                    "SELECT wrapped FROM gallery_key WHERE gallery = ?", (gallery,)
                ).fetchone()
                wrapped = self._outer("gallery-key", gallery).wrap(key)
                connection.execute("UPDATE gallery_key SET wrapped = ? WHERE gallery = ?", (wrapped, gallery))
                replaced.append(previous[0])
            else:
                connection.execute("UPDATE custodied SET key_id = ? WHERE gallery = ?", (key_id, gallery))
        self._database.wipe(replaced)
        return len(rows)

    def check(self) -> None:
        """Verify the file's structure and that every key and secret authenticates.

        Raises:
            IntegrityError: Something does not.
        """
        self._database.check()
        self._check_master()
        with self._database.snapshot() as connection:
            galleries = [row[0] for row in connection.execute("SELECT gallery FROM gallery_key")]
            names = [row[0] for row in connection.execute("SELECT name FROM secret")]
            custodied = {row[0] for row in connection.execute("SELECT gallery FROM custodied")}
        # What is in custody is checked with the gallery, by an operation that was granted its key.
        for gallery in galleries:
            if gallery not in custodied:
                self.subject_keys(gallery)
        for name in names:
            self.secret(name)

    def _inner(self, connection: sqlite3.Connection, gallery: str) -> Wrapper:
        context = WrappingContext("subject-key", gallery)
        key_id = _key_id(connection, gallery)
        if key_id is not None:
            return Wrapper(self.grants.key(gallery, key_id), context)
        row = connection.execute("SELECT wrapped FROM gallery_key WHERE gallery = ?", (gallery,)).fetchone()
        if row is None:
            raise UsageError(f"the gallery {gallery!r} has no key; create the gallery first")
        return Wrapper(self._outer("gallery-key", gallery).unwrap(row[0]), context)


def _key_id(connection: sqlite3.Connection, gallery: str) -> str | None:
    row = connection.execute("SELECT key_id FROM custodied WHERE gallery = ?", (gallery,)).fetchone()
    return None if row is None else str(row[0])
