"""The only place that opens a model."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from faceward.core.errors import EnvironmentFailure, IntegrityError

# From 1.29 on, onnxruntime reports to its maker which models are run, by hash and name, and keeps an identifier of the
# machine for that in the user's home. It begins when it is imported, so what turns that off is set before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

if TYPE_CHECKING:
    from faceward.core.faces import FloatArray

ort.disable_telemetry_events()
# Warnings about a model's export style are of no use to a user; errors are raised as exceptions anyway.
ort.set_default_logger_severity(3)

Ports = tuple[tuple[str, tuple[Any, ...]], ...]
"""Name and shape of each input or output; a side that is free is no integer."""


class Session:
    """One network, ready to run. Safe to share between threads.

    Args:
        model: A serialized ONNX model, already verified by the pack that names it; with `weights`, the structure of a
            network in OpenVINO's format (XML).
        name: What to call it in messages.
        threads: Threads for one inference. Pictures are worked on side by side, so one thread each is the most
            efficient.
        weights: The weights of a network in OpenVINO's format, verified as well, or None for ONNX.

    Raises:
        IntegrityError: The bytes are not a model that can be run.
        EnvironmentFailure: The model needs OpenVINO, which is not installed.
    """

    def __init__(self, model: bytes, name: str, threads: int = 1, weights: bytes | None = None) -> None:
        try:
            self._network: _Network = _Onnx(model, threads) if weights is None else _Ir(model, weights, threads)
        except EnvironmentFailure as error:
            raise EnvironmentFailure(f"the model {name} {error}") from None
        except Exception as error:  # the runtimes' exceptions share no public root
            raise IntegrityError(f"the model {name} cannot be loaded; verify the pack: {_first_line(error)}") from error
        self.name = name
        self.inputs, self.outputs = self._network.inputs, self._network.outputs

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[FloatArray]:
        """Run the network and return its outputs in the model's order.

        Raises:
            IntegrityError: The network does not accept inputs of these shapes.
        """
        try:
            return self._network.run(inputs)
        except Exception as error:
            raise IntegrityError(f"the model {self.name} failed; verify the pack: {_first_line(error)}") from error


class _Network(Protocol):
    """What a runtime makes of a model."""

    inputs: Ports
    outputs: Ports

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[FloatArray]: ...


class _Onnx:
    """A network in onnxruntime."""

    def __init__(self, model: bytes, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle workers that spin would take the core from the next picture.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Its own format would be recognised otherwise, and may name files of weights.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs: Ports = tuple((i.name, tuple(i.shape)) for i in self._session.get_inputs())
        self.outputs: Ports = tuple((o.name, tuple(o.shape)) for o in self._session.get_outputs())

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[FloatArray]:
        return list(self._session.run(None, dict(inputs)))


class _Ir:
    """A network in OpenVINO's format (IR), for packs that nobody offers in ONNX."""

    def __init__(self, model: bytes, weights: bytes, threads: int) -> None:
        # Only this format is read here: others may name further files, which no hash covers.
        if not model.lstrip().startswith((b"<?xml", b"<net")):
            raise IntegrityError("it is not in OpenVINO's format; only such a model has its weights in a second file")
        core = _openvino().Core()
        # Half precision, the default on some processors, would give other features on one machine than on the next.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        self._compiled = core.compile_model(core.read_model(model=model, weights=weights), "CPU", settings)
        self._own = threading.local()
        self.inputs: Ports = _ports(self._compiled.inputs)
        self.outputs: Ports = _ports(self._compiled.outputs)

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[FloatArray]:
        # OpenVINO itself answers inputs of another shape with outputs of no rows.
        for name, shape in self.inputs:
            given = inputs[name].shape
            if len(given) != len(shape) or any(side not in (None, n) for side, n in zip(shape, given, strict=True)):
                raise ValueError(f"the input {name} has the shape {given}, where {shape} is wanted")
        # A compiled model may be shared between threads, a request may not.
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        found = self._own.request.infer({i: inputs[name] for i, (name, _) in enumerate(self.inputs)})
        return [np.array(found[i]) for i in range(len(self.outputs))]


def _openvino() -> Any:  # noqa: ANN401 - the package is optional and has no types here
    # OpenVINO reports its use to its maker when it is imported, and keeps an identifier for that in the user's home.
    # Without this module it does neither: it has a stub for the case that it is absent.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino  # noqa: PLC0415 - an extra that few packs need
    except ImportError:
        raise EnvironmentFailure(
            "is in OpenVINO's format, which needs the extra 'openvino': run \"pip install 'faceward[openvino]'\""
        ) from None
    return openvino


def _ports(ports: Any) -> Ports:  # noqa: ANN401 - OpenVINO's inputs or outputs
    return tuple(
        (
            port.any_name if port.names else str(number),
            tuple(side.get_length() if side.is_static else None for side in port.partial_shape),
        )
        for number, port in enumerate(ports)
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
