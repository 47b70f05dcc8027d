"""The signed forms do not drift: what was written once is still written, and still read, without `ssh-keygen` too."""

from __future__ import annotations

import importlib.util
import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.policy.people import Roster
from faceward.policy.requests import Approval, SignedRequest, check_approved
from faceward.policy.sessions import SignedSession, check_session
from faceward.policy.sshsig import PublicKey, verify
from faceward.policy.statements import Statement, check_statement

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / "golden.json").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("policy_vectors", HERE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_written_has_not_changed(golden: dict[str, Any], generator: ModuleType) -> None:
    made = json.loads(json.dumps(generator.build()))
    assert made == {name: value for name, value in golden.items() if name != "signatures by ssh-keygen"}


def test_signatures_of_ssh_keygen_and_of_a_security_key_are_read(golden: dict[str, Any], generator: ModuleType) -> None:
    message, key = golden["message"].encode(), PublicKey.parse(golden["key"])
    # Ed25519 is deterministic: with the same hash, ssh-keygen wrote exactly what is written here.
    assert golden["signatures by ssh-keygen"][0] == golden["signature"]
    for signature in golden["signatures by ssh-keygen"]:
        verify(key, generator.NAMESPACE, message, signature)
    verify(PublicKey.parse(golden["security key"]), generator.NAMESPACE, message, golden["signature by security key"])


def test_signed_objects_are_read_and_hold(golden: dict[str, Any], generator: ModuleType) -> None:
    roster, now = Roster.from_json(golden["roster"]), generator.NOW + timedelta(hours=1)
    signed, approval = SignedRequest.from_json(golden["request"]), Approval.from_json(golden["approval"])
    assert signed.digest() == golden["digest"]
    check_approved(signed, [approval], roster.asking_training(True), generator.HERE, now)
    check_session(SignedSession.from_json(golden["session"]), roster, generator.HERE, now)
    check_statement(Statement.from_json(golden["statement"]), roster, generator.HERE, now)
