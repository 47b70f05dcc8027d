"""A deployment's description and its digest, which lies in the key store: an edited description is noticed."""

from __future__ import annotations

from pathlib import Path

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError
from faceward.operations.config import CONFIG_FILE, Config
from faceward.protection.files import write_atomically
from faceward.protection.keys import KeyStore

_DIGEST = "config-digest"
_DIGEST_BYTES = 32


def pin(keys: KeyStore, config: Config) -> None:
    """Keep the digest of a description."""
    keys.put_secret(_DIGEST, config.digest())


def check_pinned(home: Path, keys: KeyStore, config: Config) -> None:
    """Check that a description is the one that was pinned, and bring a change of it to its end that was interrupted.

    Raises:
        IntegrityError: It was altered.
    """
    pinned, digest = keys.secret(_DIGEST), config.digest()
    if digest not in (pinned[:_DIGEST_BYTES], pinned[_DIGEST_BYTES:]):
        raise IntegrityError(f"{home / CONFIG_FILE}: was altered after set-up; restore it from a backup")
    if digest == pinned[_DIGEST_BYTES:]:
        pin(keys, config)


def replace_config(home: Path, keys: KeyStore, old: Config, new: Config) -> None:
    """Put another description in the place of a deployment's; a process killed at any instant leaves one of the two.

    Both digests are pinned while the file is replaced, since two files cannot change at once.

    Raises:
        EnvironmentFailure: The machine failed; the old one is in force.
    """
    keys.put_secret(_DIGEST, old.digest() + new.digest())
    write_atomically(home / CONFIG_FILE, canonical_json(new.to_json()) + b"\n", "the deployment's description")
    pin(keys, new)
