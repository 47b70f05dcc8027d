"""Which witnesses a deployment trusts: a change is recorded, and once people hold roles takes two of them (S2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faceward.audit.cosignature import CosignatureVerifier
from faceward.audit.entries import Phase
from faceward.audit.witnessed import Sighting, Witnessed
from faceward.core.canonical import JSONObject, canonical_json
from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.request_store import CARRIED
from faceward.operations.requests import Requests
from faceward.operations.witness_watch import TRUSTED_SECRET, Watch, trusted

KIND = "witness.trust"
MOST = 16
"""Most witnesses that a deployment trusts."""


@dataclass(frozen=True, slots=True)
class Trusting:
    """What became of a change to the trusted witnesses.

    Attributes:
        witness: Name of the witness.
        request: Digest of the request that waits for another person, or None where the change was made.
    """

    witness: str
    request: str | None


class Witnesses:
    """The trusted witnesses of one open deployment.

    Args:
        deployment: The deployment.
        desk: Where changes are recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def trusted(self) -> tuple[CosignatureVerifier, ...]:
        """Return the keys of the witnesses that the deployment trusts, by name."""
        return trusted(self._deployment)

    def seen(self) -> tuple[Sighting, ...]:
        """Return what each of them has seen of the log last; one that never cosigned it is absent."""
        return Watch().seen(self._deployment.log, self.trusted())

    def judged(self) -> Witnessed:
        """Say whether as many as the deployment's standard asks for have seen the log lately."""
        deployment, terms = self._deployment, self._deployment.standard.parameters.log
        return Watch().judged(deployment.log, self.trusted(), deployment.now(), terms.witnesses, terms.freshest)

    def change(self, vkey: str, *, trust: bool, request: str | None = None) -> Trusting:
        """Trust a witness, or no longer; once people hold roles, another person must approve of it (rule S2).

        Args:
            vkey: The witness's public key.
            trust: Whether it is to be trusted.
            request: Digest of the approved request, or None to ask.

        Raises:
            BadInput: The key is none.
            PolicyRefusal: The request is not approved (S2), or nobody signed in who could ask.
            UsageError: It is trusted, or not, already; or the request is another or was used.
        """
        deployment, desk = self._deployment, self._desk
        key = CosignatureVerifier.from_vkey(vkey.strip())
        known = trusted(deployment)
        _check_change(known, key, trust=trust)
        body: JSONObject = {"vkey": key.vkey, "trust": trust}
        happening = Happening(KIND, body)
        if deployment.custody.status().manned:
            requests = Requests(deployment, desk)
            if request is None:
                return Trusting(key.name, requests.ask(KIND, body).digest)
            digest = _approved(requests, request, body, happening, desk)
            happening = replace(happening, details={**body, "request": digest})
            desk.journal.write(Phase.NOTE, [happening])
            requests.store.note(CARRIED, digest, {})
        else:
            desk.journal.write(Phase.NOTE, [happening])
        kept = [one for one in known if one.name != key.name] + ([key] if trust else [])
        vkeys = [one.vkey for one in sorted(kept, key=lambda one: one.name)]
        deployment.keys.put_secret(TRUSTED_SECRET, canonical_json([*vkeys]))
        return Trusting(key.name, None)


def _check_change(known: Sequence[CosignatureVerifier], key: CosignatureVerifier, *, trust: bool) -> None:
    if trust == (key in known):
        raise UsageError(f"{key.name} is {'already' if trust else 'not'} trusted; 'faceward witness list' shows all")
    if trust and any(one.name == key.name for one in known):
        raise UsageError(f"another key of {key.name} is trusted; end that first with 'faceward witness distrust'")
    if trust and len(known) >= MOST:
        raise UsageError(f"{MOST} witnesses are trusted, which is the most; end one with 'faceward witness distrust'")


def _approved(requests: Requests, start: str, body: JSONObject, happening: Happening, desk: Desk) -> str:
    digest = requests.store.digest(start)
    signed = requests.store.signed(digest)
    if signed.request.kind != KIND or dict(signed.request.body) != dict(body):
        raise BadInput(f"the request {digest[:12]} is for something else; 'faceward request show' tells for what")
    if requests.store.noted(CARRIED, digest):
        raise UsageError(f"the request {digest[:12]} was carried out already; ask anew")
    if not requests.approved(signed):
        refusal = PolicyRefusal(
            "S2",
            f"nobody else has approved of the request {digest[:12]}.",
            "Ask another person: 'faceward request approve'.",
        )
        desk.deny(happening, refusal)
        raise refusal
    return digest
