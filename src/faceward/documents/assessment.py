"""The data protection impact assessment of GDPR Art. 35(7)."""

from __future__ import annotations

from functools import partial

from faceward.documents import parts
from faceward.documents.content import Document, Grid, Paragraph, Section
from faceward.documents.facts import Facts
from faceward.documents.questions import Answers

_FRAME = parts.Frame(
    "dpia",
    "Data protection impact assessment",
    "GDPR Art. 35(7)",
    "What this deployment processes, and which measures its configuration holds. Whether it is necessary and "
    "proportionate, and which risks remain, is answered by people.",
)


def dpia(facts: Facts, answers: Answers) -> Document:
    """Write the assessment from the configuration and from people's answers."""
    ask = partial(parts.asked, "dpia", facts=facts, answers=answers)
    sections = (
        Section(
            "Controller and deployment",
            "GDPR Art. 35(1), 24",
            (ask("controller"), ask("contact"), parts.deployment(facts)),
        ),
        Section(
            "Processing operations and purposes",
            "GDPR Art. 35(7)(a)",
            (
                Paragraph(
                    "Faces in pictures are compared by numbers computed from them (features, biometric data under "
                    "GDPR Art. 4(14)). Features of enrolled people are stored as encrypted references. A comparison "
                    "with one person's references is a verification; with a whole gallery, an identification, of which "
                    "'unknown' is a possible answer."
                ),
                parts.purposes(facts),
                parts.galleries(facts),
                ask("context"),
            ),
        ),
        Section(
            "Lawful basis",
            "GDPR Art. 6(1), 9(2)",
            (
                Paragraph(f"The standard '{facts.standard.name}' accepts the bases listed among its parameters below."),
                ask("article_9"),
            ),
        ),
        Section("Necessity", "GDPR Art. 35(7)(b)", (ask("necessity"),)),
        Section(
            "Proportionality",
            "GDPR Art. 35(7)(b), 5(1)(c), (e)",
            (Paragraph("Time limits for erasure:"), parts.retention(facts), ask("proportionality")),
        ),
        Section(
            "Risks to rights and freedoms",
            "GDPR Art. 35(7)(c)",
            (
                Paragraph(
                    "Sources of risk that the software knows of, and what this configuration holds against each:"
                ),
                risks(facts),
                ask("risks"),
            ),
        ),
        Section(
            "Measures",
            "GDPR Art. 35(7)(d), 32",
            (
                parts.security(facts),
                Paragraph("What the standard refuses, each refusal recorded:"),
                parts.refusals(facts),
                ask("measures"),
            ),
        ),
        Section("Parameters of the standard", "GDPR Art. 25", (parts.parameters(facts),)),
        Section("Accuracy", "GDPR Art. 5(1)(d)", (parts.accuracy(facts),)),
        Section(
            "Views of people concerned and advice",
            "GDPR Art. 35(2), 35(9)",
            (ask("consulted"), ask("officer")),
        ),
        Section("Remaining risk and review", "GDPR Art. 35(11), 36(1)", (ask("residual"), ask("review"))),
        parts.gaps(facts),
    )
    return _FRAME.document(facts, answers, sections)


def risks(facts: Facts) -> Grid:
    """Return sources of risk with what the configuration holds against each; nothing is weighed."""
    custody, standard = facts.custody, facts.standard
    rates = "; ".join(f"{purpose.name}: {parts.rate(purpose.fpir)} of searches" for purpose in facts.purposes)
    ways = "; ".join(f"{purpose.name}: {purpose.alternative or 'none named'}" for purpose in facts.purposes)
    kept = "; ".join(f"{purpose.name}: {purpose.retention}" for purpose in facts.purposes)
    rows = (
        ("Somebody is taken for another person", f"Accepted false positives: {rates}." if rates else "No purpose."),
        ("Errors fall more often on some groups", "No measure: the pack's manifest states no rates for groups."),
        ("A store of faces is stolen", "References are encrypted, keys lie in another file; galleries: "
            + (", ".join(f"{g.name} ({g.mode})" for g in facts.galleries) or "none") + "."),
        ("References serve another purpose", _if(standard.enforces("P1"), "Refused by rule P1.")),
        ("People are enrolled without knowing", _if(standard.enforces("P5"), "Sources are limited by rule P5. ")
            + _if(standard.enforces("C1"), "Releases are asked for by rule C1.")),
        ("An insider searches for private ends", "Each search is recorded before it happens. "
            + ("Keys are released by a separate custodian." if custody.separate else "No separate custodian.")),
        ("The record is falsified", "A Merkle log under a signature. "
            + (f"Witnesses: {', '.join(custody.witnesses)}." if custody.witnesses else "No witness.")),
        ("Data are kept too long", f"Erased automatically at the end: {kept}." if kept else "No purpose."),
        ("A printed face deceives the system", "No measure: there is no presentation attack detection."),
        ("People cannot avoid the system", f"Ways without a face: {ways}." if ways else "No purpose."),
    )  # fmt: skip
    return Grid(("Source of risk", "What the configuration holds"), rows, widths=(3, 7))


def _if(holds: bool, text: str) -> str:
    return text if holds else "Not enforced by this standard. "
