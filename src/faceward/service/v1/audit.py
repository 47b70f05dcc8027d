"""The log, in which every alteration shows (rules L1 to L4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from faceward.audit.receipt import MAX_RECEIPT_BYTES
from faceward.audit.verifier import verify_receipt
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import shown
from faceward.service.v1.given import Given, Shown, Who, described, json_of
from faceward.service.v1.shown import LineShown

router = APIRouter(tags=["log"])

_AUDITORS = ("operator", "approver", "auditor", "custodian", "key")
_ANYBODY = ("signed-in", "key", "subject")


class Verification(Given):
    """What the log is held against."""

    model_config = ConfigDict(str_max_length=65536)
    earlier: str | None = Field(None, max_length=65536, description="A checkpoint that was kept outside.")


class ReceiptCheck(Given):
    """A receipt to check."""

    model_config = ConfigDict(str_max_length=MAX_RECEIPT_BYTES)
    receipt: str = Field(min_length=1, max_length=MAX_RECEIPT_BYTES)


class EntriesShown(Shown):
    """Entries of the log, the oldest first."""

    entries: list[LineShown]


class CountShown(Shown):
    """How many entries there are of an operation and phase."""

    operation: str
    phase: str
    count: int


class LogReportShown(Shown):
    """What a verified log holds."""

    verified: bool
    origin: str
    size: int
    root: str
    earlier: int | None
    operations: list[CountShown]
    unfinished: list[int]
    backwards: list[int]
    sealed_openings: int
    blanked_openings: int


class ProofShown(Shown):
    """A receipt for an entry (C2SP tlog-proof)."""

    entry: int
    proof: str


class ReceiptShown(Shown):
    """What a receipt proves."""

    verified: bool
    origin: str
    size: int
    entry: int
    time: str
    operation: str
    phase: str
    refers: int | None
    opened: dict[str, dict[str, Any]]


@router.get("/log/entries", response_model=EntriesShown, dependencies=[allowed(*_AUDITORS)])
async def show_log(
    request: Request, caller: Who, last: Annotated[int, Query(ge=1, le=1000, description="How many.")] = 20
) -> Response:
    """Show the latest entries of the log, with what can still be opened of them; that is an entry itself."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: {"entries": [line.to_json() for line in system.show_log(last)]})


@router.post(
    "/log/verification",
    response_model=LogReportShown,
    openapi_extra=described(Verification),
    dependencies=[allowed(*_AUDITORS)],
)
async def verify_log(request: Request, caller: Who, given: Annotated[Verification, json_of(Verification)]) -> Response:
    """Recompute the whole log and check it against its signature, and against a checkpoint kept outside."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: system.verify_log(given.earlier).to_json())


@router.get("/log/entries/{entry}/receipt", response_model=ProofShown, dependencies=[allowed(*_ANYBODY)])
async def prove_entry(request: Request, caller: Who, entry: Annotated[int, Path(ge=0, le=2**53)]) -> Response:
    """Prove that an entry is in the log: a receipt that anybody can check with the log's key; it opens no details."""
    return await shown(request, caller, lambda system: {"entry": entry, "proof": system.prove(entry)})


@router.post(
    "/log/receipt-checks",
    response_model=ReceiptShown,
    openapi_extra=described(ReceiptCheck),
    dependencies=[allowed(*_ANYBODY)],
)
async def check_receipt(
    request: Request, caller: Who, given: Annotated[ReceiptCheck, json_of(ReceiptCheck)]
) -> Response:
    """Check a receipt with this log's public key."""
    return await shown(request, caller, lambda system: verify_receipt(given.receipt, system.log_key()).to_json())
