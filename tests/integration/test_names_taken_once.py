"""Keys and galleries of one name: made once however many ask at once; altered and interrupted ones are got over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.operations.deployment import Deployment
from faceward.operations.programs import KIND, maker_of
from faceward.operations.system import System
from faceward.policy.sshsig import PublicKey


@pytest.fixture
def system(world: Any) -> System:
    opened: System = world.open()
    return opened


def _at_once(act: Callable[[int], Any], count: int = 4) -> list[Any]:
    ready = threading.Barrier(count)

    def one(number: int) -> Any:
        ready.wait()
        try:
            return act(number)
        except UsageError:
            return None

    with ThreadPoolExecutor(count) as pool:
        return [made for made in pool.map(one, range(count)) if made is not None]


def _alter(system: System, key: str) -> None:
    """Change what is kept of a key as somebody would who can write to gallery.db."""
    store = system._deployment.store
    store.put_document(KIND, key, store.document(KIND, key).replace(b'"galleries":null', b'"galleries":["x"]'))


def test_K2_of_several_keys_of_one_name_made_at_once_there_is_one(system: System) -> None:
    made = _at_once(lambda _: system.acting("clerk").api_keys.create("shop"))
    assert len(made) == 1
    [view] = system.api_keys.listed()
    assert view.note.id == made[0].access_key_id


def test_K2_a_key_whose_secret_nobody_got_is_not_in_force(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Deployment.keep

    def full(deployment: Deployment, kind: str, name: str, value: Any) -> None:
        kept(deployment, kind, name, value)
        if kind == KIND:
            raise EnvironmentFailure("the disk is full; make room")

    with monkeypatch.context() as patch:
        patch.setattr(Deployment, "keep", full)
        with pytest.raises(EnvironmentFailure):
            system.api_keys.create("shop")
    assert system.api_keys.listed() == ()
    assert system._deployment.store.documents("api-key-of") == {}
    made = system.api_keys.create("shop")
    found = system.api_keys.by_secret(made.secret_access_key)
    assert found is not None
    assert found.id == made.access_key_id


@pytest.mark.parametrize("called", ["name", "id"])
def test_K2_a_key_that_was_altered_is_listed_as_such_and_revoked_and_hinders_no_other(
    system: System, called: str
) -> None:
    keys = system.api_keys
    one, two = keys.create("one"), keys.create("two")
    _alter(system, one.access_key_id)
    assert [(view.note.name, view.state) for view in keys.listed()] == [("one", "altered"), ("two", "in force")]
    with pytest.raises(IntegrityError):
        keys.by_secret(one.secret_access_key)
    found = keys.by_secret(two.secret_access_key)
    assert found is not None
    keys.create("three")
    keys.revoke("two")
    assert keys.revoke("one" if called == "name" else one.access_key_id).state == "revoked"
    assert keys.by_secret(one.secret_access_key) is None
    assert [view.note.name for view in keys.listed()] == ["three", "two"]
    assert len(system._deployment.store.documents("api-key-of")) == 1


def test_K2_a_key_of_which_nothing_can_be_read_is_revoked_by_its_identifier(system: System) -> None:
    made = system.api_keys.create("one")
    system._deployment.store.put_document(KIND, made.access_key_id, b"nothing")
    [view] = system.api_keys.listed()
    assert (view.note.name, view.state) == (made.access_key_id, "altered")
    system.api_keys.revoke(made.access_key_id)
    assert system.api_keys.listed() == ()


def test_K2_a_key_whose_sealed_secret_was_altered_is_revoked(system: System) -> None:
    made = system.api_keys.create("one")
    deployment = system._deployment
    value = deployment.kept(KIND, made.access_key_id)
    assert isinstance(value, dict)
    deployment.keep(KIND, made.access_key_id, {**value, "sealed": "AAAA"})
    assert system.api_keys.revoke("one").state == "revoked"
    assert deployment.store.documents("api-key-of") == {}


def test_S2_who_made_a_key_is_not_taken_for_nobody_because_it_was_altered(system: System) -> None:
    made, other = system.api_keys.create("one"), system.api_keys.create("two")
    _alter(system, made.access_key_id)
    assert maker_of(system._deployment, PublicKey.parse(other.note.person)) == other.note.by
    with pytest.raises(IntegrityError, match="revoke it"):
        maker_of(system._deployment, PublicKey.parse(made.note.person))


def test_of_several_who_create_a_gallery_at_once_one_does_and_its_tags_stay(system: System) -> None:
    made = _at_once(lambda number: system.acting("clerk").collections.create("staff", "door", {"of": str(number)}))
    assert len(made) == 1
    assert system.collections.get("staff").tags == made[0].tags


def test_a_gallery_whose_creation_was_interrupted_is_completed(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(system._deployment.keys), "place_in_custody", killed)
        with pytest.raises(KeyboardInterrupt):
            system.collections.create("staff", "door", {"of": "one"})
    assert system.collections.create("staff", "door", {"of": "two"}).tags == {"of": "two"}
    with pytest.raises(UsageError, match="exists"):
        system.collections.create("staff", "door", {"of": "three"})
    assert system.collections.get("staff").tags == {"of": "two"}


def test_nothing_is_noted_of_a_gallery_that_is_refused(system: System) -> None:
    with pytest.raises(PolicyRefusal, match="P1"):
        system.collections.create("staff", "nothing", {"of": "one"})
    assert system._deployment.kept("collection", "staff") is None
