"""The calibration of a model pack, from an evaluation of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.evaluate_options import Cache, Data, NoCache, Pack, Protocol, Threads
from faceward.cli.files import optional_output
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, print_text
from faceward.cli.progress import progress
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.evaluate.calibrate import Fitted
    from faceward.evaluate.outcome import Outcome
    from faceward.evaluate.run import Order

_NAMED = 20


def register(evaluate: typer.Typer) -> None:
    """Add the command to those on evaluations."""
    evaluate.command("calibrate")(command(_calibrate))


def _calibrate(
    settings: Settings,
    *,
    data: Data,
    protocol: Protocol = "folder",
    pack: Pack = None,
    out: Annotated[
        Optional[Path],
        typer.Option("--out", "-o", metavar="FILE", help="Where the table goes; else it is printed.", readable=False),
    ] = None,
    default_fmr: Annotated[float, typer.Option(help="The rate used where nobody names one.")] = 0.005,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Add rates below the measured ones, as far as the tail is trusted.")
    ] = False,
    cache: Cache = None,
    no_cache: NoCache = False,
    threads: Threads = None,
) -> None:
    """Write the [calibration] table of a pack's manifest, from the scores of a verification protocol."""
    from faceward.cli.evaluate_beside import note_other_pack
    from faceward.evaluate.calibrate import as_toml, fit
    from faceward.evaluate.intervals import SubjectBootstrap
    from faceward.evaluate.run import run
    from faceward.standalone import pipeline
    from faceward.vision.packs import DEFAULT_PACK

    with optional_output(out) as file:
        order = _order(data, protocol, _kept(cache, no_cache), threads)
        vision = pipeline(pack or DEFAULT_PACK)
        if pack is None:
            note_other_pack(vision.pack.manifest.name, vision.pack.manifest.digest)
        outcome = run(order, vision, lambda what: progress(settings, what))
        if outcome.scores is None:
            raise AssertionError("a protocol of verification compares one to one")
        fitted = fit(outcome.scores, SubjectBootstrap(outcome.scores), extrapolate=extrapolate)
        table = as_toml(fitted, _data(outcome), default_fmr)
        if file is not None:
            file.write(f"{table}\n")
    found = _json(fitted, outcome)
    if settings.as_json:
        emit({"pack": outcome.evaluation.pack, "file": None if out is None else str(out), **found})
        return
    if out is None:
        print_text(table)
    else:
        note(f"written to {out}; put it into the pack's manifest in place of its [calibration]")
    for reason in found["reasons"]:
        note(f"nothing is extrapolated: {reason}")
    for pair in found["suspects"]:
        note(f"to be looked at: {pair['first']} and {pair['second']}, score {pair['score']:.4f}")


def _kept(cache: Path | None, no_cache: bool) -> Path | None:
    from faceward.settings import features_folder

    if cache is not None and no_cache:
        raise UsageError("--cache and --no-cache exclude each other; leave one out")
    return None if no_cache else cache or features_folder()


def _order(data: Path, protocol: str, cache: Path | None, threads: int | None) -> Order:
    import faceward
    from faceward.core.clock import SystemClock
    from faceward.evaluate.protocol import Kind, Trials
    from faceward.evaluate.protocols import load_protocol
    from faceward.evaluate.run import Order

    chosen = load_protocol(protocol, Kind.VERIFICATION)
    if chosen.trials is Trials.TEMPLATES:
        raise UsageError(
            f"the protocol {chosen.name} compares templates of several samples, and a calibration is that of single "
            "ones; name another"
        )
    made = SystemClock().now()
    software = f"faceward {faceward.__version__}"
    return Order(data, chosen, made, software, "faceward evaluate calibrate", cache=cache, threads=threads)


def _data(outcome: Outcome) -> str:
    evaluation = outcome.evaluation
    acquired = evaluation.attempts - evaluation.failed
    return (
        f"{evaluation.data.name}, protocol {evaluation.protocol}, {acquired} images of "
        f"{evaluation.data.subjects} subjects"
    )


def _json(fitted: Fitted, outcome: Outcome) -> dict[str, Any]:
    scores, tail, names = outcome.scores, fitted.tail, outcome.sample_names
    suspects = tail.suspects[:_NAMED] if tail is not None else ()
    return {
        "data": _data(outcome),
        "mated": fitted.mated,
        "nonmated": fitted.nonmated,
        "measured_to": fitted.measured_to,
        "points": [
            {
                "fmr": fmr,
                "fmr_interval": [low, high],
                "threshold": threshold,
                "fnmr": fnmr,
                "extrapolated": fmr < fitted.measured_to,
            }
            for fmr, low, high, threshold, fnmr in fitted.rows
        ],
        "reasons": list(tail.reasons) if tail is not None else [],
        "suspects": [
            {"first": names[int(first)], "second": names[int(second)], "score": float(scores.nonmated[place])}
            for place in suspects
            if scores is not None
            for first, second in [scores.nonmated_pairs[place]]
        ],
    }
