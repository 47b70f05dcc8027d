"""Putting evaluations on record, taking them off it, and changing a purpose's rates (rules V1, S1)."""

from __future__ import annotations

from collections.abc import Iterator

from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.core.evidence_results import EvidenceView, MeasuredChange, PurposeEvidence
from faceward.core.names import normal_name, printable
from faceward.operations import measured, purposes, watch_evidence
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.evidence import (
    EVIDENCE,
    candidates,
    checked,
    searched_fmr,
    standing,
)
from faceward.operations.journal import Happening
from faceward.operations.requests import Requests
from faceward.policy.evaluation_reading import parse_evaluation
from faceward.policy.evidence import Candidate
from faceward.policy.purposes import Purpose, changed_purpose
from faceward.policy.stated_rates import reach

DONE, WAITING = "done", "waiting"


class EvidenceDesk:
    """The evidence of one open deployment. Methods raise as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def add(self, data: bytes, where: str) -> MeasuredChange:
        """Put an evaluation on record; one that lowers a threshold waits for another person.

        Args:
            data: The JSON that `faceward evaluate` wrote.
            where: Names the file in messages.

        Raises:
            BadInput: It is no evaluation, or one that cannot serve: see `evidence_checks.check`.
            PolicyRefusal: The test data rest on no ground that is accepted (V3); it lowers a threshold and is not in
                force (S1); who acts is no operator (K2). The refusal is logged.
            UsageError: It is on record already.
        """
        deployment = self._deployment
        evaluation = parse_evaluation(data, where)
        candidate = Candidate(evaluation, evaluation.digest(), shipped=False)
        if any(one.digest == candidate.digest for one in candidates(deployment)):
            raise UsageError(f"the evaluation {candidate.digest[:12]} is on record already; 'faceward evidence list'")
        try:
            proposal = measured.addition(deployment, candidate)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None
        return self._made(proposal, EVIDENCE, measured.body_of_evidence(candidate, add=True), candidate)

    def withdraw(self, start: str, reason: str) -> MeasuredChange:
        """Take an evaluation off the record; where that lowers a threshold it waits for another person.

        Args:
            start: The evaluation's digest, or its first digits.
            reason: Why, in a line.

        Raises:
            UsageError: None on record has that digest, or the reason is empty.
            PolicyRefusal: See `add`.
        """
        said = printable(reason).strip()
        if not said:
            raise UsageError("say why it is withdrawn, for example --reason 'the labels were wrong'")
        candidate = measured.on_record(self._deployment, start)
        proposal = measured.withdrawal(self._deployment, candidate, said)
        body = measured.body_of_evidence(candidate, add=False, reason=said)
        return self._made(proposal, EVIDENCE, body, candidate)

    def change_purpose(
        self, name: str, *, fmr: float | None = None, fpir: float | None = None, camera_class: str | None = None
    ) -> MeasuredChange:
        """Give a purpose other rates or another camera class; one that lowers a threshold waits for another person.

        Args:
            name: The purpose.
            fmr: FMR that a verification accepts; as it is if None.
            fpir: FPIR that a search accepts; as it is if None.
            camera_class: What kind of pictures its probes are; as it is if None.

        Raises:
            PolicyRefusal: It is not registered (P1); see also `add`. The refusal is logged.
            UsageError: A value is out of range, or nothing would change.
        """
        deployment, name = self._deployment, normal_name(name)
        before = deployment.purpose(name)
        if before is None:
            refusal = PolicyRefusal(
                "P1", f"no purpose {name!r} is registered.", "Register it with 'faceward purpose add'."
            )
            self._desk.deny(Happening(measured.CHANGED, {"purpose": name}), refusal)
            raise refusal
        after = changed_purpose(before, deployment.standard, fmr, fpir, camera_class)
        proposal = measured.change_of_purpose(deployment, before, after)
        return self._made(proposal, measured.RATES, measured.body_of_change(before, after), after)

    def _made(
        self, proposal: measured.Proposal, kind: str, body: JSONObject, about: Candidate | Purpose
    ) -> MeasuredChange:
        deployment = self._deployment
        candidate = about if isinstance(about, Candidate) else None
        entry, request = measured.make(deployment, self._desk, proposal), None
        if entry is None:
            if candidate is not None:
                deployment.keep(measured.WAITING, candidate.digest, candidate.evaluation.to_json())
            request = Requests(deployment, self._desk).ask(kind, body).digest
        concerned = tuple(
            one
            for one in self.purposes()
            if (one.purpose == about.name if isinstance(about, Purpose) else one.evaluation == about.digest)
        )
        digest = candidate.digest if candidate else None
        return MeasuredChange(WAITING if entry is None else DONE, request, entry, digest, concerned)

    def purposes(self) -> tuple[PurposeEvidence, ...]:
        """Return what each purpose relies on, by name."""
        return tuple(by_purpose(self._deployment))

    def listed(self) -> tuple[EvidenceView, ...]:
        """Return the evaluations: the pack's own, those on record, and those that wait; each group by date."""
        deployment = self._deployment
        waiting = tuple(self._waiting())
        relying: dict[str, list[str]] = {}
        for purpose in self.purposes():
            relying.setdefault(purpose.evaluation or "", []).append(purpose.purpose)
        held = sorted(candidates(deployment), key=lambda one: (not one.shipped, one.date))
        return tuple(
            self._view(one, "waiting" if one in waiting else "with the pack" if one.shipped else "on record", relying)
            for one in (*held, *waiting)
        )

    def show(self, start: str) -> tuple[EvidenceView, JSONObject]:
        """Return an evaluation, whole.

        Args:
            start: Its digest, or its first digits; one that waits is found too.

        Raises:
            UsageError: None has that digest, or several have.
        """
        views = {view.digest: view for view in self.listed()}
        found = [digest for digest in views if start.strip() and digest.startswith(start.strip().lower())]
        if len(found) != 1:
            problem = "no evaluation has" if not found else "several evaluations have"
            raise UsageError(f"{problem} a digest that begins with {start[:80]!r}; 'faceward evidence list' shows all")
        every = {one.digest: one for one in (*candidates(self._deployment), *self._waiting())}
        return views[found[0]], every[found[0]].evaluation.to_json()

    def _waiting(self) -> Iterator[Candidate]:
        deployment = self._deployment
        asked = [one.body for one in Requests(deployment, self._desk).listed(waiting=True) if one.kind == EVIDENCE]
        for digest in sorted({str(body["evaluation"]) for body in asked if body["act"] == "add"}):
            content = deployment.kept_content(measured.WAITING, digest)
            if content is not None:
                yield checked(content, digest)

    def _view(self, one: Candidate, state: str, relying: dict[str, list[str]]) -> EvidenceView:
        evaluation, lowest = one.evaluation, reach(one.evaluation)
        return EvidenceView(
            digest=one.digest,
            state=state,
            pack=evaluation.pack,
            data=evaluation.data.name,
            subjects=evaluation.data.subjects,
            camera_class=evaluation.data.camera_class,
            own=one.own,
            made=to_rfc3339(evaluation.made),
            until=_until(self._deployment, one),
            lowest_fmr=lowest if lowest < 1 else None,
            purposes=tuple(relying.get(one.digest, ())) if state != "waiting" else (),
        )


def by_purpose(deployment: Deployment) -> Iterator[PurposeEvidence]:
    """Yield what each purpose relies on, by name, for a search of its largest gallery and a watch for it."""
    pool = candidates(deployment)
    for purpose in purposes.listed(deployment):
        size = _largest(deployment, purpose)
        fmr = searched_fmr(purpose, size)
        found = standing(deployment, purpose, fmr, pool)
        chosen = found.chosen
        yield PurposeEvidence(
            purpose=purpose.name,
            camera_class=purpose.camera_class,
            evaluation=chosen.digest if chosen else None,
            data=chosen.evaluation.data.name if chosen else None,
            until=_until(deployment, chosen) if chosen else None,
            fmr=fmr,
            in_force=found.good,
            reason=found.reason,
            remedy=found.remedy,
            watch=watch_evidence.of_purpose(deployment, purpose, size, pool),
        )


def _largest(deployment: Deployment, purpose: Purpose) -> int:
    store, now, pack = deployment.store, deployment.now(), deployment.pipeline.identifier
    names = [info.name for info in store.galleries() if deployment.gallery_purpose(info.name) == purpose.name]
    return max((store.subjects(name, now, purpose=purpose.name, pack=pack) for name in names), default=0)


def _until(deployment: Deployment, one: Candidate) -> str:
    return to_rfc3339(one.date + deployment.standard.parameters.evidence.longest)
