"""The system card (AI Act Art. 13) and the card of the model pack."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from faceward.documents import measured, parts
from faceward.documents.content import Block, Document, Grid, Pairs, Paragraph, Section
from faceward.documents.facts import CalibrationFacts, EvaluationFacts, Facts, PackFacts
from faceward.documents.questions import Answers

_SYSTEM = parts.Frame(
    "system-card",
    "System card",
    "AI Act (Regulation (EU) 2024/1689) Art. 13",
    "What this system is, what it can and cannot do, and how people oversee it, as this deployment is configured.",
)
_MODEL = parts.Frame(
    "model-card",
    "Model card",
    "AI Act (Regulation (EU) 2024/1689) Art. 13(3)(b)",
    "The model pack of this deployment: what it consists of, under which terms, and what its scores mean.",
)


def system_card(facts: Facts, answers: Answers) -> Document:
    """Write the system card."""
    ask = partial(parts.asked, "system-card", facts=facts, answers=answers)
    sections = (
        Section("Provider", "AI Act Art. 13(3)(a)", (parts.deployment(facts), ask("provider"))),
        Section(
            "Intended purpose",
            "AI Act Art. 13(3)(b)(i)",
            (parts.purposes(facts), ask("intended")),
        ),
        Section(
            "Accuracy",
            "AI Act Art. 13(3)(b)(ii), (v), 15",
            (
                Paragraph("Rates of the pack's calibration data, at what each purpose accepts:"),
                parts.accuracy(facts),
                ask("measured"),
            ),
        ),
        Section("What it refuses", "AI Act Art. 13(3)(b)(iii)", (Paragraph(parts.RULES), parts.refusals(facts))),
        Section(
            "Input data and model",
            "AI Act Art. 13(3)(b)(vi)",
            (
                *_pack(facts.pack),
                *parts.parameters(facts),
            ),
        ),
        Section(
            "Reading a result",
            "AI Act Art. 13(3)(b)(vii)",
            (
                Paragraph(
                    "A match or candidate means that the score reached the threshold of the purpose: somebody else "
                    "reaches it at the stated rate. It is a lead and no finding. 'Unknown' means that nobody in the "
                    "gallery reached it, not that the person is not in it."
                ),
            ),
        ),
        Section(
            "Human oversight",
            "AI Act Art. 13(3)(d), 14",
            (Paragraph(f"No command acts on a result by itself. People: {parts.people(facts)}."),),
        ),
        Section("Resources, lifetime, maintenance", "AI Act Art. 13(3)(e)", (ask("maintenance"),)),
        Section(
            "Logs",
            "AI Act Art. 13(3)(f), 12",
            (
                Paragraph(
                    f"Each operation is recorded before it happens and when it ends, in a log ({facts.origin}) that is "
                    "checked with 'faceward audit verify' and, by outsiders, with 'faceward-verify'."
                ),
                parts.security(facts),
            ),
        ),
        Section("Galleries", "AI Act Art. 13(3)(b)(vi)", (parts.galleries(facts),)),
        parts.gaps(facts),
    )
    return _SYSTEM.document(facts, answers, sections)


def model_card(facts: Facts, answers: Answers) -> Document:
    """Write the card of the model pack, as a deployment uses it."""
    ask = partial(parts.asked, "model-card", facts=facts, answers=answers)
    sections = (
        *_of_pack(facts.pack),
        Section("Use here", "AI Act Art. 13(3)(b)(ii)", (parts.accuracy(facts),)),
        Section("Measured", "AI Act Art. 13(3)(b)(ii), 15; ISO/IEC 19795-1", measured.evaluations(facts.evaluations)),
        Section(
            "Groups of people",
            "AI Act Art. 13(3)(b)(v); ISO/IEC 19795-10",
            (*measured.groups(facts.evaluations), ask("groups")),
        ),
    )
    return _MODEL.document(facts, answers, sections)


def pack_card(pack: PackFacts, evaluation: EvaluationFacts | None, made: datetime, software: str) -> Document:
    """Write the card of a model pack that no deployment need use.

    Args:
        pack: The pack.
        evaluation: What comes with it, or None.
        made: The current time, UTC.
        software: Name and version of the software.
    """
    found = () if evaluation is None else (evaluation,)
    return Document(
        name=_MODEL.name,
        title=f"Model card of the pack {pack.name}",
        law=_MODEL.law,
        about="What the model pack consists of, under which terms, what its scores mean, and how often it errs.",
        controller="",
        sections=(
            *_of_pack(pack),
            Section("Measured", "ISO/IEC 19795-1", measured.evaluations(found)),
            Section("Groups of people", "ISO/IEC 19795-10", measured.groups(found)),
        ),
        made=made,
        configuration=pack.document,
        software=software,
        describes="manifest",
        notice="This card was written by software from the pack's manifest and the evaluation that comes with it.",
    )


def _of_pack(pack: PackFacts) -> tuple[Section, ...]:
    return (
        Section("Pack", "AI Act Art. 13(3)(a), (b)", _pack(pack)),
        Section(
            "Files",
            "AI Act Art. 15(5)",
            (
                Paragraph("Each file is checked against its SHA-256 whenever it is loaded."),
                Grid(
                    ("Role", "File", "SHA-256"),
                    tuple((r, _from(f, d), s) for r, f, s, d in pack.files),
                    widths=(1.4, 4, 5),
                ),
            ),
        ),
        Section("Training data", "AI Act Art. 13(3)(b)(vi)", (Paragraph(pack.training_data),)),
        Section("Calibration", "AI Act Art. 13(3)(b)(ii); ISO/IEC 19795-1", _calibration(pack.calibration)),
    )


def _pack(pack: PackFacts) -> tuple[Block, ...]:
    return (
        Pairs(
            (
                ("Name", pack.name),
                ("Identifier", pack.identifier),
                ("Manifest, SHA-256", pack.document),
                ("Licence", pack.licence),
                ("Commercial use", "allowed by the stated terms" if pack.commercial else "not allowed"),
                ("Source", pack.source),
                ("Features", f"{pack.dimension} numbers from a square of {pack.chip} by {pack.chip} pixels"),
            )
        ),
    )


def _calibration(calibration: CalibrationFacts | None) -> tuple[Block, ...]:
    if calibration is None:
        return (Paragraph("The pack has no calibration: nothing can be decided with it."),)
    rows = tuple(
        (
            f"{fmr:.0e}" + (", extrapolated" if fmr < calibration.measured_to else ""),
            f"{low:.1e} to {high:.1e}",
            f"{threshold:.4f}",
            parts.share(fnmr),
        )
        for fmr, low, high, threshold, fnmr in calibration.rows
    )
    return (
        Pairs(
            (
                ("Data", calibration.data),
                ("Mated comparisons", f"{calibration.mated:,}"),
                ("Non-mated comparisons", f"{calibration.nonmated:,}"),
                ("Lowest FMR that the data support", f"{calibration.rows[-1][0]:.0e}"),
            )
        ),
        Grid(("FMR#", "95 % interval#", "Threshold (cosine)#", "FNMR#"), rows),
    )


def _from(file: str, distribution: str) -> str:
    return f"{file} (package {distribution})" if distribution else file
