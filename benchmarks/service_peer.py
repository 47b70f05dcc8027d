"""The peers of benchmarks/service.py: bare endpoints that verify a face and answer for nothing.

    python benchmarks/service_peer.py faceward 8001 PICTURE    # this library's networks alone
    python benchmarks/service_peer.py face_recognition 8001 PICTURE

Each is the least that FastAPI and uvicorn make of it: the features of one face are known, a picture is sent to
`POST /verify`, and the answer is whether it matches. No key, no purpose, no rule, no log, no sealed reference.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import anyio.to_thread
import numpy as np
import uvicorn
from fastapi import FastAPI, File

_THREADS = 2


def own(picture: bytes) -> Callable[[bytes], bool]:
    """Return a verifier made of this library's detector and embedding network."""
    import faceward
    from faceward.core.sources import upload
    from faceward.operations.recognition import read_picture

    pipeline = faceward.pipeline()
    pipeline.load()
    threshold = pipeline.calibration.at_fpir(1e-3, 1).threshold

    def features(data: bytes) -> np.ndarray:
        read = read_picture(upload("picture.jpg", data))
        face, _ = pipeline.principal(read)
        return pipeline.samples(read, [face])[0].features

    known = features(picture)
    return lambda data: bool(features(data) @ known >= threshold)


def theirs(picture: bytes) -> Callable[[bytes], bool]:
    """Return a verifier made of the package `face_recognition`, with its defaults."""
    import face_recognition

    known = face_recognition.face_encodings(face_recognition.load_image_file(io.BytesIO(picture)))[0]

    def verify(data: bytes) -> bool:
        found = face_recognition.face_encodings(face_recognition.load_image_file(io.BytesIO(data)))
        return any(face_recognition.compare_faces([known], one)[0] for one in found)

    return verify


def main() -> None:
    name, port, picture = sys.argv[1:4]
    verify = {"faceward": own, "face_recognition": theirs}[name](Path(picture).read_bytes())
    app = FastAPI()
    limiter = anyio.CapacityLimiter(_THREADS)

    @app.post("/verify")
    async def answer(image: Annotated[bytes, File()]) -> dict[str, bool]:
        return {"match": await anyio.to_thread.run_sync(verify, image, limiter=limiter)}

    uvicorn.run(app, port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
