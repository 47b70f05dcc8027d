"""One-time links by which people bring their own passkey: the first, and everybody whom somebody invites (rule K2).

There are no default credentials. A deployment without people gets one link at its start; who follows it names themself,
makes a passkey, and founds the roster. Everybody else follows a link that names them. Their passkey is then an *offer*:
it counts only once somebody who signed in has asked for them to be added, and, when two approvers are known, once
another person has approved it (rule S2).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import BadInput, UsageError
from faceward.core.names import check_name
from faceward.policy.sshsig import PublicKey
from faceward.service import passkeys, sessions
from faceward.service.invitation import FOUNDER_ROLES, Invitation, day_of

__all__ = [
    "FOUNDER_ROLES",
    "Invitation",
    "about",
    "accept",
    "begun",
    "decline",
    "finished",
    "first_link",
    "invite",
    "offers",
]

if TYPE_CHECKING:
    from faceward.core.request_results import Asked
    from faceward.operations.system import System
    from faceward.service.passkeys import Made
    from faceward.service.state import Service
    from faceward.service.vault import Vault

TERM = timedelta(hours=1)
"""How long the first link may be used."""

INVITED_TERM = timedelta(days=3)
"""How long an invitation may be used."""

OFFER_TERM = timedelta(days=30)
_LINK, _FIRST, _CEREMONY, _OFFER = "link", "first-link", "ceremony", "offer"
_TOKEN_BYTES = 24


def first_link(system: System, vault: Vault, origin: str) -> str | None:
    """Return the link by which the first person comes in, or None where there are people already.

    There is one at a time: every start makes another, and ends the one before.

    Args:
        system: The deployment.
        vault: The service's store.
        origin: The URL that browsers see.
    """
    if len(system.people.roster()):
        return None
    _end_first(vault)
    link = _link(vault, origin, Invitation(), system.accounts.now() + TERM)
    vault.put(_FIRST, "", link.partition("#")[2], system.accounts.now() + TERM)
    return link


def _end_first(vault: Vault) -> None:
    """End the first link that there is, and with it whatever was begun by it."""
    token = vault.take(_FIRST, "")
    if isinstance(token, str):
        vault.delete(_LINK, token)


def invite(system: System, vault: Vault, origin: str, invitation: Invitation) -> str:
    """Return a link for somebody who is to bring their passkey; that it was made is in the log.

    Args:
        system: The deployment as who invites acts in it.
        vault: The service's store.
        origin: The URL that browsers see.
        invitation: Whom it is for.

    Raises:
        UsageError: See `Invitation.checked`.
        PolicyRefusal: Somebody invites at the service who has not signed in with a key of their own (S2).
    """
    checked = invitation.checked()
    # Whoever invites at the service has signed in with a key; at the command line, whoever can open the deployment.
    record = system.accounts.proven if checked.by else system.accounts.note
    record("person.invite", checked.to_json())
    return _link(vault, origin, checked, system.accounts.now() + INVITED_TERM)


def _link(vault: Vault, origin: str, invitation: Invitation, ends: datetime) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    vault.put(_LINK, token, {**invitation.to_json(), "ends": to_rfc3339(ends)}, ends)
    # Behind '#', so that it reaches neither the server's log nor another site.
    return f"{origin}/auth/begin#{token}"


def about(service: Service, token: str) -> dict[str, JSONValue]:
    """Return what a link's visitor is told: `founds`, `name`, `roles`, and `programs`, whose keys are to be admitted.

    Raises:
        BadInput: See `begun`.
    """
    invitation = _followed(service, token)
    # From the first person on, no key acts that the roster does not know.
    programs: list[JSONValue] = [*service.system.api_keys.outside()] if invitation.founds else []
    return {
        "founds": invitation.founds,
        "name": invitation.name,
        "roles": list(invitation.roles),
        "programs": programs,
    }


def begun(service: Service, token: str, name: str) -> dict[str, JSONValue]:
    """Return what a browser makes the passkey with, of who followed a link.

    Args:
        service: The service.
        token: The link's.
        name: What the visitor calls themself; of use on the first link alone.

    Returns:
        `ceremony`, which `finished` is given; `name`; `publicKey` for `navigator.credentials.create`.

    Raises:
        BadInput: The link is none, was used, or is too old; or somebody was first.
        UsageError: The name cannot be one.
    """
    invitation = _followed(service, token)
    person = check_name(name, "person") if invitation.founds else invitation.name
    registered = service.system.people.roster().people.get(person)
    options, challenge = passkeys.creation_options(service, person, registered.keys if registered else ())
    ceremony = secrets.token_urlsafe(_TOKEN_BYTES)
    value: JSONValue = {"token": token, "name": person, "challenge": challenge.hex()}
    service.vault.put(_CEREMONY, ceremony, value, service.now() + passkeys.TERM)
    return {"ceremony": ceremony, "name": person, "publicKey": options}


def finished(service: Service, ceremony: str, credential: dict[str, object], trained: str = "") -> dict[str, JSONValue]:
    """Take the passkey that a browser has made, and spend the link.

    Args:
        service: The service.
        ceremony: From `begun`.
        credential: `PublicKeyCredential.toJSON()`.
        trained: On the first link, the day until which the visitor's own training is valid, or empty.

    Returns:
        `name`, `fingerprint`, and `state`: `founded`, or `offered`.

    Raises:
        BadInput: It is too late, the passkey cannot be used, or the link was used meanwhile.
        PolicyRefusal: A rule refuses the person; the link stays good.
    """
    kept = service.vault.take(_CEREMONY, ceremony)
    if not isinstance(kept, dict):
        raise BadInput("this took too long, or was done already; follow the link again")
    token, name = str(kept["token"]), str(kept["name"])
    day_of(trained)
    passkey = passkeys.made(service, credential, bytes.fromhex(str(kept["challenge"])))
    link = service.vault.take(_LINK, token)
    invitation = Invitation.of(link)
    if not isinstance(link, dict) or not invitation.roles:
        raise BadInput("this link was used already; ask for another")
    shown: dict[str, JSONValue] = {"name": name, "fingerprint": passkey.key.fingerprint}
    if not invitation.founds:
        _offer(service, invitation, passkey)
        return {**shown, "state": "offered"}
    try:
        found(service, name, passkey, trained)
    except Exception:
        # As long as it was to be good, and not from now on.
        service.vault.put(_LINK, token, link, from_rfc3339(str(link["ends"])))
        raise
    _end_first(service.vault)
    return {**shown, "state": "founded"}


def found(service: Service, name: str, passkey: Made, trained: str) -> Asked:
    """Make somebody the first person of the roster."""
    system = service.system.acting(name)
    asked = system.people.add(name, passkey.key.line, FOUNDER_ROLES, day_of(trained))
    passkeys.keep(service, name, passkey)
    sessions.forget_roster()
    return asked


def _followed(service: Service, token: str) -> Invitation:
    invitation = Invitation.of(service.vault.get(_LINK, token))
    if not invitation.roles:
        raise BadInput("this link is none, was used already, or is too old; ask for another")
    if invitation.founds and len(service.system.people.roster()):
        raise BadInput("somebody is registered already; ask them for a link of your own")
    return invitation


def _offer(service: Service, invitation: Invitation, passkey: Made) -> None:
    name = secrets.token_hex(8)
    value: JSONValue = {
        **invitation.to_json(),
        "id": name,
        "key": passkey.key.line,
        "fingerprint": passkey.key.fingerprint,
        "credential": passkey.credential,
        "count": passkey.count,
        "transports": list(passkey.transports),
    }
    service.system.accounts.note("person.offer", {"person": invitation.name, "fingerprint": passkey.key.fingerprint})
    service.vault.put(_OFFER, name, value, service.now() + OFFER_TERM)


def offers(service: Service) -> list[dict[str, JSONValue]]:
    """Return the passkeys that wait for somebody to ask for their owners, by name."""
    found = [value for value in service.vault.all(_OFFER) if isinstance(value, dict)]
    return sorted(found, key=lambda value: (str(value["name"]), str(value["id"])))


def accept(service: Service, system: System, offer: str) -> Asked:
    """Ask for somebody to be added with the passkey that they brought; see `operations.people.People.add`.

    Args:
        service: The service.
        system: The deployment as who asks acts in it.
        offer: The offer's identifier.

    Raises:
        UsageError: There is no such offer.
        PolicyRefusal: A rule refuses it.
        SignatureNeeded: Who asks has not signed it yet; see `service.signing`.
    """
    kept = service.vault.get(_OFFER, offer)
    if not isinstance(kept, dict):
        raise UsageError("there is no such offer of a passkey, or it is too old")
    invitation, line = Invitation.of(kept), str(kept["key"])
    day = day_of(invitation.trained)
    further: tuple[str, ...] = ()
    registered = system.people.roster().people.get(invitation.name)
    if registered is not None and not invitation.replaces:
        others = [key.line for key in registered.keys if key.line != line]
        if len(others) < len(registered.keys):
            raise UsageError(f"this passkey is a key of {invitation.name!r} already; decline the offer")
        line, further = others[0], (*others[1:], line)
    asked = system.people.add(invitation.name, line, invitation.roles, day, further)
    transports = kept["transports"]
    made = passkeys.Made(
        str(kept["credential"]),
        PublicKey.parse(str(kept["key"])),
        int(str(kept["count"])),
        tuple(str(one) for one in transports) if isinstance(transports, list) else (),
    )
    passkeys.keep(service, invitation.name, made)
    service.vault.delete(_OFFER, offer)
    sessions.forget_roster()
    return asked


def decline(service: Service, system: System, offer: str) -> None:
    """Forget an offer.

    Raises:
        PolicyRefusal: Who declines has not signed in with a key of their own (S2).
        UsageError: There is no such offer.
    """
    kept = service.vault.get(_OFFER, offer)
    if not isinstance(kept, dict):
        raise UsageError("there is no such offer of a passkey, or it is too old")
    system.accounts.proven("person.decline", {"person": str(kept["name"]), "fingerprint": str(kept["fingerprint"])})
    service.vault.delete(_OFFER, offer)
