"""What an ID token must say before it counts (OpenID Connect Core 1.0 §3.1.3.7), and by which factor (rule K2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from faceward.core.errors import BadInput

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Signatures that count; `none` and those with a shared secret never do."""

_LEEWAY = 60
_LONGEST, _MAX_SUBJECT = 16_384, 255


@dataclass(frozen=True, slots=True)
class Expected:
    """What was asked for.

    Attributes:
        issuer: The provider.
        client: As whom this service is known there.
        nonce: What it was given to repeat.
        factors: Values of `acr` or `amr` of which one must be told.
    """

    issuer: str
    client: str
    nonce: str
    factors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Identity:
    """An account at a provider that has just been proved.

    Attributes:
        issuer: The provider.
        subject: The account there.
        factor: The phishing-resistant factor, as the token calls it.
    """

    issuer: str
    subject: str
    factor: str


def identity(token: dict[str, Any], keys: dict[str, Any], expected: Expected, now: datetime) -> Identity | None:
    """Check a token endpoint's answer.

    Args:
        token: `id_token`, and the `access_token` that it may be bound to.
        keys: The provider's JWK set (RFC 7517 §5).
        expected: What was asked for.
        now: The current time, UTC.

    Returns:
        The account; None where the token names a key that is not among these.

    Raises:
        BadInput: It is not signed as it must be, is another's, for another, too old, or of no factor that counts.
    """
    claims = _claims(token, keys, expected)
    if claims is None:
        return None
    try:
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
    except JoseError as error:
        raise _wrong(f"its claim does not hold: {_claim(error)}") from None
    except (TypeError, ValueError):
        raise _wrong("a claim of it is malformed") from None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or not subject.isprintable():
        raise _wrong("it names no account")
    told = [claims.get("acr"), *(claims.get("amr") or [])]
    factor = next((one for one in told if isinstance(one, str) and one in expected.factors), None)
    if factor is None:
        raise BadInput(
            "the provider tells of no phishing-resistant factor, such as a passkey; sign in there with one (rule K2)"
        )
    return Identity(expected.issuer, subject, factor)


def _claims(token: dict[str, Any], keys: dict[str, Any], expected: Expected) -> CodeIDToken | None:
    text = token.get("id_token")
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise _wrong("it is no token")
    try:
        header = jws.extract_compact(text.encode("ascii")).headers()
        if header.get("alg") not in ALGORITHMS:
            raise _wrong("it is not signed with RS256, ES256 or EdDSA")
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        decoded = jwt.decode(text, KeySet.import_key_set(keys), registry=registry)  # type: ignore[arg-type]
    except InvalidKeyIdError:
        return None
    except (JoseError, ValueError, TypeError, KeyError):
        raise _wrong("its signature is not the provider's") from None
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client, "access_token": token.get("access_token")}
    return CodeIDToken(decoded.claims, decoded.header, options, params)


def _wrong(problem: str) -> BadInput:
    return BadInput(f"the provider's token does not count: {problem}; begin to sign in again")


def _claim(error: JoseError) -> str:
    return "".join(character for character in str(error) if character.isprintable())[:80]
