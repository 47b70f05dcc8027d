"""Sessions, mandates, approvals and stop: the custodian looks for itself (rules S2, P2, P7, S4, W7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.custody import custodian as custodian_module
from faceward.custody.errors import Replayed
from faceward.policy.asking import Decision, SignedRequest, new_request, sign_approval
from faceward.policy.people import Role
from faceward.policy.sessions import OpenSession
from faceward.policy.statements import Statement, StatementAct


@pytest.fixture
def manned(kit: Any, tmp_path: Path) -> Iterator[Any]:
    """Return a deployment of a standard that asks for mandates, with people and a gallery."""
    made = kit.Bench.make(tmp_path, "strict")
    made.man()
    made.create(session=made.sign_in("ann"))
    yield made
    made.close()


def refused(rule: str, about: str, call: Callable[[], object]) -> None:
    with pytest.raises(PolicyRefusal, match=about) as caught:
        call()
    assert caught.value.rule == rule


def test_S2_while_the_roster_is_empty_nobody_needs_to_sign_in(bench: Any) -> None:
    bench.create()
    bench.man("bob")
    refused("S2", "nobody signed in", lambda: bench.custody.release(bench.enrol()))


def test_S2_a_standard_may_ask_for_signing_in_from_the_start(kit: Any, tmp_path: Path) -> None:
    made = kit.Bench.make(tmp_path, "signed")
    refused("S2", "nobody signed in", made.create)
    made.close()


def test_S2_a_session_counts_for_whom_it_is_and_what_it_signed(manned: Any, kit: Any) -> None:
    ann, dan = manned.sign_in("ann"), manned.sign_in("dan")

    def enrol(session: OpenSession | None, operator: str = "ann") -> Any:
        return manned.show(manned.record("enrol", {"operator": operator, "gallery": "door"}), "door", session)

    release = manned.custody.release
    release(enrol(ann))
    refused("S2", "nobody signed in", lambda: release(enrol(None)))
    refused("S2", "names another person", lambda: release(enrol(dan)))
    shown = enrol(ann)
    for use in (None, bytes(64), enrol(ann).authority.use, enrol(dan, "dan").authority.use):
        wrong = replace(shown, authority=replace(shown.authority, use=use))
        wrong = replace(wrong, proof=manned.log.proof(wrong.proof.index, manned.custody.status().size))
        refused("S2", "sign", lambda wrong=wrong: release(wrong))
    forged = OpenSession.begin("ann", kit.KEYS["dan"], kit.ORIGIN, manned.clock.now())
    refused("S2", "another key", lambda: release(enrol(forged)))
    foreign = OpenSession.begin("ann", kit.KEYS["ann"], "example.org/other", manned.clock.now())
    refused("S2", "another deployment", lambda: release(enrol(foreign)))
    manned.clock.move(hours=12)
    refused("S2", "has ended", lambda: release(enrol(ann)))


def test_S2_who_left_the_roster_or_lost_the_role_gets_no_key(manned: Any, kit: Any) -> None:
    ann = manned.sign_in("ann")

    def enrol() -> Any:
        return manned.show(manned.record("enrol", {"operator": "ann", "gallery": "door"}), "door", ann)

    manned.custody.release(enrol())
    now_auditor = kit.person("ann", roles=frozenset({Role.AUDITOR}))
    manned.custody.decide(*manned.ask("person.add", now_auditor.to_json(), "bob", ("cleo",)))
    refused("S2", "has not the role operator", lambda: manned.custody.release(enrol()))
    manned.custody.decide(*manned.ask("person.remove", {"name": "ann"}, "bob", ("cleo",)))
    refused("S2", "not in the roster", lambda: manned.custody.release(enrol()))


def test_S2_a_change_of_the_roster_takes_two_people_once_it_is_complete(manned: Any, kit: Any) -> None:
    body = kit.person("eve", roles=frozenset({Role.OPERATOR})).to_json()
    decide = manned.custody.decide
    refused("S2", "nobody has approved", lambda: decide(*manned.ask("person.add", body, "bob")))
    refused("S2", "cannot decide", lambda: decide(*manned.ask("person.add", body, "bob", ("bob",))))
    refused("S2", "not the role approver", lambda: decide(*manned.ask("person.add", body, "bob", ("ann",))))
    signed, approvals = manned.ask("person.add", body, "bob", ("cleo",))
    refused("S2", "signature", lambda: decide(SignedRequest(signed.request, ""), approvals))
    decide(signed, approvals)
    with pytest.raises(Replayed):
        decide(signed, approvals)
    assert Role.OPERATOR in manned.custody.status().roster.person("eve").roles


def test_S2_fewer_than_two_approvers_cannot_be_brought_about(manned: Any) -> None:
    asked = manned.ask("person.remove", {"name": "bob"}, "ann", ("cleo",))
    refused("S2", "fewer than two approvers", lambda: manned.custody.decide(*asked))
    assert "bob" in manned.custody.status().roster


def test_S2_the_standard_and_the_pack_change_by_two_people_only(manned: Any, kit: Any) -> None:
    body = {"name": "plain", "digest": kit.DIGEST}
    refused("S2", "nobody has approved", lambda: manned.custody.decide(*manned.ask("standard", body, "ann")))
    with pytest.raises(UsageError, match="no such standard"):
        manned.custody.decide(*manned.ask("standard", {**body, "digest": "6" * 64}, "ann", ("bob",)))
    manned.custody.decide(*manned.ask("standard", body, "ann", ("bob",)))
    manned.custody.decide(*manned.ask("pack", {"name": "edge", "digest": "new"}, "ann", ("bob",)))
    assert manned.custody.status().pins == replace(kit.pins("plain"), pack_digest="new")
    # What the new standard says holds from now on: it asks for no mandate.
    manned.custody.release(manned.search(None))
    for kind in ("entry", "export"):
        with pytest.raises(UsageError, match="does not carry out"):
            manned.custody.decide(*manned.ask(kind, {}, "ann", ("bob",)))


def test_P2_a_search_without_a_mandate_gets_no_key(manned: Any) -> None:
    refused("P2", "needs a mandate", lambda: manned.custody.release(manned.search(None)))
    mandate = manned.mandate()
    manned.custody.release(manned.search(mandate))
    assert manned.custody.status().spent == {mandate[0].digest(): 1}
    # An entry that names a mandate needs it, whatever the standard asks for.
    named = {"operator": "ann", "gallery": "door", "mandate": mandate[0].digest()}
    shown = manned.show(manned.record("enrol", named), "door", manned.sign_in("ann"))
    refused("P2", "needs a mandate", lambda: manned.custody.release(shown))


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"purpose": "lost"}, "another purpose"),
        ({"galleries": ("hall",)}, "does not name this gallery"),
        ({"operations": ("watch",)}, "does not name this operation"),
        ({"operators": ("dan",)}, "does not name this operator"),
        ({"cameras": ("north",)}, "does not name this camera"),
        ({"searches": 101}, "more than 100 searches"),
    ],
)
def test_P2_a_mandate_covers_what_it_names_and_nothing_else(manned: Any, changes: dict[str, Any], about: str) -> None:
    refused("P2", about, lambda: manned.custody.release(manned.search(manned.mandate(**changes))))
    assert manned.custody.status().spent == {}


def test_P2_a_mandate_holds_from_its_start_to_its_end(manned: Any) -> None:
    now = manned.clock.now()
    later = manned.mandate(starts=now + timedelta(hours=1))
    refused("P2", "has not begun", lambda: manned.custody.release(manned.search(later)))
    manned.clock.move(hours=1)
    manned.custody.release(manned.search(later))
    manned.clock.move(days=2)
    refused("P2", "has ended", lambda: manned.custody.release(manned.search(later)))


def test_P2_a_mandate_is_spent(manned: Any) -> None:
    mandate = manned.mandate(searches=2, galleries=("door", "hall"))
    manned.create("hall", session=manned.sign_in("ann"))
    # One entry that names two galleries is one search.
    told = {"operator": "ann", "galleries": ["door", "hall"], "purpose": "theft", "mandate": mandate[0].digest()}
    recorded = manned.record("identify", told)
    for gallery in ("door", "hall"):
        manned.custody.release(manned.show(recorded, gallery, manned.sign_in("ann"), mandate))
    manned.custody.release(manned.search(mandate))
    manned.reopen()
    refused("P2", "as often as it says", lambda: manned.custody.release(manned.search(mandate)))
    # The last search too opens all that its entry names.
    last = manned.mandate(searches=1, galleries=("door", "hall"))
    recorded = manned.record("identify", {**told, "mandate": last[0].digest()})
    for gallery in ("hall", "door"):
        manned.custody.release(manned.show(recorded, gallery, manned.sign_in("ann"), last))
    assert manned.custody.status().spent == {mandate[0].digest(): 2, last[0].digest(): 1}


def test_P2_the_entry_names_the_mandate_that_is_shown(manned: Any) -> None:
    one, two = manned.mandate(), manned.mandate()
    session = manned.sign_in("ann")
    for named in (two[0].digest(), "", None):
        told = {"operator": "ann", "gallery": "door", "purpose": "theft", "mandate": named}
        recorded = manned.record("identify", told)
        shown = manned.show(recorded, "door", session, one)
        refused("P2", "names another mandate", lambda shown=shown: manned.custody.release(shown))


def test_S2_a_mandate_is_approved_by_somebody_else(manned: Any, kit: Any) -> None:
    release, mandate = manned.custody.release, manned.mandate
    refused("P2", "nobody else has approved", lambda: release(manned.search(mandate(()))))
    for wrong, about in ((("ann",), "cannot decide"), (("dan",), "not the role approver")):
        refused("S2", about, lambda wrong=wrong: release(manned.search(mandate(wrong))))
    # An approval of another mandate, replayed.
    signed, _ = mandate()
    refused("S2", "another request", lambda: release(manned.search((signed, mandate()[1]))))
    # An approver who has left.
    old = mandate(("cleo",))
    manned.custody.decide(
        *manned.ask("person.add", kit.person("dan", roles=frozenset(Role)).to_json(), "ann", ("bob",))
    )
    manned.custody.decide(*manned.ask("person.remove", {"name": "cleo"}, "ann", ("bob",)))
    refused("S2", "not in the roster", lambda: release(manned.search(old)))


def test_S2_approvers_are_trained_where_the_standard_asks(manned: Any, kit: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(kit.STANDARDS, "trained", replace(kit.STRICT, trained=True))
    manned.custody.decide(*manned.ask("standard", {"name": "trained", "digest": kit.DIGEST}, "ann", ("bob",)))
    refused("S2", "training", lambda: manned.custody.release(manned.search(manned.mandate())))
    # Two people had better see to it before; here it is written into the state.
    today = manned.clock.now().date()
    with manned.custody._state.turn() as turn:
        people = turn.get("roster", "")["people"]
        for entry in people:
            entry["trained"] = today.isoformat()
        turn.put("roster", "", {"people": people})
        turn.head = replace(turn.head, generation=turn.head.generation + 1)
    mandate = manned.mandate()
    manned.custody.release(manned.search(mandate))
    manned.clock.move(days=1)
    assert date.fromisoformat(today.isoformat()) < manned.clock.now().date()
    refused("S2", "training", lambda: manned.custody.release(manned.search(mandate)))


def test_P7_an_urgent_mandate_waits_48_hours_for_its_approval(manned: Any) -> None:
    urgent = manned.mandate((), urgent=True)
    manned.custody.release(manned.search(urgent))
    manned.clock.move(hours=47, minutes=59)
    manned.custody.release(manned.search(urgent))
    manned.clock.move(minutes=-1)
    late = manned.mandate((), urgent=True, until=manned.clock.now() + timedelta(days=5))
    manned.clock.move(hours=48)
    refused("P7", "urgent time is over", lambda: manned.custody.release(manned.search(late)))


def test_P7_a_refused_mandate_is_revoked(manned: Any, kit: Any) -> None:
    signed, _ = urgent = manned.mandate((), urgent=True)
    manned.custody.release(manned.search(urgent))
    now = manned.clock.now()
    refusal = sign_approval(signed.request, "bob", Decision.REFUSE, now, kit.KEYS["bob"])
    forged = sign_approval(signed.request, "bob", Decision.REFUSE, now, kit.KEYS["eve"])
    refused("S2", "another key", lambda: manned.custody.decide(signed, (forged,)))
    manned.custody.decide(signed, (refusal,))
    # Whoever shows it without the refusal gets nothing either.
    refused("P2", "revoked", lambda: manned.custody.release(manned.search(urgent)))
    refused("S2", "nobody has approved", lambda: manned.custody.decide(manned.mandate(())[0], ()))


def test_P7_urgent_mandates_do_not_follow_each_other_undecided(manned: Any) -> None:
    first = manned.mandate((), urgent=True)
    manned.custody.release(manned.search(first))
    # While the time of the first runs, another may be used beside it.
    manned.custody.release(manned.search(manned.mandate((), urgent=True)))
    manned.clock.move(seconds=50 * 3600)
    refused(
        "P7",
        "nobody decided on it in time",
        lambda: manned.custody.release(manned.search(manned.mandate((), urgent=True))),
    )
    manned.custody.release(manned.search(manned.mandate()))


def test_P7_an_urgent_mandate_that_was_decided_on_stands_in_nobodys_way(manned: Any, kit: Any) -> None:
    signed, _ = urgent = manned.mandate((), urgent=True)
    manned.custody.release(manned.search(urgent))
    now = manned.clock.now()
    approval = sign_approval(signed.request, "bob", Decision.APPROVE, now, kit.KEYS["bob"])
    manned.custody.decide(signed, (approval,))
    manned.clock.move(seconds=50 * 3600)
    manned.custody.release(manned.search(manned.mandate((), urgent=True)))


def test_P2_a_revoked_mandate_opens_nothing(manned: Any, kit: Any) -> None:
    mandate = manned.mandate()
    digest = mandate[0].digest()
    manned.custody.release(manned.search(mandate))
    revoke = manned.custody.revoke
    refused("S2", "neither an approver", lambda: revoke(manned.revoke(digest, "dan"), mandate[0]))
    refused("S2", "neither an approver", lambda: revoke(manned.revoke(digest, "ann")))
    forged = Statement(StatementAct.REVOKE, digest, "", "bob", kit.ORIGIN, manned.clock.now()).signed(kit.KEYS["dan"])
    refused("S2", "another key", lambda: revoke(forged))
    with pytest.raises(UsageError, match="not to revoke"):
        revoke(manned.stop("bob"))
    revoke(manned.revoke(digest, "ann"), mandate[0])
    revoke(manned.revoke(digest, "bob"))
    manned.reopen()
    refused("P2", "revoked", lambda: manned.custody.release(manned.search(mandate)))
    assert manned.custody.status().revoked == {digest}


def test_S4_a_gallery_leaves_only_under_a_mandate_that_names_the_recipient(manned: Any) -> None:
    def export(recipient: str, mandate: Any) -> Any:
        told = {"operator": "ann", "gallery": "door", "purpose": "theft", "recipient": recipient}
        named = {} if mandate is None else {"mandate": mandate[0].digest()}
        recorded = manned.record("gallery.export", {**told, **named})
        return manned.show(recorded, "door", manned.sign_in("ann"), mandate)

    operations = ("gallery.export",)
    release = manned.custody.release
    refused("P2", "needs a mandate", lambda: release(export("court", None)))
    nobody = manned.mandate(operations=operations)
    refused("S4", "names no recipient", lambda: release(export("", nobody)))
    court = manned.mandate(operations=operations, recipient="court")
    refused("S4", "another one", lambda: release(export("a friend", court)))
    release(export("court", court))


def test_W7_stop_ends_recognition_at_once_and_nothing_else(manned: Any) -> None:
    mandate = manned.mandate()
    manned.custody.release(manned.search(mandate))
    manned.custody.stop(manned.stop("eve"))
    assert manned.custody.status().stopped
    manned.reopen()
    refused("W7", "stopped", lambda: manned.custody.release(manned.search(mandate)))
    session = manned.sign_in("ann")
    for operation in ("verify", "redact", "watch"):
        recorded = manned.record(operation, {"operator": "ann", "gallery": "door"})
        refused("W7", "stopped", lambda r=recorded: manned.custody.release(manned.show(r, "door", session)))
    for operation in ("enrol", "subject.show"):
        recorded = manned.record(operation, {"operator": "ann", "gallery": "door"})
        manned.custody.release(manned.show(recorded, "door", session))
    assert manned.custody.status().spent == {mandate[0].digest(): 1}


def test_W7_a_restart_takes_two_people(manned: Any) -> None:
    stopped = manned.stop("eve")
    manned.custody.stop(stopped)
    before = manned.search(manned.mandate())
    refused("S2", "nobody has approved", lambda: manned.custody.decide(*manned.ask("restart", {}, "bob")))
    refused("S2", "cannot decide", lambda: manned.custody.decide(*manned.ask("restart", {}, "bob", ("bob",))))
    manned.clock.move(seconds=1)
    # The custodian has to have seen an entry to say that it is from before.
    session = manned.sign_in("ann")
    manned.custody.release(manned.show(manned.record("enrol", {"operator": "ann", "gallery": "door"}), "door", session))
    asked = manned.ask("restart", {}, "bob", ("cleo",))
    manned.custody.decide(*asked)
    assert not manned.custody.status().stopped
    mandate = manned.mandate()
    manned.custody.release(manned.search(mandate))
    # Neither an old stop nor an old restart can be played again, nor an entry from before.
    with pytest.raises(Replayed, match="restarted since"):
        manned.custody.stop(stopped)
    with pytest.raises(Replayed, match="carried out before"):
        manned.custody.decide(*asked)
    again = manned.log.proof(before.proof.index, manned.custody.status().size)
    refused("L2", "before the last restart", lambda: manned.custody.release(replace(before, proof=again)))


def test_W7_a_restart_that_was_approved_before_the_stop_restarts_nothing(manned: Any) -> None:
    in_store = manned.ask("restart", {}, "bob", ("cleo",))
    manned.clock.move(hours=1)
    manned.custody.stop(manned.stop("eve"))
    refused("W7", "before the stop", lambda: manned.custody.decide(*in_store))
    assert manned.custody.status().stopped
    manned.clock.move(seconds=1)
    manned.custody.decide(*manned.ask("restart", {}, "bob", ("cleo",)))
    assert not manned.custody.status().stopped


def test_W7_a_stop_by_a_clock_that_was_ahead_does_not_last_until_then(manned: Any) -> None:
    manned.clock.move(days=30)
    manned.custody.stop(manned.stop("eve"))
    manned.clock.move(days=-30)
    manned.custody.decide(*manned.ask("restart", {}, "bob", ("cleo",)))
    assert not manned.custody.status().stopped


def test_L2_nobody_can_fill_the_custodians_status(manned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodian_module, "MOST_TOLD", 5)
    last = manned.mandate(place="elsewhere")
    for number in range(8):
        manned.custody.revoke(manned.revoke(f"{number:064x}", "bob"))
        manned.clock.move(seconds=1)
    manned.custody.revoke(manned.revoke(last[0].digest(), "bob"))
    told = manned.custody.status().revoked
    assert len(told) == 5
    assert last[0].digest() in told
    # What is not told counts all the same.
    refused("P2", "revoked", lambda: manned.custody.release(manned.search(last)))


def test_S2_who_revokes_as_a_requester_shows_what_they_asked_for(manned: Any, kit: Any) -> None:
    unsigned = replace(manned.mandate()[0], signature="")
    refused("S2", "signature", lambda: manned.custody.revoke(manned.revoke(unsigned.digest(), "ann"), unsigned))
    assert not manned.custody.status().revoked


def test_W7_stop_is_signed_by_anybody_in_the_roster(manned: Any, kit: Any) -> None:
    refused("S2", "not signed", manned.custody.stop)
    stranger = replace(manned.stop("eve"), person="nobody")
    refused("S2", "not in the roster", lambda: manned.custody.stop(stranger))
    refused("S2", "signature", lambda: manned.custody.stop(replace(manned.stop("eve"), signature="")))
    with pytest.raises(UsageError, match="not a stop"):
        manned.custody.stop(manned.revoke("0" * 64, "bob"))
    assert not manned.custody.status().stopped


def test_W7_while_the_roster_is_empty_anybody_stops_and_restarts(bench: Any, kit: Any) -> None:
    bench.create()
    bench.custody.stop()
    shown = bench.show(bench.record("verify", {"operator": "ann", "gallery": "door"}))
    refused("W7", "stopped", lambda: bench.custody.release(shown))
    now = bench.clock.now()
    request = new_request("restart", {}, "somebody", kit.ORIGIN, (now, now + timedelta(days=1)))
    bench.custody.decide(SignedRequest(request, ""), ())
    bench.custody.release(bench.show(bench.record("verify", {"operator": "ann", "gallery": "door"})))


def test_L2_two_people_vouch_for_a_clock_that_was_set_back(manned: Any) -> None:
    session = manned.sign_in("ann")

    def enrol() -> Any:
        return manned.show(manned.record("enrol", {"operator": "ann", "gallery": "door"}), "door", session)

    used = manned.record("enrol", {"operator": "ann", "gallery": "door"})
    manned.custody.release(manned.show(used, "door", session))
    manned.clock.move(hours=2)
    manned.custody.release(enrol())
    manned.clock.move(hours=-2)
    with pytest.raises(Exception, match="behind"):
        manned.custody.release(enrol())
    manned.custody.decide(*manned.ask("restart", {}, "bob", ("cleo",)))
    manned.custody.release(enrol())
    # The use of the old entry may be forgotten by now; it is refused all the same.
    refused("L2", "before the last restart", lambda: manned.custody.release(manned.show(used, "door", session)))


def test_P2_what_is_no_mandate_is_refused(manned: Any) -> None:
    other = manned.ask("export", {}, "ann", ("bob",))
    told = {"operator": "ann", "gallery": "door", "purpose": "theft", "mandate": other[0].digest()}
    shown = manned.show(manned.record("identify", told), "door", manned.sign_in("ann"), other)
    refused("P2", "no mandate", lambda: manned.custody.release(shown))
    broken = manned.ask("mandate", {"purpose": "theft"}, "ann", ("bob",))
    told["mandate"] = broken[0].digest()
    shown = manned.show(manned.record("identify", told), "door", manned.sign_in("ann"), broken)
    with pytest.raises(IntegrityError, match="mandate"):
        manned.custody.release(shown)
