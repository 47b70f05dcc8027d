"""What a redaction of footage returns: what was done, what was left out, and where a human should look."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the redacted footage that a human should look at.

    Attributes:
        kind: What is to be looked at there: `kept`, `abrupt`, `gap`, `faint`, `small`, `crowd` or `cut`.
        start: Seconds from the beginning of what was written.
        end: The same.
        says: Why, in a sentence.
    """

    kind: str
    start: float
    end: float
    says: str

    def to_json(self) -> JSONDict:
        """Return the stretch."""
        return {"kind": self.kind, "start": round(self.start, 3), "end": round(self.end, 3), "says": self.says}


@dataclass(frozen=True, slots=True)
class FootageResult:
    """A redaction of footage.

    Attributes:
        footage: The file that was read.
        output: The file that was written.
        mode: How faces were hidden.
        frames: Frames written.
        seconds: How long they last.
        size: Width and height in pixels.
        hidden: Tracks that are hidden, each one person's stay in one shot.
        kept: Subjects who are visible somewhere.
        look_at: Where a human should look, the most important first.
        more: How many further stretches are not listed.
        left_out: What of the file was not written.
        sha256: SHA-256 of the file that was written.
        error: Why the footage is not whole, or None.
        entry: Index of the log entry, or None where nobody was kept visible.
        report: The file of the report, or None where none was asked for.
    """

    footage: str
    output: str
    mode: str
    frames: int
    seconds: float
    size: tuple[int, int]
    hidden: int
    kept: tuple[str, ...]
    look_at: tuple[Stretch, ...]
    more: int
    left_out: tuple[str, ...]
    sha256: str
    error: str | None = None
    entry: int | None = None
    report: str | None = None

    def to_json(self) -> JSONDict:
        """Return the object of `faceward redact --json` for footage, which the report in JSON holds too."""
        return {
            "footage": self.footage,
            "output": self.output,
            "mode": self.mode,
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "width": self.size[0],
            "height": self.size[1],
            "hidden": self.hidden,
            "kept": list(self.kept),
            "look_at": [stretch.to_json() for stretch in self.look_at],
            "more": self.more,
            "left_out": list(self.left_out),
            "sha256": self.sha256,
            "error": self.error,
            "entry": self.entry,
            "report": self.report,
        }


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
