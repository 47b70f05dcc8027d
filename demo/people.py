"""The report's sections about people: enrolment, verification, identification, redaction."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from faceward import standalone
from faceward.core.results import IdentificationResult, ProbeResult, Threshold
from faceward.policy.quality import Floor
from faceward.policy.standard import load_standard
from faceward.vision.packs import DEFAULT_PACK
from figures import Mark, one_in, photograph, scale, size
from story import Comparison, Enrolled, Story, recognised

_WORDS = {
    "inter_eye_distance": "distance between the eyes",
    "sharpness": "sharpness",
    "illumination_uniformity": "evenness of light",
    "under_exposure": "not too dark",
    "over_exposure": "not too bright",
    "pose_yaw": "head turned",
    "pose_pitch": "head raised or lowered",
    "pose_roll": "head tilted",
    "face_cropping": "face within the picture",
}
_UNITS = {"inter_eye_distance": " px", "pose_yaw": "°", "pose_pitch": "°", "pose_roll": "°"}


def verdict(text: str, kind: str) -> str:
    """Return a coloured label; the words alone say it too."""
    return f'<span class="verdict {kind}">{escape(text)}</span>'


def enrolment(story: Story) -> str:
    """Show who was enrolled, with the quality measured and the notice written."""
    floors = load_standard("workplace").parameters.enrolment_floors
    cards = "".join(_enrolled(one, floors) for one in story.enrolled)
    left_out = "".join(f"<li>{escape(text)}</li>" for text in story.left_out)
    missing = f"<p>Not enrolled:</p><ul>{left_out}</ul>" if left_out else ""
    return (
        "<section><h2>Enrolment</h2><p>Features of a face are computed only under a release that names the person, the "
        "purpose and a term. The sample must reach every quality floor of the standard; nobody can override that. What "
        "is stored is sealed with a key for each reference.</p>"
        f'<div class="cards wide">{cards}</div>{missing}</section>'
    )


def _enrolled(one: Enrolled, floors: Sequence[Floor]) -> str:
    marks = [Mark(one.face, "", "good")] if one.face else []
    rows = "".join(_quality_row(floor, one.sample.quality) for floor in floors)
    near = one.face.face.box if one.face else None
    credit = f" {escape(one.credit)}." if one.credit else ""
    return (
        f'<article class="card"><div><h3>{escape(one.name)}</h3>{verdict("enrolled", "good")}</div>'
        f'<div class="split"><div>{photograph(one.picture, marks, f"{one.name}, with the face found", 900, near)}'
        f'<p class="soft">Box and five landmarks as detected.{credit}</p></div>'
        "<table><thead><tr><th>quality</th><th class=number>measured</th><th class=number>floor</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        f'<p class="soft">Reference ends {escape(str(one.sample.expires)[:10])}. Release: '
        f"“{escape(one.release.statement)}”"
        f"</p><details><summary>The notice written for the subject</summary><pre>{escape(one.notice)}</pre></details>"
        "</article>"
    )


def _quality_row(floor: Floor, measured: object) -> str:
    values = measured if isinstance(measured, dict) else dict(measured)  # type: ignore[call-overload]
    value, unit = values.get(floor.component), _UNITS.get(floor.component, "")
    digits = 0 if unit else 2
    limits = []
    if floor.minimum is not None:
        limits.append(f"≥ {floor.minimum:.{digits}f}{unit}")
    if floor.maximum is not None:
        limits.append(f"≤ {floor.maximum:.{digits}f}{unit}")
    shown = "" if value is None else f"{round(value, digits) + 0.0:.{digits}f}{unit}"
    return (
        f"<tr><td>{escape(_WORDS.get(floor.component, floor.component))}</td>"
        f'<td class="number">{shown}</td><td class="number">{", ".join(limits)}</td></tr>'
    )


def _rates(point: Threshold, fnmr: float) -> str:
    return (
        f"A match needs a similarity of {point.score:.3f}, at which <b>{one_in(point.fmr)}</b> comparisons of "
        "different "
        f"people is taken for a match (95 % interval: {one_in(point.fmr_high)} to {one_in(point.fmr_low)}; measured on "
        f"{escape(point.data)}). On the same data, {fnmr:.0%} of the true claims fall below it and are refused."
    )


def fnmr_at(score: float) -> float:
    """Return the share of mated comparisons that fell below a score on the pack's calibration data."""
    calibration = standalone.pack_store().get(DEFAULT_PACK).manifest.calibration
    return 0.0 if calibration is None else calibration.fnmr_at(score)


def verification(story: Story) -> str:
    """Show every verification with its score and operating point."""
    points = [one.result.operating_point for one in story.comparisons if one.result]
    mated = [one for one in story.comparisons if one.mated]
    impostors = [one for one in story.comparisons if not one.mated]
    said = f"<p>{_rates(points[0], fnmr_at(points[0].score))}</p>" if points else ""
    return (
        "<section><h2>Verification: is this who they claim to be?</h2>"
        f"{said}<p>{sum(one.right for one in mated)} of {len(mated)} true claims were accepted, and "
        f"{sum(one.right for one in impostors)} of {len(impostors)} false ones refused. Scores below the "
        "operating point "
        "are withheld: from enough of them a face could be rebuilt.</p>"
        f'<div class="cards">{"".join(_comparison(one) for one in story.comparisons)}</div>{_pairs(story)}</section>'
    )


def _comparison(one: Comparison) -> str:
    claim = "a true claim" if one.mated else f"claimed to be {one.claimed}"
    about = f"{one.title}, {size(one.picture)}"
    heading = f"<h3>{escape(one.shown)}</h3><p>{escape(claim)}</p><p class=soft>{escape(about)}</p>"
    if one.result is None:
        picture = photograph(one.picture, [], f"{one.shown}, {one.title}", 260)
        refused = f"{verdict('refused', 'unknown')}<p>{escape(one.error)}</p>"
        return f'<article class="card">{picture}{heading}{refused}</article>'
    kind = "good" if one.right else "bad"
    picture = photograph(one.picture, [Mark(one.result.faces[0], "", kind)], f"{one.shown}, {one.title}", 260)
    decision = verdict(one.result.decision, kind)
    return (
        f'<article class="card">{picture}<div>{heading}</div><div>{decision}</div>'
        f"{scale(one.result.score, one.result.operating_point, kind)}</article>"
    )


def _pairs(story: Story) -> str:
    parts = []
    for pair in story.pairs:
        kind = "bad" if pair.result.decision == "match" else "good"
        shown = "".join(
            photograph(path, [Mark(face, name, kind)], name, 260)
            for path, face, name in zip(pair.pictures, pair.result.faces, pair.names, strict=True)
        )
        parts.append(
            f'<article class="card"><h3>{escape(pair.names[0])} beside {escape(pair.names[1])}</h3>'
            f'<div class="cards">{shown}</div><div>{verdict(pair.result.decision, kind)}</div>'
            f"{scale(pair.result.score, pair.result.operating_point, kind)}</article>"
        )
    if not parts:
        return ""
    return (
        "<p>Two pictures in hand can be compared without storing anything. Nobody's reference is touched, so here the "
        f'score of a non-match is shown.</p><div class="cards wide">{"".join(parts)}</div>'
    )


def kind_of(story: Story, probe: ProbeResult) -> tuple[str, str]:
    """Return what to write above a face of the group picture, and its colour."""
    if probe.rejected:
        return "too poor to search", "unknown"
    if not probe.candidates:
        return "unknown", "unknown"
    name = probe.candidates[0].subject
    return name, "good" if any(guest.label == name and guest.shows(probe.face) for guest in story.guests) else "bad"


def searched(story: Story, result: IdentificationResult, description: str) -> str:
    """Draw the group picture with what a search found."""
    marks = [Mark(probe.face, *kind_of(story, probe)) for probe in result.probes]
    return photograph(story.group, marks, description, 1100)


def identification(story: Story) -> str:
    """Show the search of the group picture."""
    result = story.search
    if result is None:
        return ""
    point = result.operating_point
    cards = "".join(_found(story, result, label) for label in [guest.label for guest in story.guests])
    synthetic = (
        " The face in the middle is <b>synthetic</b>: composed from both portraits, reshaped and recoloured. No such "
        "person exists."
    )
    made = "" if story.own else synthetic
    return (
        "<section><h2>Identification: who is in the group picture?</h2>"
        f"<p>Every face is searched among {result.references:,} references, {story.strangers:,} of them simulated. The "
        "picture was composed for this page from the portraits."
        f"{made}</p><p>A search among many must be stricter than one comparison: so that no more than "
        f"{one_in(point.fpir or point.fmr)} searches names a wrong person, no more than {one_in(point.fmr)} "
        "comparisons may "
        f"err, which needs a similarity of {point.score:.3f}. On the model's calibration data "
        f"{fnmr_at(point.score):.0%} of the true "
        "comparisons fall below that, which is the price of a large gallery with the default model.</p>"
        f"<figure>{searched(story, result, 'group picture with every face found')}<figcaption>"
        f'Green: identified. Amber: unknown.</figcaption></figure><div class="cards">{cards}</div></section>'
    )


def _found(story: Story, result: IdentificationResult, label: str) -> str:
    guest = next(guest for guest in story.guests if guest.label == label)
    found = recognised(result, guest)
    status = "enrolled" if guest.enrolled else "not enrolled"
    if found is None:
        answer = verdict("no face found", "unknown")
    elif not found:
        answer = verdict("unknown", "unknown" if guest.enrolled else "good")
    else:
        answer = verdict(found[0], "good" if found[0] == label else "bad")
    score = None
    if found:
        score = next(c.score for probe in result.probes for c in probe.candidates if c.subject == found[0])
    kind = "good" if found else "unknown"
    drawn = "" if found is None else scale(score, result.operating_point, kind)
    return (
        f'<article class="card"><div><h3>{escape(label)}</h3><p class="soft">{status}</p></div>'
        f"<div>{answer}</div>{drawn}</article>"
    )


def redaction(story: Story) -> str:
    """Show the redacted group picture."""
    if story.redaction is None:
        return ""
    picture = story.redaction.pictures[0]
    kept = ", ".join(picture.kept) or "nobody"
    return (
        "<section><h2>Redaction: only who consented stays visible</h2>"
        f"<p>Faces hidden: {picture.hidden}. Kept visible: {escape(kept)}. Searched again, the redacted picture "
        "shows the "
        f"detector {story.visible} faces. What is hidden is replaced by a few noisy blocks, and cannot be computed "
        f"back.</p><figure>{photograph(story.redacted, [], 'group picture after redaction', 1100)}</figure></section>"
    )
