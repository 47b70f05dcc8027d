"""Erasing a subject, and trying to get them back from a copy made before."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from faceward import bootstrap
from faceward.audit.verifier import verify_receipt
from faceward.core.errors import FacewardError
from faceward.core.results import IdentificationResult
from faceward.operations.system import System
from story import Erased, Needle

# A shorter name occurs in ciphertext by chance.
_CERTAIN = 6
Search = Callable[[System], IdentificationResult]


@dataclass(frozen=True, slots=True)
class _Traces:
    """A subject's rows as they lie in the files, read as anybody could who holds the files."""

    reference_ids: tuple[str, ...]
    key_ids: tuple[str, ...]
    bytes_of: tuple[tuple[str, bytes], ...]


def backup(database: Path, copy: Path) -> None:
    """Copy a database as a backup would, while it is in use."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as to:
        source.backup(to)


def erase(system: System, subject: str, folder: Path, terms: tuple[str, Search]) -> Erased:
    """Copy the gallery, erase a subject, close the deployment, and put the copy back beside the present keys.

    Args:
        system: The open deployment; closed when this returns.
        subject: Who is erased.
        folder: Where copies are made.
        terms: The passphrase, and how to search the group picture.

    Raises:
        FacewardError: A step failed that should not.
    """
    passphrase, search = terms
    home, copied = system.home, folder / "backup" / "gallery.db"
    # 1. Before: a backup of the gallery, and the subject's bytes in every file.
    references = tuple(reference.reference for reference in system.subject(subject).references)
    backup(home / "gallery.db", copied)
    traces = _traces(copied, home / "keys.db", references, subject)
    before = _find(traces, _files(home))
    # 2. The erasure, with its receipt checked by the log's public key alone.
    result = system.erase(subject)
    receipt = verify_receipt(result.receipt, (home / "log.vkey").read_text(encoding="utf-8").strip())
    again = search(system)
    lines = tuple(system.log_lines())
    system.close()
    # 3. After: the same bytes in every file.
    files = _files(home)
    after, kept = _find(traces, files), _find(traces, [copied])
    # 4. The backup in place of the gallery, beside the keys as they are now.
    restored = folder / "restored"
    shutil.copytree(home, restored)
    for leaf in ("gallery.db-wal", "gallery.db-shm"):
        (restored / leaf).unlink(missing_ok=True)
    shutil.copyfile(copied, restored / "gallery.db")
    rows = _count(restored / "gallery.db", "reference", "reference_id", traces.reference_ids)
    keys = _count(restored / "keys.db", "subject_key", "key_id", traces.key_ids)
    with bootstrap.open_system(restored, passphrase=passphrase) as reopened:
        found = search(reopened)
        answer = _asked(reopened, subject)
    needles = tuple(Needle(what, len(data), before[what], after[what], kept[what]) for what, data in traces.bytes_of)
    return Erased(result, tuple(receipt.lines()), needles, len(files), again, rows, keys, found, answer, lines)


def _asked(system: System, subject: str) -> str:
    try:
        held = len(system.subject(subject).references)
    except FacewardError as error:
        return str(error)
    return f"{held} references are held about {subject!r}"


def _traces(gallery: Path, keys: Path, reference_ids: tuple[str, ...], subject: str) -> _Traces:
    with closing(sqlite3.connect(f"file:{gallery}?mode=ro", uri=True)) as database:
        sql = "SELECT key_id, sealed, record FROM reference WHERE reference_id = ?"
        rows = [database.execute(sql, (reference_id,)).fetchone() for reference_id in reference_ids]
    key_ids = tuple(str(row[0]) for row in rows)
    with closing(sqlite3.connect(f"file:{keys}?mode=ro", uri=True)) as database:
        sql = "SELECT wrapped FROM subject_key WHERE key_id = ?"
        wrapped = [bytes(database.execute(sql, (key_id,)).fetchone()[0]) for key_id in key_ids]
    parts: list[tuple[str, bytes]] = []
    for number, (row, key) in enumerate(zip(rows, wrapped, strict=True), start=1):
        which = f" of reference {number}" if len(rows) > 1 else ""
        parts += [
            (f"the key{which}, wrapped", key),
            (f"the features{which}, sealed", bytes(row[1])),
            (f"the record{which}, sealed", bytes(row[2])),
        ]
    name = subject.encode()
    if len(name) >= _CERTAIN:
        parts.append(("the name, as plain text", name))
    return _Traces(reference_ids, key_ids, tuple(parts))


def _count(database: Path, table: str, column: str, values: Iterable[str]) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        sql = f"SELECT count(*) FROM {table} WHERE {column} = ?"  # noqa: S608 - both are written in this file
        return sum(connection.execute(sql, (value,)).fetchone()[0] for value in values)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _find(traces: _Traces, files: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    contents = [(path.name, path.read_bytes()) for path in files]
    return {what: tuple(name for name, content in contents if data in content) for what, data in traces.bytes_of}
