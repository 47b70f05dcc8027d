"""Several people act at once in one open deployment, each under their own name."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from faceward.core.sources import Upload, upload


@pytest.fixture
def impatient() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _probes(world: Any, count: int) -> list[Upload]:
    return [upload("probe.png", world.picture("Ada", variant=n + 1).read_bytes()) for n in range(count)]


def test_L1_each_entry_names_whoever_acted(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    people = [f"operator {n}" for n in range(4)]
    probes = _probes(world, 24)

    def act(n: int) -> str:
        return str(system.acting(people[n % 4]).verify(probes[n], subject="Ada", purpose="door").decision)

    before = system.log_size
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(act, range(24))) == ["match"] * 24
    begun = [line for line in system.log_lines(before) if line.operation == "verify" and line.phase == "begin"]
    assert Counter(line.opened["details"]["operator"] for line in begun) == dict.fromkeys(people, 6)
    assert system.verify_log().checkpoint.size == system.log_size


@pytest.mark.usefixtures("impatient")
def test_what_several_open_at_once_is_one_gallery_and_is_overwritten_with_it(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    for _ in range(20):
        system.lock()
        barrier = Barrier(4)

        def opened(n: int, barrier: Barrier = barrier) -> Any:
            barrier.wait()
            return system.acting(f"operator {n}")._deployment.gallery("door")

        with ThreadPoolExecutor(4) as pool:
            assert len({id(gallery) for gallery in pool.map(opened, range(4))}) == 1


def test_a_view_closes_nothing(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    with system.acting("bea") as view:
        assert view.verify(_probes(world, 1)[0], subject="Ada", purpose="door").decision == "match"
    assert system.verify(_probes(world, 1)[0], subject="Ada", purpose="door").decision == "match"


def test_E4_an_upload_that_was_a_probe_is_remembered_also_where_it_shows_nobody(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    nobody = upload("nobody.png", world.picture(variant=3).read_bytes())
    with pytest.raises(Exception, match="no face was found"):
        system.identify(nobody, gallery="door", purpose="door", reason="a test")
    from faceward.operations.recognition import read_picture

    assert system._deployment.was_probe(read_picture(nobody))
