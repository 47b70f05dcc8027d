"""The checkpoints that witnesses cosigned, kept beside the log for receipts, publications and freshness.

The file holds the canonical JSON of one object, `{"notes": [...]}`: checkpoints as signed notes, the smallest tree
first. The latest of each witness is among them, and an earlier one as long as more witnesses cosigned it than any later
one. A file that is one note by itself, as earlier versions wrote it, is read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.audit.checkpoint import Checkpoint
from faceward.audit.files import failures_named, locked, replace_file
from faceward.audit.note import MAX_SIGNATURES, Note, NoteSignature, parse_note
from faceward.audit.strict import from_canonical, to_canonical
from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.core.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_NOTE_FILE = 64 * 1024
_MAX_FILE = 1024 * 1024


def cosigned_path(log: Path) -> Path:
    """Return where the cosigned checkpoints of a log lie: `log.cosigned` beside `log.db`."""
    return log.with_suffix(".cosigned")


def read_cosigned(log: Path) -> tuple[str, ...]:
    """Read the cosigned checkpoints of a log as notes, the smallest tree first; empty where there are none.

    Raises:
        IntegrityError: The file is something else.
        EnvironmentFailure: It cannot be read.
    """
    path = cosigned_path(log)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check its permissions") from error
    damaged = IntegrityError(f"{path}: no cosigned checkpoint; delete it and have the log cosigned again")
    if len(data) > _MAX_FILE:
        raise damaged
    try:
        notes = _decode(data)
        return tuple(sorted(notes, key=size_of))
    except (IntegrityError, UnicodeDecodeError) as error:
        raise damaged from error


def _decode(data: bytes) -> list[str]:
    if not data.startswith(b"{"):
        return [data.decode()]
    value = from_canonical(data, "the file of cosigned checkpoints")
    notes = value.get("notes")
    if set(value) != {"notes"} or not isinstance(notes, list):
        raise IntegrityError("the file of cosigned checkpoints is malformed")
    return [str(note) for note in notes]


def size_of(note: str) -> int:
    """Return the size of a note's checkpoint.

    Raises:
        IntegrityError: It is no checkpoint.
    """
    return Checkpoint.from_body(parse_note(note).text).size


def with_signatures(note: str, others: Sequence[str]) -> str:
    """Add to a note the signatures that other notes hold over the same text, by keys that did not sign it yet."""
    parsed = parse_note(note)
    lines = {(s.name, s.key_id): s for s in parsed.signatures}
    for other in map(parse_note, others):
        if other.text == parsed.text:
            lines |= {(s.name, s.key_id): s for s in other.signatures if (s.name, s.key_id) not in lines}
    return Note(parsed.text, tuple(lines.values())[:MAX_SIGNATURES]).encode()


def merge(kept: Sequence[str], checkpoint: str, cosignatures: Sequence[NoteSignature]) -> tuple[str, ...]:
    """Add cosignatures of a checkpoint to what was kept, and drop what no witness needs any more.

    A later cosignature of a witness over the same checkpoint takes the place of its earlier one.

    Args:
        kept: The notes kept so far.
        checkpoint: The log's signed checkpoint.
        cosignatures: Verified.
    """
    note = parse_note(checkpoint)
    log_keys = {(s.name, s.key_id) for s in note.signatures}
    lines = {(s.name, s.key_id): s for s in parse_note(with_signatures(checkpoint, kept)).signatures}
    lines |= {(s.name, s.key_id): s for s in cosignatures}
    merged = Note(note.text, tuple(lines.values())[:MAX_SIGNATURES]).encode()
    notes = [*(one for one in kept if parse_note(one).text != note.text), merged]
    needed: list[str] = []
    seen: set[tuple[str, bytes]] = set()
    most = 0
    for one in sorted(notes, key=size_of, reverse=True):
        witnesses = {(s.name, s.key_id) for s in parse_note(one).signatures} - log_keys
        if witnesses - seen or len(witnesses) > most:
            needed.append(one)
        seen |= witnesses
        most = max(most, len(witnesses))
    return tuple(reversed(needed))


def keep_cosignatures(log: Path, checkpoint: str, cosignatures: Sequence[NoteSignature]) -> None:
    """Keep verified cosignatures of a log's checkpoint; those that others keep at this moment stay too.

    Raises:
        IntegrityError: The file kept so far is damaged.
        EnvironmentFailure: It cannot be written.
    """
    path = cosigned_path(log)
    with failures_named(path), locked(path.parent):
        notes = merge(read_cosigned(log), checkpoint, cosignatures)
        replace_file(path, to_canonical({"notes": list(notes)}, "the cosigned checkpoints"))
        sync_folder(path.parent)
