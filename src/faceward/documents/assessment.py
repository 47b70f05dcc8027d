"""The data protection impact assessment of GDPR Art. 35(7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from faceward.documents import parts, watching
from faceward.documents.content import Document, Grid, Paragraph, Section
from faceward.documents.facts import Facts, PurposeFacts
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
        *watching.section(facts, "GDPR Art. 35(7)(a), 35(3)(c), 13", notices=True),
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
                Paragraph(parts.RULES),
                parts.refusals(facts),
                ask("measures"),
            ),
        ),
        Section("Parameters of the standard", "GDPR Art. 25", parts.parameters(facts)),
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
    witnesses = ", ".join(facts.custody.witnesses)
    rows = (
        ("Somebody is taken for another person", _false_matches(facts)),
        ("Errors fall more often on some groups", "No measure: the pack's manifest states no rates for groups."),
        ("A store of faces is stolen", _theft(facts)),
        ("References serve another purpose", _enforced(facts, "P1", "Refused by rule P1.")),
        ("People are enrolled without knowing", _secret_enrolment(facts)),
        ("An insider searches for private ends", _insider(facts)),
        ("The record is falsified", f"A Merkle log under a signature. Witnesses: {witnesses or 'none'}."),
        ("Data are kept too long", _each(facts, "Erased automatically at the end", lambda p: p.retention)),
        ("A printed face deceives the system", "No measure: there is no presentation attack detection."),
        ("People cannot avoid it", _each(facts, "Ways without a face", lambda p: p.alternative or "none named")),
        *watching.risks(facts),
    )
    return Grid(("Source of risk", "What the configuration holds"), rows, widths=(3, 7))


def _each(facts: Facts, what: str, of: Callable[[PurposeFacts], str]) -> str:
    if not facts.purposes:
        return "No purpose is registered."
    return f"{what}: {'; '.join(f'{purpose.name}: {of(purpose)}' for purpose in facts.purposes)}."


def _false_matches(facts: Facts) -> str:
    rates = _each(facts, "Accepted false positives", lambda p: f"{parts.rate(p.fpir)} of searches")
    reviewers = facts.standard.reviewers
    return f"{rates} {reviewers} people review blind before a result is actionable." if reviewers else rates


def _theft(facts: Facts) -> str:
    galleries = ", ".join(f"{gallery.name} ({gallery.mode})" for gallery in facts.galleries)
    return f"References are encrypted; keys lie in another file. Galleries: {galleries or 'none'}."


def _secret_enrolment(facts: Facts) -> str:
    sources = _enforced(facts, "P5", "Sources are limited by rule P5.")
    releases = _enforced(facts, "C1", "Where the basis is consent, rule C1 asks for a release.")
    return f"{sources} {releases}"


def _insider(facts: Facts) -> str:
    mandated = ", ".join(facts.standard.mandated)
    mandate = f"A mandate is needed for: {mandated}." if mandated else "No mandate is needed."
    keys = "Keys are released by a separate custodian." if facts.custody.separate else "No separate custodian."
    return f"Each search is recorded before it happens. {mandate} {keys}"


def _enforced(facts: Facts, rule: str, text: str) -> str:
    return text if facts.standard.enforces(rule) else f"Rule {rule} is not enforced by this standard."
