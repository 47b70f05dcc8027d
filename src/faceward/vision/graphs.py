"""Looking into exported graphs: refusing what reaches outside the file, and mending what slows the runtime down."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError, Message

from faceward.core.errors import IntegrityError


def static_inputs(data: bytes) -> bytes:
    """Take the weights out of a graph's inputs and free its batch, height and width.

    Older exporters list every weight as an input that a caller may override, which forbids the runtime to fold the
    batch normalisation into the convolutions: CenterFace runs at half the speed. Its export also fixes a picture size.

    Raises:
        IntegrityError: The bytes are not an ONNX model of one picture input.
    """
    model = _parsed(data)
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or len(inputs[0].type.tensor_type.shape.dim) != 4:
        raise IntegrityError("the model does not take exactly one picture; restore the original file")
    del graph.input[:]
    graph.input.extend(inputs)
    # Sizes recorded for the exported shape would contradict the freed one.
    del graph.value_info[:]
    if any(len(output.type.tensor_type.shape.dim) != 4 for output in graph.output):
        raise IntegrityError("the model's outputs are not maps of the picture; restore the original file")
    for value, sides in [(graph.input[0], ("h", "w")), *((output, ("oh", "ow")) for output in graph.output)]:
        dims = value.type.tensor_type.shape.dim
        for dim, name in zip((dims[0], dims[2], dims[3]), ("n", *sides), strict=True):
            dim.Clear()
            dim.dim_param = name
    return bytes(model.SerializeToString(deterministic=True))


def refuse_external_data(data: bytes) -> None:
    """Refuse a model whose weights lie in other files.

    No hash covers those, and the runtime looks for them from the current folder on.

    Raises:
        IntegrityError: A tensor anywhere in the model names another file, or the bytes are not an ONNX model.
    """
    for message in _messages(_parsed(data)):
        if isinstance(message, onnx.TensorProto) and (
            message.external_data or message.data_location == onnx.TensorProto.EXTERNAL
        ):
            raise IntegrityError(
                f"the model keeps the weights {message.name[:60]!r} in another file; save it as one file without "
                "external data"
            )


def _parsed(data: bytes) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(data)
    except DecodeError:
        raise IntegrityError("the file is not an ONNX model; restore the original file") from None


def _messages(root: Message) -> Iterator[Message]:
    """Iterate over a message and all in it: initializers, attributes, subgraphs, functions, whatever holds a tensor."""
    waiting = [root]
    while waiting:
        message = waiting.pop()
        yield message
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend([value] if isinstance(value, Message) else value)
