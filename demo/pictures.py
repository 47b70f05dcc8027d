"""Who takes part: two public-domain portraits with their renditions, or the user's own photographs."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.core.faces import Box
from faceward.core.names import check_name
from faceward.policy.consent import Release
from faceward.policy.release_files import parse_releases
from faceward.vision.images import SUFFIXES

# More people make the report long without showing anything new.
MOST_PEOPLE = 12
MOST_PROBES = 5


@dataclass(frozen=True, slots=True)
class Probe:
    """A picture to compare, with what was done to it."""

    title: str
    path: Path


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo.

    Attributes:
        name: As enrolled.
        portraits: Pictures to enrol from; the first that reaches the quality floors is taken.
        probes: Other pictures, to verify with.
        statement: What the release says.
        credit: Whose picture it is; empty for the user's own.
    """

    name: str
    portraits: tuple[Path, ...]
    probes: tuple[Probe, ...]
    statement: str
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A portrait that ships inside a dependency."""

    name: str
    distribution: str
    file: str
    credit: str


PORTRAITS = (
    Portrait("Eileen Collins", "scikit-image", "astronaut.png", "NASA, public domain; ships with scikit-image"),
    Portrait("Grace Hopper", "matplotlib", "grace_hopper.jpg", "US Navy, public domain; ships with matplotlib"),
)
_STATEMENT = "For demonstration only: the portrait is in the public domain, and this stands in for a signed release."
_OWN_STATEMENT = "Whoever ran the demonstration states that this person agreed to take part in it."


def shipped(portrait: Portrait) -> Path:
    """Find a portrait in the installed distribution that carries it.

    Raises:
        EnvironmentFailure: The distribution is not installed, or no longer carries it.
    """
    try:
        files = importlib.metadata.files(portrait.distribution) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for entry in files:
        if entry.name == portrait.file:
            return Path(str(entry.locate()))
    raise EnvironmentFailure(
        f"the portrait {portrait.file} of the package {portrait.distribution} is missing; run 'make demo', which "
        "installs it"
    )


def public_domain(folder: Path, locate: Callable[[Path], Box]) -> tuple[Person, ...]:
    """Return the two portraits, and write their renditions into a folder.

    Args:
        folder: Where pictures are written.
        locate: Finds the face of a portrait.
    """
    people = []
    for portrait in PORTRAITS:
        source = shipped(portrait)
        stem = portrait.name.split()[-1].lower()
        with Image.open(source) as opened:
            image = opened.convert("RGB")
        probes = tuple(_renditions(image, locate(source), folder / stem))
        people.append(Person(portrait.name, (source,), probes, _STATEMENT, portrait.credit))
    return tuple(people)


def _renditions(image: Image.Image, face: Box, stem: Path) -> Iterator[Probe]:
    def written(name: str, picture: Image.Image, suffix: str = ".png", quality: int = 95) -> Path:
        path = stem.with_name(f"{stem.name}-{name}{suffix}")
        picture.save(path, quality=quality)
        return path

    half = max(face.width, face.height) * 0.85
    across, down = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
    corners = (round(across - half), round(down - half), round(across + half), round(down + half))
    yield Probe("close crop", written("crop", image.crop(corners)))
    tilted = image.rotate(18, Image.Resampling.BICUBIC, expand=True, fillcolor=(128, 128, 128))
    yield Probe("tilted by 18°", written("tilt", tilted))
    yield Probe("low light, noise", written("dark", darkened(image)))
    small = image.resize((image.width * 9 // 20, image.height * 9 // 20), Image.Resampling.LANCZOS)
    yield Probe("small (45 %)", written("small", small))
    yield Probe("JPEG, quality 15", written("jpeg", image, ".jpg", quality=15))


def darkened(image: Image.Image) -> Image.Image:
    """Return the picture as in low light: a quarter of the brightness, and the noise of a sensor."""
    noise = np.random.default_rng(1).normal(0, 0.012, (image.height, image.width, 3))
    values = (np.asarray(image, dtype=np.float64) / 255) ** 1.5 * 0.27 + noise
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def own(folder: Path) -> tuple[Person, ...]:
    """Read the user's photographs: one sub-folder a person, its name the person's.

    Returns:
        People in the order of their names, at most `MOST_PEOPLE`; those with several pictures come first in that
        limit. A person with one picture has no probes.

    Raises:
        UsageError: The folder cannot be read, or nobody in it has two pictures.
    """
    try:
        folders = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        people = [person for entry in folders if (person := _own_person(entry)) is not None]
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be read: {error.strerror}; give a folder with one sub-folder of pictures a person"
        ) from None
    if not people:
        raise UsageError(f"{folder}: no pictures in sub-folders; give each person a sub-folder with their pictures")
    if not any(len(person.portraits) > 1 for person in people):
        raise UsageError(f"{folder}: nobody has two pictures; one is enrolled, another is verified against it")
    chosen = sorted(people, key=lambda person: len(person.portraits) < 2)[:MOST_PEOPLE]
    return tuple(sorted(chosen, key=lambda person: person.name))


def _own_person(folder: Path) -> Person | None:
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not pictures:
        return None
    return Person(check_name(folder.name, "subject"), tuple(pictures[: MOST_PROBES + 1]), (), _OWN_STATEMENT)


def write_release(person: Person, purpose: str, folder: Path, now: datetime) -> Release:
    """Write a person's release file and read it back as an operator's would be read."""
    today = now.astimezone(UTC).date()
    text = "\n".join(
        f"{key} = {value if key in ('signed', 'until') else json.dumps(value, ensure_ascii=False)}"
        for key, value in {
            "subject": person.name,
            "purpose": purpose,
            "signed": today.isoformat(),
            "until": (today + timedelta(days=30)).isoformat(),
            "statement": person.statement,
            "evidence": person.credit or "stated by the person who ran the demonstration",
        }.items()
    )
    number = len(list(folder.glob("*.toml"))) + 1
    path = folder / f"release-{number}.toml"
    path.write_text(text + "\n", encoding="utf-8")
    return parse_releases(path.read_bytes(), path.name)[0]
