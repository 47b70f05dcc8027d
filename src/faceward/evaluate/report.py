"""The report of an evaluation: one HTML file, one PDF, for whoever decides, builds or supervises."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from faceward.documents.as_html import render_html
from faceward.documents.as_pdf import render_pdf
from faceward.documents.content import Block, Bullets, Document, Pairs, Paragraph, Section
from faceward.evaluate import report_kinds
from faceward.evaluate import report_parts as parts
from faceward.evaluate import report_words as words
from faceward.evaluate.exhibits import COUNT, MATED, NONMATED, PRIVATE, Crop, pairs
from faceward.evaluate.outcome import Outcome
from faceward.operations.documents import make_folder
from faceward.protection.files import write_atomically

NAME = "evaluation"
_NOTICE = (
    "This report was written by software from one run of a protocol. It states what was measured on these data, and is "
    "no promise for others."
)
_PACKAGES = ("faceward", "numpy", "scipy", "onnxruntime", "pillow", "matplotlib")


@dataclass(frozen=True, slots=True)
class Options:
    """How a report is made.

    Attributes:
        private: Whether faces are made unrecognisable and files named by hash alone. Pictures of people who consented
            to a test, and those of an operation, always are.
        crop: Cuts faces out of pictures, see `exhibits.aligned`; without it pairs are listed without pictures.
        environment: Names with values: where it was measured.
    """

    private: bool = False
    crop: Crop | None = None
    environment: tuple[tuple[str, str], ...] = ()


def environment() -> tuple[tuple[str, str], ...]:
    """Return what the machine is and which software runs on it; nothing that tells whose it is."""
    software = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        ("Software", software),
        ("Python", platform.python_version()),
        ("System", f"{platform.system()} on {platform.machine()}"),
        ("Processors", str(len(os.sched_getaffinity(0)))),
    )


def report(outcome: Outcome, options: Options) -> Document:
    """Return the report of a run.

    The same outcome and options give the same document, save for the noise over faces of private data, which nobody
    may be able to subtract.
    """
    evaluation = outcome.evaluation
    return Document(
        name=NAME,
        title=f"{report_kinds.title(outcome)}: {evaluation.pack.partition('@')[0]} on {evaluation.data.name}",
        law="ISO/IEC 19795-1 (performance testing), ISO/IEC 19795-10 (differences between groups)",
        about=(
            f"What the model pack {evaluation.pack} was measured to do under the protocol {evaluation.protocol}: "
            f"{report_kinds.introduction(outcome)}."
        ),
        controller="",
        sections=tuple(_sections(outcome, options)),
        made=evaluation.made,
        configuration=evaluation.digest(),
        software=evaluation.software,
        describes="evaluation",
        notice=_NOTICE,
    )


def write(outcome: Outcome, folder: Path, private: bool, crop: Crop | None = None) -> tuple[Path, Path]:
    """Write the report as HTML and PDF, each file whole or not at all.

    Args:
        outcome: The run.
        folder: Where; it is made if it is not there.
        private: See `Options`.
        crop: See `Options`.

    Returns:
        The HTML and the PDF.

    Raises:
        UsageError: The folder is a file.
        EnvironmentFailure: It cannot be written.
    """
    document = report(outcome, Options(private, crop, environment()))
    rendered = (render_html(document), render_pdf(document))
    make_folder(folder)
    html, pdf = folder / f"{NAME}.html", folder / f"{NAME}.pdf"
    for path, data in zip((html, pdf), rendered, strict=True):
        write_atomically(path, data, "the report")
    return html, pdf


def _sections(outcome: Outcome, options: Options) -> Iterator[Section]:
    evaluation, scores = outcome.evaluation, outcome.scores
    compared = scores is not None and len(scores.mated) > 0 and len(scores.nonmated) > 0
    yield Section("In words", "for whoever decides", (Bullets(words.summary(evaluation)),))
    if evaluation.points:
        yield Section(
            "What it means for a gallery", "how often a search for a stranger returns somebody", _crowds(outcome)
        )
        yield Section("Operating points", "ISO/IEC 19795-1", parts.operating(outcome))
    if compared:
        yield Section("Scores", "ISO/IEC 19795-1", parts.distributions(outcome))
    if evaluation.identification or outcome.searches:
        yield Section("Searching a gallery", "ISO/IEC 19795-1, open-set identification", parts.searching(outcome))
    for one in evaluation.fairness:
        title = f"Groups of people: {' and '.join(one.attributes)}"
        yield Section(title, "ISO/IEC 19795-10", parts.groups(one, words.usual(evaluation.points)))
    if evaluation.likelihood and compared:
        yield Section("Likelihood ratios", "for case work", parts.likelihood(outcome))
    if other := parts.details(outcome, private=_private(outcome, options)):
        yield Section("What else was measured", f"protocol of the kind {outcome.kind}", other)
    if compared:
        yield Section("Nearest to an error", "for whoever looks for the cause", _nearest(outcome, options))
    listed = outcome.details.get("unsupported")
    unsupported = [f"Not stated for lack of data: {text}." for text in listed] if isinstance(listed, list) else []
    yield Section(
        "What the data cannot tell", "limits", (Bullets(words.limits(evaluation, unsupported, outcome.kind)),)
    )
    yield Section("How to measure it again", "environment and digests", _origin(outcome, options))


def _private(outcome: Outcome, options: Options) -> bool:
    return options.private or outcome.evaluation.data.basis in PRIVATE


def _crowds(outcome: Outcome) -> tuple[Block, ...]:
    text = (
        "Computed from the FMR of one comparison as if comparisons were independent, with the 95 % interval of that "
        "rate. Some people resemble many, others nobody, so that searches mostly return somebody a little less often."
    )
    points = words.shown(outcome.evaluation.points)
    star = parts.TAIL if any(point.extrapolated for point in points) else ""
    return (words.galleries(points), Paragraph(text + star))


def _nearest(outcome: Outcome, options: Options) -> tuple[Block, ...]:
    private = _private(outcome, options)
    hidden = (
        "The pictures are private: faces are made unrecognisable for good, and files are named by the start of their "
        "SHA-256."
    )
    hardest, crop = outcome.hardest, options.crop
    return (
        *((Paragraph(hidden),) if private else ()),
        *pairs(outcome, hardest.nonmated[:COUNT], crop, private=private, kind=NONMATED),
        *pairs(outcome, hardest.mated[:COUNT], crop, private=private, kind=MATED),
    )


def _origin(outcome: Outcome, options: Options) -> tuple[Block, ...]:
    evaluation, data = outcome.evaluation, outcome.evaluation.data
    extraction = outcome.details.get("extraction")
    seconds = extraction.get("seconds") if isinstance(extraction, dict) else None
    took = (("Runtime of extraction", f"{seconds:,.1f} s"),) if isinstance(seconds, int | float) else ()
    return (
        Pairs(
            (
                ("Command", evaluation.command),
                ("Protocol", f"{evaluation.protocol}, SHA-256 {evaluation.protocol_digest}"),
                ("Data", f"{data.name}, SHA-256 {data.digest}"),
                ("Where the data come from", data.statement),
                ("Model pack", evaluation.pack),
                ("Evaluation, SHA-256", evaluation.digest()),
                *took,
                *options.environment,
            )
        ),
    )
