"""Write `golden.json`: keys, requests, approvals and their signatures, two of them made by `ssh-keygen` itself.

Run it only when a format gets a new version: python tests/vectors/policy/generate.py
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from faceward.policy.mandates import Mandate
from faceward.policy.people import Person, Role, Roster
from faceward.policy.requests import Decision, Request, approval_message, sign_approval, sign_request
from faceward.policy.sessions import SESSION_NAMESPACE, Session
from faceward.policy.sshsig import SECURITY_KEY, PrivateKey, PublicKey, signed_data
from faceward.policy.sshwire import armoured, string
from faceward.policy.statements import Statement, StatementAct

GOLDEN = Path(__file__).with_name("golden.json")
HERE = "vectors.example/log"
NAMESPACE = "faceward-vectors"
NOW = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


def seeded(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"faceward vectors {name}".encode()).digest())


ANA, BEN = PrivateKey(seeded("ana")), PrivateKey(seeded("ben"))


def by_security_key(message: bytes) -> tuple[PublicKey, str]:
    """Sign as a FIDO2 key does (PROTOCOL.u2f), its owner present and verified, at counter 9."""
    key = seeded("token")
    public = PublicKey(SECURITY_KEY, key.public_key().public_bytes_raw(), "ssh:")
    shown = b"\x05" + (9).to_bytes(4, "big")
    data = hashlib.sha256(b"ssh:").digest() + shown + hashlib.sha256(signed_data(NAMESPACE, message)).digest()
    inner = string(SECURITY_KEY) + string(key.sign(data)) + shown
    head = b"SSHSIG" + (1).to_bytes(4, "big") + string(public.blob)
    return public, armoured(head + string(NAMESPACE) + string("") + string("sha512") + string(inner))


def by_ssh_keygen(message: bytes, algorithm: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "id")
        ANA.write(path, None)
        command = ["ssh-keygen", "-Y", "sign", "-O", f"hashalg={algorithm}", "-f", str(path), "-n", NAMESPACE]
        return subprocess.run(command, input=message, capture_output=True, check=True).stdout.decode()


def build() -> dict[str, object]:
    mandate = Mandate(
        "missing", ("identify",), ("door",), ("gate",), "Žofín", "K-12/26", "§ 163", NOW, NOW + timedelta(days=7), 5,
        ("ana",), urgent=True, recipient="",
    )  # fmt: skip
    request = Request("mandate", mandate.to_json(), "ana", HERE, NOW, mandate.until, "0123456789abcdef" * 2)
    people = {
        "ana": Person("ana", ANA.public, frozenset({Role.OPERATOR, Role.APPROVER}), None, NOW),
        "ben": Person("ben", BEN.public, frozenset({Role.APPROVER}), date(2026, 12, 31), NOW),
    }
    session = Session(HERE, "ana", bytes(range(32)), NOW, NOW + timedelta(hours=12))
    message = "Žofie asks\n"
    token, by_token = by_security_key(message.encode())
    return {
        "message": message,
        "key": ANA.public.line,
        "fingerprint": ANA.public.fingerprint,
        "signature": ANA.sign(NAMESPACE, message.encode()),
        "security key": token.line,
        "signature by security key": by_token,
        "roster": Roster(people).to_json(),
        "request": sign_request(request, ANA).to_json(),
        "digest": request.digest(),
        "approval message": approval_message(request, "ben", Decision.APPROVE, NOW).decode(),
        "approval": sign_approval(request, "ben", Decision.APPROVE, NOW, BEN).to_json(),
        "session": {"session": session.to_json(), "signature": ANA.sign(SESSION_NAMESPACE, session.message())},
        "statement": Statement(StatementAct.STOP, "", "why", "ana", HERE, NOW).signed(ANA).to_json(),
    }


def main() -> None:
    made = build()
    message = str(made["message"]).encode()
    made["signatures by ssh-keygen"] = [by_ssh_keygen(message, algorithm) for algorithm in ("sha512", "sha256")]
    GOLDEN.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
