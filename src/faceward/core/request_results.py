"""What operations on people, requests and mandates return: frozen, and each with one JSON form, which is printed."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person of the roster.

    Attributes:
        name: Their name.
        key: Their public key, as one line.
        fingerprint: The key as `ssh-keygen -l` shows it.
        roles: What they may do, in order.
        trained: Day until which their training is valid, or None.
        added: When they were added, RFC 3339.
        further: Their other public keys, each as one line.
        responsible: For a program, who answers for it; None for people.
    """

    name: str
    key: str
    fingerprint: str
    roles: tuple[str, ...]
    trained: str | None
    added: str
    further: tuple[str, ...] = ()
    responsible: str | None = None

    def to_json(self) -> JSONDict:
        """Return an object of `faceward person list --json`."""
        return {
            "name": self.name,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "roles": list(self.roles),
            "trained": self.trained,
            "added": self.added,
            "further": list(self.further),
            "responsible": self.responsible,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for something.

    Attributes:
        digest: The request's digest, 64 hexadecimal digits.
        kind: What kind it is of.
        state: `waiting`, or `carried out` where no approval was needed yet.
    """

    digest: str
    kind: str
    state: str

    def to_json(self) -> JSONDict:
        """Return the object of `faceward person add --json` and of others that ask."""
        return {"request": self.digest, "kind": self.kind, "state": self.state}


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What an approver decided.

    Attributes:
        approver: Who.
        decision: `approve` or `refuse`.
        time: When, RFC 3339.
        counts: It still counts: its signature holds, and the approver may decide.
        why: Why it does not; empty where it does.
        message: What was signed, canonical JSON.
        signature: Armoured SSHSIG.
    """

    approver: str
    decision: str
    time: str
    counts: bool
    why: str
    message: str
    signature: str

    def to_json(self) -> JSONDict:
        """Return an object under `decisions`."""
        return {
            "approver": self.approver,
            "decision": self.decision,
            "time": self.time,
            "counts": self.counts,
            "why": self.why,
            "message": self.message,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request, with what was decided on it.

    Attributes:
        digest: Its digest, 64 hexadecimal digits.
        kind: What kind it is of.
        requester: Who asks.
        created: When it was made, RFC 3339.
        expires: When it and its approvals end, RFC 3339.
        state: `waiting`, `approved`, `refused`, `revoked`, `carried out` or `ended`.
        body: What is asked for.
        message: What the requester signed, canonical JSON.
        signature: Armoured SSHSIG; empty where the roster was being founded.
        decisions: By approver.
        spent: For a mandate, how many searches were made under it; None for other kinds.
        signers: Lines of an `allowed_signers` file: the people who signed, with the keys they have now.
    """

    digest: str
    kind: str
    requester: str
    created: str
    expires: str
    state: str
    body: JSONDict
    message: str
    signature: str
    decisions: tuple[DecisionView, ...]
    spent: int | None
    signers: tuple[str, ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward request show --json` and `faceward mandate show --json`."""
        return {
            "digest": self.digest,
            "kind": self.kind,
            "requester": self.requester,
            "created": self.created,
            "expires": self.expires,
            "state": self.state,
            "body": self.body,
            "message": self.message,
            "signature": self.signature,
            "decisions": [decision.to_json() for decision in self.decisions],
            "spent": self.spent,
            "allowed_signers": list(self.signers),
        }
