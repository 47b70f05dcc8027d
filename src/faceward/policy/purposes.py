"""Purposes (rule P1): what faces are compared for, on which lawful basis, how exactly and for how long."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.duration import format_duration
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.parameters import Basis, Parameters
from faceward.policy.standard import Standard
from faceward.policy.strict import Table

MAX_ALTERNATIVE = 500
ANY_CAMERA = "any"
"""The camera class of a purpose that names none: evidence of any class serves it."""

_KEYS = ("name", "basis", "fmr", "fpir", "retention", "alternative", "camera_class", "created")


@dataclass(frozen=True, slots=True)
class PurposeRequest:
    """A purpose as someone asks for it.

    Attributes:
        name: Its name, in any script.
        basis: Name of the lawful basis, for example `consent`.
        fmr: False match rate it accepts in verification, 0 to 1.
        retention: How long references are kept at most.
        fpir: False positive identification rate it accepts in a search, 0 to 1; None takes the standard's.
        alternative: The way without biometrics that people are offered, one line; may be empty.
        camera_class: What kind of pictures its probes are, such as `door`; `any` names none.
    """

    name: str
    basis: str
    fmr: float
    retention: timedelta
    fpir: float | None = None
    alternative: str = ""
    camera_class: str = ANY_CAMERA


@dataclass(frozen=True, slots=True)
class Purpose:
    """A registered purpose.

    Attributes:
        name: Its name, Unicode NFC.
        basis: The lawful basis.
        fmr: False match rate it accepts in verification, above 0 and below 1.
        fpir: False positive identification rate it accepts in a search, above 0 and below 1.
        retention: How long references are kept at most; whole hours.
        alternative: The way without biometrics that people are offered; may be empty.
        created: When it was registered, UTC.
        camera_class: What kind of pictures its probes are; evidence is of the same (rule V1), save where it is `any`.
    """

    name: str
    basis: Basis
    fmr: float
    fpir: float
    retention: timedelta
    alternative: str
    created: datetime
    camera_class: str = ANY_CAMERA

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "name": self.name,
            "basis": self.basis.value,
            "fmr": self.fmr,
            "fpir": self.fpir,
            "retention": format_duration(self.retention),
            "alternative": self.alternative,
            "camera_class": self.camera_class,
            "created": to_rfc3339(self.created),
        }

    @classmethod
    def from_json(cls, value: object) -> Purpose:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored purpose", IntegrityError)
        table.only(_KEYS)
        try:
            name = check_name(table.text("name"), "purpose")
            basis = Basis(table.text("basis"))
            created = from_rfc3339(table.text("created"))
            # Purposes that an earlier version registered name none.
            camera = table.text("camera_class") if table.has("camera_class") else ANY_CAMERA
            camera = check_name(camera, "camera class")
        except (ValueError, OverflowError, UsageError) as error:
            raise table.error(str(error)) from None
        rates = table.number("fmr"), table.number("fpir")
        if not all(0 < rate < 1 for rate in rates):
            raise table.error("'fmr' and 'fpir' must lie between 0 and 1")
        return cls(name, basis, *rates, table.span("retention"), table.text("alternative"), created, camera)


def parse_basis(text: str) -> Basis:
    """Parse the name of a lawful basis.

    Raises:
        UsageError: There is no such basis.
    """
    try:
        return Basis(text.strip().lower())
    except ValueError:
        names = ", ".join(basis.value for basis in Basis)
        raise UsageError(f"there is no lawful basis {text!r}; choose one of {names}") from None


def new_purpose(request: PurposeRequest, standard: Standard, jurisdiction: Jurisdiction, now: datetime) -> Purpose:
    """Check a purpose against the standard and the jurisdiction.

    Args:
        request: What is asked for.
        standard: The deployment's standard.
        jurisdiction: The deployment's jurisdiction.
        now: The current time, UTC.

    Raises:
        PolicyRefusal: The standard does not accept the basis (P1) or the retention is too long (T1).
        UsageError: The name, the basis, a rate, the retention or the alternative is out of range.
    """
    parameters = standard.parameters
    name = check_name(request.name, "purpose")
    basis = _allowed_basis(parse_basis(request.basis), standard)
    fpir = parameters.default_fpir if request.fpir is None else request.fpir
    _check_rate("--fmr", request.fmr, parameters.loosest_fmr)
    _check_rate("--fpir", fpir, parameters.loosest_fpir)
    _check_retention(request.retention, standard, jurisdiction)
    camera = check_name(request.camera_class, "camera class")
    alternative = unicodedata.normalize("NFC", request.alternative).strip()
    if len(alternative) > MAX_ALTERNATIVE or any(unicodedata.category(c) in ("Cc", "Cs") for c in alternative):
        raise UsageError(f"the alternative must be one line of at most {MAX_ALTERNATIVE} characters")
    return Purpose(name, basis, float(request.fmr), float(fpir), request.retention, alternative, now, camera)


def changed_purpose(
    purpose: Purpose, standard: Standard, fmr: float | None, fpir: float | None, camera_class: str | None
) -> Purpose:
    """Return a purpose with other rates or another camera class; None leaves a value as it is.

    Raises:
        UsageError: A rate is looser than the standard allows or otherwise out of range, the camera class is no name, or
            nothing would change.
    """
    parameters = standard.parameters
    changed = replace(
        purpose,
        fmr=purpose.fmr if fmr is None else float(fmr),
        fpir=purpose.fpir if fpir is None else float(fpir),
        camera_class=purpose.camera_class if camera_class is None else check_name(camera_class, "camera class"),
    )
    _check_rate("--fmr", changed.fmr, parameters.loosest_fmr)
    _check_rate("--fpir", changed.fpir, parameters.loosest_fpir)
    if changed == purpose:
        raise UsageError(f"the purpose {purpose.name!r} is so already; give another rate or camera class")
    return changed


def basis_allowed(basis: Basis, parameters: Parameters) -> bool:
    """Tell whether a standard accepts a basis for biometric data."""
    return parameters.bases[basis].allowed


def release_needed(basis: Basis, parameters: Parameters) -> bool:
    """Tell whether a basis rests on the subject's release (rule C1)."""
    return parameters.bases[basis].release


def _allowed_basis(basis: Basis, standard: Standard) -> Basis:
    bases = standard.parameters.bases
    if not bases[basis].allowed:
        allowed = ", ".join(known.value for known in Basis if bases[known].allowed)
        raise PolicyRefusal(
            "P1",
            f"the standard {standard.name!r} does not accept the basis {basis.value!r}: {bases[basis].why}.",
            f"Choose {allowed}.",
        )
    return basis


def _check_rate(option: str, value: float, loosest: float) -> None:
    # Written as "not within" so that not-a-number is refused.
    if not 0 < value <= loosest:
        raise UsageError(f"{option} {value:g} is out of range; choose a rate above 0 and at most {loosest:g}")


def _check_retention(retention: timedelta, standard: Standard, jurisdiction: Jurisdiction) -> None:
    if retention < timedelta(hours=1) or retention % timedelta(hours=1):
        raise UsageError("the retention must be whole hours and at least one, for example 365d")
    longest = jurisdiction.shorten(standard.parameters.maximum_retention)
    if retention > longest:
        raise PolicyRefusal(
            "T1",
            f"a retention of {format_duration(retention)} exceeds {format_duration(longest)}, the limit of "
            f"the standard {standard.name!r} in {jurisdiction.code}.",
            f"Choose at most {format_duration(longest)}.",
        )
