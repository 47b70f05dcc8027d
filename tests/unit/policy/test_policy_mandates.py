from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.policy.mandates import (
    FACTS,
    Mandate,
    Standing,
    Use,
    assess,
    check_mandate,
    refuse_uncovered,
)
from faceward.policy.requests import SignedRequest, new_request, sign_request
from faceward.policy.sshsig import PrivateKey

HERE = "faceward.local/1"
DAY = timedelta(days=1)
NEVER = timedelta(0)


@dataclass(frozen=True)
class Limits:
    longest: timedelta = 30 * DAY
    searches: int = 100
    urgent: timedelta = timedelta(hours=48)


@pytest.fixture
def mandate(now: datetime) -> Mandate:
    return Mandate(
        "missing", ("identify", "watch"), ("door", "hall"), ("gate",), "Hauptbahnhof", "K-12/26", "§ 163 StPO",
        now, now + 7 * DAY, 5, ("ana", "ben"), urgent=False,
    )  # fmt: skip


@pytest.fixture
def use(now: datetime) -> Use:
    return Use("identify", "missing", "door", "gate", "ana", now)


APPROVED = Standing(approved=True, revoked=False, spent=4)


def lacking(facts: object) -> set[str]:
    assert isinstance(facts, dict)
    assert set(facts) == set(FACTS)
    return {fact for fact, holds in facts.items() if not holds}


def test_P2_a_mandate_that_names_all_covers_a_use(mandate: Mandate, use: Use, now: datetime) -> None:
    facts = assess(mandate, use, APPROVED, NEVER, now)
    assert lacking(facts) == set()
    refuse_uncovered(facts)


def test_P2_without_a_mandate_nothing_is_covered(use: Use, now: datetime) -> None:
    facts = assess(None, use, APPROVED, 2 * DAY, None)
    assert lacking(facts) == set(FACTS)
    with pytest.raises(PolicyRefusal, match="no mandate was presented") as caught:
        refuse_uncovered(facts)
    assert caught.value.rule == "P2"


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"operation": "export"}, "mandate_names_operation"),
        ({"purpose": "other"}, "mandate_names_purpose"),
        ({"gallery": "all"}, "mandate_names_gallery"),
        ({"camera": "hall"}, "mandate_names_camera"),
        ({"camera": None}, "mandate_names_camera"),
        ({"operator": "cem"}, "mandate_names_operator"),
    ],
)
def test_P2_what_a_mandate_does_not_name_is_not_covered(
    changed: dict[str, str | None], fact: str, mandate: Mandate, use: Use, now: datetime
) -> None:
    facts = assess(mandate, replace(use, **changed), APPROVED, NEVER, now)  # type: ignore[arg-type]
    assert lacking(facts) == {fact}
    with pytest.raises(PolicyRefusal, match="rule P2"):
        refuse_uncovered(facts)


def test_P2_a_mandate_without_cameras_is_for_pictures_of_no_named_camera(
    mandate: Mandate, use: Use, now: datetime
) -> None:
    anywhere = replace(mandate, cameras=())
    assert lacking(assess(anywhere, replace(use, camera=None), APPROVED, NEVER, now)) == set()
    assert lacking(assess(anywhere, use, APPROVED, NEVER, now)) == {"mandate_names_camera"}


def test_P2_a_mandate_is_in_force_from_its_start_until_before_its_end(
    mandate: Mandate, use: Use, now: datetime
) -> None:
    tick = timedelta(microseconds=1)
    for time, good in ((now - tick, False), (now, True), (now + 7 * DAY - tick, True), (now + 7 * DAY, False)):
        facts = assess(mandate, replace(use, time=time), APPROVED, NEVER, now)
        assert lacking(facts) == (set() if good else {"mandate_in_force"})


def test_P2_a_mandate_that_is_spent_revoked_or_unapproved_does_not_cover(
    mandate: Mandate, use: Use, now: datetime
) -> None:
    for standing, fact in (
        (replace(APPROVED, spent=5), "mandate_unspent"),
        (replace(APPROVED, revoked=True), "mandate_not_revoked"),
        (replace(APPROVED, approved=False), "mandate_approved"),
    ):
        assert lacking(assess(mandate, use, standing, 2 * DAY, now)) == {fact}


def test_P7_an_urgent_mandate_locks_after_its_time(mandate: Mandate, use: Use, now: datetime) -> None:
    urgent, waiting = replace(mandate, urgent=True), replace(APPROVED, approved=False)
    limit = timedelta(hours=48)
    for hours, good in ((0, True), (47.9, True), (48, False), (100, False)):
        facts = assess(urgent, replace(use, time=now + timedelta(hours=hours)), waiting, limit, now)
        assert lacking(facts) == (set() if good else {"mandate_approved"})
    assert lacking(assess(urgent, replace(use, time=now + 3 * DAY), APPROVED, limit, now)) == set()
    assert lacking(assess(urgent, use, waiting, NEVER, now)) == {"mandate_approved"}
    with pytest.raises(PolicyRefusal) as caught:
        refuse_uncovered(assess(urgent, use, waiting, NEVER, now), urgent=True)
    assert caught.value.rule == "P7"


def test_missing_fact_is_refused() -> None:
    with pytest.raises(PolicyRefusal, match="does not name this operator"):
        refuse_uncovered(dict.fromkeys(FACTS[:-1], True))


def test_P2_limits_of_the_standard_hold(mandate: Mandate, now: datetime) -> None:
    check_mandate(mandate, Limits())
    check_mandate(replace(mandate, urgent=True), Limits())
    for wrong, rule, words in (
        (replace(mandate, until=now + 31 * DAY), "P2", "longer than 30d"),
        (replace(mandate, searches=101), "P2", "more than 100"),
    ):
        with pytest.raises(PolicyRefusal, match=words) as caught:
            check_mandate(wrong, Limits())
        assert caught.value.rule == rule
    with pytest.raises(PolicyRefusal, match="no urgent mandates") as caught:
        check_mandate(replace(mandate, urgent=True), Limits(urgent=NEVER))
    assert caught.value.rule == "P7"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"place": " "}, "names no place"),
        ({"case": ""}, "names no case"),
        ({"basis": ""}, "names no basis"),
        ({"basis": "a\nb"}, "no line"),
        ({"place": "x" * 2001}, "no line"),
        ({"recipient": "\ud800"}, "no line"),
        ({"galleries": ()}, "of each gallery"),
        ({"galleries": ("door", "door")}, "none twice"),
        ({"operators": ()}, "of each operator"),
        ({"operations": ()}, "of each operation"),
        ({"operations": ("Identify!",)}, "no operation"),
        ({"cameras": (" gate",)}, "as it is kept"),
        ({"cameras": ("",)}, "empty"),
        ({"purpose": "\x00"}, "purpose name"),
        ({"searches": 0}, "for 1 to"),
        ({"searches": 10**7}, "for 1 to"),
    ],
)
def test_mandate_that_leaves_something_out_is_refused(
    changed: dict[str, object], words: str, mandate: Mandate, now: datetime
) -> None:
    wrong = replace(mandate, **changed)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=words):
        wrong.request("ana", HERE, now)
    with pytest.raises(IntegrityError, match=words) as caught:
        Mandate.from_json(wrong.to_json())
    assert "\n" not in str(caught.value)


def test_mandate_reads_back_from_its_request(mandate: Mandate, now: datetime) -> None:
    key = PrivateKey.generate()
    signed = sign_request(mandate.request("ana", HERE, now), key)
    assert Mandate.of(SignedRequest.from_json(signed.to_json())) == mandate
    assert signed.request.expires == mandate.until
    longer = new_request("mandate", mandate.to_json(), "ana", HERE, (now, now + 9 * DAY))
    with pytest.raises(PolicyRefusal, match="does not end with its mandate"):
        Mandate.of(sign_request(longer, key))
    with pytest.raises(PolicyRefusal, match="is no mandate"):
        Mandate.of(sign_request(new_request("export", {}, "ana", HERE, (now, now + DAY)), key))


@pytest.mark.parametrize(
    ("key", "value"),
    [("searches", True), ("searches", 1.5), ("urgent", 1), ("galleries", "door"), ("starts", "now"), ("extra", 1)],
)
def test_body_that_is_no_mandate_is_refused(key: str, value: object, mandate: Mandate) -> None:
    with pytest.raises(IntegrityError):
        Mandate.from_json({**mandate.to_json(), key: value})
