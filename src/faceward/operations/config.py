"""The public description of a deployment, and the names of its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from faceward.core.canonical import JSONObject, canonical_json, sha256
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import read_regular

FORMAT = 2
CONFIG_FILE = "deployment.json"
KEY_FILE = "master.key"
KEYS_FILE = "keys.db"
GALLERY_FILE = "gallery.db"
LOG_FILE = "log.db"
VKEY_FILE = "log.vkey"
CUSTODIAN_FILE = "custodian.db"
SESSION_GUARD = "session.guard"
"""Held shared by every process that has the deployment open."""
_MAX_CONFIG_BYTES = 2**16
_FLAGS = ("age", "trial")


@dataclass(frozen=True, slots=True)
class Config:
    """The public description of a deployment, `deployment.json`.

    Attributes:
        standard: Name of the standard it was set up under.
        jurisdiction: Code of its jurisdiction profile.
        controller: Who decides about the data, for notices; may be empty.
        contact: How subjects reach the controller; may be empty.
        pack: Name of the model pack.
        pack_digest: Digest of the pack's manifest.
        origin: The log's identity.
        created: When it was set up, RFC 3339.
        age: Whether the master key is held by an age identity instead of a passphrase.
        custodian: Socket of the custodian's process; empty where the custodian works in this process.
        trial: Whether the deployment is for trial only, so that it may do with a custodian in its own process what its
            standard wants one of its own for.
    """

    standard: str
    jurisdiction: str
    controller: str
    contact: str
    pack: str
    pack_digest: str
    origin: str
    created: str
    age: bool
    custodian: str = ""
    trial: bool = False

    def to_json(self) -> JSONObject:
        """Return the object that is written."""
        return {
            "format": FORMAT,
            "standard": self.standard,
            "jurisdiction": self.jurisdiction,
            "controller": self.controller,
            "contact": self.contact,
            "pack": self.pack,
            "pack_digest": self.pack_digest,
            "origin": self.origin,
            "created": self.created,
            "age": self.age,
            "custodian": self.custodian,
            "trial": self.trial,
        }

    def digest(self) -> bytes:
        """Return the SHA-256 of its canonical form."""
        return sha256(canonical_json(self.to_json()))


def read_config(home: Path) -> Config:
    """Read a deployment's description.

    Raises:
        UsageError: There is no deployment.
        IntegrityError: The file is damaged or of a newer version.
        EnvironmentFailure: It cannot be read.
    """
    path = home / CONFIG_FILE
    try:
        data = read_regular(path, _MAX_CONFIG_BYTES)
        if data is None:
            raise IntegrityError(f"{path}: too large to be a deployment's description; restore it from a backup")
        raw = json.loads(data)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{home}: no deployment here; set one up with 'faceward init' or name it with --home"
        ) from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check its permissions") from None
    except (ValueError, RecursionError):
        raise IntegrityError(f"{path}: not a deployment's description; restore it from a backup") from None
    version = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise IntegrityError(f"{path}: written by a newer version (format {version}, this reads {FORMAT}); upgrade")
    if isinstance(version, int) and version < FORMAT:
        raise IntegrityError(f"{path}: of an older version (format {version}, this reads {FORMAT}); set up anew")
    names = Config.__dataclass_fields__
    good = version == FORMAT and set(raw) == {"format", *names}
    if not good or not all(isinstance(raw[name], bool if name in _FLAGS else str) for name in names):
        raise IntegrityError(f"{path}: not a deployment's description; restore it from a backup")
    return Config(**{name: raw[name] for name in names})
