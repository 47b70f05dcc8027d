"""The checks of a presentation that need no memory but what is passed in: proofs, time, details, people, mandates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from faceward.audit.checkpoint import Checkpoint, open_checkpoint
from faceward.audit.entries import Entry, Opening, Phase
from faceward.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.custody.errors import StaleProof
from faceward.policy.people import Person
from faceward.policy.sessions import check_use

if TYPE_CHECKING:
    from faceward.audit.note import Verifier
    from faceward.audit.proof import EntryProof
    from faceward.core.canonical import JSONObject
    from faceward.custody.duties import Duty
    from faceward.custody.messages import Presentation

FRESH = timedelta(minutes=2)
"""How far an entry's time may be from the custodian's, before or after."""
DETAILS = "details"
_NEW_ENTRY = "Repeat the operation, which writes a new entry."


@dataclass(frozen=True, slots=True)
class Shown:
    """What a presentation turned out to show.

    Attributes:
        entry: The entry, which the log holds.
        hashed: Its leaf hash, 32 bytes.
        details: What its slot `details` commits to.
    """

    entry: Entry
    hashed: bytes
    details: JSONObject

    def text(self, key: str) -> str:
        """Return a text of the details; empty where there is none."""
        value = self.details.get(key)
        return value if isinstance(value, str) else ""


def check_history(proof: EntryProof, verifier: Verifier, seen: tuple[int, bytes]) -> Checkpoint:
    """Check that the log's key signed the checkpoint, and that the log continues what was seen of it (step 1).

    Args:
        proof: The proofs.
        verifier: The log's key, as pinned.
        seen: Size and root hash (32 bytes) when it was seen last.

    Raises:
        StaleProof: The proof begins elsewhere, or the checkpoint is older than what was seen.
        IntegrityError: Another log, a bad signature, or the log was rewritten or forked.
    """
    checkpoint = open_checkpoint(proof.checkpoint, verifier)
    size, root = seen
    if proof.since != size or checkpoint.size < size:
        raise StaleProof(size)
    verify_consistency(size, checkpoint.size, proof.consistency, root, checkpoint.root)
    return checkpoint


def check_entry(presentation: Presentation, checkpoint: Checkpoint) -> Shown:
    """Check that the log holds the entry, and that the details are the entry's (step 2).

    Raises:
        IntegrityError: It is not in the log, or the details are others.
        PolicyRefusal: It does not announce an operation, or not on this gallery (L2).
    """
    proof = presentation.proof
    hashed = leaf_hash(proof.leaf)
    verify_inclusion(hashed, proof.index, checkpoint.size, proof.inclusion, checkpoint.root)
    entry = Entry.decode(proof.leaf)
    if entry.phase is not Phase.BEGIN:
        raise PolicyRefusal("L2", "the log entry announces no operation.", _NEW_ENTRY)
    opening = Opening.decode(presentation.details)
    try:
        opens = opening.opens(entry.digest(DETAILS))
    except UsageError:
        opens = False
    if not opens:
        raise IntegrityError("the details shown are not those of the log entry; present the entry's own")
    details = opening.details
    named = details.get("galleries")
    if details.get("gallery") != presentation.gallery and not (
        isinstance(named, list) and presentation.gallery in named
    ):
        raise PolicyRefusal("L2", "the log entry does not name this gallery.", _NEW_ENTRY)
    return Shown(entry, hashed, details)


def check_fresh(entry: Entry, now: datetime) -> None:
    """Check that the entry was written just now (step 3).

    Raises:
        PolicyRefusal: It is too old, or from the future (L2).
    """
    if now - entry.time > FRESH:
        raise PolicyRefusal("L2", f"the log entry is older than {_minutes()}.", _NEW_ENTRY)
    if entry.time - now > FRESH:
        raise PolicyRefusal(
            "L2", f"the log entry lies more than {_minutes()} ahead.", "Set the clocks of both machines, and repeat."
        )


def check_person(person: Person, presentation: Presentation, shown: Shown, duty: Duty) -> None:
    """Check that who signed in may do this, and is who the entry says does it (step 4).

    Raises:
        PolicyRefusal: They have not the role, the entry names somebody else, or they did not sign this use (S2).
    """
    session, use = presentation.authority.session, presentation.authority.use
    if not person.roles & duty.roles:
        roles = " or ".join(sorted(role.value for role in duty.roles))
        raise PolicyRefusal("S2", f"{person.name!r} has not the role {roles}.", "Let somebody sign in who has.")
    if shown.text("operator") != person.name:
        raise PolicyRefusal("S2", "the log entry names another person than who signed in.", _NEW_ENTRY)
    if session is None or use is None:
        raise PolicyRefusal("S2", "the use of the gallery is not signed.", "Sign in again, with --as NAME --key FILE.")
    check_use(session.session, shown.hashed, presentation.gallery, use)


def _minutes() -> str:
    return f"{int(FRESH.total_seconds()) // 60} minutes"
