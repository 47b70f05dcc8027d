"""What crosses the socket: everything comes out as it went in, and nothing else comes through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.errors import (
    BadInput,
    EnvironmentFailure,
    FacewardError,
    IntegrityError,
    PolicyRefusal,
    UsageError,
    WrongSecret,
)
from faceward.custody import calls
from faceward.custody.errors import Busy, Replayed, StaleProof, error_from_json, error_to_json
from faceward.custody.messages import MAX_MESSAGE_BYTES, Lease, Presentation
from faceward.policy.sshwire import BadSignature


@pytest.fixture
def shown(kit: Any, tmp_path: Path) -> Any:
    made = kit.Bench.make(tmp_path, "strict")
    made.man()
    made.create(session=made.sign_in("ann"))
    yield made.search(made.mandate())
    made.close()


def test_a_presentation_comes_out_as_it_went_in(shown: Presentation) -> None:
    value = json.loads(json.dumps(shown.to_json()))
    assert Presentation.from_json(value) == shown
    bare = Presentation(shown.proof, shown.details, "door", key_id="a")
    assert Presentation.from_json(json.loads(json.dumps(bare.to_json()))) == bare


def test_a_presentation_that_is_none_is_refused(shown: Presentation) -> None:
    value = json.loads(json.dumps(shown.to_json()))
    wrong: list[dict[str, Any]] = [{**value, "more": 1}]
    for key in value:
        wrong.append({k: v for k, v in value.items() if k != key})
        wrong.append({**value, key: {"a": 1}})
        wrong.append({**value, key: 1.5})
    for key in ("leaf", "details", "use"):
        wrong += [{**value, key: value[key][:-1]}, {**value, key: value[key] + "\n"}]
    for key in ("inclusion", "consistency"):
        wrong += [{**value, key: ["AAAA"]}, {**value, key: [1]}, {**value, key: value[key] * 64 + ["x"] * 64}]
    wrong += [{**value, "index": i} for i in (-1, True, 2**60, "1")]
    wrong += [{**value, "approvals": value["approvals"] * 17}]
    for one in wrong:
        with pytest.raises(IntegrityError):
            Presentation.from_json(one)


def test_a_lease_comes_out_as_it_went_in() -> None:
    lease = Lease("a" * 32, bytes(range(32)), 900.0, 7)
    assert Lease.from_json(json.loads(json.dumps(lease.to_json()))) == lease
    for change in ({"key": "AAAA"}, {"seconds": 0}, {"seconds": 1e9}, {"size": -1}, {"key_id": 1}, {"x": 1}):
        with pytest.raises(IntegrityError):
            Lease.from_json({**lease.to_json(), **change})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UsageError("a"), UsageError),
        (IntegrityError("a"), IntegrityError),
        (EnvironmentFailure("a"), EnvironmentFailure),
        (WrongSecret("a"), WrongSecret),
        (BadInput("a"), BadInput),
        (Busy("a"), Busy),
        (StaleProof(7), StaleProof),
        (PolicyRefusal("P2", "a.", "b."), PolicyRefusal),
        (Replayed("L2", "a.", "b."), Replayed),
        (BadSignature("S2", "a.", "b."), PolicyRefusal),
    ],
)
def test_errors_come_out_as_the_same_class(error: FacewardError, kind: type[FacewardError]) -> None:
    found = error_from_json(json.loads(json.dumps(error_to_json(error))))
    assert type(found) is kind
    assert str(found) == str(error)
    assert getattr(found, "size", None) == getattr(error, "size", None)
    assert getattr(found, "rule", None) == getattr(error, "rule", None)
    assert found.exit_code == error.exit_code


def test_an_answer_that_is_none_is_refused() -> None:
    for line in (b"", b"[]", b"{", b'{"error": 1}', b'{"error": {"kind": "Exception", "message": "x"}}', b'{"x": 1}'):
        with pytest.raises(IntegrityError):
            calls.read_answer(line)
    with pytest.raises(IntegrityError, match="longer"):
        calls.encode({"a": "x" * MAX_MESSAGE_BYTES})


def test_a_status_comes_out_as_it_went_in(kit: Any, tmp_path: Path) -> None:
    made = kit.Bench.make(tmp_path, "strict")
    made.man()
    made.create(session=made.sign_in("ann"))
    mandate = made.mandate()
    made.custody.release(made.search(mandate))
    made.custody.revoke(made.revoke(mandate[0].digest(), "bob"))
    status = made.custody.status()
    value = json.loads(json.dumps(calls.status_to_json(status)))
    assert calls.status_from_json(value) == status
    assert "key" not in {key for key in value if key != "roster"}
    for key in value:
        with pytest.raises(IntegrityError):
            calls.status_from_json({k: v for k, v in value.items() if k != key})
    with pytest.raises(IntegrityError):
        calls.status_from_json({**value, "root": "00"})
    made.close()


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["call", "with", "presentation", "request", "statement", "status", "release", "leaf", "approvals"]), inner),
    max_leaves=12,
))  # fmt: skip
def test_no_request_makes_the_custodian_fail(value: object) -> None:
    class Nobody:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    line = json.dumps(value).encode()
    try:
        said = calls.answer(Nobody(), line)  # type: ignore[arg-type]
    except IntegrityError:
        return
    except AssertionError as error:
        assert str(error) in ("status", "stop")  # noqa: PT017 - the calls that need nothing
        return
    with pytest.raises(FacewardError):
        calls.read_answer(said.line)
