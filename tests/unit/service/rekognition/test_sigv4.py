"""Signatures of version 4: AWS's published examples, botocore's own signer, and what must not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from faceward.service import sigv4
from faceward.service.sigv4 import Claimed, Received, SignatureError

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
DATE = "20150830T123600Z"
THEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HEADERS = {"host": "example.amazonaws.com", "x-amz-date": DATE}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": "iam.amazonaws.com"}


@pytest.mark.parametrize(
    ("received", "service", "signature"),
    [
        # aws-sig-v4-test-suite: get-vanilla, get-vanilla-query-order-key-case, post-vanilla.
        (
            Received("GET", "/", "", HEADERS, b""),
            "service",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            Received("GET", "/", "Param2=value2&Param1=value1", HEADERS, b""),
            "service",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            Received("POST", "/", "", HEADERS, b""),
            "service",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        # AWS General Reference, the example of ListUsers.
        (
            Received("GET", "/", "Action=ListUsers&Version=2010-05-08", {**FORM, "x-amz-date": DATE}, b""),
            "iam",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ],
)
def test_published_examples(received: Received, service: str, signature: str) -> None:
    claim = Claimed(KEY, DATE[:8], "us-east-1", service, tuple(sorted(received.headers)), signature, DATE)
    assert sigv4.signature(received, claim, SECRET) == signature
    sigv4.verify(received, claim, SECRET)


def _signed(body: bytes = b"{}", extra: dict[str, str] | None = None, secret: str = SECRET) -> Received:
    """Return a request as botocore signs it, at the machine's time."""
    headers = {
        "Host": "127.0.0.1:8000",
        "X-Amz-Target": "RekognitionService.ListCollections",
        "Content-Type": "application/x-amz-json-1.1",
        **(extra or {}),
    }
    request = AWSRequest("POST", "http://127.0.0.1:8000/", headers, body)
    SigV4Auth(Credentials(KEY, secret), "rekognition", "eu-central-1").add_auth(request)
    return Received("POST", "/", "", {name.lower(): str(value) for name, value in request.headers.items()}, body)


def _moment(received: Received) -> datetime:
    return datetime.strptime(received.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


# A header's value is ASCII without control characters, and its ends are trimmed by whoever sends it.
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@given(body=st.binary(max_size=200), value=TEXT, secret=st.from_regex(r"[A-Za-z0-9]{40}", fullmatch=True))
def test_what_botocore_signs_is_accepted(body: bytes, value: str, secret: str) -> None:
    received = _signed(body, {"X-Faceward-Reason": value}, secret)
    claim = sigv4.claimed(received, "rekognition", _moment(received))
    assert (claim.key, claim.region) == (KEY, "eu-central-1")
    sigv4.verify(received, claim, secret)


@given(
    body=st.binary(min_size=1, max_size=50),
    at=st.integers(0, 49),
    bit=st.integers(0, 7),
)
def test_a_single_bit_of_the_body_shows(body: bytes, at: int, bit: int) -> None:
    received = _signed(body)
    claim = sigv4.claimed(received, "rekognition", _moment(received))
    altered = bytearray(body)
    altered[at % len(body)] ^= 1 << bit
    with pytest.raises(SignatureError) as caught:
        sigv4.verify(replace(received, body=bytes(altered)), claim, SECRET)
    assert caught.value.code == "InvalidSignatureException"


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target"])
def test_what_was_signed_is_not_altered(name: str) -> None:
    received = _signed()
    claim = sigv4.claimed(received, "rekognition", _moment(received))
    with pytest.raises(SignatureError):
        sigv4.verify(replace(received, headers={**received.headers, name: "other"}), claim, SECRET)


@pytest.mark.parametrize("changes", [{"method": "PUT"}, {"path": "/other"}, {"query": "a=b"}])
def test_method_path_and_query_are_signed(changes: dict[str, str]) -> None:
    received = _signed()
    claim = sigv4.claimed(received, "rekognition", _moment(received))
    with pytest.raises(SignatureError):
        sigv4.verify(replace(received, **changes), claim, SECRET)


@pytest.mark.parametrize(
    ("shift", "said"),
    [(timedelta(minutes=5, seconds=1), "expired"), (-timedelta(minutes=5, seconds=1), "not yet current")],
)
def test_a_request_is_of_now(shift: timedelta, said: str) -> None:
    received = _signed()
    moment = _moment(received)
    sigv4.claimed(received, "rekognition", moment + shift * 0.99)
    with pytest.raises(SignatureError, match=said):
        sigv4.claimed(received, "rekognition", moment + shift)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"authorization": ""}, "MissingAuthenticationTokenException"),
        ({"authorization": "Basic eHg="}, "IncompleteSignatureException"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=x"}, "IncompleteSignatureException"),
        ({"x-amz-date": "yesterday"}, "IncompleteSignatureException"),
        ({"x-amz-date": "20159999T123600Z"}, "IncompleteSignatureException"),
        ({"x-amz-date": DATE}, "InvalidSignatureException"),
        ({"x-faceward-mandate": "unsigned"}, "InvalidSignatureException"),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "InvalidSignatureException"),
    ],
)
def test_what_cannot_be_a_signature(changes: dict[str, str], code: str) -> None:
    received = _signed()
    moment = _moment(received)
    with pytest.raises(SignatureError) as caught:
        sigv4.claimed(replace(received, headers={**received.headers, **changes}), "rekognition", moment)
    assert caught.value.code == code


def test_a_digest_of_the_body_that_is_stated_is_checked() -> None:
    received = _signed(b"{}", {"X-Amz-Content-Sha256": "0" * 64})
    with pytest.raises(SignatureError, match="not the one whose digest"):
        sigv4.claimed(received, "rekognition", _moment(received))


def test_keys_have_no_session_token() -> None:
    received = _signed(b"{}", {"X-Amz-Security-Token": "temporary"})
    with pytest.raises(SignatureError) as caught:
        sigv4.claimed(received, "rekognition", _moment(received))
    assert caught.value.code == "UnrecognizedClientException"


def test_a_signature_for_another_service_does_not_count() -> None:
    received = _signed()
    with pytest.raises(SignatureError, match="correct service"):
        sigv4.claimed(received, "s3", _moment(received))


@given(st.text(max_size=300))
def test_no_header_breaks_it(text: str) -> None:
    with pytest.raises(SignatureError):
        sigv4.claimed(Received("POST", "/", "", {**HEADERS, "authorization": text}, b""), "rekognition", THEN)
