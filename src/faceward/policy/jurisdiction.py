"""Jurisdiction profiles: what the law of a place tightens (rule P3: no profile, no start)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from faceward.core.errors import IntegrityError, PolicyRefusal
from faceward.policy.strict import Table, parse_toml

DEFAULT_JURISDICTION = "EU"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The profile of one jurisdiction.

    Attributes:
        code: Short name, for example `EU` or `US-IL`.
        title: The place in words.
        law: The provisions the profile rests on.
        maximum_retention: A limit shorter than the standard's, or None.
        release_required: A written release is needed whatever the basis.
        complaints: Where a subject may complain.
    """

    code: str
    title: str
    law: str
    maximum_retention: timedelta | None
    release_required: bool
    complaints: str

    def shorten(self, retention: timedelta) -> timedelta:
        """Return a retention, or this jurisdiction's limit where that is shorter."""
        return retention if self.maximum_retention is None else min(retention, self.maximum_retention)


@cache
def jurisdictions() -> Mapping[str, Jurisdiction]:
    """Return all profiles of the package by their code."""
    data = files("faceward.policy").joinpath("jurisdictions.toml").read_bytes()
    return parse_jurisdictions(data)


def load_jurisdiction(code: str) -> Jurisdiction:
    """Return the profile of one jurisdiction.

    Args:
        code: Its code, in either case.

    Raises:
        PolicyRefusal: There is no profile (rule P3).
    """
    profiles = jurisdictions()
    known = code.strip().upper()
    if known not in profiles:
        raise PolicyRefusal(
            "P3",
            f"there is no jurisdiction profile {code!r}.",
            f"Choose one of {', '.join(profiles)}.",
        )
    return profiles[known]


def parse_jurisdictions(data: bytes) -> Mapping[str, Jurisdiction]:
    """Parse jurisdictions.toml.

    Raises:
        IntegrityError: It is malformed.
    """
    where = "jurisdictions.toml"
    root = Table(parse_toml(data, where, IntegrityError), where, IntegrityError)
    return MappingProxyType({code: _profile(code, root.table(code)) for code in root.keys()})  # noqa: SIM118


def _profile(code: str, table: Table) -> Jurisdiction:
    table.only(("title", "law", "maximum_retention", "release_required", "complaints"))
    return Jurisdiction(
        code=code,
        title=table.text("title"),
        law=table.text("law"),
        maximum_retention=table.span("maximum_retention") if table.has("maximum_retention") else None,
        release_required=table.flag("release_required"),
        complaints=table.text("complaints"),
    )
