"""Redacting footage: faces are looked for in a first pass, followed through all of it, and covered in a second.

The passes decode the same file; between them only boxes are held, so that an hour needs no more memory than a minute.
"""

from __future__ import annotations

import importlib.metadata
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceward.core.clock import SystemClock
from faceward.core.errors import BadInput, UsageError
from faceward.core.footage_results import FootageResult, clock
from faceward.core.words import plural
from faceward.settings import cache_folder, packs_folder
from faceward.video.footage_cast import Cast
from faceward.video.footage_concerns import Shown, concerns
from faceward.video.footage_covering import Painter
from faceward.video.footage_keeping import Segment, Visible, comparisons, decide, segments
from faceward.video.footage_looking import Survey, survey
from faceward.video.footage_names import is_footage
from faceward.video.footage_reading import Footage, digest_of, open_footage
from faceward.video.footage_second import Cover, write_redacted
from faceward.video.footage_tracks import Track, follow
from faceward.video.footage_writing import KINDS, Kind, written_whole
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Pipeline
from faceward.vision.redact import MODES, Mode

if TYPE_CHECKING:
    # What hides everybody loads no more than that needs: most of a short clip's time is spent on starting.
    from faceward.operations.keeping import Keeping, Recogniser
    from faceward.operations.keeping_desk import KeepingDesk
    from faceward.operations.system import System
    from faceward.video.footage_samples import Samples

__all__ = ["Order", "default_pipeline", "is_footage", "redact_footage"]

Progress = Callable[[int, int], None]
_REPORTS = (".html", ".json")
_ASKED_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Attributes:
        source: The footage.
        output: Where the redacted footage goes; its ending decides the format. A folder takes the source's name.
        mode: `pixelate`, `blur` or `fill`.
        report: Where the report goes, `.html` or `.json`, or None.
    """

    source: Path
    output: Path
    mode: str = "pixelate"
    report: Path | None = None


def redact_footage(
    order: Order,
    pipeline: Pipeline,
    *,
    system: System | None = None,
    keeping: Keeping | None = None,
    progress: Progress | None = None,
) -> FootageResult:
    """Hide every face of footage, except those of named subjects.

    Args:
        order: What is asked for.
        pipeline: What finds faces; with a deployment, its own is used.
        system: An open deployment, whose rules decide and whose log records it; needed to keep anybody visible.
        keeping: Who stays visible, and on what authority.
        progress: Told how many of all frames of both passes are done, about.

    Raises:
        UsageError: The mode, the output's name or a subject is unknown, or somebody is to be kept without a deployment.
        BadInput: The source is not footage.
        PolicyRefusal: Nobody may be kept visible so; see `operations.keeping.recognising`.
        EnvironmentFailure: The output cannot be written; nothing is left of it.
    """
    job = _Job.of(order, progress)
    if system is None:
        if keeping is not None and keeping.subjects:
            raise UsageError("to keep subjects visible they are recognised, which needs a deployment; open one")
        return _reported(order, job.everybody(pipeline))
    open_footage(job.source).close()
    from faceward.operations.keeping import Keeping, Work  # noqa: PLC0415 - see above

    digest = digest_of(job.source)
    work = Work({"footage_sha256": digest.hex(), "mode": job.mode})
    desk = system.keeping(keeping or Keeping(), work)
    desk.check()
    return _reported(order, job.some(desk, digest))


def default_pipeline() -> Pipeline:
    """Return the built-in model pack at work, for hiding everybody."""
    store = PackStore(packs_folder(), cache_folder())
    return Pipeline(store, store.get(DEFAULT_PACK))


def _check_report_name(path: Path) -> None:
    if path.suffix.lower() not in _REPORTS:
        raise UsageError(f"{path}: reports are written as {' or '.join(_REPORTS)}; name the file so")


def _software() -> str:
    return f"faceward {importlib.metadata.version('faceward')}"


def _reported(order: Order, result: FootageResult) -> FootageResult:
    if order.report is None:
        return result
    from faceward.video import footage_report  # noqa: PLC0415 - see above

    told = replace(result, report=str(order.report))
    content = footage_report.render(told, order.report, SystemClock().now(), _software())
    with written_whole(order.report) as place:
        place.write_bytes(content)
    return told


@dataclass(slots=True)
class _Job:
    """One redaction on its way."""

    source: Path
    output: Path
    mode: Mode
    kind: Kind
    progress: Progress | None
    identity: tuple[int, ...] | None = None
    done: int = 0
    total: int = 0
    # Asks whether people may still be shown as recognised (rule W7), and when it was asked last.
    require: Callable[[], None] | None = None
    asked: float = 0.0

    @classmethod
    def of(cls, order: Order, progress: Progress | None) -> _Job:
        mode = next((known for known in MODES if known == order.mode), None)
        if mode is None:
            raise UsageError(f"--mode {order.mode!r} is unknown; use one of {', '.join(MODES)}")
        output = order.output
        if output.is_dir():
            suffix = order.source.suffix.lower()
            output /= order.source.with_suffix(suffix if suffix in KINDS else ".mp4").name
        kind = KINDS.get(output.suffix.lower())
        if kind is None:
            raise UsageError(
                f"{output}: footage cannot be written as {output.suffix!r}; use one of {', '.join(sorted(KINDS))}"
            )
        if output.resolve() == order.source.resolve():
            raise UsageError(f"{output}: is the original; give another place, so that it is not lost")
        if order.report is not None:
            _check_report_name(order.report)
            if order.report.resolve() in {output.resolve(), order.source.resolve()}:
                raise UsageError(f"{order.report}: is the footage; name another file for the report")
        return cls(order.source, output, mode, kind, progress)

    def everybody(self, pipeline: Pipeline) -> FootageResult:
        """Hide everybody."""
        found, tracks = self._first_pass(pipeline)
        return self._second_pass(found, tracks, [])

    def some(self, desk: KeepingDesk, digest: bytes) -> FootageResult:
        """Hide all but those who are to be kept, in a deployment."""
        from faceward.operations.keeping import told_of  # noqa: PLC0415 - see above

        found, tracks = self._first_pass(desk.pipeline)
        stretches = segments(tracks) if desk.keeps else []
        # Of an hour only the comparing falls into the time for which the custodian lends keys.
        with self._gathered(desk, stretches) as samples, desk.recognising() as (recogniser, held):
            visible = self._recognised(recogniser, stretches, samples)
            if held.subjects:
                self.require = recogniser.require_running
            result = self._second_pass(found, tracks, visible)
            act = recogniser.act
            act.outcome["probe_sha256"] = [digest.hex()] if held.subjects else []
            act.outcome["hidden"] = result.hidden
            counts = Counter(subject for _, subject in {(one.track, one.subject) for one in visible})
            act.subjects.update(told_of(held, counts, "stays"))
            return replace(result, entry=act.entry)

    def _advance(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)
        if self.require is not None and time.monotonic() - self.asked > _ASKED_EVERY:
            self.require()
            self.asked = time.monotonic()

    def _first_pass(self, pipeline: Pipeline) -> tuple[Survey, list[Track]]:
        with self._open() as footage:
            self.total = max(1, 2 * round((footage.expected or 0) * footage.rate))
            found = survey(footage.moments(), pipeline, lambda _: self._advance())
            size = footage.size
        if not found.frames:
            raise BadInput(f"{self.source}: no frame of it can be decoded; give an intact copy")
        self.total = max(self.total, 2 * found.frames)
        self.done = found.frames
        return found, follow(found.looks, found.cuts, (found.first, found.last), size)

    def _gathered(self, desk: KeepingDesk, found: Sequence[Segment]) -> Samples:
        from faceward.video.footage_samples import Samples, gather  # noqa: PLC0415 - see above

        samples = Samples(desk.pipeline.pack.manifest.embedder, self.output.parent)
        try:
            if found:
                with self._open() as footage:
                    gather(footage, found, desk, samples)
        except BaseException:
            samples.close()
            raise
        return samples

    def _recognised(self, recogniser: Recogniser, found: Sequence[Segment], samples: Samples) -> list[Visible]:
        from faceward.video.footage_samples import compare  # noqa: PLC0415 - see above

        if not recogniser.able or not len(samples):
            return []
        shared = comparisons(len(samples))
        recogniser.require_support(shared)
        recogniser.open_galleries()
        verdicts = compare(samples, recogniser, shared)
        recogniser.close_galleries()
        samples.close()
        return decide(found, verdicts)

    def _second_pass(self, found: Survey, tracks: Sequence[Track], visible: Sequence[Visible]) -> FootageResult:
        cast = Cast(tracks, visible)
        painter = Painter(self.mode, secrets.randbits(128))
        with ExitStack() as stack:
            footage = stack.enter_context(self._open())
            place = stack.enter_context(written_whole(self.output))
            written = write_redacted(footage, place, self.kind, Cover(found, cast, painter, self._advance))
            digest = digest_of(place)
            if self.require is not None:
                self.require()
            left_out = (*footage.left_out(), *_sounds_told(footage, self.kind, written.sounds_anew))
        look_at, more = concerns(Shown(tracks, visible, found.cuts, found.first, found.last))
        return FootageResult(
            footage=str(self.source),
            output=str(self.output),
            mode=self.mode,
            frames=written.frames,
            seconds=found.last - found.first,
            size=footage.size,
            hidden=cast.hidden,
            kept=tuple(sorted({one.subject for one in visible})),
            look_at=look_at,
            more=more,
            left_out=left_out,
            sha256=digest.hex(),
            error=_trouble(footage, found),
        )

    def _open(self) -> Footage:
        """Open the footage; it must be the same as before."""
        footage = open_footage(self.source)
        if self.identity not in (None, footage.identity):
            footage.close()
            raise BadInput(f"{self.source}: was changed while it was redacted; repeat when nobody writes to it")
        self.identity = footage.identity
        return footage


def _sounds_told(footage: Footage, kind: Kind, anew: int) -> tuple[str, ...]:
    count = len(footage.sounds)
    if count and not kind.sound:
        return (f"{plural(count, 'sound track')}, which this format does not hold",)
    return (f"{plural(anew, 'sound track')} encoded anew, as this format does not take it as it is",) if anew else ()


def _trouble(footage: Footage, found: Survey) -> str | None:
    lasted = found.last - found.first + float(1 / footage.rate)
    if not footage.cut_off(lasted):
        return None
    expected = footage.expected
    of = "" if expected is None else f" of {clock(expected)}"
    damaged = f", {plural(footage.errors, 'piece')} of it damaged" if footage.errors else ""
    return f"{footage.path}: only {clock(lasted)}{of} can be decoded{damaged}; what can be is redacted and written"
