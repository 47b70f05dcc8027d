"""A witness against its model: whatever is handed in, what it cosigned is one growing log."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.cosignature import Cosigner
from faceward.audit.note import Signer
from faceward.audit.witness import Request
from faceward.witness.server import Witness
from faceward.witness.state import WitnessState

SIGNER = Signer("example.org/log", bytes(32))
WITNESS = Cosigner("witness.example.org", bytes(range(32)))
COMMON = [merkle.leaf_hash(bytes([index])) for index in range(6)]
# Three histories that part after six entries.
FORKS = [[*COMMON, *(merkle.leaf_hash(bytes([fork, index])) for index in range(14))] for fork in range(3)]


class Fixed:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)


def request(fork: int, old: int, size: int, proof_of: int) -> Request:
    def read(hashes: list[bytes]) -> merkle.NodeReader:
        return lambda level, index: merkle.root_from_leaf_hashes(hashes[index << level : (index + 1) << level])

    proof = merkle.consistency_proof(old, size, read(FORKS[proof_of])) if old <= size else ()
    root = merkle.root_from_leaf_hashes(FORKS[fork][:size])
    return Request(old, proof, sign_checkpoint(Checkpoint("example.org/log", size, root), SIGNER))


STEPS = st.lists(
    st.tuples(*(st.integers(0, most) for most in (2, 20, 20, 2)), st.booleans(), st.booleans()),
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_L3_what_is_cosigned_is_one_growing_log(
    tmp_path: Path, steps: list[tuple[int, int, int, int, bool, bool]]
) -> None:
    path = tmp_path / f"{secrets.token_hex(8)}.db"
    seen: list[bytes] = []
    state = WitnessState(path)
    for fork, old, size, proof_of, honest, restart in steps:
        if restart:
            state.close()
            state = WitnessState(path)
        claimed = len(seen) if honest else old
        sent = request(fork, claimed, size, fork if honest else proof_of)
        answer = Witness(WITNESS, {"example.org/log": SIGNER.verifier}, state, Fixed()).add_checkpoint(sent.encode())
        new = FORKS[fork][:size]
        continues = new[: len(seen)] == seen
        if answer.status == 200:
            assert claimed == len(seen)
            assert continues
            seen = new
        elif claimed > size:
            assert answer.status == 400
        elif claimed != len(seen) or (size == len(seen) and new != seen):
            assert (answer.status, answer.body) == (409, f"{len(seen)}\n")
        else:
            assert answer.status == 422
            assert not (continues and honest)
        kept = state.seen("example.org/log")
        assert (kept.size if kept else 0) == len(seen)
    state.close()
