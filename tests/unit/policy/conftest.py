from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from faceward.policy.jurisdiction import Jurisdiction, load_jurisdiction
from faceward.policy.people import Person, Role, Roster
from faceward.policy.purposes import Purpose, PurposeRequest, new_purpose
from faceward.policy.rules import Rules
from faceward.policy.sshsig import PrivateKey
from faceward.policy.standard import Standard, load_standard


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def workplace() -> Standard:
    return load_standard("workplace")


@pytest.fixture(scope="session")
def rules(workplace: Standard) -> Rules:
    return Rules(workplace)


@pytest.fixture(scope="session")
def eu() -> Jurisdiction:
    return load_jurisdiction("EU")


@pytest.fixture(scope="session")
def illinois() -> Jurisdiction:
    return load_jurisdiction("US-IL")


@pytest.fixture(scope="session")
def door(workplace: Standard, eu: Jurisdiction, now: datetime) -> Purpose:
    request = PurposeRequest("door", "consent", 1e-4, timedelta(days=365), alternative="a badge at the desk")
    return new_purpose(request, workplace, eu, now)


@pytest.fixture(scope="session")
def keys() -> dict[str, PrivateKey]:
    """Return the keys of four people."""
    return {name: PrivateKey.generate() for name in ("ana", "ben", "cem", "dee")}


@pytest.fixture(scope="session")
def roster(keys: dict[str, PrivateKey], now: datetime) -> Roster:
    """Return Ana, who asks, Ben and Cem, who may approve, and Dee, who may review."""
    roles = {
        "ana": {Role.OPERATOR, Role.APPROVER},
        "ben": {Role.APPROVER},
        "cem": {Role.APPROVER, Role.OPERATOR},
        "dee": {Role.REVIEWER},
    }
    trained = {"ben": now.date()}
    return Roster(
        {name: Person(name, key.public, frozenset(roles[name]), trained.get(name), now) for name, key in keys.items()}
    )
