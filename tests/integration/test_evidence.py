"""Evidence that binds: without it nobody is identified, and no threshold falls by one person (rules V1, S1, V3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest

from faceward.core.canonical import canonical_json
from faceward.core.errors import BadInput, IntegrityError, PolicyRefusal, UsageError
from faceward.documents.changes import changes
from faceward.operations import evidence, measured, monitoring
from faceward.operations.configuration import configuration, digest
from faceward.operations.evidence import calibration
from faceward.operations.system import System
from faceward.operations.thresholds import lowered, of_evaluation
from faceward.policy.evaluation import DataBasis, Evaluation, Point
from faceward.policy.evidence import Candidate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.protection.guard import ProcessGuard

DAY = timedelta(days=1)
# FMR, threshold and FNMR, lower than those of the pack at every rate.
LOW = ((2e-1, 0.20, 0.001), (1e-3, 0.40, 0.004), (1e-6, 0.60, 0.1))


@pytest.fixture(autouse=True)
def _kit(evaluations_kit: ModuleType) -> None:
    """Load the evaluations that deployments are given."""


@pytest.fixture
def system(world: Any) -> System:
    """Return a deployment with Ada enrolled, at which nobody has a role yet."""
    opened: System = world.open()
    world.enrol(opened, "Ada")
    return opened


@pytest.fixture
def make(fakes: ModuleType, evaluations_kit: ModuleType) -> Callable[..., Evaluation]:
    """Return a function that makes evaluations on the deployment's own cameras."""

    def made(system: System, rows: Any = None, **changes: Any) -> Evaluation:
        about = {key: changes.pop(key) for key in ("camera_class", "own", "subjects", "basis") if key in changes}
        if rows is not None:
            changes["points"] = evaluations_kit.points(rows)
        found: Evaluation = fakes.own_evaluation(system, data=replace(evaluations_kit.DATA, **about), **changes)
        return found

    return made


def add(system: System, evaluation: Evaluation) -> Any:
    return system.evidence.add(canonical_json(evaluation.to_json()), "evaluation.json")


class Staff:
    """Ana operates; Ben and Cem approve."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben", "cem")}
        self._add("ana", "operator")
        self._add("ben", "approver")
        # The second approver makes the roster complete, so that from then on two people are needed.
        self._add("cem", "approver")

    def _add(self, name: str, *roles: str) -> None:
        if len(self.system._deployment.custody.status().roster):
            self.act("ana")
        self.system.people.add(name, self.keys[name].public.line, roles, date(2026, 12, 31))

    def act(self, name: str) -> System:
        deployment = self.system._deployment
        origin = deployment.log.origin
        deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, deployment.now()))
        return self.system


def denials(system: System) -> list[tuple[str, str, str]]:
    lines = [line for line in system.log_lines() if line.phase == "denied"]
    details = [(line.operation, line.opened["details"]) for line in lines]
    return [(operation, str(one["rule"]), str(one["reason"])) for operation, one in details]


def threshold(system: System, fmr: float = 1e-3) -> float:
    deployment = system._deployment
    purpose = deployment.purpose("door")
    assert purpose is not None
    return calibration(deployment, purpose).at_fmr(fmr).threshold


def details(system: System, operation: str) -> dict[str, Any]:
    line = [line for line in system.log_lines() if line.operation == operation and line.phase == "begin"][-1]
    return dict(line.opened["details"])


# ---- V1 -----------------------------------------------------------------------------------------------


def test_V1_workplace_identifies_by_the_evaluation_that_comes_with_the_pack(world: Any, system: System) -> None:
    assert world.found(system, "Ada") == ["Ada"]
    [shipped] = system.evidence.listed()
    assert (shipped.state, shipped.own, shipped.purposes) == ("with the pack", False, ("door",))
    assert details(system, "identify")["evidence"] == shipped.digest
    [purpose] = system.evidence.purposes()
    assert (purpose.in_force, purpose.evaluation) == (True, shipped.digest)


def test_V1_after_twelve_months_nobody_is_identified_until_somebody_evaluates_anew(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    made = make(system)
    add(system, made)
    world.clock.moment = made.made + timedelta(days=365) - timedelta(minutes=1)
    assert world.found(system, "Ada") == ["Ada"]
    world.clock.advance(timedelta(minutes=1))
    with pytest.raises(PolicyRefusal) as caught:
        world.found(system, "Ada")
    assert caught.value.rule == "V1"
    assert "older than 365 days" in str(caught.value)
    assert "faceward evaluate verification" in str(caught.value)
    assert "faceward evidence add" in str(caught.value)
    assert denials(system)[-1][:2] == ("identify", "V1")
    assert "older than 365 days" in denials(system)[-1][2]
    assert [purpose.in_force for purpose in system.evidence.purposes()] == [False]
    add(system, make(system, made=world.clock.now()))
    assert world.found(system, "Ada") == ["Ada"]


def test_V1_a_pack_without_evaluation_identifies_nobody_and_verifies(world: Any, system: System) -> None:
    system._deployment.pipeline.evaluation = None
    with pytest.raises(PolicyRefusal, match="no evaluation is on record"):
        world.found(system, "Ada")
    with pytest.raises(PolicyRefusal, match="no evaluation is on record"):
        system.redact(world.picture("Ada", "Bob"), world.folder / "out.png", keep=["Ada"])
    assert not (world.folder / "out.png").exists()
    assert [(operation, rule) for operation, rule, _ in denials(system)] == [("identify", "V1"), ("redact", "V1")]
    assert world.matches(system, "Ada")
    system.redact(world.picture("Ada", "Bob"), world.folder / "out.png")


def test_V1_evidence_is_of_the_purposes_camera_class(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    changed = system.evidence.change_purpose("door", camera_class="door")
    assert changed.state == "done"
    with pytest.raises(PolicyRefusal, match="camera class 'door'"):
        world.found(system, "Ada")
    add(system, make(system, camera_class="gate"))
    with pytest.raises(PolicyRefusal, match="camera class 'door'"):
        world.found(system, "Ada")
    add(system, make(system))
    assert world.found(system, "Ada") == ["Ada"]


def test_V1_the_size_of_the_gallery_decides_what_the_evidence_must_reach(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    rows = tuple(tuple(row) for row in _rows(system) if row[0] > 5e-4)
    add(system, make(system, rows))
    assert world.found(system, "Ada") == ["Ada"]
    world.enrol(system, *(f"person {number}" for number in range(20)))
    with pytest.raises(PolicyRefusal) as caught:
        world.found(system, "Ada")
    assert caught.value.rule == "V1"
    assert "4.8e-04" in str(caught.value)


def _rows(system: System) -> list[tuple[float, float, float]]:
    table = system._deployment.pipeline.calibration.table.tolist()
    return [(fmr, at, fnmr / 10) for fmr, _, _, at, fnmr in table]


def test_V1_a_breach_voids_the_evidence_made_before_it(
    world: Any, system: System, make: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(system, make(system))
    breach = world.clock.now() - DAY
    monkeypatch.setattr(monitoring, "breached", lambda deployment, purpose: breach if purpose == "door" else None)
    with pytest.raises(PolicyRefusal, match="is void: reviewers' findings of 2026-05-31"):
        world.found(system, "Ada")
    rows = tuple((fmr, at + 0.001, fnmr) for fmr, at, fnmr in _rows(system))
    add(system, make(system, rows, made=world.clock.now()))
    assert world.found(system, "Ada") == ["Ada"]


def test_V1_a_strict_standard_asks_for_its_own_cameras_and_a_trial_does_not(make_world: Any) -> None:
    terms = {"basis": "consent", "fmr": 1e-3, "retention": DAY, "alternative": "the counter"}
    for trial in (False, True):
        world = make_world(f"trial-{trial}", standard="border", jurisdiction="UK", trial=trial)
        opened = world.open(purpose=None)
        staff = Staff(opened)
        staff.act("ana").add_purpose("flight", **terms)
        [found] = opened.evidence.purposes()
        assert found.in_force == trial, found.reason
        assert trial or "own cameras" in found.reason
        if not trial:
            world.prove(opened)
            assert opened.evidence.purposes()[0].in_force


# ---- What an evaluation means -------------------------------------------------------------------------


def test_own_evidence_says_what_a_score_means_and_other_evidence_does_not(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    pack = threshold(system)
    add(system, make(system, LOW, own=False, basis=DataBasis.SYNTHETIC))
    assert threshold(system) == pack
    higher = [(fmr, at + 0.002, fnmr) for fmr, at, fnmr in _rows(system)]
    assert add(system, make(system, tuple(higher))).state == "done"
    assert threshold(system) == pytest.approx(pack + 0.002)
    result = system.verify(world.picture("Ada"), subject="Ada", purpose="door")
    assert result.operating_point.score == pytest.approx(pack + 0.002)
    assert result.operating_point.data == "the door in May"
    # Too old to identify by, it still says what a score means: another threshold would be a lower one.
    world.clock.advance(timedelta(days=400))
    assert threshold(system) == pytest.approx(pack + 0.002)


def test_a_calibration_of_an_evaluation_knows_what_was_extrapolated(evaluations_kit: ModuleType) -> None:
    *seen, last = evaluations_kit.points()
    made = evaluations_kit.evaluation(points=(*seen, replace(last, extrapolated=True)))
    found = of_evaluation(made)
    assert (found.strictest, found.strictest_measured) == (1e-7, 1e-6)
    assert found.at_fmr(1e-7).extrapolated
    assert not found.at_fmr(1e-6).extrapolated
    assert of_evaluation(evaluations_kit.evaluation()).measured_to is None
    nothing = replace(seen[-1], threshold=0.9, fmr=replace(seen[-1].fmr, estimate=0.0, low=0.0, errors=0))
    assert of_evaluation(evaluations_kit.evaluation(points=(*seen, nothing))).strictest == 1e-6
    unseen: Point = replace(seen[0], fmr=replace(seen[0].fmr, low=0.0))
    assert of_evaluation(evaluations_kit.evaluation(points=(unseen, *seen[1:]))).at_fmr(0.1).fmr_low > 0


def test_S1_a_threshold_falls_where_any_rate_that_both_state_has_a_lower_one(evaluations_kit: ModuleType) -> None:
    def of(*rows: tuple[float, float, float], shift: float = 0.0) -> Any:
        return of_evaluation(evaluations_kit.evaluation(points=evaluations_kit.points(rows or LOW, shift)))

    assert not lowered(of(), of(), 1e-3)
    assert not lowered(of(), of(shift=0.01), 1e-3)
    assert lowered(of(), of(shift=-0.01), 1e-3)
    # Only a large gallery would ever use this rate.
    crossing = of((2e-1, 0.2, 0.1), (1e-3, 0.5, 0.2), (1e-6, 0.59, 0.3))
    assert lowered(of(), crossing, 1e-3)
    # Rarer matches than one in a thousand are refused then.
    assert not lowered(of(), of((2e-1, 0.1, 0.1), (1e-2, 0.39, 0.2), (1e-3, 0.4, 0.3)), 1e-3)
    assert lowered(of(), of((2e-1, 0.1, 0.1), (1e-2, 0.3, 0.2), (1e-3, 0.4, 0.3)), 1e-2)


# ---- S1 -----------------------------------------------------------------------------------------------


def test_S1_evidence_that_lowers_a_threshold_waits_for_another_person(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    staff, before = Staff(system), threshold(system)
    made = make(system, LOW)
    waiting = add(staff.act("ana"), made)
    assert (waiting.state, waiting.entry) == ("waiting", None)
    assert threshold(system) == before
    assert [view.state for view in system.evidence.listed()] == ["with the pack", "waiting"]
    assert system.evidence.show(made.digest()[:12])[1] == made.to_json()
    [request] = [view for view in system.requests.listed(waiting=True) if view.digest == waiting.request]
    assert request.body["evaluation"] == made.digest()
    assert request.body["thresholds"][1] == [1e-3, 0.4]
    with pytest.raises(PolicyRefusal, match="asked for it"):
        staff.act("ana").requests.decide(waiting.request, Decision.APPROVE)
    assert staff.act("ben").requests.decide(waiting.request, Decision.APPROVE).state == "carried out"
    assert threshold(system) == pytest.approx(0.4)
    said = details(system, "evidence.add")
    assert (said["evaluation"], said["request"], said["lowers"]) == (made.digest(), waiting.request, True)
    assert [view.state for view in system.evidence.listed()] == ["with the pack", "on record"]
    with pytest.raises(UsageError, match="carried out already"):
        staff.act("cem").requests.decide(waiting.request, Decision.APPROVE)


def test_S1_looser_rates_wait_for_another_person_and_stricter_ones_do_not(world: Any, system: System) -> None:
    staff = Staff(system)
    operator = staff.act("ana")
    assert operator.evidence.change_purpose("door", fmr=1e-4, fpir=0.001).state == "done"
    assert [(purpose.fmr, purpose.fpir) for purpose in system.purposes()] == [(1e-4, 0.001)]
    waiting = operator.evidence.change_purpose("door", fmr=1e-3)
    also = operator.evidence.change_purpose("door", fpir=0.05)
    assert (waiting.state, also.state) == ("waiting", "waiting")
    assert [(purpose.fmr, purpose.fpir) for purpose in system.purposes()] == [(1e-4, 0.001)]
    assert staff.act("ben").requests.decide(waiting.request, Decision.APPROVE).state == "carried out"
    assert [(purpose.fmr, purpose.fpir) for purpose in system.purposes()] == [(1e-3, 0.001)]
    # What the other request was made of has changed since.
    with pytest.raises(UsageError, match="not as it was"):
        staff.act("ben").requests.decide(also.request, Decision.APPROVE)
    assert details(system, "purpose.change")["after"] == {"fmr": 1e-3, "fpir": 0.001, "camera_class": "any"}
    again = staff.act("ana").evidence.change_purpose("door", fpir=0.05)
    staff.act("ben").requests.decide(again.request, Decision.REFUSE)
    assert [purpose.fpir for purpose in system.purposes()] == [0.001]


def test_S1_without_evidence_in_force_two_people_do_not_lower_a_threshold(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    add(system, make(system))
    staff = Staff(system)
    waiting = staff.act("ana").evidence.change_purpose("door", fpir=0.05)
    world.clock.advance(timedelta(days=400))
    with pytest.raises(PolicyRefusal) as caught:
        staff.act("ana").evidence.change_purpose("door", fmr=2e-3)
    assert (caught.value.rule, "older than 365 days" in str(caught.value)) == ("S1", True)
    assert denials(system)[-1][:2] == ("purpose.change", "S1")
    with pytest.raises(PolicyRefusal):
        staff.act("ben").requests.decide(waiting.request, Decision.APPROVE)
    assert [purpose.fpir for purpose in system.purposes()] == [0.01]
    old = make(system, LOW, made=world.clock.now() - timedelta(days=366))
    # It is newer than what is on record, and older than evidence may be.
    with pytest.raises(PolicyRefusal, match="older than 365 days"):
        add(staff.act("ana"), old)
    assert denials(system)[-1][:2] == ("evidence.add", "S1")


def test_S1_while_the_roster_is_founded_one_person_may_and_the_log_says_so(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    changed = add(system, make(system, LOW))
    assert changed.state == "done"
    assert details(system, "evidence.add")["lowers"] is True
    assert threshold(system) == pytest.approx(0.4)
    assert system.evidence.change_purpose("door", fmr=1e-2).state == "done"


def test_S1_taking_evidence_away_may_lower_a_threshold_too(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    before = threshold(system)
    stricter = make(system, tuple((fmr, at + 0.01, fnmr) for fmr, at, fnmr in _rows(system)))
    add(system, stricter)
    staff = Staff(system)
    operator = staff.act("ana")
    with pytest.raises(UsageError, match="say why"):
        operator.evidence.withdraw(stricter.digest(), " ")
    waiting = operator.evidence.withdraw(stricter.digest()[:8], "the labels were wrong")
    assert waiting.state == "waiting"
    assert threshold(system) == pytest.approx(before + 0.01)
    staff.act("ben").requests.decide(waiting.request, Decision.APPROVE)
    assert threshold(system) == before
    assert details(system, "evidence.withdraw")["reason"] == "the labels were wrong"
    assert [view.state for view in system.evidence.listed()] == ["with the pack"]
    add(staff.act("ana"), make(system, own=False))
    [_, harmless] = system.evidence.listed()
    assert staff.act("ana").evidence.withdraw(harmless.digest, "not needed").state == "done"
    with pytest.raises(UsageError, match="no evaluation on record"):
        system.evidence.withdraw(harmless.digest, "again")


def test_S1_only_an_operator_asks_for_it(world: Any, system: System, make: Callable[..., Evaluation]) -> None:
    staff = Staff(system)
    with pytest.raises(PolicyRefusal, match="rule K2"):
        add(staff.act("ben"), make(system))
    with pytest.raises(PolicyRefusal, match="rule K2"):
        staff.act("ben").evidence.change_purpose("door", fmr=1e-2)
    assert [rule for _, rule, _ in denials(system)] == ["K2", "K2"]
    with pytest.raises(PolicyRefusal, match="rule P1"):
        staff.act("ana").evidence.change_purpose("nothing", fmr=1e-2)


def shifted(system: System, by: float, keep: int | None = None) -> tuple[tuple[float, float, float], ...]:
    return tuple((fmr, at + by, fnmr) for fmr, at, fnmr in _rows(system)[:keep])


def test_S1_a_table_of_other_rates_does_not_lower_a_threshold_by_one_person(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    staff, before = Staff(system), threshold(system)
    tiny = make(system, ((1e-5, -0.9, 0.0), (1e-6, -0.8, 0.0)))
    with pytest.raises(BadInput, match="evaluate with those rates") as caught:
        add(staff.act("ana"), tiny)
    assert "'door' needs 1.0e-03 to 1.0e-03" in str(caught.value)
    below = ((1e-2, 0.3, 0.0), (9e-4, 0.4, 0.0), (1e-6, 0.99, 0.2))
    assert add(staff.act("ana"), make(system, below)).state == "waiting"
    assert threshold(system) == before


def test_S1_taking_the_only_calibration_away_needs_two_people_and_so_does_another(
    world: Any, system: System, make: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, lax = make(system), make(system, LOW)
    pipeline = system._deployment.pipeline
    monkeypatch.setattr(pipeline, "evaluation", None)
    without = replace(pipeline.pack, manifest=replace(pipeline.pack.manifest, calibration=None))
    monkeypatch.setattr(pipeline, "pack", without)
    # While it is founded, the first calibration waits for nobody; the entry says that it lowered nothing.
    assert add(system, strict).state == "done"
    assert details(system, "evidence.add")["lowers"] is False
    staff = Staff(system)
    waiting = staff.act("ana").evidence.withdraw(strict.digest(), "wrong labels")
    assert waiting.state == "waiting"
    assert staff.act("ben").requests.decide(waiting.request, Decision.APPROVE).state == "carried out"
    assert [view.state for view in system.evidence.listed()] == []
    assert add(staff.act("ana"), lax).state == "waiting"
    assert [view.state for view in system.evidence.listed()] == ["waiting"]


def test_S1_low_evidence_does_not_wait_for_a_purpose_to_come(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    parked = make(system, LOW, camera_class="zzz", made=world.clock.now() - 60 * DAY)
    terms: dict[str, Any] = {"basis": "consent", "fmr": 1e-3, "retention": 30 * DAY, "alternative": "a badge"}
    assert system.evidence.change_purpose("door", camera_class="door").state == "done"
    # Parked by the one person there was, and by nobody alone once there are two.
    assert add(system, parked).state == "done"
    assert details(system, "evidence.add")["lowers"] is True
    staff = Staff(system)
    assert add(staff.act("ana"), make(system, LOW, camera_class="yyy")).state == "waiting"
    with pytest.raises(PolicyRefusal, match=r"rule S1.*camera class 'zzz'"):
        staff.act("ana").add_purpose("other", **terms, camera_class="zzz")
    assert denials(system)[-1][:2] == ("purpose.add", "S1")
    assert [purpose.name for purpose in system.purposes()] == ["door"]
    staff.act("ana").add_purpose("other", **terms, camera_class="new")
    assert staff.act("ana").evidence.change_purpose("other", camera_class="zzz").state == "waiting"


def test_S1_evidence_is_of_the_pack_in_use(system: System, make: Callable[..., Evaluation]) -> None:
    other = make(system, LOW, pack="sface@0123456789abcdef")
    with pytest.raises(BadInput, match=r"of the pack sface@0123456789abcdef, and .* is in use"):
        add(system, other)
    assert len(system.evidence.listed()) == 1


def test_S1_thresholds_of_templates_are_no_evidence(system: System, make: Callable[..., Evaluation]) -> None:
    with pytest.raises(BadInput, match="templates of 3 samples, and a threshold is that of single ones"):
        add(system, make(system, LOW, template=3))
    assert len(system.evidence.listed()) == 1


def test_S1_what_was_concluded_from_other_evidence_or_purposes_is_not_made(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    staff = Staff(system)
    staff.act("ana")
    deployment, desk = system._deployment, system._desk
    purpose = deployment.purpose("door")
    assert purpose is not None
    change = measured.change_of_purpose(deployment, purpose, replace(purpose, fpir=purpose.fpir / 2))
    middle = make(system, shifted(system, 0.001))
    addition = measured.addition(deployment, Candidate(middle, middle.digest(), shipped=False))
    assert (change.lowers, addition.lowers) == (False, False)
    high = make(system, shifted(system, 0.03), made=middle.made - DAY)
    assert add(system, high).state == "done"
    # Meanwhile both would lower a threshold.
    for proposal in (change, addition):
        with pytest.raises(UsageError, match="changed meanwhile"):
            measured.make(deployment, desk, proposal)
    assert [one.evaluation for one in system.evidence.purposes()] == [high.digest()]
    assert system.evidence.change_purpose("door", fpir=0.001).state == "done"
    assert add(system, middle).state == "waiting"


def test_S1_changes_wait_for_one_another(
    world: Any, system: System, make: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = system._deployment
    held: list[bool] = []
    keep = type(deployment).keep

    def watched(one: Any, kind: str, name: str, value: Any) -> None:
        if kind in ("purpose", "evidence"):
            with ProcessGuard(deployment.home / "evidence.guard").exclusive() as alone:
                held.append(alone)
        keep(one, kind, name, value)

    monkeypatch.setattr(type(deployment), "keep", watched)
    add(system, make(system))
    system.evidence.change_purpose("door", fmr=1e-4)
    system.add_purpose("gate", basis="consent", fmr=1e-3, retention=30 * DAY, alternative="a badge")
    assert held == [False, False, False]


def test_S1_one_person_does_not_answer_a_breach(
    world: Any, system: System, make: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(system)
    add(system, first)
    staff, breach = Staff(system), world.clock.now()
    monkeypatch.setattr(monitoring, "breached", lambda deployment, purpose: breach)
    world.clock.advance(timedelta(hours=1))
    operator = staff.act("ana")
    with pytest.raises(PolicyRefusal, match="is void"):
        world.found(system, "Ada")
    # The same measurement under another date, with or without the first on record.
    dated = replace(first, made=world.clock.now())
    with pytest.raises(BadInput, match="under another date"):
        add(operator, dated)
    assert operator.evidence.withdraw(first.digest(), "void").state == "done"
    with pytest.raises(BadInput, match="under another date"):
        add(operator, dated)
    # What comes with the pack was there before the breach, whatever date it names.
    with pytest.raises(PolicyRefusal, match="is void"):
        world.found(system, "Ada")
    waiting = add(operator, make(system, shifted(system, 0.001), made=world.clock.now()))
    assert waiting.state == "waiting"
    with pytest.raises(PolicyRefusal, match="is void"):
        world.found(system, "Ada")
    staff.act("ben").requests.decide(waiting.request, Decision.APPROVE)
    assert details(system, "evidence.add")["answers"] == ["door"]
    assert world.found(staff.act("ana"), "Ada") == ["Ada"]


def test_S1_a_breach_is_not_answered_by_another_camera_class(
    world: Any, system: System, make: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(system, make(system))
    system.evidence.change_purpose("door", camera_class="door")
    staff, breach = Staff(system), world.clock.now()
    monkeypatch.setattr(monitoring, "breached", lambda deployment, purpose: breach)
    world.clock.advance(timedelta(hours=1))
    other = make(system, shifted(system, 0.001), camera_class="gate", made=world.clock.now())
    assert add(staff.act("ana"), other).state == "done"
    assert system.evidence.change_purpose("door", camera_class="gate").state == "waiting"


def test_V1_evidence_dated_ahead_does_not_outlive_a_breach(
    world: Any, system: System, make: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="lies ahead"):
        add(system, make(system, made=world.clock.now() + timedelta(hours=24)))
    add(system, make(system, made=world.clock.now() + timedelta(minutes=5)))
    world.clock.advance(timedelta(minutes=1))
    breach = world.clock.now()
    monkeypatch.setattr(monitoring, "breached", lambda deployment, purpose: breach)
    world.clock.advance(timedelta(hours=1))
    with pytest.raises(PolicyRefusal, match="is void"):
        world.found(system, "Ada")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"own": True}, "claims to be of the deployment's own cameras"),
        ({"pack": "sface@0123456789abcdef"}, "is of the pack sface"),
        ({"made": "far"}, "more than a year ahead"),
    ],
)
def test_V1_a_pack_is_not_believed_what_it_cannot_know(
    world: Any, system: System, make: Callable[..., Evaluation], changes: dict[str, Any], said: str
) -> None:
    if "made" in changes:
        changes = {"made": world.clock.now() + timedelta(days=36500)}
    evaluation = make(system, LOW, **{"own": False, "basis": DataBasis.SYNTHETIC, **changes})
    system._deployment.pipeline.evaluation = canonical_json(evaluation.to_json())
    with pytest.raises(IntegrityError, match=said):
        world.found(system, "Ada")


def test_V1_what_comes_with_a_pack_ages_from_when_it_was_adopted(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    deployment = system._deployment
    ahead = make(system, own=False, basis=DataBasis.SYNTHETIC, made=world.clock.now() + timedelta(days=300))
    deployment.pipeline.evaluation = canonical_json(ahead.to_json())
    world.clock.advance(timedelta(days=364))
    assert world.found(system, "Ada") == ["Ada"]
    world.clock.advance(timedelta(days=1))
    with pytest.raises(PolicyRefusal, match="older than 365 days"):
        world.found(system, "Ada")
    evidence.note_pack(deployment, deployment.pipeline.pack.manifest.document)
    assert [one.in_force for one in system.evidence.purposes()] == [True]


# ---- V3 and bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "basis"), [(True, "public-research"), (True, "synthetic"), (False, "reviewed-operation")]
)
def test_V3_evidence_rests_on_data_whose_ground_fits(
    system: System, make: Callable[..., Evaluation], own: bool, basis: str
) -> None:
    with pytest.raises(PolicyRefusal, match="rule V3"):
        add(system, make(system, own=own, basis=DataBasis(basis)))
    assert denials(system)[-1][:2] == ("evidence.add", "V3")
    assert len(system.evidence.listed()) == 1


def test_what_is_no_evidence_is_refused_in_one_line(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    good = make(system)
    ahead = make(system, made=world.clock.now() + timedelta(minutes=5, seconds=1))
    for bad, said in (
        (b"", "not valid JSON"),
        (canonical_json({**good.to_json(), "points": []}), "states 0 rates"),
        (canonical_json({**good.to_json(), "mated": -1}), "whole number"),
        (canonical_json(ahead.to_json()), "lies ahead"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            system.evidence.add(bad, "x.json")
        assert "\n" not in str(caught.value)
        assert "x.json" in str(caught.value)
    add(system, good)
    with pytest.raises(UsageError, match="on record already"):
        add(system, good)
    for start in ("", "zz", "0" * 64):
        with pytest.raises(UsageError, match="evidence list"):
            system.evidence.show(start)
    add(system, make(system, made=world.clock.now() + timedelta(minutes=5)))


def test_evidence_that_was_altered_in_the_file_is_no_evidence(
    world: Any, system: System, make: Callable[..., Evaluation]
) -> None:
    made = make(system, LOW)
    add(system, made)
    deployment = system._deployment
    other = canonical_json(make(system, subjects=999).to_json())
    with pytest.raises(IntegrityError, match="another"):
        evidence.checked(other, made.digest())
    deployment.store.put_document("evidence", made.digest(), deployment.authenticated("evidence", "x", other))
    with pytest.raises(IntegrityError, match="altered"):
        world.found(system, "Ada")


def test_what_the_log_says_of_evidence_commits_to_all_of_it(system: System, make: Callable[..., Evaluation]) -> None:
    made = make(system)
    add(system, made)
    said = details(system, "evidence.add")
    assert said["evaluation"] == made.digest()
    assert said["pack"] == made.pack
    assert said["data"] == {"name": made.data.name, "digest": made.data.digest, "basis": "consented"}
    assert (said["camera_class"], said["own"], said["subjects"]) == ("door", True, 800)
    assert len(said["thresholds"]) == len(made.points)
    assert said["made"].startswith("2026-05-01")
    status = json.loads(json.dumps(system.status()))
    [row] = status["evidence"]
    assert (row["purpose"], row["evaluation"], row["in_force"]) == ("door", made.digest(), True)


def test_O1_new_evidence_is_another_configuration(system: System, make: Callable[..., Evaluation]) -> None:
    deployment = system._deployment
    before = configuration(deployment)
    made = make(system)
    add(system, made)
    after = configuration(deployment)
    assert digest(before) != digest(after)
    [line] = changes(before, after)
    assert "evidence of the purpose 'door'" in line
    assert made.digest() in line
