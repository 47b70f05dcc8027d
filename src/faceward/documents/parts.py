"""Parts that several documents share; each says only what the facts hold."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.words import one_in, percent, plural
from faceward.documents import watching
from faceward.documents.content import Answer, Block, Bullets, Document, Grid, Pairs, Paragraph, Section
from faceward.documents.facts import Facts
from faceward.documents.measured import NO_GROUPS
from faceward.documents.questions import QUESTIONS, Answers

_ROLES = ("operator", "approver", "reviewer", "custodian", "auditor", "subject")
MODES = {
    "sealed": "sealed: encrypted on disk, opened in memory",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What makes one document of sections: its name, title, law, and what it is."""

    name: str
    title: str
    law: str
    about: str

    def document(self, facts: Facts, answers: Answers, sections: tuple[Section, ...]) -> Document:
        """Return the document."""
        return Document(
            name=self.name,
            title=self.title,
            law=self.law,
            about=self.about,
            controller=answers.get("controller") or facts.controller,
            sections=sections,
            made=facts.made,
            configuration=facts.configuration,
            software=facts.software,
        )


def asked(document: str, key: str, facts: Facts, answers: Answers) -> Answer:
    """Return a field with its answer: from the file, else from the deployment where that holds one."""
    [question] = [question for question in QUESTIONS[document] if question.key == key]
    own = str(getattr(facts, question.own)) if question.own else ""
    return Answer(question.text, question.source, answers.get(key) or own)


def rate(value: float) -> str:
    """Write a rate: `0.1 % (1 in 1,000)`."""
    return f"{share(value)} ({one_in(value)})"


def share(value: float) -> str:
    """Write a rate in per cent, which no line end parts from its number."""
    return percent(value).replace(" ", "\u00a0")


def deployment(facts: Facts) -> Pairs:
    """Return what the deployment is."""
    return Pairs(
        (
            ("Log origin", facts.origin),
            ("Set up", facts.created.isoformat()),
            ("Standard", f"{facts.standard.name} (SHA-256 {facts.standard.digest})"),
            ("Jurisdiction profile", f"{facts.place.code}: {facts.place.title}"),
            ("Law that the profile names", facts.place.law),
            ("Model pack", f"{facts.pack.identifier}, licence: {facts.pack.licence}"),
        )
    )


def purposes(facts: Facts) -> Grid:
    """Return the purposes with basis, retention and alternative."""
    rows = tuple(
        (
            purpose.name,
            purpose.basis + (", with a signed release" if purpose.release else ""),
            purpose.retention,
            purpose.alternative or "none named",
            purpose.created.isoformat(),
        )
        for purpose in facts.purposes
    )
    columns = ("Purpose", "Lawful basis", "Kept at most", "Way without a face", "Registered")
    return Grid(columns, rows, "No purpose is registered: nobody is enrolled or searched for.", (3, 2.4, 1.3, 3, 1.6))


def galleries(facts: Facts) -> Grid:
    """Return the galleries with their mode of protection and number of references."""
    rows = tuple(
        (
            gallery.name,
            gallery.purpose,
            MODES.get(gallery.mode, gallery.mode),
            f"{gallery.references:,}",
            f"{gallery.simulated:,}",
        )
        for gallery in facts.galleries
    )
    columns = ("Gallery", "Purpose", "Protection", "References#", "Simulated#")
    return Grid(columns, rows, "There is no gallery.", (2.4, 2.4, 3.4, 1.4, 1.4))


def accuracy(facts: Facts) -> Grid:
    """Return what each purpose accepts, and what that means with the pack at work."""
    rows = []
    for purpose in facts.purposes:
        if isinstance(purpose.threshold, str):
            means = purpose.threshold
        else:
            threshold, low, high, fnmr = purpose.threshold
            means = f"threshold {threshold:.4f}; FMR between {low:.1e} and {high:.1e} (95\u00a0%); FNMR {share(fnmr)}"
        rows.append((purpose.name, rate(purpose.fmr), rate(purpose.fpir), means))
    columns = ("Purpose", "FMR of a comparison", "FPIR of a search", "With this pack, on its calibration data")
    return Grid(columns, tuple(rows), "No purpose is registered.", (2.2, 2.1, 1.9, 4))


def refusals(facts: Facts) -> Grid:
    """Return the standard's rules: each with what it refuses, in its own words."""
    return Grid(("Rule", "Refused because"), facts.standard.refusals, "The standard refuses nothing by a rule.", (1, 9))


RULES = (
    "What the standard refuses, each refusal recorded. Where a rule speaks of mandates, training, witnesses or a "
    "separate custodian, the parameters say where they are asked for."
)


def parameters(facts: Facts) -> tuple[Block, ...]:
    """Return the standard's bases, numbers and floors of quality."""
    standard = facts.standard
    bases = tuple((basis, _yes(accepted), _yes(release), why) for basis, accepted, release, why in standard.bases)
    return (
        Pairs(standard.parameters),
        Grid(("Lawful basis", "Accepted", "Signed release", "Why"), bases, widths=(2.4, 1.2, 1.2, 5.6)),
        Paragraph("Floors of sample quality (ISO/IEC 29794-5), below which a picture is not used:"),
        Grid(("For", "Component", "Limit", "Advice given"), standard.floors, widths=(1.6, 3.2, 1.8, 4)),
    )


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def retention(facts: Facts) -> Bullets:
    """Return the time limits for erasure."""
    limits = [f"{purpose.name}: {purpose.retention} after enrolment at most" for purpose in facts.purposes]
    if facts.place.maximum_retention:
        limits.append(f"{facts.place.title}: {facts.place.maximum_retention} at most, whatever the purpose says")
    limits += [
        f"the gallery {gallery.name}: destroyed with all its references on {gallery.ends:%Y-%m-%d}"
        for gallery in facts.galleries
        if gallery.ends is not None
    ]
    if watching.watches(facts):
        limits.append(
            "an alert with its picture: as long as its purpose says, from that day; less where reviewers dismiss it"
        )
    return Bullets((*limits, *_ENDS))


_ENDS = (
    "a release that ends earlier ends the reference earlier",
    "at the end the reference's key is destroyed, so that copies of the gallery cannot be opened either",
    "entries of the log stay; what they say of a person is sealed under that person's key, which an erasure destroys",
)


def security(facts: Facts) -> Bullets:
    """Return the technical measures that the configuration shows."""
    custody = facts.custody
    keys = (
        "the galleries' keys are held by a custodian, a process of its own"
        if custody.separate
        else "the galleries' keys are held by the same process that searches: no separate custodian"
    )
    witnesses = (
        f"witnesses that are trusted to cosign the log: {', '.join(custody.witnesses)}"
        if custody.witnesses
        else "no witness is trusted to cosign the log"
    )
    return Bullets(
        (
            "each reference is encrypted (AES-256-GCM) under a key of its own, which an erasure destroys",
            "features leave the system in no form; scores are rounded, and withheld below the threshold",
            keys,
            "each operation is recorded in a log before it happens; a log edited afterwards no longer verifies",
            witnesses,
            people(facts),
            f"the files of the model pack are checked against their SHA-256 ({plural(len(facts.pack.files), 'file')})",
        )
    )


def people(facts: Facts) -> str:
    """Say how many people hold which role, naming nobody."""
    roles = facts.custody.roles
    if not facts.custody.people:
        return "no people are registered with a key of their own: whoever acts is claimed and not proven"
    held = ", ".join(f"{role}: {roles[role]}" for role in _ROLES if roles.get(role))
    return f"{plural(facts.custody.people, 'person', 'people')} with a key of their own ({held})"


def gaps(facts: Facts) -> Section:
    """Return what the configuration lacks and what the software cannot do, found by looking at the facts."""
    return Section(
        "Known gaps",
        "AI Act Art. 13(3)(b)(iii); GDPR Art. 35(7)(d)",
        (
            Paragraph(
                "Found in the configuration and in this version of the software, whether they matter here or not:"
            ),
            Bullets((*_configured_gaps(facts), *watching.gaps(facts), *_LIMITS)),
        ),
    )


def _configured_gaps(facts: Facts) -> tuple[str, ...]:
    calibration = facts.pack.calibration
    without = [purpose.name for purpose in facts.purposes if purpose.basis == "consent" and not purpose.alternative]
    found = (
        (facts.custody.trial, "The deployment is set up for trial only."),
        (not facts.custody.separate, "Whoever controls the searching process reaches the galleries' keys."),
        (
            not facts.custody.witnesses,
            "No witness is trusted: only checkpoints and receipts that people keep show that the log was begun anew.",
        ),
        (not facts.custody.people, "Nobody signs in with a key of their own: the log's operator is claimed."),
        (bool(without), f"Consent without a way that does without a face: {', '.join(without)}."),
        (calibration is None, "The pack has no calibration: nothing can be decided with it."),
        (
            calibration is not None and not any(one.own for one in facts.evaluations),
            "Error rates come from the pack's calibration data, not from cameras and people here.",
        ),
        (not any(one.groups for one in facts.evaluations), NO_GROUPS),
        (not facts.pack.commercial, "The pack's licence does not allow commercial use."),
    )
    return tuple(text for holds, text in found if holds)


_LIMITS = (
    "A printed or replayed face is not recognised as such: there is no presentation attack detection.",
    "Keys and opened references lie in the memory of the process that searches; root on that machine can read them.",
    "Blocks that a disk or a copying file system keeps after overwriting are beyond the software's reach.",
    "The software cannot see whether notices reach people, signs hang, and a candidate is treated as a lead only.",
)
