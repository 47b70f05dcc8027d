"""The only place that opens a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    from faceward.core.faces import FloatArray

# Warnings about a model's export style are of no use to a user; errors are raised as exceptions anyway.
ort.set_default_logger_severity(3)


class Session:
    """One network, ready to run. Safe to share between threads.

    Args:
        model: A serialized ONNX model, already verified by the pack that names it.
        name: What to call it in messages.
        threads: Threads for one inference. Pictures are worked on side by side, so one thread each is the most
            efficient.

    Raises:
        IntegrityError: The bytes are not a model that can be run.
    """

    def __init__(self, model: bytes, name: str, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle workers that spin would take the core from the next picture.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Its own format would be recognised otherwise, and may name files of weights.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public root
            raise IntegrityError(f"the model {name} cannot be loaded; verify the pack: {_first_line(error)}") from error
        self.name = name
        self.inputs = tuple((i.name, tuple(i.shape)) for i in self._session.get_inputs())
        self.outputs = tuple((o.name, tuple(o.shape)) for o in self._session.get_outputs())

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[FloatArray]:
        """Run the network and return its outputs in the model's order.

        Raises:
            IntegrityError: The network does not accept inputs of these shapes.
        """
        try:
            return list(self._session.run(None, dict(inputs)))
        except Exception as error:
            raise IntegrityError(f"the model {self.name} failed; verify the pack: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
