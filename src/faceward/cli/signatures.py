"""The files by which an outsider checks who signed a request, with OpenSSH alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure, UsageError

if TYPE_CHECKING:
    from faceward.core.request_results import RequestView

_SIGNERS = "allowed_signers"


def write_evidence(found: RequestView, folder: Path) -> None:
    """Write messages, signatures and public keys into a new folder.

    Raises:
        UsageError: The folder holds something.
        EnvironmentFailure: It cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder}: not an empty folder; name a new one")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SIGNERS).write_text("".join(f"{line}\n" for line in found.signers), encoding="ascii")
        for name, _, _, message, signature in _signed(found):
            (folder / name).write_bytes(message.encode())
            (folder / f"{name}.sig").write_text(signature, encoding="ascii")
    except OSError as error:
        raise EnvironmentFailure(f"{folder}: cannot be written: {error.strerror}; choose another place") from None


def how_to_check(found: RequestView, folder: Path | None) -> list[str]:
    """Return the lines that say how it is checked."""
    signed = _signed(found)
    if not signed:
        return ["nobody signed this: it was asked for before the roster was complete"]
    if folder is None:
        return [f"to check the signatures with OpenSSH: faceward request show {found.digest[:12]} --out DIR"]
    lines = [f"written to {folder}; check it there:"]
    return lines + [
        f"  ssh-keygen -Y verify -f {_SIGNERS} -I {who} -n {namespace} -s {name}.sig < {name}"
        for name, who, namespace, _, _ in signed
    ]


def _signed(found: RequestView) -> list[tuple[str, str, str, str, str]]:
    """Return file name, principal, namespace, message and signature of everything that was signed."""
    from faceward.operations.request_views import principal
    from faceward.policy.requests import APPROVAL_NAMESPACE, REQUEST_NAMESPACE

    signed = []
    if found.signature:
        who = principal(found.requester)
        signed.append(("request.json", who, REQUEST_NAMESPACE, found.message, found.signature))
    for decision in found.decisions:
        who = principal(decision.approver)
        name = f"{decision.decision}-{who}.json"
        signed.append((name, who, APPROVAL_NAMESPACE, decision.message, decision.signature))
    return signed
