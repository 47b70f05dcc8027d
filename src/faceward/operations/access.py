"""A subject's copy of what is held, to read and to check: a page, the data, receipts, the chain (GDPR Art. 15)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from importlib.resources import files

import jinja2

from faceward.audit.chain_file import EXPORT_FIELD
from faceward.audit.receipt import Receipt
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.results import JSONDict
from faceward.core.words import clean, plural
from faceward.operations.access_words import told
from faceward.operations.config import VKEY_FILE
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.subjects import export
from faceward.operations.suspension import terms
from faceward.policy.notices import because
from faceward.policy.parameters import Basis

# The earliest time that a zip file can state; the package's own time stands in its files.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

_README = """What is held about {subject}

index.html   what is held, why, until when, and what happened; open it in any browser
data.json    the same for other software, and the chain
chain.json   the proof that no log entry about you was left out
receipts/    one receipt for each log entry about you, and for each search that compared you
log.vkey     the public key of the log; compare it with one that you got elsewhere

How to check. Install faceward on a machine of your own (it needs no connection to anybody), then:

  faceward-verify chain chain.json --key log.vkey
  faceward-verify receipt {receipt} --key log.vkey

The first says how many entries concern you and that none is missing up to the time it names. The second says what a
receipt proves; name any other file in receipts/ as well. Keep this copy: it goes on proving what the log held.
"""


def package(deployment: Deployment, desk: Desk, subject: str) -> dict[str, bytes]:
    """Return the files of a subject's copy by name; the export is logged.

    Raises:
        UsageError: Nothing is held about such a subject.
        IntegrityError: Something of it was altered.
    """
    data = export(deployment, desk, subject)
    chain = data[EXPORT_FIELD]
    if not isinstance(chain, Mapping):
        raise UsageError(f"nothing of {subject!r} is in the log; write to a file that ends in .json instead")
    receipts = _receipts(chain)
    page = _page(deployment, data, _searches(chain), len(receipts))
    return {
        "index.html": page.encode(),
        "data.json": _json(data),
        "chain.json": _json(chain),
        "README.txt": _README.format(subject=clean(subject), receipt=min(receipts)).encode(),
        VKEY_FILE: ((deployment.log.vkey or "") + "\n").encode(),
        **receipts,
    }


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Return files as one zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _json(value: JSONObject) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def _receipts(chain: JSONObject) -> dict[str, bytes]:
    """Return a file for each receipt, named after its entry."""
    searches = [str(search["receipt"]) for search in _objects(chain.get("searches"))]
    listed = chain.get("receipts")
    texts = [*(map(str, listed) if isinstance(listed, list) else ()), *searches]
    return {f"receipts/entry-{Receipt.parse(text).index:07d}.txt": text.encode() for text in texts}


def _searches(chain: JSONObject) -> list[JSONDict]:
    """Return when and where the subject was compared in a search, by its receipt."""
    found: list[JSONDict] = []
    for search in _objects(chain.get("searches")):
        receipt = Receipt.parse(str(search["receipt"]))
        content = receipt.content()
        galleries = [str(opening.details.get("gallery", "")) for opening in content.openings.values()]
        found.append({"index": receipt.index, "time": to_rfc3339(content.entry.time), "gallery": ", ".join(galleries)})
    return found


def _page(deployment: Deployment, data: JSONDict, searches: list[JSONDict], receipts: int) -> str:
    source = files("faceward.operations").joinpath("access.html.j2").read_text("utf-8")
    limits = terms(deployment)
    return (
        _environment()
        .from_string(source)
        .render(
            subject=data["subject"],
            controller=data["controller"],
            contact=data["contact"],
            exported=data["exported"],
            references=[_reference(one) for one in _objects(data["references"])],
            history=[_told(one) for one in _objects(data["history"])],
            searches=searches,
            matters=data["matters"],
            acknowledge=limits.acknowledge.days,
            decide=limits.decide.days,
            complaints_to=deployment.jurisdiction.complaints,
            law=deployment.jurisdiction.law,
            origin=deployment.config.origin,
            receipts=receipts,
        )
    )


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    made.filters["clean"] = lambda text: clean(str(text))
    made.filters["clean_lines"] = lambda text: "\n".join(clean(line) for line in str(text).split("\n"))
    made.filters["counted"] = plural
    made.filters["moment"] = lambda text: f"{from_rfc3339(str(text)):%Y-%m-%d %H:%M} UTC"
    return made


def _reference(one: JSONObject) -> JSONDict:
    record = one["record"]
    record = record if isinstance(record, Mapping) else {}
    source, release = record.get("source"), record.get("release")
    named = source.get("name") if isinstance(source, Mapping) else source
    signed = f", in the release of {release['signed_on']}" if isinstance(release, Mapping) else ""
    basis = record.get("basis")
    return {
        **{name: one[name] for name in ("reference", "gallery", "purpose", "created", "expires")},
        "because": f"{because(Basis(str(basis)))}{signed}." if basis in {known.value for known in Basis} else "-",
        "source": f"the picture {named}",
        "operator": str(record.get("operator", "-")),
        "notice": str(record.get("notice", "")),
    }


def _told(line: JSONObject) -> JSONDict:
    opened = line["opened"]
    slots = opened if isinstance(opened, Mapping) else {}
    details = slots.get("details")
    operator = str(details.get("operator", "-")) if isinstance(details, Mapping) else "-"
    return {"index": line["index"], "time": line["time"], "operator": operator, "what": told(line)}


def _objects(value: JSONValue) -> list[JSONObject]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
