"""Random sequences of operations against a simple model of who is enrolled until when."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from faceward.core.errors import UsageError

PEOPLE = ("Ada", "Grace", "Радия", "秀英")
people = st.sampled_from(PEOPLE)


class Deployment(RuleBasedStateMachine):
    """The model: for each subject, when each of its references expires."""

    prepared: Path
    fakes: Any

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="stateful-"))
        shutil.copytree(self.prepared, self.folder / "home")
        self.world = self.fakes.World(self.folder / "home", self.folder)
        self.terms: dict[str, list[datetime]] = {}
        self.checkpoint: str | None = None
        self.begun = 0

    @initialize()
    def open(self) -> None:
        self.system = self.world.open()
        self._watch()

    def _watch(self) -> None:
        self.world.fake(self.system).watch = self._announced

    def _announced(self) -> None:
        """Features are extracted only for an operation whose beginning is in the log."""
        *_, last = self.system.log_lines(max(0, self.system.log_size - 1))
        assert last.phase == "begin"
        self.begun += 1

    def _valid(self, who: str) -> bool:
        return any(term > self.world.clock.now() for term in self.terms.get(who, ()))

    @rule(who=people, days=st.integers(1, 40))
    def enrol(self, who: str, days: int) -> None:
        until = self.world.clock.now() + timedelta(days=days)
        releases = self.world.release(who, until=until)
        [sample] = self.system.enrol([self.world.picture(who)], subject=who, purpose="door", releases=releases).samples
        assert sample.outcome == "enrolled"
        self.terms.setdefault(who, []).append(until)

    @precondition(lambda self: self.terms)
    @rule(who=people, claimed=people)
    def verify(self, who: str, claimed: str) -> None:
        if self._valid(claimed):
            assert self.world.matches(self.system, who, claimed) == (who == claimed)
        else:
            with pytest.raises(UsageError, match="no reference"):
                self.world.matches(self.system, who, claimed)

    @precondition(lambda self: self.terms)
    @rule(who=people)
    def identify(self, who: str) -> None:
        assert self.world.found(self.system, who) == ([who] if self._valid(who) else [])

    @rule(who=people)
    def erase(self, who: str) -> None:
        # Somebody who was only claimed or enrolled once is in the log, and can be erased from there.
        try:
            outcome = self.system.erase(who)
        except UsageError:
            assert not self._valid(who)
        else:
            assert outcome.references >= sum(term > self.world.clock.now() for term in self.terms.get(who, ()))
        self.terms.pop(who, None)
        with pytest.raises(UsageError, match="nothing is held"):
            self.system.subject(who)

    @rule(days=st.integers(1, 30))
    def wait(self, days: int) -> None:
        self.world.clock.advance(timedelta(days=days))

    @rule()
    def reopen(self) -> None:
        self.system = self.world.reopen()
        self._watch()

    @rule()
    def lock(self) -> None:
        self.system.lock()

    @rule()
    def rotate(self) -> None:
        if self.system.galleries():
            self.system.rotate("door")

    @invariant()
    def the_log_verifies_and_continues_what_it_was(self) -> None:
        if hasattr(self, "system"):
            report = self.system.verify_log(self.checkpoint)
            assert report.unfinished == ()
            self.checkpoint = self.system._deployment.log.checkpoint()

    @invariant()
    def every_opening_of_references_was_announced(self) -> None:
        if hasattr(self, "system"):
            kinds = ("enrol", "verify", "identify")
            lines = [line for line in self.system.log_lines() if line.operation in kinds and line.phase == "begin"]
            assert len(lines) == self.begun

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.folder)


@pytest.mark.slow
def test_sequences_of_operations_keep_the_promises(prepared_home: Path, fakes: Any) -> None:
    machine = type("Machine", (Deployment,), {"prepared": prepared_home, "fakes": fakes})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
