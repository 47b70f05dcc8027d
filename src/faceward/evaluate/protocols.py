"""Protocols as data: what is compared with what, on which pictures, and on what ground these may be used.

A protocol is a TOML file of three tables, described in `docs/evaluation.md`. Reading is strict: what is not known is
refused, so that a misspelt key never changes a figure silently.
"""

from __future__ import annotations

import importlib.resources
import re
from dataclasses import replace
from pathlib import Path

from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.core.files import read_regular
from faceward.evaluate.protocol import ALLOWED, KEYS, Files, Kind, Protocol, Setting, Terms, Trials, problem_of
from faceward.policy.evaluation import DataBasis
from faceward.policy.strict import Table, parse_toml

DATA_FILE = "data.toml"
"""The file beside the pictures that says what they are, for a protocol that serves any."""
MAX_BYTES = 2**20
_TERMS = ("name", "basis", "statement", "camera_class", "own")
_FILES = ("images", "labels", "labels_if_present", "errata", "boxes")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 1000


def built_in() -> tuple[str, ...]:
    """Return the names of the protocols that come with the project."""
    found = (importlib.resources.files("faceward.evaluate") / "protocols").iterdir()
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in found if entry.name.endswith(".toml")))


def built_in_protocol(name: str) -> Protocol:
    """Return a protocol that comes with the project."""
    resource = importlib.resources.files("faceward.evaluate") / "protocols" / f"{name}.toml"
    return parse_protocol(resource.read_bytes(), f"{name}.toml")


def load_protocol(name: str, kind: Kind) -> Protocol:
    """Return a protocol by its name, or from a file.

    Args:
        name: A built-in protocol, or the path of a TOML file.
        kind: What it is wanted for.

    Raises:
        UsageError: There is none of that name, or it is of another kind.
        BadInput: The file cannot be read or says what is not known.
        PolicyRefusal: It uses pictures on no ground that rule V3 accepts.
    """
    if name in built_in():
        protocol = built_in_protocol(name)
    elif name.endswith(".toml") or "/" in name:
        protocol = parse_protocol(read_limited(Path(name), "protocol"), name)
    else:
        known = ", ".join(built_in())
        raise UsageError(f"no protocol {name!r}; there are {known}, or name a .toml file of your own")
    if protocol.kind is not kind:
        raise UsageError(f"the protocol {protocol.name!r} is for {protocol.kind}; use 'evaluate {protocol.kind}'")
    return protocol


def parse_protocol(data: bytes, where: str) -> Protocol:
    """Read a protocol.

    Args:
        data: TOML in UTF-8.
        where: What to call it in messages.

    Raises:
        BadInput: It is no such file; the line names the key.
        PolicyRefusal: It uses pictures on no ground that rule V3 accepts.
    """
    root = Table(parse_toml(data, where, BadInput), where, BadInput)
    root.only(("protocol", "data", "trials"))
    head = root.table("protocol")
    head.only(("name", "kind", "trials", "about"))
    name = head.text("name")
    if not _NAME.fullmatch(name):
        raise head.error(f"'name' {name!r} must be small letters, digits and hyphens")
    kind = Kind(_choice(head, "kind", [known.value for known in Kind]))
    trials = Trials(_choice(head, "trials", [known.value for known in ALLOWED[kind]]))
    table = root.table("data") if root.has("data") else Table({}, f"{where}: [data]", BadInput)
    table.only((*_TERMS, *_FILES))
    terms = read_terms(table, reviewed=trials is Trials.REVIEWED) if any(map(table.has, _TERMS)) else None
    return Protocol(
        name, kind, trials, _line(head, "about"), terms, _files(table, Files()), _setting(root, where, trials)
    )


def read_terms(table: Table, *, reviewed: bool = False) -> Terms:
    """Read what the data are and on what ground they are used.

    Args:
        table: The table that says it.
        reviewed: Whether the data are findings of a deployment's reviewers.

    Raises:
        BadInput: A key is missing or not of its form.
        PolicyRefusal: The ground is none that rule V3 accepts, or is not stated.
    """
    grounds = [DataBasis.REVIEWED] if reviewed else [known for known in DataBasis if known is not DataBasis.REVIEWED]
    remedy = (
        f"Write 'basis' ({', '.join(grounds)}) and 'statement', which says where the pictures come from and under "
        "which terms, and use no others."
    )
    if not table.has("basis") or table.text("basis") not in grounds:
        found = f"{table.text('basis')!r} is none" if table.has("basis") else "none is stated"
        raise PolicyRefusal("V3", f"pictures of people are test data on a known ground only, and {found}.", remedy)
    if not table.has("statement") or not table.text("statement").strip():
        raise PolicyRefusal("V3", "it is not stated where the pictures come from and under which terms.", remedy)
    camera = table.text("camera_class")
    if not _NAME.fullmatch(camera):
        raise table.error(f"'camera_class' {camera!r} must be small letters, digits and hyphens, such as door")
    own = table.flag("own") if table.has("own") else False
    return Terms(_line(table, "name"), DataBasis(table.text("basis")), _line(table, "statement"), camera, own)


def of_data(protocol: Protocol, folder: Path) -> tuple[Terms, Files]:
    """Return what the data are and where they lie: from the protocol, else from `data.toml` in their folder.

    Raises:
        BadInput: There is no such folder, or the file is damaged.
        PolicyRefusal: Neither says on what ground they are used.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: {'is no folder' if folder.exists() else 'no such folder'}; check the path")
    if protocol.terms is not None:
        return protocol.terms, protocol.files
    path = folder / DATA_FILE
    if not path.exists():
        raise PolicyRefusal(
            "V3",
            f"nothing says on what ground the pictures in {folder} are used as test data.",
            f"Write {DATA_FILE} there with name, basis ({', '.join(DataBasis)}), statement and camera_class.",
        )
    table = Table(parse_toml(read_limited(path, "description of the data"), str(path), BadInput), str(path), BadInput)
    table.only((*_TERMS, *_FILES))
    return read_terms(table, reviewed=protocol.trials is Trials.REVIEWED), _files(table, protocol.files)


def read_limited(path: Path, what: str, limit: int = MAX_BYTES) -> bytes:
    """Read a small file.

    Raises:
        BadInput: It is missing, no file, too large or cannot be read.
    """
    try:
        data = read_regular(path, limit)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise BadInput(f"{path}: the {what} cannot be read: {reason}; check the path") from None
    if data is None:
        raise BadInput(f"{path}: the {what} is larger than {limit:,} bytes; check the path")
    return data


def _files(table: Table, files: Files) -> Files:
    found = replace(files, **{key: _path(table, key) for key in _FILES if table.has(key)})
    return replace(found, labels_if_present="") if found.labels else found


def _setting(root: Table, where: str, trials: Trials) -> Setting:
    table = root.table("trials") if root.has("trials") else Table({}, f"{where}: [trials]", BadInput)
    table.only(("rates", *KEYS[trials]))
    found: dict[str, object] = {}
    for key in (known for known in ("rates", *KEYS[trials]) if table.has(known)):
        if key in ("pairs", "threshold_pairs", "outcomes"):
            found[key] = _path(table, key)
        elif key == "rates":
            found[key] = tuple(_number(table, key, value) for value in _list(table, key))
        elif key == "gallery_sizes":
            found[key] = tuple(_whole(table, key, value) for value in _list(table, key))
        else:
            found[key] = _whole(table, key, table.value(key))
    setting = Setting(**found)  # type: ignore[arg-type]
    problem = problem_of(setting, trials)
    if problem:
        raise table.error(problem)
    return setting


def _choice(table: Table, key: str, known: list[str]) -> str:
    text = table.text(key)
    if text not in known:
        raise table.error(f"{key!r} {text!r} is unknown; choose among {', '.join(known)}")
    return text


def _line(table: Table, key: str) -> str:
    text = " ".join(table.text(key).split())
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise table.error(f"{key!r} must be a line of at most {_LONGEST} characters")
    return text


def _path(table: Table, key: str) -> str:
    text = table.text(key)
    if not text or "\0" in text or Path(text).is_absolute() or ".." in Path(text).parts:
        raise table.error(f"{key!r} must name something inside the folder of the data")
    return text


def _list(table: Table, key: str) -> list[object]:
    value = table.value(key)
    if not isinstance(value, list):
        raise table.error(f"{key!r} must be a list of numbers")
    return value


def _number(table: Table, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise table.error(f"{key!r} must hold numbers")
    return float(value)


def _whole(table: Table, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise table.error(f"{key!r} must hold whole numbers of ordinary size")
    return value
