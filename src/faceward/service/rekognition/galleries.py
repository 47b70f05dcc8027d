"""CreateCollection, ListCollections, DescribeCollection and DeleteCollection: a collection is a gallery."""

from __future__ import annotations

from faceward.core.duration import format_duration, parse_duration
from faceward.policy.purposes import Purpose
from faceward.service.rekognition import names
from faceward.service.rekognition.calls import Answer, Call
from faceward.service.rekognition.errors import AwsError

_OK = 200
_PAGE = 100


def create(call: Call) -> Answer:
    """Create a gallery for a registered purpose, which the tag `purpose` names."""
    call.inputs.only(("CollectionId", "Tags"))
    name, tags = call.inputs.collection(), call.inputs.tags()
    purpose = tags.get("purpose") or _only_purpose(call)
    call.caller.require_gallery(name)
    call.caller.require_purpose(purpose)
    known = call.collections.purpose(purpose)
    if known is not None:
        _check_agrees(known, tags)
    made = call.collections.create(name, purpose, tags)
    return {
        "StatusCode": _OK,
        "CollectionArn": names.collection_arn(call.region, made.name),
        "FaceModelVersion": call.version,
    }


def listed(call: Call) -> Answer:
    """Name the galleries that the key is for, and whose names the interface can hold."""
    call.inputs.only(("NextToken", "MaxResults"))
    most = call.inputs.whole("MaxResults", _PAGE, (0, 4096)) or _PAGE
    mine = [name for name in call.collections.names() if _visible(call, name)]
    page, token = call.page("collections", mine, most)
    answer: Answer = {"CollectionIds": list(page), "FaceModelVersions": [call.version] * len(page)}
    return answer if token is None else {**answer, "NextToken": token}


def describe(call: Call) -> Answer:
    """Say how much a gallery holds."""
    call.inputs.only(("CollectionId",))
    gallery = call.gallery()
    return {
        "FaceCount": call.collections.count(gallery.name),
        "FaceModelVersion": call.version,
        "CollectionARN": names.collection_arn(call.region, gallery.name),
        "CreationTimestamp": gallery.created.timestamp(),
        "UserCount": call.collections.users(gallery.name).count(),
    }


def delete(call: Call) -> Answer:
    """Delete a gallery and destroy the key of every reference in it."""
    call.inputs.only(("CollectionId",))
    call.collections.delete(call.gallery().name)
    return {"StatusCode": _OK}


def _visible(call: Call, name: str) -> bool:
    if names.COLLECTION_ID.fullmatch(name) is None:
        return False
    if call.caller.galleries is not None and name not in call.caller.galleries:
        return False
    return call.caller.purposes is None or call.collections.get(name).purpose in call.caller.purposes


def _only_purpose(call: Call) -> str:
    purposes = call.caller.purposes
    if purposes is not None and len(purposes) == 1:
        return next(iter(purposes))
    raise AwsError(
        "InvalidParameterException",
        "a collection serves one purpose (rule P1): name a registered one in Tags, such as {'purpose': 'door'}, or use "
        "a key that is for one purpose alone",
    )


def _check_agrees(purpose: Purpose, tags: dict[str, str]) -> None:
    basis, retention = tags.get("basis"), tags.get("retention")
    if basis is not None and basis != purpose.basis.value:
        raise AwsError(
            "InvalidParameterException",
            f"the purpose {purpose.name!r} rests on {purpose.basis.value}, not on {basis!r}; correct the tag, or name "
            "another purpose",
        )
    if retention is None:
        return
    try:
        span = parse_duration(retention)
    except ValueError as error:
        raise AwsError("InvalidParameterException", f"the tag 'retention': {error}") from None
    if span != purpose.retention:
        kept = format_duration(purpose.retention)
        raise AwsError(
            "InvalidParameterException",
            f"the purpose {purpose.name!r} keeps references for {kept}, not for {retention}; correct the tag",
        )
