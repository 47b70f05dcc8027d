"""The fundamental rights impact assessment of AI Act Art. 27."""

from __future__ import annotations

from functools import partial

from faceward.documents import parts, watching
from faceward.documents.assessment import risks
from faceward.documents.content import Document, Paragraph, Section
from faceward.documents.facts import Facts
from faceward.documents.questions import Answers

_FRAME = parts.Frame(
    "fria",
    "Fundamental rights impact assessment",
    "AI Act (Regulation (EU) 2024/1689) Art. 27(1)",
    "For deployers whom Art. 27(1) obliges, before first use, and again when something in it changes. It complements "
    "the data protection impact assessment (Art. 27(4)).",
)


def fria(facts: Facts, answers: Answers) -> Document:
    """Write the assessment from the configuration and from people's answers."""
    ask = partial(parts.asked, "fria", facts=facts, answers=answers)
    sections = (
        Section("Deployer and system", "AI Act Art. 27(1)", (ask("controller"), parts.deployment(facts))),
        Section(
            "Processes in which the system is used",
            "AI Act Art. 27(1)(a)",
            (parts.purposes(facts), parts.galleries(facts), ask("processes")),
        ),
        *watching.section(facts, "AI Act Art. 27(1)(a), (c)"),
        Section("Period and frequency", "AI Act Art. 27(1)(b)", (_so_far(facts), ask("frequency"))),
        Section("People and groups affected", "AI Act Art. 27(1)(c)", (ask("people"),)),
        Section(
            "Specific risks of harm",
            "AI Act Art. 27(1)(d)",
            (
                Paragraph(
                    "Sources of risk that the software knows of, and what this configuration holds against each:"
                ),
                risks(facts),
                parts.accuracy(facts),
                ask("harms"),
            ),
        ),
        Section(
            "Human oversight",
            "AI Act Art. 27(1)(e), 14",
            (
                Paragraph(
                    "What the software holds: a result is a candidate and no finding, 'unknown' is an answer, and no "
                    f"command acts on a result by itself. People: {parts.people(facts)}. Searching is "
                    f"{'stopped' if facts.custody.stopped else 'not stopped'} at present."
                ),
                ask("oversight"),
            ),
        ),
        Section(
            "If a risk materialises",
            "AI Act Art. 27(1)(f)",
            (
                Paragraph(
                    "People can have what is stored about them shown, exported and erased with a receipt. They can "
                    f"complain to {facts.place.complaints}."
                ),
                ask("materialised"),
            ),
        ),
        Section("Notification", "AI Act Art. 27(3)", (ask("notified"),)),
        parts.gaps(facts),
    )
    return _FRAME.document(facts, answers, sections)


def _so_far(facts: Facts) -> Paragraph:
    return Paragraph(
        f"Set up on {facts.created.isoformat()}; the log holds {facts.entries:,} entries so far. The annual report "
        "counts them."
    )
