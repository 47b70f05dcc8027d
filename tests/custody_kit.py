"""A deployment in miniature for tests of the custodian: a real log, a real custodian, people, and a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from faceward.audit.entries import Commitment, Entry, Phase, commit
from faceward.audit.log import Log, Record
from faceward.audit.merkle import leaf_hash
from faceward.audit.note import Signer
from faceward.core.errors import UsageError
from faceward.custody.custodian import Custodian
from faceward.custody.keyring import Keyring
from faceward.custody.messages import Authority, Lease, Presentation
from faceward.custody.protocol import Pins
from faceward.custody.state import State
from faceward.custody.terms import Terms
from faceward.policy.asking import (
    Approval,
    Decision,
    SignedRequest,
    new_request,
    sign_approval,
    sign_request,
)
from faceward.policy.authority import Mandate
from faceward.policy.people import Person, Role
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.statements import Statement, StatementAct

ORIGIN = "example.org/log"
SIGNER = Signer(ORIGIN, bytes(range(32)))
MASTER = bytes(range(32))
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEYS = {name: PrivateKey.generate() for name in ("ann", "bob", "cleo", "dan", "eve")}
ROLES = {
    "ann": {Role.OPERATOR},
    "bob": {Role.APPROVER},
    "cleo": {Role.APPROVER, Role.CUSTODIAN},
    "dan": {Role.OPERATOR},
    "eve": {Role.AUDITOR},
}
PLAIN = Terms(frozenset(), timedelta(days=30), 100, timedelta(hours=48), timedelta(minutes=15), False, False)
STRICT = replace(PLAIN, required=frozenset({"identify"}))
STANDARDS = {
    "plain": PLAIN,
    "strict": STRICT,
    "signed": replace(PLAIN, sign_in=True),
    "busy": replace(STRICT, searches=100_000),
}
DIGEST = "5" * 64


def load(name: str, digest: str) -> Terms:
    if name not in STANDARDS or digest != DIGEST:
        raise UsageError("no such standard")
    return STANDARDS[name]


def pins(standard: str = "plain", signer: Signer = SIGNER) -> Pins:
    return Pins(signer.name, signer.verifier.vkey, standard, DIGEST, "pack")


@dataclass
class Clock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def move(self, **span: float) -> None:
        self.moment += timedelta(**span)


def person(name: str, **changes: Any) -> Person:
    made = Person(name, KEYS[name].public, frozenset(ROLES[name]), None, NOW)
    return replace(made, **changes)


@dataclass
class Bench:
    """A log beside a custodian.

    Attributes:
        custody: What is asked; a client in tests of the process.
    """

    folder: Path
    clock: Clock = field(default_factory=Clock)
    log: Any = None
    custody: Any = None

    @classmethod
    def make(cls, folder: Path, standard: str = "plain") -> Bench:
        bench = cls(folder)
        bench.log = Log.create(folder / "log.db", SIGNER)
        state = State.create(folder / "custodian.db", MASTER)
        bench.custody = Custodian(state, Keyring(MASTER), bench.clock, load_terms=load)
        bench.custody.found(pins(standard))
        return bench

    def reopen(self, master: bytes = MASTER) -> None:
        path = self.custody.path
        self.custody.close()
        self.custody = Custodian(State.open(path, master), Keyring(master), self.clock, load_terms=load)

    def close(self) -> None:
        self.custody.close()
        self.log.close()

    def record(
        self, operation: str, details: dict[str, Any], time: datetime | None = None, phase: Phase = Phase.BEGIN
    ) -> tuple[int, bytes]:
        """Append an entry; return its index and the encoded opening of its details."""
        time = time or self.clock.now()
        digest, opening = commit(details)
        entry = Entry(time, operation, phase, 0 if phase is Phase.END else None, (Commitment("details", digest),))
        [index] = self.log.append([Record(entry)], max(time, self.clock.now()))
        return index, opening.encode()

    def show(
        self,
        recorded: tuple[int, bytes],
        gallery: str = "door",
        session: OpenSession | None = None,
        mandate: tuple[SignedRequest, tuple[Approval, ...]] | None = None,
        since: int | None = None,
    ) -> Presentation:
        """Return the honest presentation of an entry."""
        index, opening = recorded
        proof = self.log.proof(index, self.custody.status().size if since is None else since)
        use = None if session is None else session.sign_use(leaf_hash(proof.leaf), gallery)
        signed, approvals = mandate or (None, ())
        authority = Authority(None if session is None else session.signed, use, signed, approvals)
        return Presentation(proof, opening, gallery, authority)

    def create(self, gallery: str = "door", operator: str = "ann", session: OpenSession | None = None) -> Lease:
        recorded = self.record("gallery.create", {"operator": operator, "gallery": gallery})
        return self.custody.create(self.show(recorded, gallery, session))

    def enrol(self, gallery: str = "door", **details: Any) -> Presentation:
        """Record the beginning of an enrolment, and return its presentation."""
        return self.show(self.record("enrol", {"operator": "ann", "gallery": gallery, **details}), gallery)

    def sign_in(self, name: str) -> OpenSession:
        return OpenSession.begin(name, KEYS[name], ORIGIN, self.clock.now())

    def ask(self, kind: str, body: Any, by: str, approvers: Sequence[str] = ()) -> tuple[SignedRequest, Any]:
        """Return a signed request and its approvals."""
        now = self.clock.now()
        request = new_request(kind, body, by, ORIGIN, (now, now + timedelta(days=1)))
        signed = sign_request(request, KEYS[by])
        return signed, tuple(sign_approval(request, name, Decision.APPROVE, now, KEYS[name]) for name in approvers)

    def man(self, *names: str) -> None:
        """Put people in the roster, by way of a request each."""
        for name in names or ("bob", "cleo", "ann", "dan", "eve"):
            body = person(name).to_json()
            status = self.custody.status()
            if not len(status.roster):
                now = self.clock.now()
                first = SignedRequest(new_request("person.add", body, name, ORIGIN, (now, now + timedelta(1))), "")
                self.custody.decide(first, ())
            else:
                self.custody.decide(*self.ask("person.add", body, "bob", ("cleo",) if status.manned else ()))

    def mandate(self, approvers: Sequence[str] = ("bob",), **changes: Any) -> tuple[SignedRequest, Any]:
        """Return a mandate that ann asked for, and its approvals."""
        now = self.clock.now()
        made = Mandate(
            "theft", ("identify",), ("door",), (), "the shop", "1/26", "law", now, now + timedelta(days=2), 3, ("ann",),
            False,
        )  # fmt: skip
        request = replace(made, **changes).request("ann", ORIGIN, now)
        signed = sign_request(request, KEYS["ann"])
        return signed, tuple(sign_approval(request, name, Decision.APPROVE, now, KEYS[name]) for name in approvers)

    def search(
        self, mandate: tuple[SignedRequest, Any] | None, gallery: str = "door", operator: str = "ann", **details: Any
    ) -> Presentation:
        """Record the beginning of a search under a mandate, and return its presentation."""
        told = {"operator": operator, "gallery": gallery, "purpose": "theft", **details}
        if mandate is not None:
            told.setdefault("mandate", mandate[0].request.digest())
        return self.show(self.record("identify", told), gallery, self.sign_in(operator), mandate)

    def stop(self, name: str) -> Statement:
        return Statement(StatementAct.STOP, "", "", name, ORIGIN, self.clock.now()).signed(KEYS[name])

    def revoke(self, digest: str, name: str) -> Statement:
        return Statement(StatementAct.REVOKE, digest, "", name, ORIGIN, self.clock.now()).signed(KEYS[name])
