"""Serving a deployment over HTTP."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import note
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    import socket

    from faceward.operations.system import System
    from faceward.service.settings import Oidc, Tls
    from faceward.service.settings import Settings as ServiceSettings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(command(_serve))


def _serve(
    settings: Settings,
    *,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.")] = 8000,
    origin: Annotated[
        str, typer.Option(metavar="URL", help="What browsers see, if that differs; passkeys are bound to its host.")
    ] = "",
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    threads: Annotated[
        Optional[int], typer.Option(help="Operations at once in each process.", show_default="one a core")
    ] = None,
    queue: Annotated[int, typer.Option(help="Operations that may wait; further requests get status 429.")] = 64,
    max_body: Annotated[int, typer.Option(metavar="MIB", help="Largest request, in MiB.")] = 32,
    tls_certificate: Annotated[
        Optional[Path], typer.Option(metavar="PEM", help="Serve HTTPS with this certificate.")
    ] = None,
    tls_key: Annotated[Optional[Path], typer.Option(metavar="PEM", help="The certificate's private key.")] = None,
    trusted_proxy: Annotated[
        Optional[list[str]],
        typer.Option(metavar="ADDRESS", help="A proxy, or its network (CIDR), that says where requests come from."),
    ] = None,
    oidc_issuer: Annotated[
        str, typer.Option(metavar="URL", help="An OpenID provider that people may sign in with.")
    ] = "",
    oidc_client: Annotated[str, typer.Option(help="The service's identifier at the provider.")] = "",
    oidc_secret_file: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="The service's secret at the provider.")
    ] = None,
) -> None:
    """Serve the deployment over HTTP: the native interface, those of Rekognition and CompreFace, and the console."""
    from faceward.service.serving import listen
    from faceward.service.settings import Settings as ServiceSettings

    chosen = ServiceSettings(
        host=host,
        port=port,
        origin=origin,
        workers=workers,
        queue=queue,
        max_body=max_body << 20,
        tls=_tls(tls_certificate, tls_key),
        oidc=_oidc(oidc_issuer, oidc_client, oidc_secret_file),
        proxies=tuple(trusted_proxy or ()),
    )
    if threads is not None:
        chosen = replace(chosen, threads=threads)
    settings = _prepared(settings)
    with listen(chosen) as opened:
        if port == 0:
            chosen = replace(chosen, port=opened.getsockname()[1], origin=origin)
        if chosen.workers == 1:
            _run(settings, chosen, opened, first=True)
            return
        _run_several(settings, chosen, opened)


def _prepared(settings: Settings) -> Settings:
    """Ask for the passphrase once, here: workers have no terminal."""
    from faceward.operations.config import read_config

    if not read_config(settings.require_home()).age and settings.passphrase_file is None:
        os.environ["FACEWARD_PASSPHRASE"] = settings.passphrase()
    return settings


def _run_several(settings: Settings, chosen: ServiceSettings, opened: socket.socket) -> None:
    from faceward.service.serving import serve_in_processes

    with settings.open() as system:
        _greet(system, chosen)
    status = serve_in_processes(lambda: _run(settings, chosen, opened, first=False), chosen.workers)
    if status:
        raise typer.Exit(status)


def _run(settings: Settings, chosen: ServiceSettings, opened: socket.socket, *, first: bool) -> None:
    from faceward.service.serving import serve

    with settings.open() as system:
        serve(system, chosen, opened, (lambda: _greet(system, chosen)) if first else None)


def _greet(system: System, chosen: ServiceSettings) -> None:
    note(f"serving {system.home} at {chosen.origin}")
    if chosen.in_clear:
        note(
            f"{chosen.origin} has no TLS: keys, sessions and pictures can be read on their way, and browsers offer no "
            "passkeys there; give --tls-certificate and --tls-key, or put a proxy with TLS before it and name its "
            "--origin https://…"
        )
    link = _first_link(system, chosen)
    if link is not None:
        note(f"nobody is registered yet; the first person comes in by this link, once, within an hour: {link}")


def _first_link(system: System, chosen: ServiceSettings) -> str | None:
    from faceward.core.clock import SystemClock
    from faceward.service.first_start import first_link
    from faceward.service.vault import FILE, Vault

    vault = Vault(system.home / FILE, system.service_secret(), SystemClock())
    try:
        return first_link(system, vault, chosen.origin)
    finally:
        vault.close()


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    from faceward.service.settings import Tls

    if (certificate is None) != (key is None):
        raise UsageError("--tls-certificate and --tls-key go together; give both")
    if certificate is None or key is None:
        return None
    for file in (certificate, key):
        if not file.is_file():
            raise UsageError(f"{file}: no such file; give a PEM file")
    return Tls(certificate, key)


def _oidc(issuer: str, client: str, secret_file: Path | None) -> Oidc | None:
    from faceward.service.settings import Oidc

    if not issuer and not client:
        return None
    if not issuer or not client:
        raise UsageError("--oidc-issuer and --oidc-client go together; give both")
    try:
        secret = "" if secret_file is None else secret_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{secret_file}: cannot be read; give a text file") from None
    return Oidc(issuer, client, secret)
