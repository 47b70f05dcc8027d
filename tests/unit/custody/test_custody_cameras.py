"""A watch gets a list's key for cameras that its mandate names, each of them (rule P2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.policy.mandates import Mandate, Standing, Use, assess


@pytest.fixture
def manned(kit: Any, tmp_path: Path) -> Iterator[Any]:
    made = kit.Bench.make(tmp_path, "strict")
    made.man()
    made.create(session=made.sign_in("ann"))
    yield made
    made.close()


def watched(manned: Any, mandate: Any, **details: Any) -> Any:
    told = {"operator": "ann", "gallery": "door", "purpose": "theft", "mandate": mandate[0].digest(), **details}
    return manned.show(manned.record("watch", told), "door", manned.sign_in("ann"), mandate)


def refused(about: str, call: Callable[[], object]) -> None:
    with pytest.raises(PolicyRefusal, match=about) as caught:
        call()
    assert caught.value.rule == "P2"


def test_P2_an_entry_that_names_cameras_is_covered_if_the_mandate_names_each(manned: Any) -> None:
    mandate = manned.mandate(operations=("watch",), cameras=("north", "south"), searches=9)
    release = manned.custody.release
    assert release(watched(manned, mandate, cameras=["north", "south"])).key
    assert release(watched(manned, mandate, cameras=["south"])).key
    refused("does not name this camera", lambda: release(watched(manned, mandate, cameras=["north", "east"])))
    refused("does not name this camera", lambda: release(watched(manned, mandate, cameras=["north"], camera="east")))
    assert manned.custody.status().spent == {mandate[0].digest(): 2}


@pytest.mark.parametrize("cameras", [None, [], "north", ["north", 1], ["north", ""], {"north": 1}])
def test_P2_whoever_watches_names_the_cameras(manned: Any, cameras: object) -> None:
    mandate = manned.mandate(operations=("watch",), cameras=("north",))
    refused("name the cameras", lambda: manned.custody.release(watched(manned, mandate, cameras=cameras)))


def test_P2_a_mandate_without_cameras_is_for_no_camera(manned: Any) -> None:
    mandate = manned.mandate(operations=("watch",))
    refused("does not name this camera", lambda: manned.custody.release(watched(manned, mandate, cameras=["north"])))


def test_P2_the_rules_and_the_custodian_go_by_the_same(manned: Any) -> None:
    signed, _ = manned.mandate(operations=("watch",), cameras=("north", "south"))
    mandate, now = Mandate.of(signed), manned.clock.now()
    standing = Standing(approved=True, revoked=False, spent=0)
    for cameras, covered in ((("north", "south"), True), (("north", "east"), False), ((), False)):
        use = Use("watch", "theft", "door", None, "ann", now, cameras)
        found = assess(mandate, use, standing, timedelta(0), now)
        assert all(found.values()) == covered == found["mandate_names_camera"]
