"""Numbered forms of `gallery.db`. A released migration is never edited; a change is a new one at the end."""

from __future__ import annotations

from faceward.protection.database import Schema

_V1 = (
    # AUTOINCREMENT: a number is never given twice, so the order of enrolment survives deletions.
    """CREATE TABLE gallery (
        name TEXT PRIMARY KEY,
        mode TEXT NOT NULL,
        pack TEXT NOT NULL,
        created INTEGER NOT NULL,
        generation INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE reference (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        reference_id TEXT NOT NULL UNIQUE CHECK (length(reference_id) = 32),
        subject BLOB NOT NULL CHECK (length(subject) = 32),
        gallery TEXT NOT NULL REFERENCES gallery (name),
        purpose TEXT NOT NULL,
        pack TEXT NOT NULL,
        key_id TEXT NOT NULL CHECK (length(key_id) = 32),
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL CHECK (expires > created),
        generation INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        record BLOB NOT NULL,
        sample BLOB NOT NULL CHECK (length(sample) = 32)
    ) STRICT""",
    "CREATE INDEX reference_gallery ON reference (gallery, purpose, expires, reference_id)",
    "CREATE INDEX reference_generation ON reference (gallery, generation, number)",
    "CREATE INDEX reference_subject ON reference (subject, gallery)",
    "CREATE INDEX reference_expires ON reference (expires)",
    """CREATE TABLE document (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE probe (
        digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
        seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_V2 = (
    # A search asks how many subjects it compares with; without the index that reads every reference.
    "CREATE INDEX reference_compared ON reference (gallery, purpose, pack, subject, expires)",
)

SCHEMA = Schema(
    what="the gallery store",
    application_id=0x46574731,  # "FWG1"
    migrations=(_V1, _V2),
)
