"""Signing in: a person proves by a key of their own who acts in this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from faceward.audit.entries import Phase
from faceward.core.errors import PolicyRefusal
from faceward.core.names import check_name
from faceward.operations import last_known
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy.sessions import OpenSession, PreparedSession, check_session
from faceward.policy.sshsig import PrivateKey

TERM = timedelta(hours=8)
"""How long somebody is signed in; see `policy.sessions.LONGEST`."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs in.

    Attributes:
        person: Their name in the roster.
        key: Their private key.
    """

    person: str
    key: PrivateKey


def sign_in(deployment: Deployment, desk: Desk, credentials: Credentials) -> None:
    """Open a session in a person's name; both the success and a refusal are in the log.

    Raises:
        PolicyRefusal: The roster has no such person, or another key (rule K2).
        UsageError: The name cannot be one.
    """
    person = check_name(credentials.person, "person")
    admit(
        deployment, desk, OpenSession.begin(person, credentials.key, deployment.config.origin, deployment.now(), TERM)
    )


def prepare(deployment: Deployment, person: str) -> PreparedSession:
    """Begin to sign in with a key that is elsewhere, such as a passkey: it signs `message`, and `opened` is admitted.

    Raises:
        UsageError: The name cannot be one.
    """
    return OpenSession.prepare(person, deployment.config.origin, deployment.now(), TERM)


def admit(deployment: Deployment, desk: Desk, session: OpenSession) -> None:
    """Let the person act whose session it is; both the success and a refusal are in the log.

    Raises:
        PolicyRefusal: The roster has no such person, or another key, or the session is of another place or time (K2).
    """
    now, person = deployment.now(), session.person
    about = Happening("sign-in", {"person": person, "session": session.signed.session.digest()})
    # Whoever is to erase signs in first, custodian or not; what needs the custodian fails later without it.
    roster = last_known.status(deployment, patient=True).roster
    try:
        check_session(session.signed, roster, deployment.config.origin, now)
    except PolicyRefusal as refusal:
        desk.deny(about, refusal)
        raise
    deployment.begin_session(session)
    desk.journal.write(Phase.NOTE, [about])
