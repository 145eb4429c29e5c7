"""What an ONNX graph may hold, looked at before a session is made from it.

A graph from a stranger is a program for onnxruntime. It may use well-known operators of ONNX itself, whose result
depends on their inputs alone; it may hold its weights, but not name files outside; and it may not be larger than what
a robot's computer can take. Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from dataclasses import dataclass

from robot_wm.deploy.wire import fields, numbers, text
from robot_wm.errors import BundleError

MAX_NODES = 20_000
MAX_DEPTH = 3
MAX_ELEMENTS = 1 << 30
"""Numbers in one tensor; together they are bounded by the file's size, since every tensor lies in the file."""

_OPERATORS = """
Abs Add And ArgMax ArgMin Attention AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant
ConstantOfShape Conv ConvTranspose Cos CumSum DepthToSpace Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor
Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization
HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log
LogSoftmax MatMul Max MaxPool Mean Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow Range Reciprocal ReduceL1 ReduceL2
ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round
ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt
Squeeze Sub Sum Tanh Tile TopK Transpose Trilu Unsqueeze Where Xor
"""
OPERATORS = frozenset(_OPERATORS.split())
"""No loops, no random numbers, no strings, no custom domains."""

_GRAPH, _OPSET, _TRAINING, _FUNCTIONS = 7, 8, 20, 25
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
_OP_TYPE, _ATTRIBUTE, _DOMAIN = 4, 5, 7
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSE_TENSOR, _SPARSE_TENSORS = 5, 6, 10, 11, 22, 23
_DIMS, _EXTERNAL_DATA, _LOCATION = 1, 13, 14


@dataclass
class _Seen:
    source: str
    nodes: int = 0


def check_graph(model: bytes, source: str) -> None:
    """Raises BundleError, which names what it is, when a model holds anything but plain tensors and known operators.

    Args:
        model: The serialised ONNX model.
        source: Its file, for the error.
    """
    seen, graphs = _Seen(source), 0
    for number, value in fields(memoryview(model), source):
        if number in (_TRAINING, _FUNCTIONS):
            raise BundleError(f"{source}: holds functions or training steps; export plain graphs only")
        if number == _OPSET:
            _check_domain(text(dict(fields(_bytes(value, seen), source)).get(1, memoryview(b""))), seen)
        if number == _GRAPH:
            graphs += 1
            _check_graph(_bytes(value, seen), seen, 1)
    if graphs != 1:
        raise BundleError(f"{source}: holds {graphs} graphs; an ONNX model has one")


def _check_graph(graph: memoryview, seen: _Seen, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BundleError(f"{seen.source}: graphs within graphs, deeper than {MAX_DEPTH}")
    for number, value in fields(graph, seen.source):
        if number == _NODE:
            _check_node(_bytes(value, seen), seen, depth)
        elif number == _INITIALIZER:
            _check_tensor(_bytes(value, seen), seen)
        elif number == _SPARSE:
            raise BundleError(f"{seen.source}: holds sparse tensors, which are not accepted")


def _check_node(node: memoryview, seen: _Seen, depth: int) -> None:
    seen.nodes += 1
    if seen.nodes > MAX_NODES:
        raise BundleError(f"{seen.source}: more than {MAX_NODES} operators")
    operator, domain = "", ""
    for number, value in fields(node, seen.source):
        if number == _OP_TYPE:
            operator = text(value)
        elif number == _DOMAIN:
            domain = text(value)
        elif number == _ATTRIBUTE:
            _check_attribute(_bytes(value, seen), seen, depth)
    _check_domain(domain, seen)
    if operator not in OPERATORS:
        raise BundleError(f"{seen.source}: operator '{operator}' is not on the list of accepted operators")


def _check_domain(domain: str, seen: _Seen) -> None:
    if domain not in ("", "ai.onnx"):
        raise BundleError(f"{seen.source}: operators of domain '{domain}'; only those of ONNX itself are accepted")


def _check_attribute(attribute: memoryview, seen: _Seen, depth: int) -> None:
    for number, value in fields(attribute, seen.source):
        if number in (_TENSOR, _TENSORS):
            _check_tensor(_bytes(value, seen), seen)
        elif number in (_SUBGRAPH, _SUBGRAPHS):
            _check_graph(_bytes(value, seen), seen, depth + 1)
        elif number in (_SPARSE_TENSOR, _SPARSE_TENSORS):
            raise BundleError(f"{seen.source}: holds sparse tensors, which are not accepted")


def _check_tensor(tensor: memoryview, seen: _Seen) -> None:
    elements = 1
    for number, value in fields(tensor, seen.source):
        if number == _EXTERNAL_DATA or (number == _LOCATION and value != 0):
            raise BundleError(
                f"{seen.source}: a tensor lies in another file; a bundle's graphs hold all their weights themselves"
            )
        if number == _DIMS:
            for size in numbers(value, seen.source):
                elements *= size
    if elements > MAX_ELEMENTS:
        raise BundleError(f"{seen.source}: a tensor of {elements} numbers, at most {MAX_ELEMENTS} are accepted")


def _bytes(value: int | memoryview, seen: _Seen) -> memoryview:
    if isinstance(value, int):
        raise BundleError(f"{seen.source}: not an ONNX model: a number stands where a message belongs")
    return value
