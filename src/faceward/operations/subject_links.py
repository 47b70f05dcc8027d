"""Links by which subjects see for themselves what is held about them, and use their rights (rules D1, T2, C2).

An operator makes one for somebody whose identity they have checked, and hands it over. The log says so, in the chain of
the subject. What the link's secret is, and that it is used once, is the service's concern; that it was made, and for
whom, is decided and recorded here, and asked again at every act: see `visits`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.openings import unsealed
from faceward.operations.visits import LINK, noted
from faceward.policy import facts
from faceward.policy.visits import USUAL, Visit, check_term, ended

VISIT = "subject.visit"
# Of a record what its subject is to see; quality and digests of files say nothing to them.
_TOLD = ("subject", "basis", "source", "release", "operator", "notice", "entry")


class SubjectLinks:
    """The links of one open deployment. Methods raise as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def make(self, subject: str, term: timedelta = USUAL) -> tuple[Visit, datetime]:
        """Let a subject in, by an entry of the log; whoever calls this hands out a secret that leads to it.

        Args:
            subject: Who; the operator has made sure that it is they who get it.
            term: How long the link can be used, at most seven days.

        Returns:
            What a session of theirs rests on, and when the link ends, UTC.

        Raises:
            PolicyRefusal: Who acts is no operator (K2); nobody makes a link for themselves.
            UsageError: Nothing is held about such a subject, or the term is too long.
        """
        deployment, desk = self._deployment, self._desk
        subject, until = check_name(subject, "subject"), deployment.now() + check_term(term)
        held = deployment.store.by_subject(deployment.pseudonym(subject))
        galleries: list[JSONValue] = [*sorted({reference.gallery for reference in held})]
        happening = Happening("subject.show", {"galleries": galleries, "for": LINK}, {subject: {}})
        if not held and desk.journal.subject_key_id(subject) is None:
            desk.unknown(happening)
            raise UsageError(f"nothing is held about {subject!r}; check the name")
        with desk.operation("show", facts.rights_context(own=False), happening) as act:
            gone = deployment.keys.destroyed([reference.key_id for reference in held])
            records: dict[str, JSONValue] = {
                one.reference_id: _told(act.gallery(one.gallery).record(one)) for one in held if one.key_id not in gone
            }
            about: JSONObject = {"until": to_rfc3339(until), "records": records}
            [kept] = desk.journal.write(Phase.NOTE, [Happening(LINK, {"until": to_rfc3339(until)}, {subject: about})])
        return Visit(subject, kept.index), until

    def found(self, entry: int) -> Visit:
        """Return who may come by the link that an entry of the log speaks of.

        Nothing else leads from a link to its subject, so that an erasure leaves nothing that does.

        Raises:
            PolicyRefusal: No entry speaks of it, or its subject was erased (K2).
        """
        deployment = self._deployment
        for sealed in deployment.log.openings(entry):
            owner = self._desk.journal.keys.of(sealed.key_id)
            if owner is not None:
                details = unsealed(entry, deployment.log.entry(entry), sealed, owner.key).details
                return Visit(str(details["subject"]), entry)
        raise ended()

    def require(self) -> None:
        """Check that who acts came by a link that still counts.

        Raises:
            PolicyRefusal: It does not (K2).
        """
        noted(self._deployment)

    def used(self) -> None:
        """Record that the subject came by the link; who acts must be such a visitor.

        Raises:
            PolicyRefusal: The link counts no more (K2).
        """
        visit = self._deployment.visit
        noted(self._deployment)
        if visit is not None:
            self._desk.journal.write(Phase.NOTE, [Happening(VISIT, {}, {visit.subject: {"link": visit.entry}})])


def _told(record: dict[str, JSONValue]) -> JSONObject:
    return {name: record[name] for name in _TOLD if name in record}
