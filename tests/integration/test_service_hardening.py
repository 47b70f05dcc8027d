"""What a service holds out against: proxies, defects, callers who show nothing, and loads that are not theirs."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faceward.core.errors import EnvironmentFailure, PolicyRefusal, SignatureNeeded, UsageError
from faceward.operations.deployment import Deployment
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.service import bodies, origins, serving
from faceward.service.settings import Settings, Tls
from faceward.service.work import LANE


@pytest.fixture
def served(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    """Return a service of a deployment with a purpose and nobody in it yet."""
    with service_kit.served(world.open(), world.clock) as one:
        yield one


# ---- where a request comes from ------------------------------------------------------------------


def _from(peer: str, *forwarded: str, proxies: tuple[str, ...] = ("10.0.0.0/24", "2001:db8::1")) -> str:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded] + [(b"forwarded", b"for=203.0.113.99")]
    scope: dict[str, Any] = {"type": "http", "client": (peer, 1), "headers": headers}
    origins.believe(scope, Settings(proxies=proxies))
    return origins.address_of(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.7", ("203.0.113.5",), "203.0.113.5"),
        ("10.0.0.7", ("198.51.100.1, 203.0.113.5",), "203.0.113.5"),
        ("10.0.0.7", ("198.51.100.1", "203.0.113.5"), "203.0.113.5"),
        ("10.0.0.7", ("203.0.113.5, 10.0.0.9",), "203.0.113.5"),
        ("10.0.0.7", ("203.0.113.5, nonsense",), "10.0.0.7"),
        ("10.0.0.7", (), "10.0.0.7"),
        ("::ffff:10.0.0.7", ("203.0.113.5",), "203.0.113.5"),
        ("2001:db8::1", ("2001:db8:1:2:3::4",), "2001:db8:1:2::"),
        ("10.0.1.7", ("203.0.113.5",), "10.0.1.7"),
        ("127.0.0.1", ("203.0.113.5",), "127.0.0.1"),
        ("no address", ("203.0.113.5",), "unknown"),
    ],
)
def test_only_a_proxy_that_was_named_is_believed_and_only_its_own_word(
    peer: str, forwarded: tuple[str, ...], expected: str
) -> None:
    assert _from(peer, *forwarded) == expected


def test_without_a_trusted_proxy_nobody_is_believed() -> None:
    assert _from("127.0.0.1", "203.0.113.5", proxies=()) == "127.0.0.1"
    with pytest.raises(UsageError, match="--trusted-proxy"):
        Settings(proxies=("10.0.0.1/24",))


def test_what_goes_in_clear_over_a_network_is_known() -> None:
    clear = [one for one in ("http://localhost:1", "http://a.localhost", "http://faces.example", "https://faces.example")
             if Settings(origin=one).in_clear]  # fmt: skip
    assert clear == ["http://faces.example"]


# ---- defects -------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_defect_is_answered_with_every_header_and_the_requests_identifier(
    served: Any, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(bodies, "parsed", broken)
    headers = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin", "accept": accept}
    answer = served.client.post(
        "/auth/begin/about", json={"token": "x"}, headers={**headers, "x-request-id": "12345678"}
    )
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "12345678"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "secret" not in answer.text


# ---- who shows nothing ---------------------------------------------------------------------------


def test_K2_counters_are_for_those_who_run_the_service(served: Any, world: Any) -> None:
    assert served.client.get("/metrics").status_code == 401
    key = served.service.system.api_keys.create("prometheus").secret_access_key
    told = served.client.get("/metrics", headers={"authorization": f"Bearer {key}"})
    assert "faceward_requests_total" in told.text
    for path in ("/healthz", "/readyz"):
        assert served.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer x"},
        {
            "authorization": "AWS4-HMAC-SHA256 Credential=FWAAAAAAAAAAAAAAAAAA/20270101/eu/rekognition/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
            "x-amz-date": "20270101T000000Z",
        },
    ],
)
def test_K2_no_body_is_read_of_who_shows_no_key_in_force(
    served: Any, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    read: list[object] = []

    async def body(*_: object) -> bytes:
        read.append(1)
        return b"{}"

    monkeypatch.setattr(bodies, "body", body)
    answer = served.client.post("/", content=b"{}", headers=headers)
    assert answer.status_code in (400, 401, 403)
    assert read == []


def test_work_waits_in_the_name_of_who_calls_and_else_of_where_from(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes: list[str] = []
    run = served.service.work.run

    async def noted(*args: Any, **more: Any) -> Any:
        lanes.append(LANE.get())
        return await run(*args, **more)

    monkeypatch.setattr(served.service.work, "run", noted)
    key = {"x-api-key": served.service.system.api_keys.create("shop").secret_access_key}
    served.client.get("/v1/purposes", headers=key)
    served.client.get("/readyz")
    served.client.get("/api/v1/recognition/subjects", headers={**key, "x-faceward-gallery": "door"})
    assert [one for one in lanes if "shop" not in one] == ["from unknown"]
    assert lanes[0] == "key key shop"
    assert len({one for one in lanes if "shop" in one}) == 1


@pytest.mark.parametrize("place", ['name="token"', 'name="\\ud800"', 'name="token"; filename="\\ud800"'])
def test_a_form_in_an_encoding_that_makes_half_characters_is_refused(served: Any, place: str) -> None:
    part = f"--b\r\ncontent-disposition: form-data; {place}\r\n\r\n\\ud800\r\n--b--\r\n".encode()
    media = 'multipart/form-data; boundary=b; charset="unicode_escape"'
    same = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin", "accept": "application/json"}
    answer = served.client.post("/me/link", content=part, headers={**same, "content-type": media})
    assert answer.status_code == 422
    assert "surrogate" in answer.json()["detail"]


# ---- stopping ------------------------------------------------------------------------------------


def test_W7_who_may_not_stop_locks_nothing(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    deployment: Deployment = system._deployment
    locked: list[object] = []
    lock = Deployment.lock

    def noted(one: Deployment) -> None:
        locked.append(one)
        lock(one)

    monkeypatch.setattr(Deployment, "lock", noted)
    key = PrivateKey.generate()
    system.people.add("ana", key.public.line, ("operator",), date(2027, 1, 1))
    with pytest.raises(PolicyRefusal):
        system.acting("eve").control.stop("mischief")
    assert locked == []
    session = OpenSession.begin("ana", key, deployment.log.origin, deployment.now())
    # A browser's first request, before its passkey has signed.
    with pytest.raises(SignatureNeeded):
        system.acting("ana", OpenSession(session.signed, session._key)).control.stop("without a signature")
    assert locked == []
    assert not system.control.stopped
    system.acting("ana", session).control.stop("a test")
    assert locked
    assert system.control.stopped


def test_W7_where_the_custodian_does_not_answer_everything_is_locked_in_time(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    locked: list[float] = []
    monkeypatch.setattr(Deployment, "lock", lambda _: locked.append(1.0))

    def lost() -> None:
        raise EnvironmentFailure("no custodian answers")

    monkeypatch.setattr(system._deployment.custody, "status", lost)
    with pytest.raises(EnvironmentFailure):
        system.control.stop("a test")
    assert locked == [1.0]


# ---- TLS -----------------------------------------------------------------------------------------


def _certificate(folder: Path) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(tz=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    files = Tls(folder / "certificate.pem", folder / "key.pem")
    files.certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_tls_has_forward_secrecy_and_nothing_before_version_1_2(tmp_path: Path) -> None:
    files = _certificate(tmp_path)
    context = serving._tls(files)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    for cipher in context.get_ciphers():
        assert cipher["protocol"] == "TLSv1.3" or cipher["name"].startswith("ECDHE-")
        assert cipher["aead"], cipher["name"]
    files.key.write_text(json.dumps("no key"))
    with pytest.raises(EnvironmentFailure, match="no certificate with its key"):
        serving._tls(files)
