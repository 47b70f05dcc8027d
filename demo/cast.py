"""Who plays: the people to enrol, those who stay unknown, and the group picture with both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import compose
import pictures
from faceward import standalone
from faceward.core.errors import FacewardError, UsageError
from faceward.core.faces import Face
from pictures import Person
from story import Guest

BYSTANDER = "the synthetic bystander"
_MOST_IN_GROUP, _MOST_UNKNOWN = 6, 2


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody of a run.

    Attributes:
        people: Who is to be enrolled.
        others: Who is not: a label and a picture each.
    """

    people: tuple[Person, ...]
    others: tuple[tuple[str, Path], ...]


def main_face(path: Path) -> Face | None:
    """Return the largest face of a picture, or None where there is none or the picture cannot be used."""
    try:
        found = standalone.detect(path).faces
    except FacewardError:
        return None
    return found[0].face if found else None


def first_usable(people: Sequence[Person]) -> tuple[str, Path]:
    """Return the first person with a picture in which a face is found, and that picture.

    Raises:
        UsageError: There is none.
    """
    for person in people:
        for portrait in person.portraits:
            if main_face(portrait) is not None:
                return person.name, portrait
    raise UsageError("no face was found in any picture; give pictures with one upright face each")


def _certain_face(path: Path) -> Face:
    return standalone.detect(path).faces[0].face


def public_domain(folder: Path) -> Cast:
    """Return the two portraits, and a bystander composed of both."""
    people = pictures.public_domain(folder, lambda path: _certain_face(path).box)
    first, second = ((person.portraits[0], _certain_face(person.portraits[0])) for person in people)
    made = folder / "bystander.png"
    compose.bystander(first, second, made)
    return Cast(people, ((BYSTANDER, made),))


def own(folder: Path) -> Cast:
    """Return the user's people. Somebody always stays unknown, unless there are only two to recognise."""
    people = pictures.own(folder)
    several = [person for person in people if len(person.portraits) > 1]
    others = [person for person in people if len(person.portraits) == 1]
    if not others and len(several) > 2:
        others.append(several.pop())
    return Cast(tuple(several), tuple((person.name, person.portraits[0]) for person in others))


def group(known: Sequence[tuple[str, Path]], others: Sequence[tuple[str, Path]], output: Path) -> list[Guest]:
    """Compose the group picture; unknown faces hang between the known ones.

    Args:
        known: Enrolled people, and a picture of each.
        others: People who are not enrolled, and a picture of each.
        output: The picture to write.

    Returns:
        Who hangs there: those in whose picture a face was found.

    Raises:
        UsageError: In none.
    """
    places = [(name, True, path) for name, path in known[:_MOST_IN_GROUP]]
    for number, (label, path) in enumerate(others[:_MOST_UNKNOWN]):
        places.insert(1 + 2 * number, (label, False, path))
    seen = [(place, face) for place in places if (face := main_face(place[2])) is not None]
    if not seen:
        raise UsageError("no face was found for the group picture; give pictures with one upright face each")
    frames = compose.group([(place[2], face) for place, face in seen], output)
    return [Guest(label, known_one, frame) for ((label, known_one, _), _), frame in zip(seen, frames, strict=True)]
