"""What a key that is for some purposes or galleries may reach, also by detours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from faceward.core.errors import UsageError
from faceward.core.names import normal_name
from faceward.service import limits
from faceward.service.errors import Forbidden

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.core.reports import ReferenceView, SubjectView
    from faceward.operations.system import System
    from faceward.policy.consent import Release
    from faceward.service.callers import Caller


def limited(caller: Caller) -> bool:
    """Tell whether a caller is a key for some purposes or galleries."""
    return caller.purposes is not None or caller.galleries is not None


def whole(caller: Caller) -> None:
    """Check that a caller may ask for what concerns the whole deployment.

    Raises:
        Forbidden: Their key is for some of it.
    """
    if limited(caller):
        raise Forbidden(
            "this concerns the whole deployment, and this key is for some purposes or galleries; use another"
        )


async def all_cameras(request: Request, caller: Caller) -> None:
    """Check that a caller may see or change cameras, which serve every purpose; who may not is named in the log.

    Raises:
        Forbidden: Their key is for some purposes or galleries.
    """
    try:
        whole(caller)
    except Forbidden as refusal:
        await limits.denied(request, "scope", str(refusal), caller=caller)
        raise


def purpose(caller: Caller, name: str) -> str:
    """Return a purpose's name as it is written.

    Raises:
        Forbidden: The caller's key is for others.
    """
    found = normal_name(name)
    caller.require_purpose(found)
    return found


def gallery(caller: Caller, name: str) -> str:
    """Return a gallery's name as it is written.

    Raises:
        Forbidden: The caller's key is for others.
    """
    found = normal_name(name)
    caller.require_gallery(found)
    return found


def all_of_purpose(caller: Caller, system: System, name: str) -> None:
    """Check that a caller may reach every gallery of a purpose: a claim is compared with the references in all of them.

    Raises:
        Forbidden: Their key is for others.
    """
    wanted = purpose(caller, name)
    if caller.galleries is None:
        return
    # Where no gallery serves it yet, the first will be of its name: a key for others has no business with it.
    for one in [one for one, serves in system.gallery_purposes().items() if serves == wanted] or [wanted]:
        caller.require_gallery(one)


def purposes(caller: Caller, system: System) -> frozenset[str] | None:
    """Return the purposes that a caller is for, those of their galleries where none are named, or None for all."""
    if caller.purposes is not None or caller.galleries is None:
        return caller.purposes
    known = system.gallery_purposes().items()
    return frozenset(serves for one, serves in known if one in caller.galleries and serves is not None)


def comparing(caller: Caller, system: System, name: str | None) -> str | None:
    """Return the purpose that a comparison of two pictures stands under, which a limited key names if it has several.

    Raises:
        Forbidden: Their key is for others, or for several and none is named.
    """
    mine = purposes(caller, system)
    if name is not None:
        found = purpose(caller, name)
        if mine is not None and found not in mine:
            raise Forbidden(f"this key is not for the purpose {found!r}; use a key that is")
        return found
    if mine is None:
        return None
    if len(mine) != 1:
        raise Forbidden("this key is for some purposes: name the one of those that the comparison is for")
    return next(iter(mine))


def reached(caller: Caller, system: System, name: str, of_purpose: str | None = None) -> bool:
    """Tell whether a caller may reach a reference of a subject; one that is not limited reaches everybody.

    Nothing is opened, and nothing written to what the log tells of the subject: a limited key is answered about
    somebody who is enrolled elsewhere as about nobody.
    """
    if not limited(caller):
        return True
    return any(
        admits(caller, one.purpose, one.gallery) and of_purpose in (None, one.purpose)
        for one in system.collections.held(name)
    )


def held(caller: Caller, system: System, name: str, operation: str) -> None:
    """Check that something is held about a subject that a caller may reach; see `reached`.

    Raises:
        UsageError: Nothing is; that is in the log.
    """
    if not reached(caller, system, name):
        nothing(system, name, operation)


def nothing(system: System, name: str, operation: str) -> NoReturn:
    """Answer that nothing is held about a subject.

    Raises:
        UsageError: Always; that is in the log.
    """
    system.collections.not_held(operation, name)
    raise UsageError(f"nothing is held about {normal_name(name)!r}; check the name")


def own_releases(caller: Caller, system: System, name: str, of_purpose: str) -> tuple[Release, ...]:
    """Return a subject's releases on file; for a limited caller those for one purpose alone."""
    found = system.releases.of(name)
    return tuple(one for one in found if one.purpose == of_purpose) if limited(caller) else found


def rows(caller: Caller, found: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those objects, with a `purpose` and a `gallery`, that a caller may see."""
    return [row for row in found if admits(caller, str(row["purpose"]), str(row["gallery"]))]


def admits(caller: Caller, of_purpose: str, in_gallery: str) -> bool:
    """Tell whether a caller may see something of a purpose and a gallery."""
    return _in(caller.purposes, of_purpose) and _in(caller.galleries, in_gallery)


def references(caller: Caller, view: SubjectView) -> list[ReferenceView]:
    """Return the references of a subject that a caller may see.

    Raises:
        UsageError: They may see none, which is told as if nothing were held at all.
    """
    found = [one for one in view.references if admits(caller, one.purpose, one.gallery)]
    if limited(caller) and not found:
        raise UsageError(f"nothing is held about {view.subject!r}; check the name")
    return found


def subject(caller: Caller, view: SubjectView) -> dict[str, Any]:
    """Return what a caller may see of a subject; a limited key sees the entries that say that they are its own.

    Raises:
        UsageError: See `references`.
    """
    shown: dict[str, Any] = view.to_json()
    shown["references"] = [one.to_json() for one in references(caller, view)]
    if limited(caller):
        shown["history"] = [line for line in shown["history"] if _tells_of_own(caller, line)]
    return shown


def _tells_of_own(caller: Caller, line: Mapping[str, Any]) -> bool:
    """Tell whether an entry says where it was, and that this is the caller's; what does not say it is not shown."""
    purposes, found = set[str](), set[str]()
    for details in line["opened"].values():
        purposes |= {str(details["purpose"])} if "purpose" in details else set()
        found |= {str(details["gallery"])} if "gallery" in details else set()
    where = (caller.purposes, purposes), (caller.galleries, found)
    return all(mine is None or (named and named <= mine) for mine, named in where)


def _in(mine: Collection[str] | None, name: str) -> bool:
    return mine is None or name in mine
