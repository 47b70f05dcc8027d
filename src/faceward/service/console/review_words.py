"""The words of a review: what is compared, how one concludes, and how a case stands."""

from __future__ import annotations

from collections.abc import Mapping

from faceward.service.console.i18n import N_

PHASES: Mapping[str, tuple[str, str]] = {
    "in-review": (N_("in review"), "info"),
    "disputed": (N_("two reviewers differ"), "warning"),
    "decided": (N_("decided, finding wanted"), "warning"),
    "closed": (N_("closed"), "neutral"),
}
RESULTS: Mapping[str, tuple[str, str]] = {
    "in-review": (N_("in review"), "info"),
    "actionable-lead": (N_("actionable lead, and no more"), "good"),
    "not-actionable": (N_("not actionable"), "neutral"),
}
FINDINGS: Mapping[str, str] = {
    "similar": N_("Similar"),
    "dissimilar": N_("Dissimilar"),
    "indeterminate": N_("Not visible"),
}
ACCURACIES: Mapping[str, str] = {
    "correct": N_("Correct: a candidate is whom the probe shows"),
    "incorrect": N_("Incorrect: the candidates are other people"),
    "undetermined": N_("Undetermined: it was not found out"),
}
EDITS: Mapping[str, str] = {
    "crop": N_("Cropped"),
    "rotate": N_("Rotated"),
    "scale": N_("Scaled"),
    "brightness": N_("Brightness"),
    "contrast": N_("Contrast"),
    "colour": N_("Colour"),
    "sharpen": N_("Sharpened"),
    "denoise": N_("Noise removed"),
    "deblur": N_("Blur removed"),
    "deinterlace": N_("Deinterlaced"),
    "perspective": N_("Perspective"),
    "annotate": N_("Annotated"),
    "composite": N_("Put together from several pictures"),
    "generative": N_("Added to by a generator"),
    "original": N_("As it came"),
}
VIEWS: Mapping[str, str] = {"mine": N_("Mine to answer"), "finding": N_("Finding wanted"), "all": N_("All")}
