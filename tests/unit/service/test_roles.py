"""Every route says who may call it, and the application does not start while one does not (rule K2)."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette

from faceward.service import roles
from faceward.service.callers import Caller, Kind
from faceward.service.roles import Undeclared, allowed, own_door, public


def _app(router: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router, prefix="/v1")
    return app


def test_K2_a_route_that_says_nothing_keeps_the_service_from_starting() -> None:
    router = APIRouter()
    router.add_api_route("/cases", lambda: None, dependencies=[allowed("operator")])
    assert [(one.method, one.path) for one in roles.declared(_app(router))] == [("GET", "/v1/cases")]
    router.add_api_route("/forgotten", lambda: None)
    with pytest.raises(Undeclared, match="/v1/forgotten"):
        roles.declared(_app(router))


def test_a_folder_of_files_is_public_only_by_name() -> None:
    app = _app(APIRouter())
    app.mount("/static", Starlette())
    assert roles.declared(app) == ()
    app.mount("/evidence", Starlette())
    with pytest.raises(Undeclared, match="/evidence"):
        roles.declared(app)


def test_it_is_said_once() -> None:
    router = APIRouter(dependencies=[public()])
    router.add_api_route("/cases", lambda: None, dependencies=[allowed("operator")])
    with pytest.raises(Undeclared, match="once"):
        roles.declared(_app(router))


@pytest.mark.parametrize("who", [(), ("admin",), ("operator", "admin")])
def test_a_role_that_there_is_not_is_no_declaration(who: tuple[str, ...]) -> None:
    with pytest.raises(Undeclared):
        allowed(*who)


@pytest.mark.parametrize(
    ("caller", "admitted"),
    [
        (None, set()),
        (Caller(Kind.PERSON, "Ada", frozenset({"operator"})), {"operator", "signed-in"}),
        (Caller(Kind.ACCOUNT, "Ada", frozenset({"reviewer"})), {"reviewer", "signed-in"}),
        (Caller(Kind.ACCOUNT, "Ada"), {"signed-in"}),
        # A key acts as an operator in operations; which routes it may call, each route says.
        (Caller(Kind.KEY, "key shop", frozenset({"operator"})), {"key"}),
        (Caller(Kind.SUBJECT, "Cleo", frozenset({"operator"})), {"subject"}),
    ],
)
def test_K2_who_is_admitted(caller: Caller | None, admitted: set[str]) -> None:
    words = {"operator", "approver", "reviewer", "auditor", "custodian", "subject", "key", "signed-in"}
    assert {word for word in words if allowed(word).dependency.admits(caller)} == admitted
    assert public().dependency.admits(caller)
    assert not own_door("key").dependency.admits(None)
