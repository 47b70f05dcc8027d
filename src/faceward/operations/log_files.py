"""A deployment's log as anybody may check it: with its public key alone."""

from __future__ import annotations

from pathlib import Path

from faceward.audit.verifier import LogReport, verify_log
from faceward.core.errors import UsageError
from faceward.core.files import read_regular
from faceward.operations.config import LOG_FILE, VKEY_FILE

_MAX_VKEY_BYTES = 4096


def verify_home(home: Path, earlier: str | None = None, vkey: str | None = None) -> LogReport:
    """Verify a deployment's log with its public key alone; no secret is needed.

    Args:
        home: The deployment's folder.
        earlier: A checkpoint that somebody kept; the log must continue it.
        vkey: The log's public key that somebody kept; the folder's own if None, which proves less.

    Raises:
        IntegrityError: The log was altered, rolled back or forked, or a file is missing.
    """
    return verify_log(home / LOG_FILE, read_vkey(home) if vkey is None else vkey, earlier)


def read_vkey(home: Path) -> str:
    """Return the public key of a deployment's log (C2SP vkey).

    Raises:
        UsageError: There is no deployment.
    """
    try:
        return (read_regular(home / VKEY_FILE, _MAX_VKEY_BYTES) or b"").decode().strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{home}: no deployment here, or no {VKEY_FILE}; name it with --home") from None
