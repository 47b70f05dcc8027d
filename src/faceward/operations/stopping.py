"""Stopping all recognition at once and restarting it with two people (rule W7); adopting a changed standard (K2)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, PolicyRefusal, SignatureNeeded, UsageError
from faceward.core.names import printable
from faceward.core.request_results import Asked
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.requests import Requests
from faceward.operations.signing import signed_statement
from faceward.policy.statements import Statement, StatementAct

_STOP = "stop"
# Of the two seconds that rule W7 gives.
_PATIENCE = 1.0


class Control:
    """The switch of a deployment, and its pins. Methods raise as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self._requests = Requests(deployment, desk)

    @property
    def stopped(self) -> bool:
        """Whether recognition is stopped (rule W7), as the custodian says now."""
        return self._deployment.custody.status().stopped

    @property
    def trial(self) -> bool:
        """Whether the deployment is for trial only, so that nothing in it may concern real people."""
        return self._deployment.config.trial

    def stop(self, reason: str) -> int:
        """Stop all recognition, in every process, before this returns; what is opened in this process is overwritten.

        The custodian stops first and the log is written afterwards, so that nothing that ails the log delays it.

        Args:
            reason: Why, in a line.

        Returns:
            Index of the log entry.

        Raises:
            PolicyRefusal: People are registered, and nobody of them has signed in (S2); recorded.
            SignatureNeeded: Their key is elsewhere, and has not signed this yet; nothing was stopped.
        """
        deployment, custody = self._deployment, self._deployment.custody
        happening = Happening(_STOP, {"reason": printable(reason)})
        # Who may not stop locks nothing: opening everything again costs more than asking. But where it cannot be found
        # out who asks, as from a custodian that does not answer and gives no key either, it is locked at once.
        late = threading.Timer(_PATIENCE, deployment.lock)
        late.daemon = True
        late.start()
        try:
            statement = self._statement(happening, reason)
        except (PolicyRefusal, SignatureNeeded):
            raise
        except BaseException:
            deployment.lock()
            raise
        finally:
            late.cancel()
        deployment.lock()
        try:
            custody.stop(statement)
        except PolicyRefusal as refusal:
            self._desk.deny(happening, refusal)
            raise
        deployment.lock()
        [kept] = self._desk.journal.write(Phase.NOTE, [happening])
        return kept.index

    def _statement(self, happening: Happening, reason: str) -> Statement | None:
        deployment = self._deployment
        if not len(deployment.custody.status().roster):
            return None
        session = self._requests.session(happening)
        drawn = Statement(
            StatementAct.STOP, "", printable(reason), session.person, deployment.log.origin, deployment.now()
        )
        return signed_statement(session, Statement.from_json(drawn.to_json()))

    def restart(self) -> Asked:
        """Ask for recognition to go on; another person approves it, save while the roster is being founded.

        Raises:
            UsageError: It is not stopped.
        """
        if not self._deployment.custody.status().stopped:
            raise UsageError("recognition is not stopped, so there is nothing to restart")
        return self._requests.ask("restart", {})

    def changes(self) -> Mapping[str, tuple[str, str]]:
        """Return what is not as it was adopted: by name of the request's kind, the digests adopted and present."""
        pins = self._deployment.custody.status().pins
        if pins is None:
            raise IntegrityError("the custodian serves no deployment; restore its state")
        present = {
            "standard": (pins.standard_digest, self._deployment.standard.digest),
            "pack": (pins.pack_digest, self._deployment.pipeline.pack.manifest.document),
        }
        return {kind: digests for kind, digests in present.items() if digests[0] != digests[1]}

    def adopt(self) -> tuple[Asked, ...]:
        """Ask for the standard and the pack as they are here to be adopted; another person approves each.

        Raises:
            UsageError: Both are as they were adopted.
        """
        changed = self.changes()
        if not changed:
            raise UsageError("standard and pack are the ones that were adopted, so there is nothing to adopt")
        bodies: dict[str, JSONObject] = {kind: self._body(kind, digests[1]) for kind, digests in changed.items()}
        return self._requests.ask_all(bodies)

    def _body(self, kind: str, digest: str) -> JSONObject:
        name = self._deployment.config.pack if kind == "pack" else self._deployment.standard.name
        return {"name": name, "digest": digest}
