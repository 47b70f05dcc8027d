"""`faceward-verify`: what is proven and what is not, in plain words and an exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from faceward.audit.chain_file import MAX_CHAIN_BYTES, Package
from faceward.audit.cosignature import CosignatureVerifier, verify_cosignatures
from faceward.audit.files import read_text
from faceward.audit.note import Verifier
from faceward.audit.receipt import MAX_RECEIPT_BYTES, Receipt
from faceward.audit.verifier import verify_receipt
from faceward.core.clock import to_rfc3339
from faceward.core.errors import EnvironmentFailure, FacewardError
from faceward.verify.chain import cosigned_sizes, verify_chain
from faceward.verify.publication import MAX_NOTE_BYTES, verify_publication

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceward.audit.cosignature import Cosigned

_MAX_KEY_BYTES = 4096
# Most files that belong to no log and are named.
_NAMED = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verifier.

    Args:
        arguments: What follows the program's name; the process's own if None.

    Returns:
        0 verified, 1 the machine could not, 2 usage, 4 the input cannot be read, 5 it proves nothing: altered.
    """
    given = _parser().parse_args(arguments)
    try:
        code = _answered(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except (OSError, AttributeError) as error:
        # A closed reader, a full disk, or no standard output at all: what was found could not be said.
        with suppress(OSError, AttributeError):
            _write(
                sys.stderr, f"faceward-verify: the answer cannot be written ({type(error).__name__}); give it a place"
            )
        # The interpreter flushes once more when it ends.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        return 1
    return code


def _answered(given: argparse.Namespace) -> int:
    try:
        value, lines = _checked(given)
    except FacewardError as error:
        _write(sys.stderr, f"faceward-verify: {error}")
        if given.json:
            failure = {"code": error.exit_code, "kind": type(error).__name__, "message": str(error)}
            _write(sys.stdout, json.dumps({"verified": False, "error": failure}, indent=2))
        return error.exit_code
    if given.json:
        _write(sys.stdout, json.dumps({"verified": True, **value}, indent=2))
    else:
        for line in lines:
            _write(sys.stdout, line)
    return 0


def _checked(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    try:
        value, lines = given.run(given)
    except OSError as error:
        raise EnvironmentFailure(f"{error.filename}: cannot be read: {error.strerror}; check permissions") from error
    return value, lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="faceward-verify",
        description="Check a published log, a receipt or a subject's chain of Faceward, offline.",
        epilog="Exit codes: 0 verified, 4 the input cannot be read, 5 it was altered or proves nothing.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    log = commands.add_parser("log", help="check a published folder whole")
    log.add_argument("folder", type=Path, metavar="FOLDER", help="a copy of what the log serves")
    log.add_argument(
        "--earlier", type=Path, metavar="FILE", help="a checkpoint that you kept; the log must continue it"
    )
    log.set_defaults(run=_log)
    receipt = commands.add_parser("receipt", help="check a receipt")
    receipt.add_argument("receipt", type=Path, metavar="FILE", help="the receipt that you were given")
    receipt.set_defaults(run=_receipt)
    chain = commands.add_parser("chain", help="check that nothing about a subject was left out")
    chain.add_argument("chain", type=Path, metavar="FILE", help="what 'faceward subject export' wrote")
    chain.add_argument(
        "--earlier", type=Path, metavar="FILE", help="an export that you kept; the chain must continue it"
    )
    chain.set_defaults(run=_chain)
    for command in (log, receipt, chain):
        command.add_argument("--key", type=Path, required=True, metavar="FILE", help="the log's public key (log.vkey)")
        command.add_argument(
            "--witness", action="append", default=[], metavar="VKEY", help="key of a witness that must have cosigned"
        )
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _log(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    earlier = None if given.earlier is None else read_text(given.earlier, MAX_NOTE_BYTES, "checkpoint")
    report = verify_publication(given.folder, _key(given), _witnesses(given), earlier)
    checkpoint, history = report.checkpoint, report.history
    value = {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "earlier": report.earlier,
        "witnesses": _witnessed(report.cosigned),
        "operations": [
            {"operation": name, "phase": str(phase.value), "count": count}
            for (name, phase), count in sorted(history.operations.items())
        ],
        "unfinished": list(history.begun),
        "backwards": list(history.backwards),
        "beyond": list(report.beyond),
        "unknown": list(report.unknown),
    }
    lines = [
        f"The published log {checkpoint.origin} holds {checkpoint.size} entries.",
        "All of them, and every tile, are what the log signed.",
        f"Its root is {checkpoint.root.hex()}.",
    ]
    if report.earlier is not None:
        lines.append(f"It continues your checkpoint of size {report.earlier}: nothing up to there was changed.")
    lines += _say_witnesses(report.cosigned) + history.lines()
    if report.beyond:
        lines.append(f"Not checked, because this checkpoint does not cover them: {len(report.beyond)} files.")
    if report.unknown:
        named = ", ".join(report.unknown[:_NAMED])
        more = f" and {len(report.unknown) - _NAMED} more" if len(report.unknown) > _NAMED else ""
        lines.append(f"In the folder, but no part of a log, and proven by nothing: {named}{more}.")
    lines.append("It does not prove that what happened was recorded, or that what entries commit to is true.")
    if report.earlier is None:
        lines.append("Without an earlier checkpoint it does not prove that the log is the one of yesterday.")
    if not report.cosigned:
        lines.append("Without witnesses it does not prove that others are shown the same log.")
    return value, lines


def _receipt(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    text = read_text(given.receipt, MAX_RECEIPT_BYTES, "receipt")
    report = verify_receipt(text, _key(given).vkey)
    cosigned = verify_cosignatures(Receipt.parse(text).checkpoint, _witnesses(given))
    entry = report.entry
    value = {
        "origin": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "entry": report.index,
        "time": to_rfc3339(entry.time),
        "operation": entry.operation,
        "phase": str(entry.phase.value),
        "refers": entry.refers,
        "opened": {slot: dict(details) for slot, details in report.opened.items()},
        "witnesses": _witnessed(cosigned),
    }
    lines = report.lines() + _say_witnesses(cosigned)
    if not cosigned:
        lines.append("Without witnesses it does not prove that others are shown a log that holds the entry.")
    return value, lines


def _chain(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    earlier = None if given.earlier is None else _package(given.earlier)
    report = verify_chain(_package(given.chain), _key(given).vkey, earlier)
    cosigned = cosigned_sizes(report, _witnesses(given))
    value = {
        "origin": report.checkpoints[-1].origin,
        "size": report.checkpoints[-1].size,
        "label": report.label.hex(),
        "entries": [
            {
                "number": one.number,
                "entry": one.report.index,
                "time": to_rfc3339(one.report.entry.time),
                "operation": one.report.entry.operation,
                "phase": str(one.report.entry.phase.value),
                "opened": dict(one.details),
            }
            for one in report.entries
        ],
        "committed": report.committed.index,
        "committed_at": to_rfc3339(report.committed.entry.time),
        "covered": report.covered,
        "earlier": report.earlier,
        "searches": [
            {"entry": one.index, "time": to_rfc3339(one.entry.time), "operation": one.entry.operation}
            for one in report.searches
        ],
        "witnesses": [{**_witnessed([one])[0], "size": size} for one, size in cosigned],
    }
    lines = report.lines() + [
        f"{one.witness} says that at {one.time} the log of {size} entries was the latest it had seen."
        for one, size in cosigned
    ]
    if not cosigned:
        lines.append("Without witnesses it does not prove that others are shown the same log.")
    return value, lines


def _package(path: Path) -> Package:
    return Package.parse(read_text(path, MAX_CHAIN_BYTES, "chain"))


def _key(given: argparse.Namespace) -> Verifier:
    return Verifier.from_vkey(read_text(given.key, _MAX_KEY_BYTES, "key").strip())


def _witnesses(given: argparse.Namespace) -> list[CosignatureVerifier]:
    return [CosignatureVerifier.from_vkey(text.strip()) for text in given.witness]


def _witnessed(cosigned: Sequence[Cosigned]) -> list[dict[str, str]]:
    return [{"witness": one.witness, "time": one.time} for one in cosigned]


def _say_witnesses(cosigned: Sequence[Cosigned]) -> list[str]:
    return [
        f"{one.witness} says that at {one.time} this was the latest tree it had seen, and continued all before."
        for one in cosigned
    ]


def _write(stream: TextIO, text: str) -> None:
    # Details of a receipt are somebody's text; nothing of it may steer a terminal.
    shown = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    encoding = stream.encoding or "ascii"
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding) + "\n")
