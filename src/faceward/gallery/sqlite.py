"""The embedded store: one SQLite file, `gallery.db`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faceward.core.errors import PackMismatch, PolicyRefusal, UsageError
from faceward.gallery.counting import Counted
from faceward.gallery.migrations import SCHEMA
from faceward.gallery.rows import gallery_of, reference_of, stamp
from faceward.gallery.store import Counts, GalleryInfo, StoredReference, check_reference
from faceward.protection.database import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

_PAGE = 4096
_LAST = 2**63 - 1
_COLUMNS = "reference_id, subject, gallery, purpose, pack, key_id, created, expires, sealed, record, sample"
_SELECT = f"SELECT {_COLUMNS} FROM reference"  # noqa: S608 - a constant
_INSERT = f"INSERT INTO reference ({_COLUMNS}, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_PACK_OF = "SELECT pack FROM reference WHERE reference_id = ?"
_IN_GALLERY = "gallery = ?1 AND expires > ?2 AND (?3 IS NULL OR purpose = ?3) AND (?4 IS NULL OR pack = ?4)"


class SQLiteStore:
    """See `ReferenceStore`. Build it with `create` or `open`; threads may share it, processes open their own.

    WAL with synchronous=FULL: a commit that was reported survives a power cut. Deleted cells are overwritten
    (secure_delete) and the write-ahead log is cut after every deletion.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted = Counted()

    @classmethod
    def create(cls, path: Path) -> SQLiteStore:
        """Set up an empty store, mode 0600.

        Raises:
            UsageError: It exists.
        """
        return cls(Database(path, SCHEMA, create=True))

    @classmethod
    def open(cls, path: Path) -> SQLiteStore:
        """Open a store, migrating an older one.

        Raises:
            IntegrityError: The file is missing, damaged, foreign or of a newer version.
        """
        return cls(Database(path, SCHEMA))

    def state(self) -> tuple[int, int]:
        """Return what is another after each change of the file, by whichever process; cheap to ask."""
        return self._database.state()

    def add_gallery(self, info: GalleryInfo) -> None:
        """Set up a gallery; see `ReferenceStore.add_gallery`."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO gallery (name, mode, pack, created) VALUES (?, ?, ?, ?)",
                (info.name, info.mode, info.pack, stamp(info.created)),
            )
            if not cursor.rowcount:
                raise UsageError(f"the gallery {info.name!r} exists; choose another name")

    def gallery(self, name: str) -> GalleryInfo:
        """Return a gallery; see `ReferenceStore.gallery`."""
        rows = self._rows("SELECT name, mode, pack, created FROM gallery WHERE name = ?", (name,))
        return gallery_of(_only(rows, f"the gallery {name!r} does not exist; create it or check its name"))

    def galleries(self) -> list[GalleryInfo]:
        """Return all galleries by name."""
        return [gallery_of(row) for row in self._rows("SELECT name, mode, pack, created FROM gallery ORDER BY name")]

    def generation(self, gallery: str) -> int:
        """Return the number of changes; see `ReferenceStore.generation`."""
        rows = self._rows("SELECT generation FROM gallery WHERE name = ?", (gallery,))
        return int(_only(rows, f"the gallery {gallery!r} does not exist; create it or check its name")[0])

    def add(self, references: Sequence[StoredReference]) -> None:
        """Store references, all or none; see `ReferenceStore.add`."""
        if not references:
            return
        with self._database.transaction() as connection:
            generation, pack = _count_up(connection, references)
            for reference in references:
                _check_pack(reference, pack)
                _insert(connection, reference, generation)

    def replace(self, references: Sequence[StoredReference]) -> None:
        """Give stored references other keys and bytes; see `ReferenceStore.replace`."""
        if not references:
            return
        sql = "UPDATE reference SET pack = ?, key_id = ?, sealed = ?, record = ?, generation = ? WHERE reference_id = ?"
        with self._database.transaction() as connection:
            generation, pack = _count_up(connection, references)
            for new in references:
                before = connection.execute(_PACK_OF, (new.reference_id,)).fetchone()
                if before is None:
                    raise UsageError(f"the reference {new.reference_id} does not exist; it may have been erased")
                _check_pack(new, before[0], pack)
                connection.execute(sql, (new.pack, new.key_id, new.sealed, new.record, generation, new.reference_id))
        self._database.wipe_journal()

    def use_pack(self, pack: str) -> int:
        """Let every gallery take and compare references of this pack; see `ReferenceStore.use_pack`."""
        with self._database.transaction() as connection:
            sql = "UPDATE gallery SET pack = ?1, generation = generation + 1 WHERE pack != ?1"
            return connection.execute(sql, (pack,)).rowcount

    def references(
        self, gallery: str, now: datetime, *, purpose: str | None = None, pack: str | None = None, after: int = 0
    ) -> Iterator[StoredReference]:
        """Iterate page by page, so that a writer waits for one page at most; see `ReferenceStore.references`."""
        sql = (
            f"SELECT generation, number, {_COLUMNS} FROM reference INDEXED BY reference_generation"  # noqa: S608
            f" WHERE {_IN_GALLERY} AND (generation, number) > (?5, ?6) ORDER BY generation, number LIMIT {_PAGE}"
        )
        place = (after, _LAST)
        while True:
            page = self._rows(sql, (gallery, stamp(now), purpose, pack, *place))
            for row in page:
                yield reference_of(row[2:])
            if len(page) < _PAGE:
                return
            place = page[-1][:2]

    def reference_ids(
        self, gallery: str, now: datetime, *, purpose: str | None = None, pack: str | None = None
    ) -> frozenset[str]:
        """Return the identifiers of unexpired references."""
        sql = f"SELECT reference_id FROM reference WHERE {_IN_GALLERY}"  # noqa: S608
        return frozenset(row[0] for row in self._rows(sql, (gallery, stamp(now), purpose, pack)))

    def count(self, gallery: str, now: datetime, *, purpose: str | None = None, pack: str | None = None) -> int:
        """Return the number of unexpired references."""
        sql = f"SELECT count(*) FROM reference WHERE {_IN_GALLERY}"  # noqa: S608
        return self._counted.number(sql, (gallery, stamp(now), purpose, pack), self._database)

    def subjects(self, gallery: str, now: datetime, *, purpose: str, pack: str) -> int:
        """Return the number of subjects; see `ReferenceStore.subjects`."""
        sql = (
            "SELECT count(DISTINCT subject) FROM reference INDEXED BY reference_compared"
            " WHERE gallery = ?1 AND purpose = ?3 AND pack = ?4 AND expires > ?2"
        )
        return self._counted.number(sql, (gallery, stamp(now), purpose, pack), self._database)

    def reference(self, reference_id: str) -> StoredReference:
        """Return one reference; see `ReferenceStore.reference`."""
        rows = self._rows(f"{_SELECT} WHERE reference_id = ?", (reference_id,))
        return reference_of(_only(rows, f"the reference {reference_id} does not exist; it may have been erased"))

    def by_subject(self, subject: bytes, *, gallery: str | None = None) -> list[StoredReference]:
        """Return a subject's references; see `ReferenceStore.by_subject`."""
        sql = f"{_SELECT} WHERE subject = ?1 AND (?2 IS NULL OR gallery = ?2) ORDER BY number"
        return [reference_of(row) for row in self._rows(sql, (subject, gallery))]

    def samples(self, gallery: str, purpose: str, subject: bytes) -> frozenset[bytes]:
        """Return the digests of a subject's samples; see `ReferenceStore.samples`."""
        sql = (
            "SELECT sample FROM reference JOIN gallery ON name = gallery AND gallery.pack = reference.pack"
            " WHERE name = ? AND purpose = ? AND subject = ?"
        )
        return frozenset(row[0] for row in self._rows(sql, (gallery, purpose, subject)))

    def keys(self, gallery: str) -> dict[str, str]:
        """Return reference identifiers and their key identifiers."""
        return dict(self._rows("SELECT reference_id, key_id FROM reference WHERE gallery = ?", (gallery,)))

    def expired(self, now: datetime, *, gallery: str | None = None) -> list[StoredReference]:
        """Return references that expired at or before this moment."""
        # Left to itself SQLite reads every reference in the order of their numbers, to spare the sorting of none.
        sql = (
            f"{_SELECT} INDEXED BY reference_expires"
            " WHERE expires <= ?1 AND (?2 IS NULL OR gallery = ?2) ORDER BY number"
        )
        return [reference_of(row) for row in self._rows(sql, (stamp(now), gallery))]

    def delete(self, reference_ids: Collection[str]) -> int:
        """Delete references and wipe their bytes; see `ReferenceStore.delete`."""
        with self._database.transaction() as connection:
            galleries: set[str] = set()
            deleted = 0
            for reference_id in reference_ids:
                sql = "DELETE FROM reference WHERE reference_id = ? RETURNING gallery"
                rows = connection.execute(sql, (reference_id,)).fetchall()
                galleries.update(row[0] for row in rows)
                deleted += len(rows)
            for gallery in galleries:
                connection.execute("UPDATE gallery SET generation = generation + 1 WHERE name = ?", (gallery,))
        self._database.wipe_journal()
        return deleted

    def put_document(self, kind: str, name: str, content: bytes) -> None:
        """Keep a named document, replacing one of that kind and name."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (kind, name, content))

    def add_document(self, kind: str, name: str, content: bytes) -> bytes:
        """Keep a named document unless there is one; see `ReferenceStore.add_document`."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO document VALUES (?, ?, ?)", (kind, name, content))
            sql = "SELECT content FROM document WHERE kind = ? AND name = ?"
            return bytes(connection.execute(sql, (kind, name)).fetchone()[0])

    def document(self, kind: str, name: str) -> bytes:
        """Return a document; see `ReferenceStore.document`."""
        rows = self._rows("SELECT content FROM document WHERE kind = ? AND name = ?", (kind, name))
        return bytes(_only(rows, f"the {kind} {name!r} does not exist; add it or check its name")[0])

    def documents(self, kind: str, start: str = "") -> dict[str, bytes]:
        """Return the documents of a kind by name: all, or those whose name starts so."""
        # The highest code point ends the range, since no name holds it.
        found = "SELECT name, content FROM document WHERE kind = ? AND name BETWEEN ? AND ? ORDER BY name"
        return dict(self._rows(found, (kind, start, f"{start}\U0010ffff")))

    def remember_probe(self, when: datetime, *digests: bytes) -> None:
        """Remember digests of a probe's sample; see `ReferenceStore.remember_probe`."""
        if all(self.is_probe(digest) for digest in digests):
            return
        with self._database.transaction() as connection:
            rows = [(digest, stamp(when)) for digest in digests]
            connection.executemany("INSERT OR IGNORE INTO probe VALUES (?, ?)", rows)

    def is_probe(self, digest: bytes) -> bool:
        """Say whether a sample was a probe."""
        return bool(self._rows("SELECT 1 FROM probe WHERE digest = ?", (digest,)))

    def delete_document(self, kind: str, name: str, content: bytes | None = None) -> None:
        """Forget a document; see `ReferenceStore.delete_document`."""
        sql = "DELETE FROM document WHERE kind = ?1 AND name = ?2 AND (?3 IS NULL OR content = ?3)"
        with self._database.transaction() as connection:
            connection.execute(sql, (kind, name, content))

    def counts(self) -> Counts:
        """Return how much is stored."""
        sql = (
            "SELECT (SELECT count(*) FROM gallery), (SELECT count(DISTINCT subject) FROM reference),"
            " (SELECT count(*) FROM reference)"
        )
        return Counts(*self._rows(sql)[0])

    def check(self) -> None:
        """Verify the file's structure; see `ReferenceStore.check`."""
        self._database.check()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._database.rows(sql, parameters)


def _count_up(connection: sqlite3.Connection, references: Sequence[StoredReference]) -> tuple[int, str]:
    """Count a gallery's generation up; return it, and the gallery's pack."""
    gallery = references[0].gallery
    if any(check_reference(reference).gallery != gallery for reference in references):
        raise UsageError("references of several galleries cannot be stored at once; go gallery by gallery")
    sql = "UPDATE gallery SET generation = generation + 1 WHERE name = ? RETURNING generation, pack"
    row = connection.execute(sql, (gallery,)).fetchone()
    if row is None:
        raise UsageError(f"the gallery {gallery!r} does not exist; create it or check its name")
    return int(row[0]), str(row[1])


def _check_pack(reference: StoredReference, *packs: str) -> None:
    if reference.pack not in packs:
        raise PackMismatch(
            f"the gallery {reference.gallery!r} takes references of the pack {packs[-1]}, not {reference.pack}; "
            "use that pack"
        )


def _insert(connection: sqlite3.Connection, reference: StoredReference, generation: int) -> None:
    if connection.execute("SELECT 1 FROM probe WHERE digest = ?", (reference.sample,)).fetchone():
        raise PolicyRefusal("E4", "the sample was a probe before.", "Take a new photograph for the enrolment.")
    sql = "SELECT 1 FROM reference WHERE reference_id = ?"
    if connection.execute(sql, (reference.reference_id,)).fetchone():
        raise UsageError(f"the reference {reference.reference_id} exists; give a fresh identifier")
    created, expires = stamp(reference.created), stamp(reference.expires)
    values = (reference.subject, reference.gallery, reference.purpose, reference.pack, reference.key_id)
    blobs = (reference.sealed, reference.record, reference.sample)
    connection.execute(_INSERT, (reference.reference_id, *values, created, expires, *blobs, generation))


def _only(rows: list[tuple[Any, ...]], absent: str) -> tuple[Any, ...]:
    if not rows:
        raise UsageError(absent)
    return rows[0]
