"""A case as a package to read and print: HTML that needs nothing else, and JSON (rule H4: lead only)."""

from __future__ import annotations

import base64
import io
import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import jinja2
from PIL import Image

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.core.faces import ImageArray
from faceward.operations.case_reading import picture_digests, reading, seen
from faceward.operations.case_store import CaseStore, Held
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.policy.review_features import SOURCE, review_scheme
from faceward.policy.review_model import Case
from faceward.policy.review_view import LEAD_ONLY
from faceward.vision.images import SUFFIXES, decode

HTML_FILE = "case.html"
JSON_FILE = "case.json"
_LARGEST_SIDE = 1000
_QUALITY = 88
_DECODED_PIXELS = 4_000_000
# How much around a face is shown beside a candidate, as a share of its box.
_MARGIN = 0.45
_PHASES = {
    "in-review": "in review",
    "disputed": "in review: two reviewers differ, a third is wanted",
    "decided": "decided: the finding and the action taken are still to be recorded",
    "closed": "closed",
}
_RESULTS = {
    "in-review": "in review",
    "actionable-lead": "actionable lead, and no more than a lead",
    "not-actionable": "not actionable",
}
_KINDS = {"photograph": "photograph", "frame": "frame of a video"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset({"\u200c", "\u200d"})


@dataclass(frozen=True, slots=True)
class Package:
    """A case as one person may see it, written out.

    Attributes:
        html: The page, self-contained.
        shown: The object of case.json.
    """

    html: str
    shown: dict[str, JSONValue]


def export(
    deployment: Deployment, desk: Desk, prefix: str, folder: Path, *, originals: bool = False
) -> dict[str, JSONValue]:
    """Write what the person who acts may see of a case to a new or empty folder; it is logged.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        prefix: The case.
        folder: Where.
        originals: Write the pictures too, as they came; their names are their digests.

    Raises:
        UsageError: There is no such case, or the folder holds something.
        PolicyRefusal: The case is locked (rule P7), or the person has no business with it (rule H1).
        EnvironmentFailure: The folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: holds something already; name a folder that is new or empty")
    held, case, who = reading(deployment, desk, prefix, "case.export")
    shown = seen(deployment, case, who)
    moment = deployment.now()
    store = CaseStore(deployment)
    package = package_of(case, shown, Exported(who.name, moment), store, held)
    text = json.dumps(package.shown, ensure_ascii=False, indent=2) + "\n"
    contents = {HTML_FILE: package.html.encode(), JSON_FILE: text.encode()}
    if originals:
        digests = picture_digests(case)
        contents |= {f"{digest}{_suffix(case, digest)}": store.picture(held, digest) for digest in digests}
    _write(folder, contents)
    return {"case": case.id, "files": [str(folder / name) for name in contents], "notice": LEAD_ONLY}


def _suffix(case: Case, digest: str) -> str:
    names = [version.name for version in case.versions if version.sha256 == digest]
    ending = Path(names[0]).suffix.lower() if names else ""
    return ending if ending in SUFFIXES else ""


@dataclass(frozen=True, slots=True)
class Exported:
    """For whom and when a package was made."""

    reader: str
    when: datetime


def package_of(case: Case, shown: dict[str, JSONValue], exported: Exported, store: CaseStore, held: Held) -> Package:
    """Write out a case of which `shown` may be seen."""
    digests = picture_digests(case)
    pixels = {digest: decode(store.picture(held, digest), digest[:12], _DECODED_PIXELS).pixels for digest in digests}
    original = pixels[case.versions[0].sha256]
    scheme = review_scheme()
    page = _environment().from_string(files("faceward.operations").joinpath("case.html.j2").read_text("utf-8"))
    html = page.render(
        case=shown,
        pictures={digest: _address(picture) for digest, picture in pixels.items()},
        faces=_frames(case),
        crops={candidate.number: _crop(original, candidate.face) for candidate in case.candidates},
        answers={candidate.number: _answers(shown, candidate.number) for candidate in case.candidates},
        features=[feature.to_json() for feature in scheme.features.values()],
        conclusions={step.key: step.name for step in scheme.conclusions.values()},
        phases=_PHASES,
        results=_RESULTS,
        kinds=_KINDS,
        source=SOURCE,
        exported=to_rfc3339(exported.when),
        reader=exported.reader,
    )
    written = {**shown, "exported": to_rfc3339(exported.when), "reader": exported.reader, "source": SOURCE}
    return Package(html, written)


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    made.filters["clean"] = _clean
    made.filters["moment"] = _moment
    return made


def _clean(text: str) -> str:
    """Return a text in which nothing invisible stands that could turn its meaning round."""
    return "".join(c if c in _JOINERS or unicodedata.category(c) not in _HIDDEN else "\ufffd" for c in text)


def _moment(text: str) -> str:
    return f"{from_rfc3339(text):%Y-%m-%d %H:%M} UTC"


def _answers(shown: dict[str, JSONValue], number: int) -> list[dict[str, JSONValue]]:
    """Return the visible answers' comparisons with one candidate."""
    answers = shown["answers"]
    rows: list[dict[str, JSONValue]] = []
    for answer in answers if isinstance(answers, list) else []:
        about = {name: answer[name] for name in ("reviewer", "when", "amendment", "checked")}
        rows += [{**compared, **about} for compared in answer["comparisons"] if compared["candidate"] == number]
    return rows


def _frames(case: Case) -> list[tuple[tuple[float, ...], str]]:
    """Return each marked face once, as left, top, width and height in per cent, with its candidates' numbers."""
    numbers: dict[tuple[float, float, float, float], list[int]] = {}
    for candidate in case.candidates:
        if candidate.face is not None:
            numbers.setdefault(candidate.face, []).append(candidate.number)
    return [
        (tuple(round(100 * share, 2) for share in (x0, y0, x1 - x0, y1 - y0)), ", ".join(map(str, found)))
        for (x0, y0, x1, y1), found in numbers.items()
    ]


def _crop(pixels: ImageArray, face: tuple[float, float, float, float] | None) -> str | None:
    """Return the surroundings of a face as an address of its own, or None where the face is not marked."""
    if face is None:
        return None
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = face[0] * width, face[1] * height, face[2] * width, face[3] * height
    side = max(x1 - x0, y1 - y0) * (0.5 + _MARGIN)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    left, right = max(0, int(middle[0] - side)), min(width, int(middle[0] + side) + 1)
    top, bottom = max(0, int(middle[1] - side)), min(height, int(middle[1] + side) + 1)
    return _address(pixels[top:bottom, left:right])


def _address(pixels: ImageArray) -> str:
    """Return a picture as a data address: smaller, and without the metadata of the file."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(folder / name, flags, 0o600), "wb") as file:
                file.write(content)
    except OSError as error:
        raise EnvironmentFailure(
            f"{folder}: cannot be written: {error.strerror}; check space and permissions"
        ) from None
