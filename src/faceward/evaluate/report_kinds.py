"""What a report says by the kind of what was measured, and what plain values are called in it."""

from __future__ import annotations

from faceward.evaluate.outcome import Outcome

_GROUPS = "How errors differ between groups of people was not measured"
_ALONE = frozenset({"detection", "speed"})
_NAMES = {
    "excluded": "pictures left out by the errata",
    "passed_over": "files passed over, which are no pictures",
    "no_face": "pictures without a face",
    "unreadable": "pictures that cannot be read",
    "several_faces": "pictures with several faces",
    "failed_pictures": "pictures not acquired",
    "identical": "pictures of equal content",
    "extraction": "features",
    "reused": "taken from the cache",
    "pictures_per_second": "pictures a second",
    "auc": "area under the ROC",
    "tail": "tail of the scores",
    "lowest": "measured FMR that it begins at",
    "trusted_to": "lowest FMR that it is trusted to",
    "reasons": "why no further",
    "suspects": "pairs too alike for strangers",
    "cores": "processors",
    "timed": "pictures timed alone",
    "stages": "milliseconds a picture",
    "none": "pictures without a face found",
    "one": "pictures with one",
    "several": "pictures with several",
    "worst": "rate if every undecided alert were false",
}


def named(key: str) -> str:
    """Return what a plain value is called."""
    return _NAMES.get(key, key.replace("_", " "))


def title(outcome: Outcome) -> str:
    """Return what the report is about, in a few words."""
    return {"detection": "Which faces it finds", "speed": "How fast it is"}.get(outcome.kind, "How often it errs")


def introduction(outcome: Outcome) -> str:
    """Return what was measured, as the end of a sentence."""
    if outcome.kind == "detection":
        found = outcome.details.get("detection")
        drawn = isinstance(found, dict) and bool(found.get("boxes"))
        return "in how many pictures it finds faces" + (", and how far they agree with boxes that people drew" * drawn)
    if outcome.kind == "speed":
        return "how many pictures a second it turns into features on one machine, and where the time goes"
    if "reviewed" in outcome.details:
        return "how often people who reviewed its alerts found them false"
    if outcome.kind == "identification":
        return (
            "how often a search for somebody whom a gallery does not know returns anybody, and how often a search for "
            "somebody of the gallery does not return that person"
        )
    both = "how often it takes one person for another", "how often it fails to recognise somebody"
    return ", ".join((*both, "and for whom")) if outcome.evaluation.fairness else " and ".join(both)


def compares(kind: str) -> bool:
    """Return whether evaluations of a kind compare or search, so that their rates have intervals over people."""
    return kind not in _ALONE


def without_groups(kind: str) -> str:
    """Say why no group of people was compared; nothing where there are no errors that could differ."""
    if kind == "speed":
        return ""
    if kind in ("verification", "quality"):
        return (
            f"{_GROUPS}: it takes labels of people that came with the data, and a false-match rate that they measure."
        )
    return f"{_GROUPS}: evaluations of this kind compare none."
