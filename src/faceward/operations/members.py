"""Who was a member of a gallery when it was searched: a root that the search's entry commits to, and proofs of it.

Each change of membership that a search comes upon is kept as a numbered difference, so that a member can prove years
later that they were searched. A difference holds identifiers of references, which are random and lead to nobody once
the reference is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from faceward.audit.chain import GALLERY_SLOT, member_label
from faceward.audit.trie import MerkleMap
from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256
from faceward.core.errors import IntegrityError
from faceward.operations.deployment import Deployment

# Documents: what changed, numbered from 1, and which number a generation of the store stands for.
_CHANGE, _NOW = "members", "members-now"


@dataclass(slots=True)
class _Known:
    generation: int
    version: int
    root: str
    count: int
    map: MerkleMap | None = None
    ids: frozenset[str] | None = None


class Members:
    """The roots of galleries' members. While a gallery does not change, asking again costs one small read."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._known: dict[tuple[str, str], _Known] = {}
        # Maps are changed in place, and threads may search at once.
        self._lock = threading.Lock()

    def part(self, gallery: str, purpose: str) -> Mapping[str, JSONObject]:
        """Return what a search's beginning commits to in a slot of its own: the root over whom it compares (rule L1).

        Args:
            gallery: An existing gallery.
            purpose: The purpose of the references that are compared.

        Raises:
            UsageError: There is no such gallery.
            IntegrityError: What is kept of its members was altered.
        """
        with self._lock:
            known = self._current(gallery, purpose)
        details: JSONObject = {
            "gallery": gallery,
            "purpose": purpose,
            "root": known.root,
            "members": known.count,
            "version": known.version,
        }
        return {GALLERY_SLOT: details}

    def _current(self, gallery: str, purpose: str) -> _Known:
        # Read before the members: what changes between is seen the next time.
        generation = self._deployment.store.generation(gallery)
        known = self._known.get((gallery, purpose))
        if known is None:
            known = self._noted(gallery, purpose)
        if known is None or known.generation != generation:
            known = self._brought_up(gallery, purpose, known, generation)
        self._known[gallery, purpose] = known
        return known

    def _noted(self, gallery: str, purpose: str) -> _Known | None:
        value = self._deployment.kept(_NOW, _place(gallery, purpose))
        if not isinstance(value, dict):
            return None
        numbers = (int(str(value[name])) for name in ("generation", "version", "members"))
        generation, version, count = numbers
        return _Known(generation, version, str(value["root"]), count)

    def _brought_up(self, gallery: str, purpose: str, known: _Known | None, generation: int) -> _Known:
        deployment, place = self._deployment, _place(gallery, purpose)
        pack = deployment.pipeline.identifier
        ids = deployment.store.reference_ids(gallery, deployment.now(), purpose=purpose, pack=pack)
        if known is None or known.ids is None or known.map is None:
            members, version = _replayed(deployment, place)
            found = MerkleMap((member_label(member), b"") for member in members)
        else:
            members, version, found = known.ids, known.version, known.map
        while members != ids:
            change: JSONObject = {"added": sorted(ids - members), "removed": sorted(members - ids)}
            mine = deployment.authenticated(_CHANGE, f"{place}/{version + 1}", canonical_json(change))
            kept = deployment.store.add_document(_CHANGE, f"{place}/{version + 1}", mine)
            # Of two processes the first decides what this number stands for, and the other goes on from there.
            value = change if kept == mine else deployment.kept(_CHANGE, f"{place}/{version + 1}")
            members, version = _apply(members, value, found), version + 1
        root = found.root().hex()
        noted: JSONObject = {"generation": generation, "version": version, "root": root, "members": len(ids)}
        deployment.keep(_NOW, place, noted)
        return _Known(generation, version, root, len(ids), found, ids)


class MemberProofs:
    """Proves membership in galleries as they were, the oldest first."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._at: dict[str, tuple[int, frozenset[str], MerkleMap]] = {}

    def prove(self, searched: JSONObject, references: AbstractSet[str]) -> tuple[str, tuple[bytes, ...]] | None:
        """Return one of the references that was a member of a gallery when it was searched, and the proof, or None.

        Args:
            searched: What the search's beginning committed to, from `Members.part`.
            references: Identifiers of a subject's references.

        Raises:
            IntegrityError: What is kept of the gallery's members does not have the root that was committed to.
        """
        place, version = _place(str(searched["gallery"]), str(searched["purpose"])), int(str(searched["version"]))
        at, members, found = self._at.get(place, (0, frozenset(), MerkleMap()))
        if at > version:
            at, members, found = 0, frozenset(), MerkleMap()
        while at < version:
            at += 1
            members = _apply(members, self._deployment.kept(_CHANGE, f"{place}/{at}"), found)
        self._at[place] = at, members, found
        mine = sorted(references & members)
        if not mine:
            return None
        if found.root().hex() != searched["root"]:
            raise IntegrityError("the members kept of a gallery are others than were searched; restore gallery.db")
        return mine[0], found.proof(member_label(mine[0]))


def _place(gallery: str, purpose: str) -> str:
    return sha256(canonical_json([gallery, purpose])).hex()


def _replayed(deployment: Deployment, place: str) -> tuple[frozenset[str], int]:
    """Return the members after all differences kept, and the number of the last."""
    members: frozenset[str] = frozenset()
    version = 0
    while (change := deployment.kept(_CHANGE, f"{place}/{version + 1}")) is not None:
        members, version = _apply(members, change, None), version + 1
    return members, version


def _apply(members: frozenset[str], change: JSONValue, found: MerkleMap | None) -> frozenset[str]:
    added, removed = (change.get("added"), change.get("removed")) if isinstance(change, Mapping) else (None, None)
    if not isinstance(added, list) or not isinstance(removed, list):
        raise IntegrityError("what is kept of a gallery's members is missing or damaged; restore gallery.db")
    gone, new = frozenset(map(str, removed)), frozenset(map(str, added))
    if found is not None:
        for member in gone:
            found.discard(member_label(member))
        for member in new:
            found.put(member_label(member))
    return (members - gone) | new
