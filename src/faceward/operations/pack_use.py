"""Another model pack for a deployment: two people approve it, then its description names it (ADR 0022)."""

from __future__ import annotations

from dataclasses import replace

from faceward.audit.entries import Phase
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.pack_results import PackChange
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.pinned_config import replace_config
from faceward.operations.requests import Requests
from faceward.vision.pipeline import Pipeline

_USE = "pack.use"
_WAITING = "waiting"


def use(deployment: Deployment, desk: Desk, model: Pipeline) -> PackChange:
    """Ask for a pack to be used; carry it out where it was approved, or while the roster is being founded.

    What the custodian has pinned decides, so nobody switches alone. Between the approval and the switch nothing is
    recognised, since neither pack is both adopted and in use. Whoever has the deployment open goes on with the former
    pack, which the rules refuse; it is to be opened again.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        model: The pack, at work.

    Raises:
        UsageError: It is in use already.
        PolicyRefusal: Nobody has signed in whose request it could be (S2).
        IntegrityError: The pack's files are not what its manifest says.
        EnvironmentFailure: The machine failed; repeat it.
    """
    manifest, config = model.pack.manifest, deployment.config
    if (config.pack, config.pack_digest) == (manifest.name, manifest.digest):
        raise UsageError(f"the pack {manifest.name!r} is in use already; 'gallery migrate' brings references over")
    model.load()
    if _adopted(deployment) != manifest.document:
        asked = Requests(deployment, desk).ask("pack", {"name": manifest.name, "digest": manifest.document})
        if asked.state == _WAITING:
            return PackChange(manifest.name, model.identifier, _WAITING, asked.digest, _left_out(deployment, model))
    if _adopted(deployment) != manifest.document:
        raise IntegrityError("the custodian has pinned another pack than was asked for; ask again")
    details = {
        "pack": manifest.name,
        "identifier": model.identifier,
        "document": manifest.document,
        "before": deployment.pipeline.identifier,
    }
    desk.journal.write(Phase.NOTE, [Happening(_USE, details)])
    new = replace(config, pack=manifest.name, pack_digest=manifest.digest)
    replace_config(deployment.home, deployment.keys, config, new)
    deployment.store.use_pack(model.identifier)
    deployment.lock()
    return PackChange(manifest.name, model.identifier, "in use", None, _left_out(deployment, model))


def follow(deployment: Deployment) -> None:
    """Let galleries take references of the deployment's pack, where a switch was interrupted before they did."""
    pack = deployment.pipeline.identifier
    if deployment.pipeline.pack.manifest.digest != deployment.config.pack_digest:
        # It was altered, or came with an upgrade, and nobody has approved it.
        return
    if any(info.pack != pack for info in deployment.store.galleries()):
        deployment.store.use_pack(pack)


def _adopted(deployment: Deployment) -> str:
    pins = deployment.custody.status().pins
    if pins is None:
        raise IntegrityError("the custodian serves no deployment; restore its state")
    return pins.pack_digest


def _left_out(deployment: Deployment, model: Pipeline) -> tuple[tuple[str, int], ...]:
    store, now = deployment.store, deployment.now()
    names = [info.name for info in store.galleries()]
    return tuple((name, store.count(name, now) - store.count(name, now, pack=model.identifier)) for name in names)
