"""The one route: who signed it, which operation, its answer or its error, each in the interface's form."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from faceward.core.errors import BadInput, FacewardError, IntegrityError, PolicyRefusal
from faceward.service import bodies, keys_auth, logs, work
from faceward.service.errors import Forbidden
from faceward.service.rekognition import faces, galleries, pictures, searching, users
from faceward.service.rekognition.calls import Answer, Call
from faceward.service.rekognition.errors import AwsError, Told, told
from faceward.service.rekognition.inputs import MAX_PICTURE, Inputs
from faceward.service.roles import own_door
from faceward.service.sigv4 import Received
from faceward.service.state import Service

router = APIRouter(tags=["rekognition"])

OPERATIONS: Mapping[str, Callable[[Call], Answer]] = MappingProxyType(
    {
        "CreateCollection": galleries.create,
        "ListCollections": galleries.listed,
        "DescribeCollection": galleries.describe,
        "DeleteCollection": galleries.delete,
        "IndexFaces": faces.index,
        "ListFaces": faces.listed,
        "DeleteFaces": faces.delete,
        "SearchFaces": searching.by_face,
        "SearchFacesByImage": searching.by_image,
        "CompareFaces": pictures.compare,
        "DetectFaces": pictures.detect,
        "CreateUser": users.create,
        "DeleteUser": users.delete,
        "ListUsers": users.listed,
        "AssociateFaces": users.associate,
        "DisassociateFaces": users.disassociate,
        "SearchUsers": users.search,
        "SearchUsersByImage": users.search_by_image,
    }
)
_MEDIA_TYPE = "application/x-amz-json-1.1"
_TARGET = "RekognitionService."
_SERVICE = "rekognition"
_OWN = "x-faceward-"
# Two pictures in base64, and room for the rest.
_MOST = 2 * (MAX_PICTURE * 4 // 3 + 4) + 64 * 1024


@router.post("/", dependencies=[own_door("key")], include_in_schema=False)
async def rekognition(request: Request) -> Response:
    """Carry out an operation of Amazon Rekognition's interface."""
    service: Service = request.app.state.service
    # The same that logs and `x-request-id` have.
    identifier = str(request.scope["state"]["request_id"])
    try:
        received = Received("POST", request.url.path, request.url.query, _headers(request))
        key = await to_thread.run_sync(keys_auth.expected, service, received, _SERVICE)
        # Whose key it is said to be is not proven yet: at another address the same key has another turn.
        work.LANE.set(f"{work.LANE.get()} key {key}")
        received = replace(received, body=await bodies.body(request, _MOST))
        answer, beside = await service.work.run(_carried_out, service, received)
    except FacewardError as error:
        return _failed(service, error, identifier)
    headers = {"x-amzn-RequestId": identifier, **beside}
    return Response(json.dumps(answer, ensure_ascii=False, allow_nan=False), 200, headers, _MEDIA_TYPE)


def _carried_out(service: Service, received: Received) -> tuple[Answer, dict[str, str]]:
    caller, claim = keys_auth.by_signature(service, received, _SERVICE)
    name = received.headers.get("x-amz-target", "")
    operation = OPERATIONS.get(name.removeprefix(_TARGET)) if name.startswith(_TARGET) else None
    if operation is None:
        raise AwsError("UnknownOperationException", f"there is no operation {name[:100]!r} here")
    own = {key: value for key, value in received.headers.items() if key.startswith(_OWN)}
    call = Call(service.acting(caller), caller, Inputs(_parsed(received.body)), own, claim.region)
    try:
        return operation(call), call.told
    except Forbidden as error:
        raise keys_auth.forbid(service, caller, error) from None


def _parsed(body: bytes | None) -> dict[str, object]:
    try:
        value = bodies.parsed(body or b"{}")
    except BadInput:
        value = None
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "the body is no JSON object")
    return value


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _failed(service: Service, error: FacewardError, identifier: str) -> Response:
    if isinstance(error, PolicyRefusal):
        service.metrics.refusal(error.rule)
    if isinstance(error, IntegrityError):
        logs.event("failed", logging.ERROR, error=type(error).__name__)
    return _rendered(told(error), identifier)


def _rendered(error: Told, identifier: str) -> Response:
    text = json.dumps({"__type": error.code, "Message": error.message, "message": error.message}, ensure_ascii=False)
    headers = {"x-amzn-RequestId": identifier, "x-amzn-ErrorType": error.code, **error.headers}
    return Response(text, error.status, headers, _MEDIA_TYPE)
