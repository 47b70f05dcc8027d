"""A shop that watches cameras for those on a list, under the standard `retail`; tests of several layers share it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.operations import gallery_term
from faceward.operations.evidence import checked
from faceward.operations.grounds import Grounds
from faceward.operations.measured import addition
from faceward.operations.system import System
from faceward.operations.watching import Sighting, Watching, WatchRequest
from faceward.policy import review
from faceward.policy.cameras import CameraRequest, NoticeRecord
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Comparison, Finding
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.watchlist import Particulars

DAY = timedelta(days=1)
TRAINED = date(2027, 12, 31)
LIST, PURPOSE = "theft", "theft"
NOTICE = NoticeRecord(
    "pictures", "an alert to the guard", (PURPOSE,), "at once", "desk@shop.example", "at both doors", "the east door"
)
LONDON, LEEDS = (51.5007, -0.1246), (53.7997, -1.5492)


def _beside(name: str, file: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


fakes = _beside("faceward_test_fakes", "fakes.py")
evaluations = _beside("faceward_test_evaluations", "evaluations.py")


class Ticks:
    """A monotonic clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Shop:
    """A chain with two branches: Ana and Ben run it, Olga watches, Rosa and Remy review."""

    ROLES = (
        ("ana", ("operator", "approver")),
        ("ben", ("approver", "operator")),
        ("olga", ("operator",)),
        ("rosa", ("reviewer",)),
        ("remy", ("reviewer",)),
    )

    def __init__(self, world: Any, names: tuple[str, ...] = ("Hugo", "Iris")) -> None:
        self.world, self.ticks = world, Ticks()
        self.keys = {name: PrivateKey.generate() for name, _ in self.ROLES}
        self.pictures: dict[str, Path] = {}
        self.system: System = self.open()
        self.mandate_digest = ""
        self.measured = 0
        for number, (name, roles) in enumerate(self.ROLES):
            asked = self.act("ana" if number else None).people.add(name, self.keys[name].public.line, roles, TRAINED)
            if asked.state != "carried out":
                self.act("ben").requests.decide(asked.digest, Decision.APPROVE)
        self.act("ana").add_purpose(PURPOSE, basis="legal-obligation", fmr=1e-3, fpir=1e-3, retention=180 * DAY)
        self.measure()
        for name in names:
            self.enter(name)
        self.end_in(30 * DAY)
        for name, branch, position in (
            ("door", "London", LONDON),
            ("till", "London", LONDON),
            ("hall", "Leeds", LEEDS),
        ):
            self.add_camera(name, branch=branch, position=position)
        self.mandate_digest = self.mandate()
        self.act("olga")

    @property
    def deployment(self) -> Any:
        return self.system._deployment

    def open(self) -> System:
        """Open the deployment, as after a restart."""
        system: System = self.world.open(purpose=None)
        self.world.fake(system)._floors = system._deployment.standard.parameters.enrolment_floors
        self.system = system
        return system

    def act(self, name: str | None) -> System:
        self.deployment.session = None
        if name is not None:
            origin, now = self.deployment.log.origin, self.deployment.now()
            self.deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, now))
        return self.system

    def measure(self, **changes: Any) -> None:
        """Put an evaluation of the shop's own cameras on record that is made now."""
        self.measured += 1
        rows = [(fmr, at, 0.01) for fmr, at in zip(10.0 ** -np.arange(1, 9), np.linspace(0.3, 0.8, 8), strict=True)]
        data = replace(evaluations.DATA, digest=sha256_hex(f"pictures {self.measured}".encode()), camera_class="shop")
        values = {
            "pack": self.deployment.pipeline.identifier,
            "made": self.deployment.now(),
            "data": data,
            "points": evaluations.points(tuple(rows)),
        }
        made = evaluations.evaluation(**{**values, **changes})
        addition(self.deployment, checked(canonical_json(made.to_json()), made.digest())).apply()

    def enter(self, name: str) -> str:
        """Put somebody on the list; return the reference."""
        picture = self.pictures[name] = self.world.picture(name)
        stated = Particulars(
            subject=name,
            purpose=PURPOSE,
            gallery=LIST,
            source="CCTV of 2026-05-30, branch 7",
            evidence="incident report 2026/118, cabinet 2",
            samples=(sha256_hex(picture.read_bytes()),),
            born=date(1990, 1, 31),
        )
        request = self.act("ana").rights.request_entry(stated).digest
        self.act("ben").requests.decide(request, Decision.APPROVE)
        given = Grounds(entry=request, exemption="disproportionate")
        [sample] = self.act("ana").enrol_on(given, [picture], subject=name, purpose=PURPOSE).samples
        assert sample.reference is not None
        return sample.reference

    def end_in(self, span: timedelta) -> datetime:
        system, ends = self.act("ana"), self.deployment.now() + span
        return gallery_term.set_end(system._deployment, system._desk, LIST, ends)

    def add_camera(self, name: str, **changes: Any) -> None:
        values = {"source": "rtsp://10.0.0.9/door", "place": "north entrance", "camera_class": "shop", "notice": NOTICE}
        self.act("ana").cameras.add(CameraRequest(name=name, **{**values, **changes}))

    def mandate(self, **changes: Any) -> str:
        """Ask for a mandate and have it approved; return its digest."""
        now = self.deployment.now()
        values: dict[str, Any] = {
            "purpose": PURPOSE,
            "operations": ("watch", "identify"),
            "galleries": (LIST,),
            "cameras": ("door", "till", "hall"),
            "place": "London and Leeds",
            "case": "2026/118",
            "basis": "Theft Act 1968",
            "starts": now,
            "until": now + 20 * DAY,
            "searches": 100,
            "operators": ("olga",),
            "urgent": False,
        }
        asked = self.act("ana").mandates.request(Mandate(**{**values, **changes}))
        self.act("ben").mandates.decide(asked.digest, Decision.APPROVE)
        self.act("olga")
        return asked.digest

    def request(self, *cameras: str, **changes: Any) -> WatchRequest:
        return replace(WatchRequest(LIST, PURPOSE, cameras or ("door",), self.mandate_digest), **changes)

    def watch(self, *cameras: str, **changes: Any) -> Watching:
        """Return a watch whose clock is `ticks`."""
        return Watching(self.deployment, self.system._desk, self.request(*cameras, **changes), self.ticks)

    def features(self, name: str, variant: int = 7) -> Any:
        return fakes.features_of(name, variant)[np.newaxis]

    def sighting(self, watching: Watching, name: str, camera: str = "door", **changes: Any) -> Sighting:
        """Return a sighting of somebody, with a crop that no other has."""
        hits = watching.compare(self.features(name))
        values: dict[str, Any] = {
            "captured": self.deployment.now(),
            "crop": self.world.picture(name).read_bytes(),
            "box": (0.1, 0.1, 0.9, 0.9),
            "hits": hits,
        }
        return Sighting(camera=camera, **{**values, **changes})

    def alerted(self, watching: Watching, name: str, camera: str = "door", **changes: Any) -> Any:
        return watching.alert(self.sighting(watching, name, camera, **changes))

    def decide(self, case: str, *, support: bool = False) -> str:
        """Have two reviewers answer a case; without support they can say nothing for it."""
        scheme = review_scheme()
        told = self.act("rosa").cases.show(case)
        seen = told["candidates"]
        if support:
            for one in seen:
                self.act("ana").cases.add_sample(case, self.pictures[one["subject"]], candidate=one["number"])
        finding = Finding.SIMILAR if support else Finding.INDETERMINATE
        conclusion = (
            next(key for key, step in scheme.conclusions.items() if step.support) if support else review.INCONCLUSIVE
        )
        for name in ("rosa", "remy"):
            given = tuple(
                Comparison(one["number"], dict.fromkeys(scheme.features, finding), conclusion, "") for one in seen
            )
            self.act(name).cases.answer(case, given)
        return case

    def found(self, case: str, accuracy: str = "incorrect", by: str = "rosa", **options: Any) -> None:
        self.act(by).cases.conclude(case, accuracy=accuracy, finding="looked at", action="none", **options)
        self.act("olga")

    def lines(self, *operations: str) -> list[Any]:
        return [line for line in self.system.log_lines() if line.operation in operations]
