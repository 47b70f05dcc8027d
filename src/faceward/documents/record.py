"""The record of processing activities of GDPR Art. 30(1)."""

from __future__ import annotations

from functools import partial

from faceward.documents import parts, watching
from faceward.documents.content import Block, Bullets, Document, Paragraph, Section
from faceward.documents.facts import Facts
from faceward.documents.questions import Answers

_FRAME = parts.Frame(
    "record",
    "Record of processing activities",
    "GDPR Art. 30(1)",
    "The entry for face recognition in the controller's record, as this deployment is configured.",
)


def record(facts: Facts, answers: Answers) -> Document:
    """Write the record from the configuration and from people's answers."""
    ask = partial(parts.asked, "record", facts=facts, answers=answers)
    sections = (
        Section(
            "Controller",
            "GDPR Art. 30(1)(a)",
            (ask("controller"), ask("contact"), ask("officer"), parts.deployment(facts)),
        ),
        Section("Purposes", "GDPR Art. 30(1)(b)", (parts.purposes(facts),)),
        Section(
            "Categories of people and of data",
            "GDPR Art. 30(1)(c)",
            (
                ask("subjects"),
                Paragraph("Categories of personal data that the software keeps:"),
                Bullets(
                    (
                        "features of enrolled people's faces (biometric data, GDPR Art. 9), encrypted",
                        "with each reference: name as enrolled, basis, notice, operator; encrypted",
                        "with each reference: the picture's file name, SHA-256 and quality, and the release; encrypted",
                        "in the log: operations with time, operator and reason; sealed",
                        "of probes without a case: keyed digests, their SHA-256 in the log; no picture, no features",
                        "of a case: the probe, candidates, reviewers' answers and the finding; encrypted",
                        *(_ALERTS if watching.watches(facts) else ()),
                    )
                ),
                parts.galleries(facts),
            ),
        ),
        *_cameras(facts),
        Section(
            "Recipients",
            "GDPR Art. 30(1)(d)",
            (*_recipients(facts), ask("recipients")),
        ),
        Section("Transfers to third countries", "GDPR Art. 30(1)(e)", (ask("transfers"),)),
        Section("Time limits for erasure", "GDPR Art. 30(1)(f)", (parts.retention(facts),)),
        Section("Security measures", "GDPR Art. 30(1)(g), 32(1)", (parts.security(facts), ask("measures"))),
    )
    return _FRAME.document(facts, answers, sections)


_ALERTS = (
    "of an alert: the frame as its case's probe, in which the faces of others are hidden; encrypted",
    "of an alert: camera, branch and its position, time and list; whom it may be about by keyed digests",
    "of people whom no alert is about: how many passed each camera; no picture, no features",
)


def _cameras(facts: Facts) -> tuple[Section, ...]:
    if not watching.watches(facts):
        return ()
    return (Section("Cameras and lists", "GDPR Art. 30(1)(b), (c)", (watching.cameras(facts), watching.lists(facts))),)


def _recipients(facts: Facts) -> tuple[Block, ...]:
    if not facts.watching.channels:
        return (Paragraph("The software sends personal data to nobody by itself."),)
    return (
        Paragraph(
            "By itself the software sends alerts to the recipients named here, and personal data to nobody else."
        ),
        *watching.recipients(facts),
    )
