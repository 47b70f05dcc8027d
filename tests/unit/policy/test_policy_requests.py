from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from faceward.core.canonical import sha256_hex
from faceward.core.errors import FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.policy.people import Person, Role, Roster
from faceward.policy.requests import (
    APPROVAL_NAMESPACE,
    KINDS,
    REQUEST_NAMESPACE,
    Approval,
    Decision,
    SignedRequest,
    approval_message,
    check_approval,
    check_approved,
    check_founding,
    check_request,
    new_request,
    sign_approval,
    sign_request,
)
from faceward.policy.sshsig import PrivateKey, verify

HERE = "faceward.local/1"
DAY = timedelta(days=1)
Keys = dict[str, PrivateKey]


@pytest.fixture
def signed(keys: Keys, now: datetime) -> SignedRequest:
    return sign_request(new_request("export", {"gallery": "door"}, "ana", HERE, (now, now + DAY)), keys["ana"])


def approval(signed: SignedRequest, keys: Keys, name: str, now: datetime, decision: str = "approve") -> Approval:
    return sign_approval(signed.request, name, Decision(decision), now, keys[name])


def refused(signed: SignedRequest, approvals: list[Approval], roster: Roster, now: datetime, needed: int = 1) -> str:
    with pytest.raises(PolicyRefusal) as caught:
        check_approved(signed, approvals, roster, HERE, now, needed)
    assert caught.value.rule == "S2"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_S2_another_persons_approval_counts(signed: SignedRequest, keys: Keys, roster: Roster, now: datetime) -> None:
    check_approved(signed, [approval(signed, keys, "ben", now)], roster, HERE, now)
    assert check_request(signed, roster, HERE, now).name == "ana"
    both = [approval(signed, keys, name, now) for name in ("ben", "cem")]
    check_approved(signed, both, roster, HERE, now + DAY / 2, 2)


def test_what_is_signed_is_the_canonical_form(signed: SignedRequest, keys: Keys, now: datetime) -> None:
    assert signed.request.message().startswith(b'{"body":{"gallery":"door"},"created":"2026-06-15T12:00:00.000000Z"')
    assert signed.digest() == sha256_hex(signed.request.message())
    verify(keys["ana"].public, REQUEST_NAMESPACE, signed.request.message(), signed.signature)
    given = approval(signed, keys, "ben", now)
    message = approval_message(signed.request, "ben", Decision.APPROVE, now)
    assert message == (
        b'{"approver":"ben","decision":"approve","deployment":"faceward.local/1","request":"'
        + signed.digest().encode()
        + b'","time":"2026-06-15T12:00:00.000000Z","version":1}'
    )
    verify(keys["ben"].public, APPROVAL_NAMESPACE, message, given.signature)


def test_S2_nobody_approves(signed: SignedRequest, roster: Roster, now: datetime) -> None:
    assert "nobody has approved" in refused(signed, [], roster, now)


def test_S2_the_requester_does_not_approve(signed: SignedRequest, keys: Keys, roster: Roster, now: datetime) -> None:
    assert "'ana' asked for it" in refused(signed, [approval(signed, keys, "ana", now)], roster, now)


def test_S2_the_requester_does_not_approve_under_another_name(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    twin = Person("eve", keys["ana"].public, frozenset({Role.APPROVER}), None, now)
    both = Roster({**roster.people, "eve": twin})
    given = sign_approval(signed.request, "eve", Decision.APPROVE, now, keys["ana"])
    assert "'eve' asked for it" in refused(signed, [given], both, now)


def test_S2_who_is_no_approver_does_not_approve(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    assert "'dee' has not the role" in refused(signed, [approval(signed, keys, "dee", now)], roster, now)


def test_S2_a_stranger_or_somebody_removed_does_not_approve(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    given = approval(signed, keys, "ben", now)
    assert "'ben' is not in the roster" in refused(signed, [given], roster.without("ben"), now)
    assert "'eve' is not in the roster" in refused(signed, [replace(given, approver="eve")], roster, now)


def test_S2_where_training_is_asked_who_lacks_it_does_not_approve(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    asking = roster.asking_training(True)
    check_approved(signed, [approval(signed, keys, "ben", now)], asking, HERE, now)
    assert "training of 'cem'" in refused(signed, [approval(signed, keys, "cem", now)], asking, now)
    assert "training of 'ben'" in refused(signed, [approval(signed, keys, "ben", now)], asking, now + DAY / 2)


def test_S2_a_signature_over_another_digest_does_not_approve(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    other = sign_request(new_request("export", {"gallery": "all"}, "ana", HERE, (now, now + DAY)), keys["ana"])
    given = approval(other, keys, "ben", now)
    assert "another request" in refused(signed, [given], roster, now)
    relabelled = replace(given, request=signed.digest())
    assert "what was signed is not what stands here" in refused(signed, [relabelled], roster, now)


def test_S2_a_request_that_was_edited_after_its_approval_is_refused(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    edited = replace(signed, request=replace(signed.request, body={"gallery": "all"}))
    assert "what was signed" in refused(edited, [approval(signed, keys, "ben", now)], roster, now)


def test_S2_an_approval_is_not_replayed_for_a_request_that_reads_the_same(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    again = sign_request(new_request("export", {"gallery": "door"}, "ana", HERE, (now, now + DAY)), keys["ana"])
    assert again.digest() != signed.digest()
    assert "another request" in refused(again, [approval(signed, keys, "ben", now)], roster, now)


def test_S2_nothing_of_another_deployment_counts(
    signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    given = approval(signed, keys, "ben", now)
    with pytest.raises(PolicyRefusal, match="another deployment"):
        check_approved(signed, [given], roster, "faceward.local/2", now)
    with pytest.raises(PolicyRefusal, match="what was signed"):
        check_approval(signed, given, roster, "faceward.local/2", now)


def test_S2_an_approval_ends_with_its_request(signed: SignedRequest, keys: Keys, roster: Roster, now: datetime) -> None:
    given = approval(signed, keys, "ben", now)
    check_approved(signed, [given], roster, HERE, now + DAY - timedelta(microseconds=1))
    assert "its term ended" in refused(signed, [given], roster, now + DAY)


@pytest.mark.parametrize("hours", [-1, 1, 24])
def test_S2_a_decision_outside_the_term_or_in_the_future_does_not_count(
    hours: int, signed: SignedRequest, keys: Keys, roster: Roster, now: datetime
) -> None:
    given = approval(signed, keys, "ben", now + timedelta(hours=hours))
    assert "outside the request's term" in refused(signed, [given], roster, now)


def test_S2_a_refusal_outweighs_approvals(signed: SignedRequest, keys: Keys, roster: Roster, now: datetime) -> None:
    decisions = [approval(signed, keys, "ben", now), approval(signed, keys, "cem", now, "refuse")]
    for order in (decisions, decisions[::-1]):
        assert "'cem' refused it" in refused(signed, order, roster.asking_training(True), now)
    # Who may not decide cannot hinder either.
    ana = approval(signed, keys, "ana", now, "refuse")
    check_approved(signed, [ana, decisions[0]], roster, HERE, now)


def test_S2_one_person_approves_once(signed: SignedRequest, keys: Keys, roster: Roster, now: datetime) -> None:
    twice = [approval(signed, keys, "ben", now), approval(signed, keys, "ben", now - timedelta(seconds=1))]
    assert "1 of 2 approvals" in refused(signed, twice, roster, now, 2)


def test_S2_who_did_not_sign_does_not_ask(keys: Keys, signed: SignedRequest, roster: Roster, now: datetime) -> None:
    for wrong in (
        SignedRequest(signed.request, ""),
        sign_request(signed.request, keys["ben"]),
        SignedRequest(replace(signed.request, requester="eve"), signed.signature),
    ):
        with pytest.raises(PolicyRefusal):
            check_request(wrong, roster, HERE, now)


def test_S2_an_approval_is_no_request_and_no_refusal(
    keys: Keys, signed: SignedRequest, roster: Roster, now: datetime
) -> None:
    given = approval(signed, keys, "ben", now)
    assert "what was signed" in refused(signed, [replace(given, decision=Decision.REFUSE)], roster, now)
    swapped = keys["ben"].sign(REQUEST_NAMESPACE, approval_message(signed.request, "ben", Decision.APPROVE, now))
    assert "signed for 'faceward-request'" in refused(signed, [replace(given, signature=swapped)], roster, now)


def test_a_roster_is_founded_without_approval_and_only_then(keys: Keys, roster: Roster, now: datetime) -> None:
    request = new_request("person.add", roster.person("ana").to_json(), "root", HERE, (now, now + DAY))
    unsigned = SignedRequest(request, "")
    check_founding(unsigned, Roster(), HERE, now)
    one = Roster({"ana": roster.person("ana")})
    check_founding(sign_request(replace(request, requester="ana"), keys["ana"]), one, HERE, now)
    for wrong, people in (
        (unsigned, roster),
        (unsigned, one),
        (SignedRequest(replace(request, requester="ana"), ""), one),
        (sign_request(replace(request, requester="ana"), keys["ben"]), one),
        (sign_request(request, keys["ben"]), one),
        (SignedRequest(replace(request, deployment="faceward.local/2"), ""), one),
    ):
        with pytest.raises(PolicyRefusal):
            check_founding(wrong, people, HERE, now)


def test_requests_of_all_kinds_read_back_equal(keys: Keys, now: datetime) -> None:
    assert len({new_request(kind, {}, "ana", HERE, (now, now + DAY)).digest() for kind in KINDS}) == len(KINDS)
    with pytest.raises(UsageError, match="kinds are mandate"):
        new_request("wish", {}, "ana", HERE, (now, now + DAY))
    for end in (now, now - DAY, now + 400 * DAY):
        with pytest.raises(UsageError, match="within a year"):
            new_request("export", {}, "ana", HERE, (now, end))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("version", True),
        ("kind", "wish"),
        ("body", []),
        ("body", {"x": float("nan")}),
        ("body", {"x": "\ud800"}),
        ("body", {"x": 2**60}),
        ("body", {"x": "y" * 70_000}),
        ("requester", "a\x00"),
        ("requester", " ana"),
        ("requester", "\ud800"),
        ("deployment", 5),
        ("deployment", "\ud800"),
        ("created", "2026-06-15"),
        ("created", "2026-06-15T14:00:00.000000+02:00"),
        ("expires", "9999-99-99T00:00:00.000000Z"),
        ("nonce", "x"),
        ("nonce", "A" * 32),
        ("extra", 1),
    ],
)
def test_request_that_is_none_is_refused(key: str, value: object, signed: SignedRequest) -> None:
    good = signed.to_json()
    request = good["request"]
    assert isinstance(request, dict)
    assert SignedRequest.from_json(good) == signed
    with pytest.raises(IntegrityError) as caught:
        SignedRequest.from_json({**good, "request": {**request, key: value}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("version", 2), ("request", "x"), ("approver", " ben"), ("decision", "maybe"), ("time", "now"), ("extra", 1)],
)
def test_approval_that_is_none_is_refused(
    key: str, value: object, signed: SignedRequest, keys: Keys, now: datetime
) -> None:
    given = approval(signed, keys, "ben", now)
    assert Approval.from_json(given.to_json()) == given
    with pytest.raises(FacewardError):
        Approval.from_json({**given.to_json(), key: value})
