"""AWS Signature Version 4, verified: who signed a request, that it was not altered, and that it is of now.

Source: AWS, "Authenticating Requests (AWS Signature Version 4)", as botocore signs: canonical request, string to sign,
HMAC-SHA256 under a key drawn from the secret, the day, the region and the service. Only the header `Authorization` is
read; a signature in the query is refused, since a URL ends up in logs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from faceward.core.errors import FacewardError

ALGORITHM = "AWS4-HMAC-SHA256"
WINDOW = timedelta(minutes=5)
"""How far the time of a request may lie from the service's."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([A-Za-z0-9]{1,128})/(\d{8})/([A-Za-z0-9-]{1,64})/([a-z0-9-]{1,64})/aws4_request, *"
    r"SignedHeaders=([a-z0-9;_.-]{1,1024}), *Signature=([0-9a-f]{64})"
)
_DATE = re.compile(r"\d{8}T\d{6}Z")
# What decides what is done must be signed; the rest may be changed by whatever lies between.
_MUST_BE_SIGNED = ("x-amz-", "x-faceward-")
_SPACES = re.compile(r" +")


class SignatureError(FacewardError):
    """A request is not signed as it must be.

    Attributes:
        code: The error's name in AWS's interfaces.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came.

    Attributes:
        method: HTTP's method.
        path: The path, as it was sent.
        query: The query, without the question mark, as it was sent.
        headers: Headers by lower-case name; several of one name are joined by commas.
        body: The body; None where it has not been read yet.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a request says of its signature.

    Attributes:
        key: Identifier of the key.
        day: The scope's day, `YYYYMMDD`.
        region: The scope's region.
        service: The scope's service.
        signed: Names of the signed headers, in their order.
        signature: 64 hexadecimal digits.
        date: The request's time, as it was sent.
    """

    key: str
    day: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str
    date: str

    @property
    def scope(self) -> str:
        """The scope, as it is signed."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def claimed(received: Received, service: str, now: datetime) -> Claimed:
    """Read the signature's header and check all that needs no secret.

    Args:
        received: The request.
        service: The service's name, which the scope must hold.
        now: The current time, UTC.

    Raises:
        SignatureError: There is none, it is malformed, of another service or time, or leaves out what must be signed.
    """
    text = received.headers.get("authorization", "")
    if not text:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = _AUTHORIZATION.fullmatch(text.strip())
    if found is None:
        raise SignatureError("IncompleteSignatureException", "the Authorization header is not one of AWS4-HMAC-SHA256")
    date = received.headers.get("x-amz-date", "")
    claim = Claimed(found[1], found[2], found[3], found[4], tuple(found[5].split(";")), found[6], date)
    _check_signed(received.headers, claim.signed)
    if claim.service != service:
        message = f"Credential should be scoped to correct service: '{service}'."
        raise SignatureError("InvalidSignatureException", message)
    _check_date(claim, now)
    stated, body = received.headers.get("x-amz-content-sha256"), received.body
    if None not in (stated, body) and not hmac.compare_digest(str(stated).encode(), _digest(body or b"").encode()):
        raise SignatureError("InvalidSignatureException", "the body is not the one whose digest the request states")
    if "x-amz-security-token" in received.headers:
        raise SignatureError("UnrecognizedClientException", "keys of this service have no session token")
    return claim


def verify(received: Received, claim: Claimed, secret: str) -> None:
    """Check that the key's secret signed the request, in constant time.

    Raises:
        SignatureError: It did not.
    """
    expected = signature(received, claim, secret)
    if not hmac.compare_digest(expected, claim.signature):
        raise SignatureError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )


def signature(received: Received, claim: Claimed, secret: str) -> str:
    """Return what the secret signs a request with, 64 hexadecimal digits."""
    text = string_to_sign(canonical_request(received, claim.signed), claim)
    return hmac.digest(_signing_key(secret, claim), text.encode(), "sha256").hex()


def canonical_request(received: Received, signed: Collection[str]) -> str:
    """Return the canonical form of a request: method, path, query, signed headers, digest of the body."""
    headers = "".join(f"{name}:{_trimmed(received.headers.get(name, ''))}\n" for name in signed)
    return "\n".join(
        (
            received.method,
            _canonical_path(received.path),
            _canonical_query(received.query),
            headers,
            ";".join(signed),
            _digest(received.body or b""),
        )
    )


def string_to_sign(request: str, claim: Claimed) -> str:
    """Return what is signed: the algorithm, time, scope and the canonical request's digest."""
    return "\n".join((ALGORITHM, claim.date, claim.scope, _digest(request.encode())))


def _signing_key(secret: str, claim: Claimed) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (claim.day, claim.region, claim.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _check_signed(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    if list(signed) != sorted(set(signed)):
        raise SignatureError("IncompleteSignatureException", "SignedHeaders must be sorted and each named once")
    must = {"host", "x-amz-date", *(name for name in headers if name.startswith(_MUST_BE_SIGNED))}
    missing = sorted(must - set(signed))
    if missing or not set(signed) <= set(headers):
        wrong = missing or sorted(set(signed) - set(headers))
        raise SignatureError(
            "InvalidSignatureException", f"the header {wrong[0]!r} must be there and be signed; sign it"
        )


def _check_date(claim: Claimed, now: datetime) -> None:
    if _DATE.fullmatch(claim.date) is None:
        raise SignatureError("IncompleteSignatureException", "Date must be in ISO-8601 'basic format', in X-Amz-Date")
    try:
        moment = datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignatureException", "X-Amz-Date is no date") from None
    if claim.date[:8] != claim.day:
        message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
        raise SignatureError("InvalidSignatureException", message)
    shown = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    if moment < now - WINDOW:
        raise SignatureError(
            "InvalidSignatureException", f"Signature expired: {claim.date} is now earlier than {shown}"
        )
    if moment > now + WINDOW:
        raise SignatureError(
            "InvalidSignatureException", f"Signature not yet current: {claim.date} is later than {shown}"
        )


def _canonical_path(path: str) -> str:
    # The only path served is the root; dot segments are no business of a path that is compared with what was routed.
    return quote(path or "/", safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _trimmed(value: str) -> str:
    return _SPACES.sub(" ", value.strip())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
