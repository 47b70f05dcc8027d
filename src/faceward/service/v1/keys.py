"""Keys of programs: having the roster take one on (rule K2)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward.service import sessions
from faceward.service.roles import allowed
from faceward.service.v1.doing import done
from faceward.service.v1.given import Given, Who, described, json_of
from faceward.service.v1.shown import AskedShown

router = APIRouter(tags=["people"])


class Admission(Given):
    """With what a program's key is to be in the roster."""

    trained_until: date | None = Field(
        None, description="Last day on which the training of whoever answers for the program is valid."
    )


@router.post(
    "/keys/{name}/admission",
    status_code=202,
    response_model=AskedShown,
    openapi_extra=described(Admission),
    dependencies=[allowed("operator", "approver")],
)
async def admit_key(
    request: Request, caller: Who, name: str, given: Annotated[Admission, json_of(Admission)]
) -> Response:
    """Ask for a program's key to be admitted to the roster; another person approves it."""
    answer = await done(
        request, caller, lambda system: system.api_keys.admit(name, given.trained_until).to_json(), status=202
    )
    sessions.forget_roster()
    return answer
