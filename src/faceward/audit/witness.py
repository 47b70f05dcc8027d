"""What a witness decides, and what it is told (C2SP tlog-witness, `add-checkpoint`). Pure: no network, no storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.checkpoint import Checkpoint, open_checkpoint
from faceward.audit.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from faceward.audit.note import parse_note
from faceward.audit.strict import decode_base64, decode_decimal, encode_base64
from faceward.core.errors import FacewardError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faceward.audit.cosignature import CosignatureVerifier
    from faceward.audit.note import NoteSignature, Verifier

MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = 64 * 1024
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A checkpoint handed to a witness.

    Attributes:
        old: Size of the tree that the witness is thought to have seen last.
        proof: Consistency proof from there, 32 bytes each.
        note: The signed checkpoint, verbatim.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str

    def encode(self) -> bytes:
        """Write the request's body."""
        return "\n".join([f"old {self.old}", *map(encode_base64, self.proof), "", self.note]).encode()

    @classmethod
    def parse(cls, data: bytes) -> Request:
        """Read a request's body strictly.

        Raises:
            IntegrityError: It is not in the form of C2SP tlog-witness, or beyond the limits.
        """
        if len(data) > MAX_REQUEST_BYTES:
            raise IntegrityError(f"the request is longer than {MAX_REQUEST_BYTES} bytes; send a checkpoint alone")
        try:
            head, separator, note = data.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise IntegrityError("the request is not UTF-8; send it as the specification says") from error
        first, *hashes = head.split("\n")
        if not separator or not first.startswith("old ") or len(hashes) > MAX_PROOF_LINES:
            raise IntegrityError("the request is malformed; send an old size, a proof, an empty line and a checkpoint")
        old = decode_decimal(first.removeprefix("old "), "the old size")
        return cls(old, tuple(decode_base64(line, "a hash of the proof", HASH_SIZE) for line in hashes), note)


class Refusal(Exception):
    """Why a witness does not cosign.

    Attributes:
        status: HTTP status: 400, 403, 404, 409 or 422.
        body: What the answer carries.
        content_type: Its type.
    """

    def __init__(self, status: int, body: str, content_type: str = TEXT_TYPE) -> None:
        super().__init__(f"{status} {body.strip()}")
        self.status, self.body, self.content_type = status, body, content_type


@dataclass(frozen=True, slots=True)
class Submission:
    """A request whose checkpoint is signed by a log that the witness knows.

    Attributes:
        request: As sent.
        text: The checkpoint's text, which a cosignature signs.
        checkpoint: The checkpoint.
    """

    request: Request
    text: str
    checkpoint: Checkpoint


def admit(data: bytes, logs: Mapping[str, Verifier]) -> Submission:
    """Check what needs no state.

    Args:
        data: The request's body.
        logs: By origin, the keys of the logs that the witness knows.

    Raises:
        Refusal: Malformed (400), an unknown log (404), or no good signature of the log (403).
    """
    try:
        request = Request.parse(data)
        text = parse_note(request.note).text
        origin = Checkpoint.from_body(text).origin
    except FacewardError as error:
        raise Refusal(400, f"{error}\n") from error
    if origin not in logs:
        raise Refusal(404, "this witness does not know the log\n")
    try:
        checkpoint = open_checkpoint(request.note, logs[origin])
    except IntegrityError as error:
        raise Refusal(403, f"{error}\n") from error
    if request.old > checkpoint.size:
        raise Refusal(400, "the old size is larger than the checkpoint's\n")
    return Submission(request, text, checkpoint)


def judge(submission: Submission, seen: Checkpoint | None) -> None:
    """Check that a checkpoint continues the last one that this witness cosigned.

    Args:
        submission: From `admit`.
        seen: The last checkpoint cosigned for that origin, or None. It must not change until this one is stored.

    Raises:
        Refusal: The old size is not the last seen, or another tree has this size (409); or the proof fails (422).
    """
    request, new = submission.request, submission.checkpoint
    size, root = (seen.size, seen.root) if seen else (0, EMPTY_ROOT)
    if request.old != size or (new.size == size and new.root != root):
        raise Refusal(409, f"{size}\n", SIZE_TYPE)
    try:
        verify_consistency(size, new.size, request.proof, root, new.root)
    except IntegrityError as error:
        raise Refusal(422, f"{error}\n") from error


def parse_size(body: bytes) -> int:
    """Read the size in an answer 409.

    Raises:
        IntegrityError: It is none.
    """
    return decode_decimal(body.decode("ascii", "replace").removesuffix("\n"), "the witness's size")


def read_cosignature(note: str, body: bytes, witness: CosignatureVerifier) -> NoteSignature:
    """Return a witness's cosignature from its answer 200, verified. Signatures of other keys are ignored.

    Args:
        note: The signed checkpoint that was handed in.
        body: The answer.
        witness: The witness's public key.

    Raises:
        IntegrityError: The answer is something else, or the cosignature is wrong or absent.
    """
    try:
        whole = parse_note(note + body.decode())
    except UnicodeDecodeError as error:
        raise IntegrityError("the witness's answer is not UTF-8; ask its operator") from error
    if whole.text != parse_note(note).text:
        raise IntegrityError("the witness's answer is not signature lines; ask its operator")
    mine = [s for s in whole.signatures if (s.name, s.key_id) == (witness.name, witness.key_id)]
    if not mine or not witness.accepts(whole.text, mine[-1].signature):
        raise IntegrityError(f"the answer holds no good cosignature of {witness.name}; check its key and address")
    return mine[-1]
