"""Graphs made from other forms of a network, at first use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Write to the cache if it can be written; without it the graph is prepared anew each time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
    except OSError:
        return


def _static_inputs(data: bytes) -> bytes:
    from faceward.vision.graphs import static_inputs  # noqa: PLC0415 - onnx is needed only once

    return static_inputs(data)


def _dlib_resnet(data: bytes) -> bytes:
    from faceward.vision.dlib_resnet import build_onnx  # noqa: PLC0415 - onnx is needed only once

    return build_onnx(data)


PREPARE: dict[str, Callable[[bytes], bytes]] = {"static-inputs": _static_inputs, "dlib-resnet": _dlib_resnet}
