"""What an ID token must say before it counts (rule K2)."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from faceward.core.errors import BadInput
from faceward.service.id_token import Expected, identity

NOW = datetime.now(tz=UTC)
KEY = ECKey.generate_key("P-256", {"kid": "one"}, private=True, auto_kid=False)
EXPECTED = Expected("https://id.example", "faceward", "a nonce", frozenset({"phr", "hwk"}))


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    good = {
        "iss": "https://id.example",
        "aud": "faceward",
        "sub": "42",
        "nonce": "a nonce",
        "iat": now,
        "exp": now + 300,
        "amr": ["hwk", "pin"],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def _token(key: Any = KEY, alg: str = "ES256", kid: str = "one", **changes: Any) -> dict[str, Any]:
    return {"id_token": jwt.encode({"alg": alg, "kid": kid}, _claims(**changes), key, algorithms=[alg])}


def _published(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys or (KEY,)]}


def test_a_good_token_names_the_account_and_its_factor() -> None:
    found = identity(_token(), _published(), EXPECTED, NOW)
    assert found is not None
    assert (found.issuer, found.subject, found.factor) == ("https://id.example", "42", "hwk")


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (RSAKey.generate_key(2048, {"kid": "one"}, private=True, auto_kid=False), "RS256"),
        (OKPKey.generate_key("Ed25519", {"kid": "one"}, private=True, auto_kid=False), "EdDSA"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_other_signatures_that_count(key: Any, alg: str) -> None:
    assert identity(_token(key, alg), _published(key), EXPECTED, NOW) is not None


@pytest.mark.parametrize("acr", ["phr", "phrh"])
def test_a_class_of_factors_will_do(acr: str) -> None:
    expected = Expected("https://id.example", "faceward", "a nonce", frozenset({"phr", "phrh"}))
    assert identity(_token(amr=None, acr=acr), _published(), expected, NOW) is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"aud": ["faceward", "another"], "azp": "another"}, "azp"),
        ({"aud": None}, "aud"),
        ({"exp": int(NOW.timestamp()) - 61}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": int(NOW.timestamp()) + 600}, "future"),
        ({"nbf": int(NOW.timestamp()) + 600}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub|account"),
        ({"sub": "a\nb"}, "account"),
        ({"sub": "x" * 300}, "account"),
        ({"amr": None}, "phishing-resistant"),
        ({"amr": ["pwd", "otp", "sms"]}, "phishing-resistant"),
        ({"amr": "hwk"}, "amr"),
        ({"amr": [["hwk"]]}, "phishing-resistant"),
        ({"amr": None, "acr": "urn:mace:incommon:iap:silver"}, "phishing-resistant"),
        ({"at_hash": "AAAA"}, "at_hash"),
    ],
)
def test_K2_a_claim_that_does_not_hold_lets_nobody_in(changes: dict[str, Any], words: str) -> None:
    token = {**_token(**changes), "access_token": "an access token"}
    with pytest.raises(BadInput, match=words):
        identity(token, _published(), EXPECTED, NOW)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES384", "RS512", "PS256", 5])
def test_K2_no_other_signature_counts(alg: Any) -> None:
    with pytest.raises(BadInput, match="RS256"):
        identity({"id_token": f"{_part({'alg': alg})}.{_part(_claims())}."}, _published(), EXPECTED, NOW)


def test_K2_a_public_key_is_no_shared_secret() -> None:
    secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
    with pytest.raises(BadInput, match="RS256"):
        identity(_token(secret, "HS256"), _published(), EXPECTED, NOW)


def test_K2_another_key_of_the_same_name_is_refused_and_of_another_name_asked_for() -> None:
    other = ECKey.generate_key("P-256", {"kid": "one"}, private=True, auto_kid=False)
    with pytest.raises(BadInput, match="signature"):
        identity(_token(other), _published(), EXPECTED, NOW)
    assert identity(_token(kid="two"), _published(), EXPECTED, NOW) is None


@pytest.mark.parametrize("text", [None, 5, "", "a.b", "a.b.c", "é.é.é", "x" * 20_000, "..", "e30.e30."])
def test_what_is_no_token_is_refused(text: Any) -> None:
    with pytest.raises(BadInput):
        identity({"id_token": text}, _published(), EXPECTED, NOW)


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": "x"}, {"keys": [{"kty": "EC"}]}])
def test_what_are_no_keys_let_nobody_in(keys: dict[str, Any]) -> None:
    with suppress(BadInput):
        assert identity(_token(), keys, EXPECTED, NOW) is None
