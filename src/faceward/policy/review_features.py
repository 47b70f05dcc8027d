"""What reviewers compare and how they conclude: the lists of review_features.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError
from faceward.policy.review_fields import tables
from faceward.policy.strict import Table, parse_toml

_FILE = "review_features.toml"
SOURCE = "FISWG Facial Image Comparison Feature List for Morphological Analysis, version 2.0, 2018-09-11"


@dataclass(frozen=True, slots=True)
class Feature:
    """A component of the face that reviewers compare.

    Attributes:
        key: Its short name in answers, for example `nose`.
        name: Its name in words.
        look: What to look at.
    """

    key: str
    name: str
    look: str

    def to_json(self) -> JSONObject:
        """Return the feature as shown to a reviewer."""
        return {"key": self.key, "name": self.name, "look": self.look}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A step of the scale on which a reviewer concludes.

    Attributes:
        key: Its short name in answers, for example `same-moderate`.
        name: The step in words.
        support: It supports, for what follows from a review, that both pictures show the same person.
    """

    key: str
    name: str
    support: bool


@dataclass(frozen=True, slots=True)
class Scheme:
    """The features, from the top of the head down, and the steps, from same to different; both by key."""

    features: Mapping[str, Feature]
    conclusions: Mapping[str, Conclusion]


@cache
def review_scheme() -> Scheme:
    """Return the package's scheme."""
    return parse_scheme(files("faceward.policy").joinpath(_FILE).read_bytes())


def parse_scheme(data: bytes) -> Scheme:
    """Parse a scheme, TOML 1.0 in UTF-8.

    Raises:
        IntegrityError: A key is missing, unknown, given twice or of another type.
    """
    root = Table(parse_toml(data, _FILE, IntegrityError), _FILE, IntegrityError)
    root.only(("version", "feature", "conclusion"))
    if root.number("version") != 1:
        raise root.error("is of a version that this program does not know; install faceward again")
    features = [_feature(table) for table in tables(root, "feature")]
    conclusions = [_conclusion(table) for table in tables(root, "conclusion")]
    keys = [feature.key for feature in features]
    steps = [step.key for step in conclusions]
    if not keys or not steps or len(set(keys)) != len(keys) or len(set(steps)) != len(steps):
        raise root.error("names no feature, no conclusion, or one of them twice; install faceward again")
    return Scheme(
        MappingProxyType({feature.key: feature for feature in features}),
        MappingProxyType({step.key: step for step in conclusions}),
    )


def _feature(table: Table) -> Feature:
    table.only(("key", "name", "look"))
    return Feature(table.text("key"), table.text("name"), table.text("look"))


def _conclusion(table: Table) -> Conclusion:
    table.only(("key", "name", "support"))
    return Conclusion(table.text("key"), table.text("name"), table.flag("support"))
