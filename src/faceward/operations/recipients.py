"""Who was handed references, and whether they have deleted what was erased here (rule T3)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.core.results import JSONDict
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.suspension import terms
from faceward.policy.notices import deletion_text
from faceward.policy.rights import check_text
from faceward.protection.age import check_recipient

_RECIPIENT = "recipient"
_DELIVERED = "delivered"
_NOTICE = "deletion-notice"
_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody outside to whom a gallery may be handed under a mandate.

    Attributes:
        name: Their name, as mandates name them.
        contact: How to reach them.
        age_key: Their age recipient (`age1…`), or empty where nothing can be handed over yet.
        added: When they were added, RFC 3339.
    """

    name: str
    contact: str
    age_key: str
    added: str

    def to_json(self) -> JSONDict:
        """Return the recipient."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class DeletionNotice:
    """What a recipient has to delete, because its subject was erased or withdrew here.

    Attributes:
        identifier: 16 hexadecimal digits.
        recipient: Who.
        contact: How to reach them.
        references: Identifiers of the references, as they stand in the package handed over.
        issued: When the notice fell due, RFC 3339.
        due: By when it is to be confirmed, RFC 3339.
        confirmed: When the recipient confirmed, or None.
        evidence: Where the confirmation is kept, or None.
        overdue: Whether it should have been confirmed by now.
        text: The notice in plain words.
    """

    identifier: str
    recipient: str
    contact: str
    references: tuple[str, ...]
    issued: str
    due: str
    confirmed: str | None
    evidence: str | None
    overdue: bool
    text: str

    def to_json(self) -> JSONDict:
        """Return the notice."""
        found: JSONDict = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**found, "references": list(self.references)}


def add(deployment: Deployment, desk: Desk, name: str, contact: str, age_key: str = "") -> Recipient:
    """Register a recipient.

    Raises:
        UsageError: There is one of that name, no contact is given, or the key is none.
    """
    name, contact = check_name(name, "recipient"), check_text(contact, "contact")
    if age_key:
        check_recipient(age_key)
    if deployment.kept(_RECIPIENT, name) is not None:
        raise UsageError(f"the recipient {name!r} is registered already; choose another name")
    added = Recipient(name, contact, age_key.strip(), to_rfc3339(deployment.now()))
    details: JSONObject = {"recipient": name, "contact": contact, "age_key": added.age_key}
    with desk.operation("recipient.confirm", {}, Happening("recipient.add", details)):
        deployment.keep(_RECIPIENT, name, added.to_json())
    return added


def listed(deployment: Deployment) -> tuple[Recipient, ...]:
    """Return all recipients by name."""
    return tuple(recipient(deployment, name) for name in deployment.store.documents(_RECIPIENT))


def recipient(deployment: Deployment, name: str) -> Recipient:
    """Return a recipient.

    Raises:
        UsageError: There is none of that name.
    """
    value = deployment.kept(_RECIPIENT, name)
    if not isinstance(value, dict):
        raise UsageError(f"there is no recipient {name!r}; add them with 'recipient add'")
    return Recipient(**{field: str(value[field]) for field in Recipient.__dataclass_fields__})


def note_delivery(deployment: Deployment, package: str, to: str, references: Mapping[bytes, Sequence[str]]) -> None:
    """Note what goes to a recipient, before it does.

    Args:
        deployment: The deployment.
        package: Identifier of the package.
        to: Name of the recipient.
        references: Identifiers of references by their subject's pseudonym.
    """
    for subject, ids in references.items():
        listed_ids: list[JSONValue] = [*ids]
        deployment.keep(f"{_DELIVERED}/{subject.hex()}", package, {"recipient": to, "references": listed_ids})


def give_notice(deployment: Deployment, subject: str, erased: Collection[str] | None = None) -> list[JSONValue]:
    """Give notice of deletion to everybody who was handed references of a subject; repeating it gives no second.

    Args:
        deployment: The deployment.
        subject: Whose references are erased.
        erased: Which; all of theirs if None.

    Returns:
        What the log says of it: the notices' identifiers with the recipients'.
    """
    return give_notice_of(deployment, deployment.pseudonym(subject), erased)


def give_notice_of(deployment: Deployment, pseudonym: bytes, erased: Collection[str] | None = None) -> list[JSONValue]:
    """Give notice as `give_notice` does, for a subject of whom only the pseudonym, 32 bytes, is known."""
    given: list[JSONValue] = []
    kind = f"{_DELIVERED}/{pseudonym.hex()}"
    for package in deployment.store.documents(kind):
        delivery = deployment.kept(kind, package)
        if not isinstance(delivery, dict):
            continue
        held = [str(name) for name in _names(delivery["references"])]
        gone: list[JSONValue] = [name for name in held if erased is None or name in erased]
        if not gone:
            continue
        to = str(delivery["recipient"])
        identifier = hashlib.sha256("\0".join([package, *map(str, gone)]).encode()).hexdigest()[:_ID_CHARACTERS]
        if deployment.kept(_NOTICE, identifier) is None:
            issued = to_rfc3339(deployment.now())
            notice: JSONObject = {"recipient": to, "references": gone, "issued": issued, "confirmed": None}
            deployment.keep(_NOTICE, identifier, {**notice, "evidence": None})
        left: list[JSONValue] = [name for name in held if name not in gone]
        if left:
            deployment.keep(kind, package, {"recipient": to, "references": left})
        else:
            deployment.store.delete_document(kind, package)
        given.append({"notice": identifier, "recipient": to})
    return given


def notices(deployment: Deployment, *, due: bool = False) -> tuple[DeletionNotice, ...]:
    """Return the notices of deletion, oldest first: all, or those that are not confirmed."""
    found = (_notice(deployment, name) for name in deployment.store.documents(_NOTICE))
    return tuple(sorted((n for n in found if not due or n.confirmed is None), key=lambda n: (n.issued, n.identifier)))


def unconfirmed(deployment: Deployment) -> tuple[tuple[str, datetime], ...]:
    """Return the notices that no recipient has confirmed, with the moment when each was given."""
    return tuple((one.identifier, from_rfc3339(one.issued)) for one in notices(deployment, due=True))


def confirm(deployment: Deployment, desk: Desk, identifier: str, evidence: str) -> DeletionNotice:
    """Note that a recipient has deleted what a notice names.

    Raises:
        UsageError: There is no such notice, it is confirmed already, or no evidence is named.
    """
    evidence = check_text(evidence, "evidence")
    if deployment.kept(_NOTICE, identifier) is None:
        raise UsageError(f"there is no notice {identifier!r}; 'recipient notices' names them")
    notice = _notice(deployment, identifier)
    if notice.confirmed is not None:
        raise UsageError(f"the notice {identifier} was confirmed on {notice.confirmed[:10]}")
    details: JSONObject = {"notice": identifier, "recipient": notice.recipient, "evidence": evidence}
    with desk.operation("recipient.confirm", {}, Happening("recipient.confirm", details)):
        ids: list[JSONValue] = [*notice.references]
        value: JSONObject = {"recipient": notice.recipient, "references": ids, "issued": notice.issued}
        confirmed = to_rfc3339(deployment.now())
        deployment.keep(_NOTICE, identifier, {**value, "confirmed": confirmed, "evidence": evidence})
    return _notice(deployment, identifier)


def _notice(deployment: Deployment, identifier: str) -> DeletionNotice:
    value = deployment.kept(_NOTICE, identifier)
    if not isinstance(value, dict):
        raise UsageError(f"there is no notice {identifier!r}; 'recipient notices' names them")
    to, issued = str(value["recipient"]), from_rfc3339(str(value["issued"]))
    end = issued + terms(deployment).confirm
    references = tuple(str(name) for name in _names(value["references"]))
    confirmed, evidence = value["confirmed"], value["evidence"]
    return DeletionNotice(
        identifier=identifier,
        recipient=to,
        contact=recipient(deployment, to).contact,
        references=references,
        issued=to_rfc3339(issued),
        due=to_rfc3339(end),
        confirmed=None if confirmed is None else str(confirmed),
        evidence=None if evidence is None else str(evidence),
        overdue=confirmed is None and deployment.now() > end,
        text=deletion_text(deployment.config.controller, to, references, end),
    )


def _names(value: JSONValue) -> Sequence[JSONValue]:
    return value if isinstance(value, list) else []
