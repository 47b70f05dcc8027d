"""Making documents of the running configuration, signing them off, and telling when a sign-off no longer holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.document_results import MadeDocuments, MadeFile, SignOff
from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.core.files import read_regular
from faceward.documents.cards import pack_card
from faceward.documents.changes import changes
from faceward.documents.content import Document
from faceward.documents.questions import Answers
from faceward.documents.write import ANNUAL, FORMATS, SIGNED, WRITERS
from faceward.operations.configuration import configuration, digest
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.pack_facts import pack_facts, shipped
from faceward.operations.portrait import portrait
from faceward.operations.tally import tally
from faceward.protection.files import write_atomically
from faceward.vision.pipeline import Pipeline

ALL = "all"
_MADE = "document-made"
_SIGN_OFF = "sign-off"
_MAX_BYTES = 2**26
_SIGN = "document.sign"


@dataclass(frozen=True, slots=True)
class Order:
    """Which documents are wanted, and how.

    Attributes:
        names: Names of the documents; `all` stands for every one.
        folder: Where they are written.
        formats: `html`, `pdf` or both.
        year: The year that the annual report counts; the current one if None.
        answers: For each document the answers that people gave.
    """

    names: Sequence[str]
    folder: Path
    formats: Sequence[str] = ("html", "pdf")
    year: int | None = None
    answers: Mapping[str, Answers] = field(default_factory=dict)


def make(deployment: Deployment, desk: Desk, order: Order) -> MadeDocuments:
    """Write documents of the configuration as it runs; each file whole or not at all.

    Raises:
        UsageError: A document, a format or the year is unknown.
        PolicyRefusal: Whoever asks may not make documents (K2).
        EnvironmentFailure: The folder cannot be written.
    """
    names = chosen_documents(order.names)
    formats = _chosen(order.formats, FORMATS, "format")
    year = deployment.now().year if order.year is None else order.year
    # Counted before this operation is recorded, so that the report counts what was there when it was asked for.
    counted = tally(deployment, desk.journal, year) if ANNUAL in names else None
    with desk.operation("document.make", {}, Happening("document.make", {"documents": list(names)})) as act:
        facts = portrait(deployment, counted)
        documents = [WRITERS[name](facts, order.answers.get(name, {})) for name in names]
        make_folder(order.folder)
        files = [_write(deployment, document, kind, order.folder) for document in documents for kind in formats]
        act.outcome["configuration"] = facts.configuration
        act.outcome["files"] = {Path(file.path).name: file.sha256 for file in files}
    return MadeDocuments(facts.configuration, tuple(files))


def _chosen(asked: Sequence[str], known: Mapping[str, object], what: str, whole: str | None = None) -> tuple[str, ...]:
    for name in asked:
        if name not in known and name != whole:
            raise UsageError(f"there is no {what} {name!r}; choose {', '.join(known)}{f' or {whole}' if whole else ''}")
    if not asked:
        raise UsageError(f"no {what} is named; choose among {', '.join(known)}")
    return tuple(known) if whole in asked else tuple(name for name in known if name in asked)


def chosen_documents(names: Sequence[str]) -> tuple[str, ...]:
    """Return documents by name in their order, without repetition; `all` stands for every one.

    Raises:
        UsageError: One is unknown, or none is named.
    """
    return _chosen(names, WRITERS, "document", whole=ALL)


def make_folder(folder: Path) -> None:
    """Make a folder for documents, unless it is there.

    Raises:
        UsageError: It is a file.
        EnvironmentFailure: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{folder}: is a file; name a folder") from None
    except OSError as error:
        raise EnvironmentFailure(f"{folder}: cannot be written: {error.strerror}; choose another place") from None


def _write(deployment: Deployment, document: Document, kind: str, folder: Path) -> MadeFile:
    data = FORMATS[kind](document)
    path, sha256 = folder / f"{document.name}.{kind}", sha256_hex(data)
    # Kept before the file is there: one that a kill left behind can be signed off, or made again.
    missing: list[JSONValue] = [*document.missing]
    made: JSONObject = {"document": document.name, "configuration": document.configuration, "missing": missing}
    deployment.keep(_MADE, sha256, made)
    write_atomically(path, data, f"the document {document.name}")
    return MadeFile(document.name, str(path), sha256, document.missing)


def make_pack_card(pipeline: Pipeline, folder: Path, made: datetime) -> tuple[MadeFile, ...]:
    """Write the card of a model pack, whether or not a deployment uses it; each file whole or not at all.

    Args:
        pipeline: The pack.
        folder: Where the files are written.
        made: The current time, UTC.

    Raises:
        UsageError: The folder is a file.
        BadInput: The evaluation that comes with the pack is missing, or is none.
        IntegrityError: Its hash differs from the manifest's.
        EnvironmentFailure: The folder cannot be written.
    """
    document = pack_card(pack_facts(pipeline), shipped(pipeline), made, f"Faceward {version('faceward')}")
    rendered = {kind: render(document) for kind, render in FORMATS.items()}
    make_folder(folder)
    files = []
    for kind, data in rendered.items():
        path = folder / f"{document.name}.{kind}"
        write_atomically(path, data, "the model card")
        files.append(MadeFile(document.name, str(path), sha256_hex(data), ()))
    return tuple(files)


def sign(deployment: Deployment, desk: Desk, name: str, file: Path) -> SignOff:
    """Sign a document off: it then stands for the configuration as long as that runs.

    Raises:
        UsageError: The document is not one that is signed off, or this deployment did not make the file.
        BadInput: The file cannot be read.
        PolicyRefusal: The configuration has changed since it was made, or a question is not answered (O1), or
            whoever asks may not sign (S2); the refusal is logged.
    """
    [name] = _chosen([name], dict.fromkeys(SIGNED), "document to sign off")
    sha256 = sha256_hex(_read(file))
    running = configuration(deployment)
    made = deployment.kept(_MADE, sha256)
    if not isinstance(made, dict) or made["document"] != name:
        raise UsageError(f"{file}: this deployment made no {name} with these bytes; make it, and sign that file")
    happening = Happening(_SIGN, {"document": name, "sha256": sha256, "configuration": digest(running)})
    missing = made["missing"]
    if isinstance(missing, list) and missing:
        refusal = PolicyRefusal(
            "O1",
            f"{len(missing)} question{'' if len(missing) == 1 else 's'} of the document {name} not answered.",
            "Answer them in a file ('faceward document template'), make the document with --answers and sign that.",
        )
        desk.deny(happening, refusal)
        raise refusal
    context = {"document_current": made["configuration"] == digest(running)}
    with desk.operation(_SIGN, context, happening) as act:
        value: JSONObject = {
            "sha256": sha256,
            "configuration": running,
            "person": deployment.operator,
            "time": to_rfc3339(deployment.now()),
            "entry": act.entry,
        }
        deployment.keep(_SIGN_OFF, name, value)
    return _standing(name, value, running)


def _read(file: Path) -> bytes:
    try:
        data = read_regular(file, _MAX_BYTES)
    except OSError as error:
        raise BadInput(f"{file}: cannot be read: {error.strerror}; check the path") from None
    if data is None:
        raise BadInput(f"{file}: too large for a document; check the path")
    return data


def status(deployment: Deployment) -> tuple[SignOff, ...]:
    """Tell of each document that is signed off how it stands, and what changed since."""
    running = configuration(deployment)
    return tuple(_standing(name, deployment.kept(_SIGN_OFF, name), running) for name in SIGNED)


def _standing(name: str, signed: JSONValue, running: JSONObject) -> SignOff:
    if not isinstance(signed, Mapping):
        return SignOff(name, "missing")
    described = signed["configuration"]
    if not isinstance(described, Mapping):
        raise IntegrityError(f"the sign-off of the document {name} is malformed; restore gallery.db from a backup")
    same = canonical_json(described) == canonical_json(running)
    return SignOff(
        document=name,
        state="signed" if same else "void",
        person=str(signed["person"]),
        time=str(signed["time"]),
        sha256=str(signed["sha256"]),
        configuration=digest(described),
        changes=() if same else changes(described, running),
        entry=int(str(signed["entry"])),
    )
