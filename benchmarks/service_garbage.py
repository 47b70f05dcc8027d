"""Requests as a service gets them, and what it gets beside: drawn from a seed, for benchmarks/service.py."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable

import numpy as np

from service_shop import PURPOSE, Shop, request


def good(shop: Shop, port: int, rng: np.random.Generator) -> bytes:
    """Return a request that is answered with 2xx, of all families."""
    subject, path = shop.probes[rng.integers(len(shop.probes))]
    picture, other = path.read_bytes(), shop.probes[rng.integers(len(shop.probes))][1].read_bytes()
    image = {"Bytes": base64.b64encode(picture).decode()}
    search = {"gallery": PURPOSE, "purpose": PURPOSE, "reason": "a benchmark"}
    makers: list[Callable[[], bytes]] = [
        lambda: shop.verification(subject, path),
        lambda: shop.form("/v1/identifications", search, [picture]),
        lambda: shop.request("POST", "/v1/detections", "image/jpeg", picture),
        lambda: shop.form("/v1/comparisons", {}, [picture, other]),
        lambda: shop.form("/api/v1/recognition/recognize", {}, [picture], "file"),
        lambda: shop.signed(port, "SearchFacesByImage", {"CollectionId": PURPOSE, "Image": image}),
        lambda: shop.signed(port, "DetectFaces", {"Image": image}),
        lambda: shop.request("GET", "/v1/purposes"),
        lambda: shop.request("GET", "/v1/galleries"),
        lambda: request("GET", "/healthz", {}),
    ]
    return makers[rng.integers(len(makers))]()


def garbage(shop: Shop, port: int, rng: np.random.Generator) -> bytes:
    """Return a request that nobody should send, and that is answered with 4xx."""
    subject, path = shop.probes[rng.integers(len(shop.probes))]
    picture, noise = path.read_bytes(), rng.bytes(int(rng.integers(1, 50_000)))
    claim = {"subject": subject, "purpose": PURPOSE}
    image = {"Bytes": base64.b64encode(picture).decode()}
    cut = picture[: int(rng.integers(2, len(picture) // 2))]
    call = {"CollectionId": PURPOSE, "Image": image}
    makers: list[Callable[[], bytes]] = [
        lambda: shop.form("/v1/verifications", claim, [noise]),
        lambda: shop.form("/v1/verifications", claim, [cut]),
        lambda: shop.form("/v1/verifications", claim, [bomb()]),
        lambda: shop.form("/v1/verifications", {"subject": "nobody", "purpose": PURPOSE}, [picture]),
        lambda: shop.form("/v1/verifications", {**claim, "purpose": "no purpose"}, [picture]),
        lambda: shop.form("/v1/verifications", {**claim, "more": "x" * 3000}, [picture]),
        lambda: shop.request("POST", "/v1/verifications", "text/html", noise),
        lambda: shop.request("POST", "/v1/verifications", "multipart/form-data; boundary=x", noise),
        lambda: shop.request("POST", "/v1/purposes", "application/json", b'{"name": [' * 5000),
        lambda: shop.request("POST", "/v1/detections", "image/png", bomb()),
        lambda: shop.request("GET", "/v1/cases/" + "%2e%2e%2f" * 20),
        lambda: shop.form("/api/v1/recognition/recognize", {}, [noise], "file"),
        lambda: shop.form("/api/v1/recognition/recognize", {}, [cut], "wrong"),
        lambda: request("POST", "/v1/verifications", {"x-api-key": "A" * 40, "content-type": "image/jpeg"}, picture),
        lambda: request("GET", "/v1/purposes", {"x-api-key": shop.key, "x-more": "h" * 200_000}),
        lambda: request("GET", "/v1/purposes", {f"x-{n}": "h" * 100 for n in range(2000)}),
        lambda: shop.signed(port, "SearchFacesByImage", call).replace(b"Signature=", b"Signature=0", 1),
        lambda: altered(shop.signed(port, "SearchFacesByImage", call)),
        lambda: shop.signed(port, "SearchFacesByImage", {**call, "Image": {"Bytes": "not base64!"}}),
        lambda: shop.signed(port, "DetectFaces", {"Image": {"Bytes": base64.b64encode(noise).decode()}}),
        lambda: shop.signed(port, "NoSuchOperation", call),
        lambda: request("POST", "/", {"content-type": "application/x-amz-json-1.1"}, b"{}"),
    ]
    return makers[rng.integers(len(makers))]()


def altered(made: bytes) -> bytes:
    """Return a signed request whose body is another than was signed."""
    return made[:-2] + b" }"


def bomb(side: int = 60_000) -> bytes:
    """Return a small PNG that stands for a picture of 3.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
