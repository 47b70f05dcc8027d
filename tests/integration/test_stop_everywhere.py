"""Rule W7 with real processes: one stops, and within two seconds no other searches any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.clock import SystemClock, from_rfc3339
from faceward.core.errors import PolicyRefusal
from faceward.operations.system import System
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

LIMIT = timedelta(seconds=2)
"""What rule W7 asks for."""
SEARCHERS = 3

Worker = Callable[..., Any]

pytestmark = pytest.mark.slow


@contextmanager
def custodian(folder: Path) -> Iterator[Path]:
    """Run a custodian as a process of its own; gives its socket."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FACEWARD_")},
        "FACEWARD_CUSTODIAN_PASSPHRASE": "a custodian's own",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    faceward = [sys.executable, "-m", "faceward", "custodian"]
    state, socket = folder / "custodian", folder / "s"
    subprocess.run([*faceward, "init", "--state", state], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [*faceward, "serve", "--state", state, "--socket", socket, "--json", "--allow-uid", str(os.getuid())],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        text = process.stdout.readline()
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        assert json.loads(text)["socket"] == str(socket)
        try:
            yield socket
        finally:
            process.kill()


class Staffed:
    """A deployment with two people, at which several processes search."""

    def __init__(self, world: Any, worker: Worker) -> None:
        self.world, self.worker = world, worker
        world.clock = SystemClock()
        self.system: System = world.open()
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben")}
        sheet = world.release(
            "Ada", until=datetime(2090, 1, 1, tzinfo=UTC), signed_on=datetime.now(tz=UTC).date(), evidence="sheet"
        )
        self.system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=sheet)
        for name in self.keys:
            self.system.people.add(name, self.keys[name].public.line, ("operator", "approver"), date(2090, 1, 1))
            self.act("ana")
            self.keys[name].write(world.folder / name, None)
        self.end = world.folder / "end"

    def act(self, name: str) -> System:
        deployment = self.system._deployment
        deployment.begin_session(OpenSession.begin(name, self.keys[name], deployment.log.origin, deployment.now()))
        return self.system

    def searcher(self, number: int) -> Any:
        job = {"fake": True, "name": number, "folder": self.world.folder / "probes", "stop": self.end}
        return self.worker("search_on", self.world.home, **job, **{"as": "ana", "key": self.world.folder / "ana"})

    def searches(self) -> list[datetime]:
        """Return when searches ended that nothing refused, as the log says."""
        ends = [line for line in self.system.log_lines() if (line.operation, line.phase) == ("identify", "end")]
        return [from_rfc3339(line.time) for line in ends if "failed" not in line.opened["details"]]


def stopped_everywhere(staffed: Staffed) -> None:
    searchers = [staffed.searcher(number) for number in range(SEARCHERS)]
    for searcher in searchers:
        assert searcher.wait_for(2) == ["ready", "found"]
    for round_ in range(2):
        said = 2 + 2 * round_
        staffed.act("ben").control.stop("a test")
        stopped = datetime.now(tz=UTC)
        for searcher in searchers:
            assert searcher.wait_for(said + 1)[said:] == ["refused W7"]
        # All have been refused; whatever is searched from here on would be after the stop.
        time.sleep(0.3)
        before = staffed.searches()
        assert max(before) < stopped + LIMIT
        with pytest.raises(PolicyRefusal) as caught:
            staffed.world.found(staffed.act("ana"), "Ada")
        assert caught.value.rule == "W7"
        asked = staffed.act("ana").control.restart()
        time.sleep(0.2)
        assert staffed.searches() == before, "one person alone restarted it"
        staffed.act("ben").requests.decide(asked.digest, Decision.APPROVE)
        for searcher in searchers:
            assert searcher.wait_for(said + 2)[said:] == ["refused W7", "found"]
        assert len(staffed.searches()) > len(before)
    staffed.end.touch()
    for searcher in searchers:
        assert searcher.finish() == ["ready", "found", *["refused W7", "found"] * 2]
    staffed.act("ana")
    assert staffed.system.verify_log().unfinished == ()


def test_W7_one_process_stops_all_with_a_custodian_in_a_process_of_its_own(
    make_world: Callable[..., Any], worker: Worker, tmp_path: Path
) -> None:
    with custodian(tmp_path) as socket:
        stopped_everywhere(Staffed(make_world("apart", custodian=socket, clock=SystemClock()), worker))


def test_W7_one_process_stops_all_with_a_custodian_in_each(make_world: Callable[..., Any], worker: Worker) -> None:
    stopped_everywhere(Staffed(make_world("within", clock=SystemClock()), worker))


def test_W7_a_process_that_was_opened_before_and_one_after_the_stop_are_refused_alike(
    make_world: Callable[..., Any], worker: Worker
) -> None:
    staffed = Staffed(make_world("late", clock=SystemClock()), worker)
    before = staffed.searcher(0)
    before.wait_for(2)
    staffed.act("ana").control.stop("a test")
    after = staffed.searcher(1)
    assert after.wait_for(2) == ["ready", "refused W7"]
    assert before.wait_for(3) == ["ready", "found", "refused W7"]
    # What asks for no recognition goes on: a stop is no excuse towards a subject.
    assert staffed.system.subject("Ada").references
    staffed.system.erase("Ada")
    staffed.end.touch()
