"""The log for outsiders: publish it, have it cosigned, be a witness."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.files import output
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, say, table
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError

_MAX_KEY_BYTES = 4096


def register_audit(audit: typer.Typer) -> None:
    """Add the commands that belong to the log."""
    audit.command("publish")(command(_publish))
    audit.command("cosign")(command(_cosign))


def register(app: typer.Typer) -> None:
    """Add the commands about witnesses."""
    witness = group("witness", "Trust witnesses of this log, or be a witness of somebody else's.")
    witness.command("trust")(command(_trust))
    witness.command("distrust")(command(_distrust))
    witness.command("list")(command(_list))
    witness.command("key")(command(_key))
    witness.command("serve")(command(_serve))
    app.add_typer(witness)


def _publish(
    settings: Settings,
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="The folder that a web server serves.", readable=False),
    ],
    latest: Annotated[
        bool, typer.Option("--latest", help="Publish the newest entries even if no witness has cosigned them.")
    ] = False,
) -> None:
    """Bring a folder up to date that any web server can publish (C2SP tlog-tiles). Needs no passphrase."""
    from faceward.operations.publication import publish_home

    done = publish_home(settings.require_home(), folder, latest=latest)
    if settings.as_json:
        emit(
            {
                "folder": str(folder),
                "origin": done.checkpoint.origin,
                "size": done.checkpoint.size,
                "root": done.checkpoint.root.hex(),
                "before": done.before,
                "written": done.written,
                "witnesses": list(done.cosigners),
                "waiting": done.waiting,
            }
        )
        return
    say(f"published: {done.checkpoint.size} entries, {done.written} new files in {folder}")
    say(f"cosigned by {', '.join(done.cosigners)}" if done.cosigners else "cosigned by nobody")
    if done.waiting:
        say(f"{done.waiting} entries wait for 'faceward audit cosign', or for --latest")


def _cosign(
    settings: Settings,
    witness: Annotated[
        list[str], typer.Option("--witness", metavar="URL", help="Address of a witness; may be repeated.")
    ],
    witness_key: Annotated[
        list[str], typer.Option("--witness-key", metavar="VKEY", help="Its public key, in the same order.")
    ],
) -> None:
    """Have witnesses cosign the log's checkpoint; receipts and publications carry it. Needs no passphrase."""
    from faceward.audit.cosignature import CosignatureVerifier
    from faceward.operations.publication import log_key, open_log
    from faceward.witness.client import Endpoint, cosign

    if len(witness) != len(witness_key):
        raise UsageError("each --witness needs its --witness-key; give them in the same order")
    keys = [CosignatureVerifier.from_vkey(text.strip()) for text in witness_key]
    if len({key.key_id for key in keys}) != len(keys):
        raise UsageError("a witness is named twice; give each once")
    endpoints = [Endpoint(url, key) for url, key in zip(witness, keys, strict=True)]
    home = settings.require_home()
    with open_log(home) as log:
        done = cosign(log, log_key(home), endpoints)
    if done.failures:
        raise _failure(done.cosigned, done.failures)
    if settings.as_json:
        emit({"origin": done.checkpoint.origin, "size": done.checkpoint.size, "witnesses": list(done.cosigned)})
    else:
        say(f"{done.checkpoint.size} entries cosigned by {', '.join(done.cosigned)}")


def _failure(cosigned: tuple[str, ...], failures: dict[str, FacewardError]) -> FacewardError:
    """Return one error for all failures, the gravest deciding its kind."""
    gravest = max(failures.values(), key=lambda error: (isinstance(error, IntegrityError), error.exit_code))
    kept = f" (kept: {', '.join(cosigned)})" if cosigned else ""
    kind = type(gravest) if type(gravest) in {IntegrityError, UsageError} else EnvironmentFailure
    return kind("; ".join(map(str, failures.values())) + kept)


WitnessKey = Annotated[str, typer.Argument(metavar="VKEY", help="The witness's public key.")]
Approved = Annotated[
    Optional[str],
    typer.Option(
        "--request", metavar="DIGEST", help="The approved request, once people hold roles.", show_default=False
    ),
]


def _trust(settings: Settings, vkey: WitnessKey, request: Approved = None) -> None:
    """Trust a witness: its cosignatures count where the standard asks for witnesses (rule L3)."""
    _change(settings, vkey, request, trust=True)


def _distrust(settings: Settings, vkey: WitnessKey, request: Approved = None) -> None:
    """Trust a witness no longer."""
    _change(settings, vkey, request, trust=False)


def _change(settings: Settings, vkey: str, request: str | None, *, trust: bool) -> None:
    with settings.open() as system:
        done = system.witnesses.change(vkey, trust=trust, request=request)
    if settings.as_json:
        emit({"witness": done.witness, "trusted": trust, "done": done.request is None, "request": done.request})
    elif done.request is None:
        say(f"{'trusted' if trust else 'trusted no longer'}: {done.witness}")
    else:
        say(f"request {done.request} waits for another person: 'faceward request approve', then repeat with --request")


def _list(settings: Settings) -> None:
    """List the trusted witnesses, and what each has seen of the log last."""
    from faceward.core.clock import to_rfc3339

    with settings.open() as system:
        keys, seen, judged = system.witnesses.trusted(), system.witnesses.seen(), system.witnesses.judged()
    last = {one.witness: one for one in seen}
    rows = [
        {
            "witness": key.name,
            "vkey": key.vkey,
            "size": last[key.name].size if key.name in last else None,
            "seen": to_rfc3339(last[key.name].time) if key.name in last else None,
        }
        for key in keys
    ]
    if settings.as_json:
        emit({"witnesses": rows, "enough": judged.good, "reason": judged.reason})
        return
    table(("witness", "entries#", "seen", "key"), [(r["witness"], r["size"], r["seen"], r["vkey"]) for r in rows])
    say(judged.reason)


def _key(
    settings: Settings,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The witness's name, like witness.example.org/w1.")
    ],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the secret key goes.", readable=False)
    ],
) -> None:
    """Make a witness's key; prints its public half, for logs and verifiers."""
    from faceward.audit.cosignature import Cosigner

    if out.exists():
        raise UsageError(f"{out}: exists already; a witness's key is not replaced; name another file")
    cosigner = Cosigner(name, secrets.token_bytes(32))
    with output(out) as file:
        file.write(cosigner.encode_secret() + "\n")
    vkey = cosigner.verifier.vkey
    if settings.as_json:
        emit({"name": name, "vkey": vkey, "output": str(out)})
    else:
        say(vkey)


def _serve(
    settings: Settings,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The witness's secret key.", readable=False)],
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="Where it keeps what it has seen.", readable=False)
    ],
    log: Annotated[list[str], typer.Option("--log", metavar="VKEY", help="Key of a log to watch; may be repeated.")],
    new_state: Annotated[
        bool, typer.Option("--new-state", help="Begin a state that does not exist: for a new key alone.")
    ] = False,
    port: Annotated[
        Optional[int], typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8717,
) -> None:
    """Run a witness (C2SP tlog-witness) on 127.0.0.1, until it is stopped."""
    from faceward.audit.cosignature import Cosigner
    from faceward.audit.files import read_text
    from faceward.audit.note import Verifier
    from faceward.core.clock import SystemClock
    from faceward.witness.server import Witness, WitnessServer
    from faceward.witness.state import WitnessState

    cosigner = Cosigner.decode_secret(read_text(key, _MAX_KEY_BYTES, "witness's key"))
    verifiers = [Verifier.from_vkey(text.strip()) for text in log]
    logs = {verifier.name: verifier for verifier in verifiers}
    if len(logs) != len(verifiers):
        raise UsageError("a log is named twice; give each once")
    if not state.exists() and not new_state:
        # A witness that forgot what it saw would cosign a fork with a key that people trust.
        raise UsageError(f"{state}: no such state; check the path, or begin one for a new key with --new-state")
    with WitnessState(state) as kept, WitnessServer(Witness(cosigner, logs, kept, SystemClock()), port or 0) as server:
        if settings.as_json:
            emit({"url": server.url, "vkey": cosigner.verifier.vkey, "logs": sorted(logs)})
        else:
            say(f"witness {cosigner.verifier.name} at {server.url}")
        sys.stdout.flush()
        server.serve_forever()
