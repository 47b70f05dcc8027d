"""A gallery leaves under a mandate that names the recipient (S4), and deletion follows it there (T3)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import BadInput, PolicyRefusal, UsageError, WrongSecret
from faceward.operations.handover import HandoverResult, manifest_of
from faceward.operations.system import System
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.protection.age import new_identity_file, open_parcel
from faceward.protection.codec import Binding
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, unseal

DAY = timedelta(days=1)


class Office:
    """Ana operates, Ben approves; the police receive."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.system: System = world.open()
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben")}
        for who, name, roles in ((None, "ana", ("operator", "approver")), ("ana", "ben", ("approver",))):
            self.act(who).people.add(name, self.keys[name].public.line, roles, date(2027, 12, 31))
        self.identity = world.folder / "police.txt"
        system = self.act("ana")
        system.rights.add_recipient("Police", "desk@police.example", age_key=new_identity_file(self.identity))
        world.enrol(system, "Ada", "Grace")

    def act(self, name: str | None) -> System:
        deployment = self.system._deployment
        if name is not None:
            deployment.begin_session(OpenSession.begin(name, self.keys[name], deployment.log.origin, deployment.now()))
        return self.system

    def mandate(self, *, approved: bool = True, **changes: Any) -> str:
        now = self.world.clock.now()
        asked = Mandate(
            purpose="door", operations=("gallery.export",), galleries=("door",), cameras=(), place="Prague",
            case="K-1", basis="court order 7", starts=now, until=now + 7 * DAY, searches=1, operators=("ana",),
            urgent=False, recipient="Police",
        )  # fmt: skip
        digest = self.act("ana").mandates.request(replace(asked, **changes)).digest
        if approved:
            self.act("ben").mandates.decide(digest, Decision.APPROVE)
        return digest

    def export(self, mandate: str | None, to: str = "Police") -> HandoverResult:
        return self.act("ana").rights.export_gallery("door", to, mandate)

    def opened(self, result: HandoverResult) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(open_parcel(result.sealed, self.identity))
        return value


@pytest.fixture
def office(world: Any) -> Office:
    return Office(world)


def test_S4_a_gallery_leaves_under_a_mandate_that_names_the_recipient(office: Office) -> None:
    result = office.export(office.mandate())
    manifest = manifest_of(result.sealed, office.identity)
    assert manifest == result.manifest
    assert (manifest["gallery"], manifest["recipient"], manifest["references"]) == ("door", "Police", 2)
    assert manifest["expires"] == "2027-06-01T00:00:00.000000Z"
    assert "For this purpose alone" in manifest["terms"]


def test_S4_each_reference_opens_under_a_key_of_its_own_and_none_of_ours(office: Office, fakes: Any) -> None:
    import base64

    ours = {
        one.reference_id: one for one in office.system._deployment.store.references("door", office.world.clock.now())
    }
    names = set()
    for row in office.opened(office.export(office.mandate()))["references"]:
        mine = ours[row["reference"]]
        binding = Binding(
            "features", row["reference"], row["key_id"], "door", mine.pack, "door", row["subject"], row["expires"]
        )
        opener = SubjectKey(bytes.fromhex(row["key"]), binding)
        features = np.frombuffer(unseal(base64.b64decode(row["features"]), opener), dtype="<f4")
        record = open_record(base64.b64decode(row["record"]), replace(opener, binding=replace(binding, kind="record")))
        names.add(record["subject"])
        assert features @ fakes.features_of(record["subject"]) > 0.9
        assert row["key_id"] != mine.key_id
        assert row["subject"] != mine.subject.hex()
        assert bytes.fromhex(row["key"]) not in office.world.contents()["keys.db"]
    assert names == {"Ada", "Grace"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"recipient": "Court"}, "S4"),
        ({"recipient": ""}, "S4"),
        ({"operations": ("identify",)}, "P2"),
        ({"approved": False}, "P2"),
    ],
)
def test_S4_without_an_approved_mandate_that_names_the_recipient_nothing_leaves(
    office: Office, changes: dict[str, Any], rule: str
) -> None:
    mandate = office.mandate(**changes)
    with pytest.raises(PolicyRefusal) as caught:
        office.export(mandate)
    assert caught.value.rule == rule
    assert office.world.log(office.system)[-1] == ("gallery.export", "denied")
    assert office.system._deployment.store.documents("deletion-notice") == {}


def test_S4_without_a_mandate_nothing_leaves(office: Office) -> None:
    for mandate in (None, "0" * 64):
        with pytest.raises(PolicyRefusal) as caught:
            office.export(mandate)
        assert caught.value.rule in ("P2", "S4")


def test_S4_a_mandate_is_spent(office: Office) -> None:
    mandate = office.mandate()
    office.export(mandate)
    with pytest.raises(PolicyRefusal):
        office.export(mandate)


def test_S4_recipients_without_a_key_get_nothing(office: Office) -> None:
    office.act("ana").rights.add_recipient("Court", "desk@court.example")
    with pytest.raises(UsageError, match="no age key"):
        office.export(office.mandate(recipient="Court"), "Court")
    with pytest.raises(UsageError, match="no recipient"):
        office.export(office.mandate(), "Nobody")


def test_S4_only_the_recipient_opens_the_package(office: Office, tmp_path: Path) -> None:
    result = office.export(office.mandate())
    new_identity_file(tmp_path / "other.txt")
    with pytest.raises(WrongSecret):
        manifest_of(result.sealed, tmp_path / "other.txt")
    for damaged in (b"", result.sealed[:-1], b"x" * 500):
        with pytest.raises(BadInput):
            manifest_of(damaged, office.identity)
    assert b"Ada" not in result.sealed


def test_S4_suspended_references_stay(office: Office) -> None:
    office.act("ana").rights.suspend("Ada", "While her complaint is looked into.")
    assert office.export(office.mandate()).manifest["references"] == 1


def test_T3_whose_reference_was_handed_over_can_see_to_whom(office: Office) -> None:
    office.export(office.mandate())
    [told] = [line for line in office.act("ana").subject("Ada").history if line.operation == "gallery.export"]
    assert told.opened["subject/0"]["recipient"] == "Police"


def end(system: System, how: str) -> None:
    if how == "erase":
        system.erase("Ada")
    else:
        system.rights.withdraw("Ada", "door")


@pytest.mark.parametrize("how", ["erase", "withdraw"])
def test_T3_a_deletion_reaches_the_recipient_and_their_confirmation_is_tracked(office: Office, how: str) -> None:
    package = office.opened(office.export(office.mandate()))
    system = office.act("ana")
    end(system, how)
    [notice] = system.rights.deletion_notices()
    assert (notice.recipient, notice.contact, notice.overdue) == ("Police", "desk@police.example", False)
    assert set(notice.references) < {row["reference"] for row in package["references"]}
    assert len(notice.references) == 1
    assert notice.references[0] in notice.text
    office.world.clock.advance(31 * DAY)
    system = office.act("ana")
    assert [(one["what"], one["overdue"]) for one in system.rights.tick().due] == [("confirmation", True)]
    confirmed = system.rights.confirm_deletion(notice.identifier, "their letter of 2026-06-20")
    assert confirmed.evidence == "their letter of 2026-06-20"
    assert system.rights.deletion_notices(due=True) == ()
    assert system.rights.tick().due == ()
    with pytest.raises(UsageError, match="was confirmed"):
        system.rights.confirm_deletion(notice.identifier, "again")


def test_T3_who_was_handed_nothing_gets_no_notice(office: Office) -> None:
    system = office.act("ana")
    system.erase("Ada")
    assert system.rights.deletion_notices() == ()


def test_T3_a_repeated_erasure_gives_no_second_notice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceward.operations import complaints

    office.export(office.mandate())

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(complaints, "forget", stop)
        with pytest.raises(KeyboardInterrupt):
            office.act("ana").erase("Ada")
    assert len(office.world.reopen().rights.deletion_notices()) == 1


def test_T3_a_notice_names_no_one(office: Office) -> None:
    office.export(office.mandate())
    office.act("ana").erase("Ada")
    assert all(b"Ada" not in data for data in office.world.contents().values())
