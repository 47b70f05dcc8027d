"""People: adding, removing and listing them (rule S2)."""

from __future__ import annotations

from datetime import date

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.request_results import Asked, PersonView
from faceward.operations import programs, signing_in
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.requests import Requests
from faceward.operations.signing import prepared_person
from faceward.policy.machines import is_machine
from faceward.policy.people import Person, Roster, checked_name, parse_further, parse_roles
from faceward.policy.sshsig import PublicKey


class People:
    """The people of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self._requests = Requests(deployment, desk)

    def sign_in(self, credentials: signing_in.Credentials) -> None:
        """Sign in, anew where somebody is signed in already: a session lasts hours, a watch of cameras may last days.

        Raises:
            PolicyRefusal: The roster has no such person, or another key (rule K2).
        """
        signing_in.sign_in(self._deployment, self._desk, credentials)

    def add(
        self,
        name: str,
        key: str,
        roles: tuple[str, ...],
        trained: date | None = None,
        further: tuple[str, ...] = (),
    ) -> Asked:
        """Add a person, or give one of the same name other keys, roles or training; what is not named is gone.

        While fewer than two approvers are known it takes effect at once; after that it waits for an approval.

        Args:
            name: Their name, in any script.
            key: The line of their `.pub` file.
            roles: What they may do.
            trained: Day until which their training is valid, inclusive.
            further: The lines of other keys of theirs, such as a second passkey.

        Raises:
            UsageError: A role is unknown, the name none, a key named twice, or it is a program's and the name is not.
            BadInput: A key is none.
            PolicyRefusal: Another name holds the key or looks the same, or nobody signed in who may ask (S2).
        """
        now = self._deployment.now()
        keys = (PublicKey.parse(key), parse_further(further))
        person = Person(
            checked_name(name), keys[0], parse_roles(roles), trained, now, keys[1], self._responsible(name, keys[0])
        ).checked()
        person = prepared_person(self._deployment.session, person)
        happening = Happening("person.add", {"person": person.to_json()})
        try:
            self._requests.roster().with_person(person)
        except PolicyRefusal as refusal:
            self._desk.deny(happening, refusal)
            raise
        return self._requests.ask("person.add", person.to_json())

    def _responsible(self, name: str, key: PublicKey) -> str:
        """Return who answers for a program: whoever made its key, or asks for it where they are in no roster."""
        maker = programs.maker_of(self._deployment, key)
        if maker is not None and not is_machine(checked_name(name)):
            raise UsageError("this is the key of a program; have it taken on with 'faceward keys admit'")
        if not is_machine(checked_name(name)):
            return ""
        known = maker if maker is not None and maker in self.roster() else self._requests.requester()
        return checked_name(known)

    def remove(self, name: str) -> Asked:
        """Remove a person; it waits for an approval as adding does.

        Raises:
            UsageError: There is none of this name.
            PolicyRefusal: Too few approvers would be left, or nobody signed in who may ask (S2).
        """
        person = self._requests.roster().person(name)
        try:
            self._requests.roster().without(name)
        except PolicyRefusal as refusal:
            self._desk.deny(Happening("person.remove", {"name": person.name}), refusal)
            raise
        return self._requests.ask("person.remove", {"name": person.name})

    def listed(self) -> tuple[PersonView, ...]:
        """Return all people by name."""
        return tuple(_view(person) for person in self.roster().people.values())

    def roster(self) -> Roster:
        """Return the people as the custodian knows them."""
        return self._requests.roster()


def _view(person: Person) -> PersonView:
    shown = person.to_json()
    return PersonView(
        name=person.name,
        key=person.key.line,
        fingerprint=person.key.fingerprint,
        further=tuple(key.line for key in person.further),
        responsible=person.responsible or None,
        roles=tuple(sorted(role.value for role in person.roles)),
        trained=None if person.trained is None else person.trained.isoformat(),
        added=str(shown["added"]),
    )
