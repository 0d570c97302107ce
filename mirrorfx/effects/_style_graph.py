"""Magenta's arbitrary style transfer, rebuilt as clean float graphs for onnxruntime.

Ghiasi et al., "Exploring the structure of a real-time, arbitrary neural artistic stylization network" (2017). The
package carries two int8 networks: the *predictor* (a style image to 100 numbers) and the *painter* (a picture and 100
numbers to a picture). Their weights are dequantised here; the graphs are written anew for speed on few CPU threads:

- Layers with a stride, an upsampling or few output channels work on 2x2 (or 2x4) blocks of pixels as channels, which
  fills the processor's vector registers. This changes no value inside the picture. Only in the last layer are the
  outermost four pixels padded by whole blocks instead of single pixels.
- Nearest upsampling and the 3x3 convolution after it are one 2x2 convolution per phase: 4 products instead of 9.
- Pixels go in and out as uint8 BGR.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

    from mirrorfx.frame import Size

__all__ = ["painter_graph", "predictor_graph"]

Array: TypeAlias = npt.NDArray[np.float32]
Weights: TypeAlias = dict[str, Array]

_EPSILON = 1e-5
_NET = "transformer/"
_STYLE = "style_params/transformer/"
_RESIDUAL = tuple((f"residual/residual{block}/conv1", f"residual/residual{block}/conv2") for block in range(1, 6))
_EXPAND = tuple(f"expand/conv{layer}/conv" for layer in (1, 2, 3))
_PHASES = tuple(itertools.product((0, 1), (0, 1)))
_OPSET = [helper.make_opsetid("", 17)]
_IR_VERSION = 8


def painter_graph(model: Path, size: Size) -> bytes:
    """Return the painter for pictures of `size` (both sides multiples of 8) as an ONNX model.

    Inputs: ``image`` uint8[1, H, W, 3] BGR, ``style`` float32[1, 100]. Output: ``painted`` uint8[1, H, W, 3] BGR.
    """
    weights = {name.removesuffix("_dequant"): value for name, value in _dequantised(onnx.load(model).graph).items()}
    graph = _Painter(weights, size)
    graph.paint()
    shape = [1, size[1], size[0], 3]
    return _model(
        graph.nodes,
        graph.constants,
        [("image", TensorProto.UINT8, shape), ("style", TensorProto.FLOAT, [1, 100])],
        [("painted", TensorProto.UINT8, shape)],
    )


def predictor_graph(model: Path) -> bytes:
    """Return the predictor as a float ONNX model.

    Input: ``image`` float32[1, 256, 256, 3] RGB, 0 to 1. Output: ``style`` float32[1, 1, 1, 100].
    """
    graph = onnx.load(model).graph
    weights = _dequantised(graph)
    source, result = graph.input[0].name, graph.output[0].name
    renamed = {source: "image"}
    nodes = []
    for node in graph.node:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            if node.output[0] not in weights:
                renamed[node.output[0]] = renamed.get(node.input[0], node.input[0])
            continue
        kept = onnx.NodeProto()
        kept.CopyFrom(node)
        kept.ClearField("input")
        kept.input.extend(renamed.get(name, name) for name in node.input)
        nodes.append(kept)
    used = {name for node in nodes for name in node.input}
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items() if name in used]
    constants += [tensor for tensor in graph.initializer if tensor.name in used]
    nodes.append(helper.make_node("Identity", [renamed.get(result, result)], ["style"]))
    return _model(
        nodes,
        constants,
        [("image", TensorProto.FLOAT, [1, 256, 256, 3])],
        [("style", TensorProto.FLOAT, [1, 1, 1, 100])],
    )


def _dequantised(graph: onnx.GraphProto) -> Weights:
    """Return the float value of every initialiser that a DequantizeLinear reads, by that node's output name."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in constants:
            continue
        value, scale, zero = (constants[name].astype(np.float32) for name in node.input)
        if scale.size > 1:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            along = [-1 if dim == axis else 1 for dim in range(value.ndim)]
            scale, zero = scale.reshape(along), zero.reshape(along)
        weights[node.output[0]] = (value - zero) * scale
    return weights


def _model(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    inputs: list[tuple[str, int, list[int]]],
    outputs: list[tuple[str, int, list[int]]],
) -> bytes:
    infos = [[helper.make_tensor_value_info(*info) for info in part] for part in (inputs, outputs)]
    graph = helper.make_graph(nodes, "style", infos[0], infos[1], constants)
    model = helper.make_model(graph, opset_imports=_OPSET, ir_version=_IR_VERSION)
    return bytes(model.SerializeToString())


class _Painter:
    """Builds the painter layer by layer; tensors are named by strings, ``NCHW`` unless said otherwise."""

    def __init__(self, weights: Weights, size: Size) -> None:
        self.weights = weights
        self.width, self.height = size
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.norms = self._style_norms()

    def paint(self) -> None:
        x = self._contracted()
        for first, second in _RESIDUAL:
            y = self.op("Relu", self.norm(self.conv(self.pad(x, "reflect"), self.kernel(first)), first))
            y = self.norm(self.conv(self.pad(y, "reflect"), self.kernel(second)), second)
            x = self.op("Add", x, y)
        quarter = (self.height // 4, self.width // 4)
        half = (self.height // 2, self.width // 2)
        x = self._interleaved(self._doubled(x, _EXPAND[0], quarter), quarter)
        self._finished(self._doubled(x, _EXPAND[1], half), half)

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def numbers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def kernel(self, layer: str) -> Array:
        return self.weights[f"{_NET}{layer}/weights"]

    def bias(self, layer: str) -> Array:
        return self.weights[f"{_NET}{layer}/Conv2D_bias"]

    def conv(self, x: str, kernel: Array, bias: Array | None = None, strides: tuple[int, int] = (1, 1)) -> str:
        inputs = [x, self.constant(kernel)] + ([] if bias is None else [self.constant(bias)])
        return self.op("Conv", *inputs, strides=strides, kernel_shape=kernel.shape[2:])

    def pad(self, x: str, mode: str, before: int = 1, after: int = 1) -> str:
        return self.op("Pad", x, self.numbers(0, 0, before, before, 0, 0, after, after), mode=mode)

    def norm(self, x: str, layer: str) -> str:
        return self.op("InstanceNormalization", x, *self.norms[layer], epsilon=_EPSILON)

    def reshape(self, x: str, *shape: int) -> str:
        return self.op("Reshape", x, self.numbers(*shape))

    def _style_norms(self) -> dict[str, tuple[str, str]]:
        """Return scale and shift of every normalised layer: linear in the style vector, so one product makes all."""
        layers = [layer for pair in _RESIDUAL for layer in pair] + list(_EXPAND)
        rows, biases, outputs = [], [], []
        for layer, part in itertools.product(layers, ("Conv_1", "Conv")):  # scale, then shift
            name = f"{_STYLE}{layer}/StyleNorm/{part}"
            row, bias = self.weights[f"{name}/weights"][:, :, 0, 0], self.weights[f"{name}/Conv2D_bias"]
            if layer == _EXPAND[-1]:
                row, bias = row[::-1], bias[::-1]  # the network's RGB to BGR
            rows.append(row)
            biases.append(bias)
            outputs.append(f"{layer}/{part}")
        matrix = self.constant(np.concatenate(rows).T)
        flat = self.reshape(self.op("Gemm", "style", matrix, self.constant(np.concatenate(biases))), -1)
        sizes = self.numbers(*(len(bias) for bias in biases))
        self.nodes.append(helper.make_node("Split", [flat, sizes], outputs, name="norms", axis=0))
        return {layer: (f"{layer}/Conv_1", f"{layer}/Conv") for layer in layers}

    def _contracted(self) -> str:
        """Full size to a quarter: 9x9, then twice 3x3 with stride 2."""
        x = self.op("Transpose", self.op("Cast", "image", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
        kernel = self.kernel("contract/conv1")[:, ::-1] / np.float32(255)  # BGR, 0 to 255
        blocks = np.zeros((2, 2, 8, 3, 10, 10), np.float32)
        for row, column in _PHASES:
            blocks[row, column, :, :, row : row + 9, column : column + 9] = kernel
        bias = np.tile(self.bias("contract/conv1"), 4)
        x = self.op("Relu", self.conv(self.pad(x, "reflect", 4, 4), blocks.reshape(32, 3, 10, 10), bias, (2, 2)))

        kernel = self.kernel("contract/conv2")
        on_blocks = np.zeros((16, 2, 2, 8, 2, 2), np.float32)
        for dy, dx in itertools.product(range(3), range(3)):
            on_blocks[:, (dy + 1) % 2, (dx + 1) % 2, :, (dy + 1) // 2, (dx + 1) // 2] = kernel[:, :, dy, dx]
        x = self.pad(x, "edge", 1, 0)  # a block's edge is a pixel's reflection
        x = self.op("Relu", self.conv(x, on_blocks.reshape(16, 32, 2, 2), self.bias("contract/conv2")))
        x = self.pad(x, "reflect", 1, 0)
        return self.op("Relu", self.conv(x, self.kernel("contract/conv3"), self.bias("contract/conv3"), (2, 2)))

    def _doubled(self, x: str, layer: str, size: tuple[int, int]) -> str:
        """Nearest upsampling of `size` (h, w) by two and a 3x3 convolution, as [1, channels, 4 phases * h, w]."""
        kernel = self.kernel(layer)
        channels, inputs = kernel.shape[:2]
        phases = np.zeros((channels, 2, 2, inputs, 2, 2), np.float32)
        for (row, column), dy, dx in itertools.product(_PHASES, range(3), range(3)):
            y, x_ = (row + dy - 1) // 2 - (row - 1), (column + dx - 1) // 2 - (column - 1)
            phases[:, row, column, :, y, x_] += kernel[:, :, dy, dx]
        height, width = size
        wide = self.conv(self.pad(x, "edge"), phases.reshape(4 * channels, inputs, 2, 2))
        wide = self.reshape(wide, channels, 4, height + 1, width + 1)
        windows = [
            self.op(
                "Slice",
                wide,
                self.numbers(2 * row + column, row, column),
                self.numbers(2 * row + column + 1, row + height, column + width),
                self.numbers(1, 2, 3),
            )
            for row, column in _PHASES
        ]
        together = self.reshape(self.op("Concat", *windows, axis=1), 1, channels, 4 * height, width)
        return self.op("Relu", self.norm(together, layer))

    def _interleaved(self, x: str, size: tuple[int, int]) -> str:
        """Phases back to pixels; two transpositions are much faster than DepthToSpace."""
        height, width = size
        x = self.op("Transpose", self.reshape(x, 32, 2, height * width), perm=[0, 2, 1])
        x = self.op("Transpose", self.reshape(x, 16, 2, height, 2 * width), perm=[0, 2, 1, 3])
        return self.reshape(x, 1, 16, 2 * height, 2 * width)

    def _finished(self, x: str, size: tuple[int, int]) -> str:
        """The 9x9 layer on 2x2 blocks, out as 2x4 blocks: 24 outputs fill the registers where 3 would not."""
        height, width = size
        x = self.pad(self.reshape(x, 1, 32, height, width), "reflect", 2, 2)
        kernel = self.kernel(_EXPAND[2])[::-1]
        blocks = np.zeros((3, 2, 4, 8, 2, 2, 5, 6), np.float32)
        for row, column, dy, dx in itertools.product(range(2), range(4), range(9), range(9)):
            y, x_ = row + dy, column + dx
            blocks[:, row, column, :, y % 2, x_ % 2, y // 2, x_ // 2] = kernel[:, :, dy, dx]
        x = self.conv(x, blocks.reshape(24, 32, 5, 6), strides=(1, 2))
        x = self.norm(self.reshape(x, 1, 3, 8 * height, width // 2), _EXPAND[2])
        levels = (self.constant(np.array(1 / 255, np.float32)), self.constant(np.array(0, np.uint8)))
        x = self.op("QuantizeLinear", self.op("Sigmoid", x), *levels)
        # [3, 2, 4, h, w/2] to pixels, in steps that move rows, then bytes as a matrix, then blocks of 12 bytes.
        x = self.op("Transpose", self.reshape(x, 3, 8, height * width // 2), perm=[1, 0, 2])
        x = self.op("Transpose", self.reshape(x, 24, height * width // 2), perm=[1, 0])
        x = self.op("Transpose", self.reshape(x, height, width // 2, 2, 12), perm=[0, 2, 1, 3])
        return self.op("Reshape", x, self.numbers(1, self.height, self.width, 3), output="painted")
