"""The checkpoint that witnesses cosigned, kept beside the log in a text file for receipts and publications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.audit.checkpoint import Checkpoint
from faceward.audit.files import failures_named, replace_file, sync_folder
from faceward.audit.note import MAX_SIGNATURES, Note, NoteSignature, parse_note
from faceward.core.errors import EnvironmentFailure, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_NOTE_FILE = 64 * 1024


def cosigned_path(log: Path) -> Path:
    """Return where the cosigned checkpoint of a log lies: `log.cosigned` beside `log.db`."""
    return log.with_suffix(".cosigned")


def read_cosigned(log: Path) -> str | None:
    """Read the cosigned checkpoint of a log as a note, or None where there is none.

    Raises:
        IntegrityError: The file is no note.
        EnvironmentFailure: It cannot be read.
    """
    path = cosigned_path(log)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_NOTE_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check its permissions") from error
    damaged = IntegrityError(f"{path}: no cosigned checkpoint; delete it and have the log cosigned again")
    if len(data) > MAX_NOTE_FILE:
        raise damaged
    try:
        note = data.decode()
        parse_note(note)
    except (IntegrityError, UnicodeDecodeError) as error:
        raise damaged from error
    return note


def merge(kept: str | None, checkpoint: str, cosignatures: Sequence[NoteSignature]) -> str:
    """Add cosignatures to a checkpoint, with those that were kept for the same one.

    A later cosignature of a witness takes the place of its earlier one. A kept note of a larger tree stays as it is.

    Args:
        kept: The note kept so far, or None.
        checkpoint: The log's signed checkpoint.
        cosignatures: Verified.
    """
    note = parse_note(checkpoint)
    lines = {(s.name, s.key_id): s for s in note.signatures}
    if kept is not None:
        before = parse_note(kept)
        if Checkpoint.from_body(before.text).size > Checkpoint.from_body(note.text).size:
            return kept
        if before.text == note.text:
            lines |= {(s.name, s.key_id): s for s in before.signatures if (s.name, s.key_id) not in lines}
    lines |= {(s.name, s.key_id): s for s in cosignatures}
    return Note(note.text, tuple(lines.values())[:MAX_SIGNATURES]).encode()


def keep_cosignatures(log: Path, checkpoint: str, cosignatures: Sequence[NoteSignature]) -> None:
    """Keep verified cosignatures of a log's checkpoint.

    Raises:
        IntegrityError: The file kept so far is damaged.
        EnvironmentFailure: It cannot be written.
    """
    path = cosigned_path(log)
    note = merge(read_cosigned(log), checkpoint, cosignatures)
    with failures_named(path):
        replace_file(path, note.encode())
        sync_folder(path.parent)
