"""A gallery leaves the system: under a mandate that names the recipient, sealed to the recipient's key (rule S4)."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import BadInput, UsageError
from faceward.core.names import normal_name
from faceward.core.results import JSONDict
from faceward.gallery.handover import Handed, hand_over
from faceward.gallery.search import SCHEMES
from faceward.gallery.vault import Vault
from faceward.operations import recipients
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.suspension import suspended
from faceward.operations.warrants import warrant
from faceward.policy import facts
from faceward.policy.mandates import Mandate, Use
from faceward.protection.age import open_parcel, seal_to

FORMAT = "faceward/gallery-package/v1"
MAX_PACKAGE_BYTES = 2**30
_EXPORT = "gallery.export"
_ID_BYTES = 8
# What an entry of the log can commit to is bounded, and each subject is told in their own chain.
_TOLD_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class HandoverResult:
    """A package on its way out.

    Attributes:
        manifest: What is in it and on which terms.
        entry: Index of the log entry that announced it.
        sealed: The package, age-encrypted to the recipient.
    """

    manifest: JSONObject
    entry: int
    sealed: bytes = field(repr=False)

    def to_json(self) -> JSONDict:
        """Return the object of `faceward gallery export --json`."""
        return {**self.manifest, "entry": self.entry, "package_sha256": sha256_hex(self.sealed)}


def export(deployment: Deployment, desk: Desk, gallery: str, to: str, mandate: str | None) -> HandoverResult:
    """Make a package of a gallery for a recipient; each subject's chain says that it went, and to whom.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        gallery: The gallery.
        to: The recipient's name, as the mandate gives it.
        mandate: The mandate's digest, or its first digits; without one it is refused.

    Raises:
        PolicyRefusal: No approved mandate covers it and names the recipient (rules S4 and P2), or the standard asks for
            a custodian apart (L2). The refusal is logged.
        UsageError: There is no such gallery or recipient, or the recipient has no key.
    """
    gallery = normal_name(gallery)
    named_for = deployment.gallery_purpose(gallery)
    if named_for is None:
        raise UsageError(f"no gallery {gallery!r}; list them with 'gallery list'")
    recipient = recipients.recipient(deployment, to)
    if not recipient.age_key:
        raise UsageError(f"the recipient {to!r} has no age key; register one with 'recipient add --age-key'")
    use = Use(_EXPORT, named_for, gallery, None, deployment.operator, deployment.now())
    held = warrant(deployment, desk, mandate, use)
    asked = None if held.held is None else Mandate.of(held.held.signed)
    context = facts.export_context(
        deployment.purpose(named_for),
        named_for,
        deployment.standard,
        mandate=held.assessment,
        recipient_named=asked is not None and asked.recipient == recipient.name,
    )
    package = secrets.token_hex(_ID_BYTES)
    details: JSONObject = {"gallery": gallery, "purpose": named_for, "recipient": recipient.name, "package": package}
    with desk.operation(_EXPORT, context, Happening(_EXPORT, details), held.held) as act:
        handed = _handed(deployment, act.gallery(gallery).info.name, named_for, package)
        # Noted and told before it goes, so that no crash lets it go unnoticed.
        recipients.note_delivery(deployment, package, recipient.name, _by_subject(handed))
        _tell(desk, handed, details)
        manifest = _manifest(deployment, handed, {**details, "mandate": held.held.digest if held.held else ""})
        sealed = seal_to(recipient.age_key, _encoded(manifest, handed))
        act.outcome.update({"references": len(handed), "package_sha256": sha256_hex(sealed)})
    return HandoverResult(manifest, act.entry, sealed)


def _handed(deployment: Deployment, gallery: str, purpose: str, package: str) -> list[Handed]:
    info = deployment.store.gallery(gallery)
    vault = Vault(info, deployment.store, deployment.keys, SCHEMES[info.mode])
    now = deployment.now()
    out = suspended(deployment, now)

    def named(subject: bytes) -> bytes:
        # Another pseudonym in each package, so that two recipients cannot put theirs together by it.
        return hashlib.sha256(package.encode() + subject).digest()

    found = hand_over(vault, purpose, now, named)
    return [one for one in found if not out.covers(one.was, one.stored.reference_id)]


def _by_subject(handed: Sequence[Handed]) -> Mapping[bytes, Sequence[str]]:
    found: defaultdict[bytes, list[str]] = defaultdict(list)
    for one in handed:
        found[one.was].append(one.stored.reference_id)
    return found


def _tell(desk: Desk, handed: Sequence[Handed], details: JSONObject) -> None:
    about: JSONObject = {"outcome": "handed over", "recipient": details["recipient"], "package": details["package"]}
    told = sorted({str(one.record["subject"]) for one in handed})
    for start in range(0, len(told), _TOLD_AT_ONCE):
        subjects = dict.fromkeys(told[start : start + _TOLD_AT_ONCE], about)
        desk.journal.write(Phase.NOTE, [Happening(_EXPORT, {"package": details["package"]}, subjects)])


def _manifest(deployment: Deployment, handed: Sequence[Handed], details: JSONObject) -> JSONObject:
    purpose = deployment.purpose(str(details["purpose"]))
    terms = "For this purpose alone. Delete each reference when it expires, and within 30 days of a notice of deletion."
    return {
        "format": FORMAT,
        **details,
        "basis": purpose.basis.value if purpose else "",
        "controller": deployment.config.controller,
        "contact": deployment.config.contact,
        "log": deployment.config.origin,
        "pack": deployment.pipeline.identifier,
        "exported": to_rfc3339(deployment.now()),
        "expires": to_rfc3339(max((one.stored.expires for one in handed), default=deployment.now())),
        "terms": terms,
        "references": len(handed),
        "references_sha256": sha256_hex(canonical_json(_rows(handed))),
    }


def _rows(handed: Sequence[Handed]) -> list[JSONValue]:
    return [
        {
            "reference": one.stored.reference_id,
            "subject": one.stored.subject.hex(),
            "key_id": one.stored.key_id,
            "key": one.key.hex(),
            "created": to_rfc3339(one.stored.created),
            "expires": to_rfc3339(one.stored.expires),
            "features": b64encode(one.stored.sealed).decode(),
            "record": b64encode(one.stored.record).decode(),
        }
        for one in handed
    ]


def _encoded(manifest: JSONObject, handed: Sequence[Handed]) -> bytes:
    return canonical_json({"manifest": manifest, "references": _rows(handed)})


def manifest_of(sealed: bytes, identity_file: Path) -> JSONDict:
    """Open a package with the recipient's age identity, check it and return what it says of itself.

    Raises:
        WrongSecret: It was sealed to somebody else.
        BadInput: It is damaged, or no package.
    """
    try:
        value = json.loads(open_parcel(sealed, identity_file))
        manifest, rows = value["manifest"], value["references"]
        good = manifest["format"] == FORMAT and manifest["references_sha256"] == sha256_hex(canonical_json(rows))
    except (ValueError, TypeError, KeyError, RecursionError):
        good, manifest, rows = False, {}, []
    if not good or manifest.get("references") != len(rows):
        raise BadInput("the package is not what its manifest says, or none; ask for it again")
    return dict(manifest)
