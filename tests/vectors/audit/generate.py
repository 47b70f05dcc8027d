"""Write `golden.json`: a small log with fixed seed, salts and times, in every format that outsiders read.

Run it only when a format gets a new version: python tests/vectors/audit/generate.py
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import merge
from faceward.audit.entries import Commitment, Entry, Opening, Phase
from faceward.audit.note import Signer, parse_note
from faceward.audit.receipt import Receipt
from faceward.audit.tiles import encode_bundle

GOLDEN = Path(__file__).with_name("golden.json")
WITNESS = Cosigner("vectors.example/witness", hashlib.sha256(b"faceward test witness").digest())
SIGNER = Signer("vectors.example/log", hashlib.sha256(b"faceward test vectors").digest())
START = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


def opening(number: int) -> Opening:
    salt = hashlib.sha256(f"salt {number}".encode()).digest()
    return Opening(salt, {"number": number, "subject": "Žofie 山田", "score": 0.25, "review": None})


def entry(number: int) -> Entry:
    commitments = (Commitment("details", opening(number).digest()), Commitment("subject/0", bytes([number] * 32)))
    begun = number - 1 if number % 2 else None
    phase = Phase.BEGIN if begun is None else Phase.END
    return Entry(START + timedelta(minutes=number), "identify", phase, begun, commitments)


def build(size: int = 13) -> dict[str, object]:
    leaves = [entry(number).encode() for number in range(size)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]

    def read(level: int, index: int) -> bytes:
        return merkle.root_from_leaf_hashes(hashes[index << level : (index + 1) << level])

    checkpoint = sign_checkpoint(Checkpoint(SIGNER.name, size, merkle.tree_root(size, read)), SIGNER)
    proofs = {index: merkle.inclusion_proof(index, size, read) for index in (0, 7, 12)}
    return {
        "vkey": SIGNER.verifier.vkey,
        "leaves": [leaf.decode() for leaf in leaves],
        "openings": [opening(number).encode().decode() for number in range(size)],
        "roots": [merkle.tree_root(n, read).hex() for n in range(size + 1)],
        "consistency 6": [h.hex() for h in merkle.consistency_proof(6, size, read)],
        "checkpoint": checkpoint,
        "witness": WITNESS.verifier.vkey,
        "cosigned": merge((), checkpoint, [WITNESS.cosign(parse_note(checkpoint).text, START)])[0],
        "bundle": hashlib.sha256(encode_bundle(leaves)).hexdigest(),
        "receipts": {
            str(index): Receipt.for_entry(entry(index), index, proof, checkpoint, {"details": opening(index)}).encode()
            for index, proof in proofs.items()
        },
    }


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(build(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
