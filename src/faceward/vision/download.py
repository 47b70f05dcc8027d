"""Where a pack's files are fetched from, and on what terms: the `[download]` table of a manifest."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from faceward.vision.fields import Table

MAX_FILE_BYTES = 2**31
"""The largest model file, in bytes."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a pack on a public server. Its hash stands with the network that it belongs to.

    Attributes:
        file: Its name in the pack's folder.
        address: Where it is fetched from, an https URL.
        size: Length in bytes.
        hosts: Other servers, with all below them in the domain name system, that the address may send on to.
    """

    file: str
    address: str
    size: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Download:
    """How a pack is fetched.

    Attributes:
        licence_at: Where its authors state the licence, a URL.
        conflict: What in the terms contradicts itself, or empty.
        notes: What else a user should know before accepting.
        files: All its files.
    """

    licence_at: str
    conflict: str
    notes: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(one.size for one in self.files)


def parse_download(table: Table) -> Download:
    """Read a manifest's `[download]` table.

    Raises:
        BadInput: A key is missing or not known, or an address is none that a file may be fetched from.
    """
    found = Download(
        licence_at=table.text("licence_at"),
        conflict=table.text("conflict", ""),
        notes=table.text("notes", ""),
        files=tuple(_remote_file(one) for one in table.tables("files")),
    )
    table.finish()
    return found


def _remote_file(table: Table) -> RemoteFile:
    address = table.text("address")
    why = refused_address(address)
    if why:
        raise table.error("address", why)
    found = RemoteFile(table.text("file"), address, table.whole("size", 1, MAX_FILE_BYTES), table.texts("hosts", ()))
    table.finish()
    return found


def refused_address(address: str) -> str:
    """Say why nothing may be fetched from an address; empty if it may.

    Only https protects what is fetched on its way; http is for a server on this machine.
    """
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return "is not a web address"
    if not address.isascii() or any(c <= " " for c in address):
        return "holds characters that a web address may not hold"
    if not parts.hostname or parts.username is not None or parts.password is not None:
        return "must name a server, without a user or password"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts)):
        return "must begin with https://"
    return ""


def is_loopback(parts: SplitResult) -> bool:
    """Return whether an address names this machine."""
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
