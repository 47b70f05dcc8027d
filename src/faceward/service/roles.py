"""Who may call which route (rule K2).

Every route says so itself, by a dependency, and the application does not start while one says nothing:

    @router.get("/v1/cases", dependencies=[allowed("operator", "reviewer", "approver", "auditor", "key")])
    async def cases(request: Request, caller: Annotated[Caller, Depends(known)]) -> …

`allowed` names roles of people (`operator`, `approver`, `reviewer`, `auditor`, `custodian`), `subject`, `key` for a
program's key, or `signed-in` for every person and account of whatever role. `public()` lets everybody in. A family that
recognises its callers in a form of its own, such as signed requests, checks them itself and says `own_door("key")`.
What a role may do in an operation is not decided here: the standard's rules decide on it, after this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from faceward.core.errors import FacewardError
from faceward.policy.people import Role
from faceward.service import csrf, doors, limits
from faceward.service.callers import Caller, Kind
from faceward.service.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

SIGNED_IN, SUBJECT, KEY = "signed-in", "subject", "key"
PUBLIC_MOUNTS = frozenset({"/static"})
"""Folders of files that everybody may read."""
PUBLIC_ROUTES = frozenset({"/v1/openapi.json"})
"""Routes of the framework, which take no dependency."""
CAMERA_READERS = ("operator", "approver", "auditor")
"""Who reads how cameras are configured, on pages and over `/v1`. Reviewers compare faces: they need neither zones nor
addresses, and alerts and the wall say where somebody was seen."""
_WORDS = frozenset({*(role.value for role in Role), SIGNED_IN, SUBJECT, KEY})


class Undeclared(FacewardError):
    """A route does not say who may call it: a defect of this program."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may call a route; as a dependency it sees to it.

    Attributes:
        who: Roles, `subject`, `key` or `signed-in`; nobody is named where the route is public.
        public: Whether everybody may.
        elsewhere: Whether the route recognises its callers itself.
    """

    who: frozenset[str]
    public: bool = False
    elsewhere: bool = False

    def admits(self, caller: Caller | None) -> bool:
        """Tell whether a caller may."""
        return self.public or (caller is not None and bool(self.who & _names(caller)))

    async def __call__(self, request: Request) -> None:
        """Let the request pass.

        Raises:
            Unauthenticated: Nobody has signed in.
            Forbidden: Whoever did may not, or the request comes from another site's page.
        """
        if self.elsewhere:
            return
        shown = await doors.shown(request)
        if shown.caller is not None and shown.cookie:
            await csrf.check(request)
        if self.admits(shown.caller):
            return
        refusal: FacewardError
        if shown.caller is None:
            refusal = Unauthenticated(shown.problem or "nobody has signed in; sign in, or send a key")
        else:
            wanted = ", ".join(sorted(self.who))
            refusal = Forbidden(f"this is for: {wanted}; ask somebody who may, or have the role given to you")
        if not shown.noted:
            await limits.denied(request, "route", str(refusal), caller=shown.caller, shown=shown.anything)
        raise refusal


def allowed(*who: str) -> Any:  # noqa: ANN401 - what FastAPI's own Depends returns
    """Return the dependency of a route that these may call.

    Args:
        *who: Roles of people, `subject`, `key` or `signed-in`.
    """
    unknown = set(who) - _WORDS
    if unknown or not who:
        raise Undeclared(f"allowed(): {', '.join(sorted(unknown)) or 'nobody'} is none of {', '.join(sorted(_WORDS))}")
    return Depends(Allowed(frozenset(who)))


def public() -> Any:  # noqa: ANN401
    """Return the dependency of a route that everybody may call, and that tells nobody anything of anybody."""
    return Depends(Allowed(frozenset(), public=True))


def own_door(*who: str) -> Any:  # noqa: ANN401
    """Return the dependency of a route that recognises its callers itself; it must refuse all others."""
    return Depends(Allowed(frozenset(who), elsewhere=True))


async def known(request: Request) -> Caller:
    """Return who calls, for routes that are not public.

    Raises:
        Unauthenticated: Nobody has signed in.
    """
    caller = (await doors.shown(request)).caller
    if caller is None:
        raise Unauthenticated("nobody has signed in; sign in, or send a key")
    return caller


async def visitor(request: Request) -> Caller | None:
    """Return who calls, or None, for public routes."""
    return (await doors.shown(request)).caller


@dataclass(frozen=True, slots=True)
class Declared:
    """A route and who may call it.

    Attributes:
        method: HTTP's method.
        path: The route's pattern.
        allowed: Who.
    """

    method: str
    path: str
    allowed: Allowed


def declared(app: FastAPI) -> tuple[Declared, ...]:
    """Return every route with who may call it.

    Raises:
        Undeclared: A route does not say.
    """
    return tuple(sorted(_declared(app), key=lambda one: (one.path, one.method)))


def _declared(app: FastAPI) -> Iterator[Declared]:
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, str(context.path)
        if isinstance(route, Mount):
            if path.rstrip("/") not in PUBLIC_MOUNTS:
                raise Undeclared(f"the mount {path} is none of PUBLIC_MOUNTS in service/roles.py")
            continue
        found = _of(context.dependant) if isinstance(route, APIRoute) else None
        if found is None and path in PUBLIC_ROUTES:
            found = Allowed(frozenset(), public=True)
        if found is None:
            raise Undeclared(f"the route {path} does not say who may call it; see service/roles.py")
        for method in sorted(set(context.methods or ()) - {"HEAD"}):
            yield Declared(method, path, found)


def _of(dependant: Dependant) -> Allowed | None:
    calls = [one.call for one in dependant.dependencies if isinstance(one.call, Allowed)]
    if len(calls) > 1:
        raise Undeclared("a route and its router both say who may call it; say it once")
    return calls[0] if calls else None


def _names(caller: Caller) -> frozenset[str]:
    if caller.kind is Kind.KEY:
        return frozenset({KEY})
    if caller.kind is Kind.SUBJECT:
        return frozenset({SUBJECT})
    return caller.roles | {SIGNED_IN}
