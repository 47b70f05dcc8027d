from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.policy.people import Person, Role, Roster, parse_roles
from faceward.policy.sshsig import PrivateKey


def test_roster_reads_back_equal_and_in_order(roster: Roster) -> None:
    assert Roster.from_json(roster.to_json()) == roster
    assert list(Roster(dict(reversed(roster.people.items()))).people) == ["ana", "ben", "cem", "dee"]


def test_person_is_found_however_the_name_is_typed(roster: Roster) -> None:
    accented = replace(roster.person("ana"), name="Jos\u00e9")
    found = roster.without("ana").with_person(accented)
    assert found.person(" Jose\u0301 ") == accented
    assert "Jose\u0301" in found
    with pytest.raises(UsageError, match="no person 'eve'"):
        found.person("eve")


def test_S2_a_key_under_another_name_is_refused(roster: Roster, now: datetime) -> None:
    twin = Person("eve", roster.person("ana").key, frozenset({Role.APPROVER}), None, now)
    with pytest.raises(PolicyRefusal, match="'ana' holds this key already") as caught:
        roster.with_person(twin)
    assert caught.value.rule == "S2"
    security_key = replace(twin, key=replace(twin.key, algorithm="sk-ssh-ed25519@openssh.com", application="ssh:"))
    with pytest.raises(PolicyRefusal, match="holds this key already"):
        roster.with_person(security_key)


def test_S2_each_of_a_persons_keys_signs_and_none_is_anybody_elses(roster: Roster, now: datetime) -> None:
    second, third = PrivateKey.generate(), PrivateKey.generate()
    ana = replace(roster.person("ana"), further=(second.public,))
    people = roster.with_person(ana)
    assert Roster.from_json(people.to_json()) == people
    ana.check_signature("n", b"m", second.sign("n", b"m"))
    for signature in (third.sign("n", b"m"), second.sign("other", b"m"), ""):
        with pytest.raises(PolicyRefusal):
            ana.check_signature("n", b"m", signature)
    with pytest.raises(PolicyRefusal):
        roster.person("ana").check_signature("n", b"m", second.sign("n", b"m"))
    for key, further in ((second, ()), (third, (second.public,)), (third, (ana.key,))):
        with pytest.raises(PolicyRefusal, match="'ana' holds this key already"):
            people.with_person(Person("eve", key.public, frozenset({Role.APPROVER}), None, now, further))


def test_person_with_keys_that_are_none_is_refused(roster: Roster, keys: dict[str, PrivateKey]) -> None:
    good = roster.person("ana").to_json()
    assert "further" not in good
    many = [PrivateKey.generate().public.line for _ in range(8)]
    other = keys["ben"].public.line
    for wrong in ([], "x", ["x"], [1], many, [good["key"]], [other, other], {}):
        with pytest.raises(IntegrityError):
            Person.from_json({**good, "further": wrong})
    assert len(Person.from_json({**good, "further": many[:7]}).keys) == 8


@pytest.mark.parametrize(
    "name", ["ANA", "\uff41na", "Ana", "a\u200dna", "an\ufe0fa", "\u0430na", "an\u03b1", "a\u034fna"]
)
def test_S2_a_name_that_looks_like_another_is_refused(name: str, roster: Roster, now: datetime) -> None:
    person = Person(name, PrivateKey.generate().public, frozenset({Role.APPROVER}), None, now)
    with pytest.raises(PolicyRefusal, match="looks like 'ana'"):
        roster.with_person(person)


def test_roster_is_complete_with_two_approvers(roster: Roster) -> None:
    assert not Roster().complete
    founded = Roster().with_person(roster.person("ana")).with_person(roster.person("dee"))
    assert not founded.complete
    assert founded.with_person(roster.person("ben")).complete


def test_S2_a_complete_roster_does_not_go_back_to_founding(roster: Roster) -> None:
    two = roster.without("cem")
    for name in ("ana", "ben"):
        with pytest.raises(PolicyRefusal, match="fewer than two approvers"):
            two.without(name)
        with pytest.raises(PolicyRefusal, match="fewer than two approvers"):
            two.with_person(replace(two.person(name), roles=frozenset({Role.AUDITOR})))
    assert "dee" not in two.without("dee")


def test_person_in_the_place_of_one_of_the_same_name_has_the_new_key(roster: Roster) -> None:
    new = replace(roster.person("ana"), key=PrivateKey.generate().public)
    assert roster.with_person(new).person("ana") == new


def test_training_is_valid_until_its_day_inclusive(roster: Roster, now: datetime) -> None:
    ben = roster.person("ben")
    assert ben.is_trained(now.replace(hour=23, minute=59))
    assert not ben.is_trained(now + timedelta(hours=12))
    assert not roster.person("ana").is_trained(now)


def test_roles_are_known_and_at_least_one() -> None:
    assert parse_roles(("approver", "operator")) == {Role.APPROVER, Role.OPERATOR}
    for wrong in ((), ("boss",)):
        with pytest.raises(UsageError, match="roles are operator, approver"):
            parse_roles(wrong)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "a\x00b"),
        ("name", 1),
        ("key", "ssh-rsa AAAA"),
        ("roles", []),
        ("roles", ["boss"]),
        ("roles", "approver"),
        ("trained", "2026-13-01"),
        ("trained", 5),
        ("added", "yesterday"),
        ("extra", 1),
    ],
)
def test_person_that_is_none_is_refused(key: str, value: object, roster: Roster) -> None:
    with pytest.raises(IntegrityError) as caught:
        Person.from_json({**roster.person("ben").to_json(), key: value})
    assert "\n" not in str(caught.value)


def test_roster_with_a_person_or_a_key_twice_is_refused(roster: Roster) -> None:
    ben = roster.person("ben").to_json()
    for people in ([ben, ben], [ben, {**ben, "name": "eve"}], "ben", [None]):
        with pytest.raises(IntegrityError):
            Roster.from_json({"people": people})
