"""Verification (1:1) and identification (1:N)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say, table
from faceward.cli.tables import faces_table, place
from faceward.cli.words import fmr_sentence, fpir_sentence, interval, plural, scale
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.core.results import IdentificationResult, ProbeResult, VerificationResult

Mandate = Annotated[
    Optional[str],
    typer.Option(metavar="DIGEST", help="The mandate that covers it: its digest, or the first 8 digits or more."),
]
Camera = Annotated[Optional[str], typer.Option(metavar="NAME", help="The camera that the picture comes from, if any.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(command(_verify))
    app.command("identify")(command(_identify))


def _verify(
    settings: Settings,
    *,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE [IMAGE]", help="Two pictures, or one with --subject.", readable=False)
    ],
    subject: Annotated[Optional[str], typer.Option(help="Who the person claims to be.")] = None,
    purpose: Annotated[Optional[str], typer.Option(help="A registered purpose.")] = None,
    mandate: Mandate = None,
    camera: Camera = None,
    fmr: Annotated[
        Optional[float], typer.Option(help="Accepted false match rate, for two pictures.", show_default="the pack's")
    ] = None,
    pack: Annotated[
        Optional[str], typer.Option(help="Model pack, for two pictures.", show_default="the built-in one")
    ] = None,
) -> None:
    """Compare two pictures, or a picture with an enrolled subject.

    Two pictures need no deployment and leave nothing behind. A non-match is an answer and not an error: the exit code
    is 0.
    """
    if len(images) == 2 and not any((subject, purpose, mandate, camera)):
        result = _pair(images[0], images[1], fmr, pack)
    elif len(images) == 1 and subject is not None and purpose is not None:
        if fmr is not None or pack is not None:
            raise UsageError("--fmr and --pack go with two pictures; for a subject the purpose and deployment decide")
        with settings.open() as system:
            result = system.verify(images[0], subject=subject, purpose=purpose, mandate=mandate, camera=camera)
    else:
        raise UsageError("give two pictures, or one picture with --subject and --purpose")
    if settings.as_json:
        emit(result.to_json())
    else:
        _print_verification(result)


def _pair(first: Path, second: Path, fmr: float | None, pack: str | None) -> VerificationResult:
    from faceward.standalone import verify_pictures
    from faceward.vision.packs import DEFAULT_PACK

    return verify_pictures(first, second, pack=pack or DEFAULT_PACK, fmr=fmr)


def _print_verification(result: VerificationResult) -> None:
    point = result.operating_point
    say(f"{result.decision}: {fmr_sentence(point)}")
    score = "hidden" if result.score is None else f"{result.score:.4f}"
    say(f"score {score}, threshold {point.score:.4f}, {interval(point)}")
    say(scale(point, result.score))
    faces_table(result.faces)
    others = sum(result.passed_over)
    if others:
        note(f"{plural(others, 'other face')} took no part")
    if result.entry is not None:
        say(f"log entry {result.entry}")


def _identify(
    settings: Settings,
    *,
    image: Annotated[Path, typer.Argument(help="The probe picture.", readable=False)],
    gallery: Annotated[str, typer.Option(help="Where to search.")],
    purpose: Annotated[str, typer.Option(help="A registered purpose.")],
    reason: Annotated[str, typer.Option(help="Why these people are to be identified, for the log.")],
    mandate: Mandate = None,
    camera: Camera = None,
    kind: Annotated[str, typer.Option(help="What the picture is: photograph or frame (of a video).")] = "photograph",
    top: Annotated[int, typer.Option(min=1, help="Most candidates for a face.")] = 5,
) -> None:
    """Search a gallery for every face of a picture; who is not found is unknown."""
    with settings.open() as system:
        result = system.identify(
            image,
            gallery=gallery,
            purpose=purpose,
            reason=reason,
            top=top,
            mandate=mandate,
            camera=camera,
            kind=kind,
        )
    if settings.as_json:
        emit(result.to_json())
    else:
        _print_identification(result)


def _print_identification(result: IdentificationResult) -> None:
    point = result.operating_point
    table(
        ("face#", "at", "outcome", "subject", "score#", "scale"),
        [row for number, probe in enumerate(result.probes, 1) for row in _rows(number, probe, result)],
        f"{plural(len(result.probes), 'face')} against {plural(result.compared.subjects, 'subject')} "
        f"of gallery {result.gallery}",
    )
    say(f"threshold {point.score:.4f}, {interval(point)}")
    say(f"a candidate is a lead, not a finding: {fpir_sentence(point, result.compared.subjects)}")
    if result.compared.left_out:
        say(
            f"{plural(result.compared.left_out, 'reference')} of another pack took no part; "
            "'faceward gallery migrate' makes them comparable"
        )
    if result.case is not None:
        say(f"case {result.case}: a lead only; two reviewers answer before anybody sees a score")
    say(f"log entry {result.entry}")


def _rows(number: int, probe: ProbeResult, result: IdentificationResult) -> list[tuple[object, ...]]:
    at = place(probe.face)
    if probe.rejected:
        return [(number, at, "not searched", "; ".join(probe.rejected), None, None)]
    if not probe.candidates:
        return [(number, at, "unknown", None, None, None)]
    return [
        (
            number,
            at,
            "candidate",
            candidate.subject,
            "hidden" if candidate.score is None else f"{candidate.score:.4f}",
            scale(result.operating_point, candidate.score, 24),
        )
        for candidate in probe.candidates
    ]
