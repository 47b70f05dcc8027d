"""Evaluations: how often a pack errs on the user's own copy of test data."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from faceward.cli import calibrate, evaluate_beside
from faceward.cli.evaluate_options import (
    Cache,
    Data,
    Labels,
    NoCache,
    Out,
    Pack,
    Protocol,
    Rates,
    Report,
    Rounds,
    Samples,
    Simulated,
    Sizes,
    Threads,
)
from faceward.cli.evaluate_print import show
from faceward.cli.files import optional_output
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note
from faceward.cli.progress import progress
from faceward.core.errors import EnvironmentFailure, UsageError

if TYPE_CHECKING:
    from faceward.evaluate.outcome import Outcome
    from faceward.vision.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was typed.

    Attributes:
        kind: What is evaluated.
        data: Folder of the data.
        protocol: Name or file of the protocol.
        pack: Name of the pack, or None.
        changes: Numbers of the protocol that were given, as text or number.
        labels: File of labels, or None.
        rounds: Rounds of the bootstrap; None where there is none.
        cache: Folder of the cache; None where nothing is kept.
        threads: Pictures at once, or None.
    """

    kind: str
    data: Path
    protocol: str
    pack: str | None
    changes: dict[str, str | int | None]
    labels: Path | None = None
    rounds: int | None = None
    cache: Path | None = None
    threads: int | None = None

    def command(self) -> str:
        """Return the command that reproduces the run, with the paths that were typed and no others."""
        given: dict[str, object] = {
            "data": self.data,
            "protocol": self.protocol,
            "pack": self.pack,
            "labels": self.labels,
            **self.changes,
            "rounds": self.rounds,
        }
        words = ["faceward", "evaluate", self.kind]
        for name, value in given.items():
            if value is not None:
                words += [f"--{name.replace('_', '-')}", str(value)]
        return shlex.join(words)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    evaluate = group("evaluate", "How often a model pack errs, on test data of your own. Needs no deployment.")
    evaluate.command("verification")(command(_verification))
    evaluate.command("identification")(command(_identification))
    evaluate.command("quality")(command(_quality))
    evaluate.command("detection")(command(_detection))
    evaluate.command("speed")(command(_speed))
    evaluate_beside.register(evaluate)
    calibrate.register(evaluate)
    app.add_typer(evaluate)


def _verification(
    settings: Settings,
    *,
    data: Data,
    protocol: Protocol = "folder",
    pack: Pack = None,
    labels: Labels = None,
    rates: Rates = None,
    samples: Samples = None,
    rounds: Rounds = 1000,
    out: Out = None,
    report: Report = None,
    cache: Cache = None,
    no_cache: NoCache = False,
    threads: Threads = None,
) -> None:
    """Measure one-to-one comparisons: FMR, FNMR, failures to acquire, groups of people."""
    changes: dict[str, str | int | None] = {"rates": rates, "samples": samples}
    kept = _kept(cache, no_cache)
    _run(settings, _Asked("verification", data, protocol, pack, changes, labels, rounds, kept, threads), out, report)


def _identification(
    settings: Settings,
    *,
    data: Data,
    protocol: Protocol = "identification",
    pack: Pack = None,
    rates: Rates = None,
    gallery_sizes: Sizes = None,
    simulated: Simulated = None,
    rounds: Rounds = 1000,
    out: Out = None,
    report: Report = None,
    cache: Cache = None,
    no_cache: NoCache = False,
    threads: Threads = None,
) -> None:
    """Measure open-set searches: FPIR, FNIR and ranks by size of the gallery; or a deployment's own findings."""
    changes: dict[str, str | int | None] = {"rates": rates, "gallery_sizes": gallery_sizes, "simulated": simulated}
    kept = _kept(cache, no_cache)
    _run(settings, _Asked("identification", data, protocol, pack, changes, None, rounds, kept, threads), out, report)


def _quality(
    settings: Settings,
    *,
    data: Data,
    protocol: Protocol = "quality",
    pack: Pack = None,
    labels: Labels = None,
    rates: Rates = None,
    rounds: Rounds = 1000,
    out: Out = None,
    report: Report = None,
    cache: Cache = None,
    no_cache: NoCache = False,
    threads: Threads = None,
) -> None:
    """Measure which quality components foretell errors: the FNMR as the lowest pictures are left out."""
    kept = _kept(cache, no_cache)
    asked = _Asked("quality", data, protocol, pack, {"rates": rates}, labels, rounds, kept, threads)
    _run(settings, asked, out, report)


def _detection(
    settings: Settings,
    *,
    data: Data,
    protocol: Protocol = "detection",
    pack: Pack = None,
    out: Out = None,
    report: Report = None,
    threads: Threads = None,
) -> None:
    """Measure in how many pictures faces are found, and how far they agree with boxes that people drew."""
    _run(settings, _Asked("detection", data, protocol, pack, {}, threads=threads), out, report)


def _speed(
    settings: Settings,
    *,
    data: Data,
    protocol: Protocol = "speed",
    pack: Pack = None,
    out: Out = None,
    report: Report = None,
    threads: Threads = None,
) -> None:
    """Measure pictures a second from the file to the features, and where the time goes."""
    _run(settings, _Asked("speed", data, protocol, pack, {}, threads=threads), out, report)


def _kept(cache: Path | None, no_cache: bool) -> Path | None:
    from faceward.settings import features_folder

    if cache is not None and no_cache:
        raise UsageError("--cache and --no-cache exclude each other; leave one out")
    return None if no_cache else cache or features_folder()


def _run(settings: Settings, asked: _Asked, out: Path | None, folder: Path | None) -> None:
    from faceward.standalone import pipeline
    from faceward.vision.packs import DEFAULT_PACK

    # What cannot be written is refused before hours of work.
    _check(folder)
    with optional_output(out) as file:
        vision = pipeline(asked.pack or DEFAULT_PACK)
        if asked.pack is None:
            evaluate_beside.note_other_pack(vision.pack.manifest.name, vision.pack.manifest.digest)
        outcome = _outcome(settings, asked, vision)
        if file is not None:
            file.write(_as_text(outcome.evaluation.to_json()))
    written = [] if folder is None else _report(settings, outcome, folder, vision)
    if settings.as_json:
        evaluation = outcome.evaluation
        emit(
            {
                "evaluation": evaluation.to_json(),
                "digest": evaluation.digest(),
                "details": outcome.details,
                "file": None if out is None else str(out),
                "report": [str(path) for path in written],
            }
        )
        return
    show(outcome)
    for path in [*([out] if out else []), *written]:
        note(f"written to {path}")


def _outcome(settings: Settings, asked: _Asked, vision: Pipeline) -> Outcome:
    import faceward
    from faceward.core.clock import SystemClock
    from faceward.evaluate.intervals import ROUNDS
    from faceward.evaluate.protocol import Kind
    from faceward.evaluate.protocols import load_protocol
    from faceward.evaluate.run import Order, run

    changes: dict[str, Any] = dict(asked.changes)
    for name, read in (("rates", float), ("gallery_sizes", int)):
        if changes.get(name) is not None:
            changes[name] = _numbers(str(changes[name]), f"--{name.replace('_', '-')}", read)
    order = Order(
        asked.data,
        load_protocol(asked.protocol, Kind(asked.kind)).with_setting(**changes),
        SystemClock().now(),
        f"faceward {faceward.__version__}",
        asked.command(),
        asked.labels,
        asked.rounds or ROUNDS,
        asked.cache,
        asked.threads,
    )
    return run(order, vision, lambda what: progress(settings, what))


def _numbers(text: str, option: str, read: type[float | int]) -> tuple[float | int, ...]:
    try:
        return tuple(read(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text!r} is no list of numbers, separated by commas; correct it") from None


def _as_text(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _check(folder: Path | None) -> None:
    """Refuse a folder that no report can be written to, without making it: the run may yet be refused."""
    if folder is None:
        return
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder for the report")
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise EnvironmentFailure(f"{folder}: cannot be written: {there} is no folder to write to; choose another place")


def _report(settings: Settings, outcome: Outcome, folder: Path, vision: Pipeline) -> list[Path]:
    from faceward.evaluate.exhibits import aligned
    from faceward.evaluate.report import write

    with progress(settings, "Writing the report"):
        return [*write(outcome, folder, private=False, crop=aligned(vision))]
