"""Redacting footage: faces are looked for in a first pass, followed through all of it, and covered in a second.

The passes decode the same file; between them only boxes are held, so that an hour needs no more memory than a minute.
"""

from __future__ import annotations

import importlib.metadata
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceward.core.canonical import sha256
from faceward.core.clock import SystemClock
from faceward.core.errors import BadInput, UsageError
from faceward.core.footage_results import FootageResult, clock
from faceward.core.words import plural
from faceward.settings import cache_folder, packs_folder
from faceward.video.footage_cast import Cast
from faceward.video.footage_concerns import Shown, concerns
from faceward.video.footage_covering import Painter
from faceward.video.footage_keeping import Segment, Verdict, Visible, comparisons, decide, segments
from faceward.video.footage_looking import Survey, rgb, survey
from faceward.video.footage_names import is_footage
from faceward.video.footage_reading import Footage, Moment, digest_of, open_footage
from faceward.video.footage_second import Cover, write_redacted
from faceward.video.footage_tracks import Track, follow
from faceward.video.footage_writing import KINDS, Kind, written_whole
from faceward.vision.images import Picture
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Pipeline
from faceward.vision.redact import MODES, Mode

if TYPE_CHECKING:
    # What hides everybody loads no more than that needs: most of a short clip's time is spent on starting.
    from faceward.operations.keeping import Authority, Keeping, Recogniser
    from faceward.operations.keeping_desk import KeepingDesk
    from faceward.operations.system import System

__all__ = ["Order", "default_pipeline", "is_footage", "redact_footage"]

Progress = Callable[[int, int], None]
_REPORTS = (".html", ".json")


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
        with desk.recognising() as (recogniser, held):
            visible = self._recognised(recogniser, held, tracks)
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

    def _recognised(self, recogniser: Recogniser, held: Authority, tracks: Sequence[Track]) -> list[Visible]:
        if not recogniser.able or not held.subjects:
            return []
        found = segments(tracks)
        if not found:
            return []
        recogniser.open_galleries()
        verdicts: dict[int, Verdict] = {}
        shared = comparisons(found)
        with self._open() as footage:
            for moment, places in _at(footage, found):
                verdicts.update(_compared(recogniser, moment, [(place, found[place]) for place in places], shared))
        return decide(found, verdicts)

    def _second_pass(self, found: Survey, tracks: Sequence[Track], visible: Sequence[Visible]) -> FootageResult:
        cast = Cast(tracks, visible)
        painter = Painter(self.mode, secrets.randbits(128))
        with ExitStack() as stack:
            footage = stack.enter_context(self._open())
            place = stack.enter_context(written_whole(self.output))
            written = write_redacted(footage, place, self.kind, Cover(found, cast, painter, self._advance))
            digest = digest_of(place)
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


def _at(footage: Footage, found: Sequence[Segment]) -> Iterator[tuple[Moment, list[int]]]:
    """Iterate over the moments of samples, with the places in `found` of the segments that they speak for."""
    wanted: dict[int, list[int]] = {}
    for place, segment in enumerate(found):
        wanted.setdefault(_micros(segment.seconds), []).append(place)
    for moment in footage.moments():
        places = wanted.pop(_micros(moment.seconds), None)
        if places:
            yield moment, places
        if not wanted:
            return


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _compared(
    recogniser: Recogniser, moment: Moment, asked: Sequence[tuple[int, Segment]], shared: float
) -> dict[int, Verdict]:
    """Compare the samples of one frame; those below the floors of quality are left out."""
    pixels = rgb(moment.frame)
    picture = Picture(pixels, 1.0, sha256(pixels.tobytes()), f"frame at {moment.seconds:.3f} s")
    result = recogniser.compare(picture, [segment.face for _, segment in asked], shared)
    verdicts = {asked[number][0]: Verdict(None) for number in result.compared}
    # The best match of each face comes first.
    for match in reversed(result.matches):
        verdicts[asked[match.face][0]] = Verdict(match.subject, match.score, match.clear)
    return verdicts


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
