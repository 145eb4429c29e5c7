"""Graphs that a stranger could send are refused before a session is made; the shipped ones pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from robot_wm.deploy import graph_check
from robot_wm.deploy.bundle import default_bundle
from robot_wm.deploy.graph_check import check_graph
from robot_wm.errors import BundleError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402


def model(*nodes, initializers=(), opsets=(("", 18),)) -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph(list(nodes), "g", [value], [out], initializer=list(initializers))
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    return helper.make_model(graph, opset_imports=imports).SerializeToString()


RELU = helper.make_node("Relu", ["x"], ["y"])


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def branches() -> onnx.NodeProto:
    graph = helper.make_graph([helper.make_node("RandomNormal", [], ["z"], shape=[1])], "b", [], [])
    return helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)


@pytest.mark.parametrize("file", sorted(default_bundle().glob("*.onnx")), ids=lambda file: file.name)
def test_what_ships_passes(file: Path) -> None:
    check_graph(file.read_bytes(), file.name)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (model(RELU, initializers=[external("../../etc/passwd")]), "lies in another file"),
        (model(RELU, initializers=[external("weights.bin")]), "lies in another file"),
        (model(helper.make_node("Constant", [], ["y"], value=external("/dev/zero"))), "lies in another file"),
        (model(helper.make_node("Loop", ["x"], ["y"])), "'Loop' is not on the list"),
        (model(branches()), "not on the list"),
        (model(helper.make_node("Relu", ["x"], ["y"], domain="evil")), "domain 'evil'"),
        (model(RELU, opsets=(("", 18), ("com.microsoft", 1))), "domain 'com.microsoft'"),
        (model(RELU, initializers=[TensorProto(name="w", data_type=1, dims=[1 << 40])]), "numbers, at most"),
        (model(RELU)[:-3], "cut off"),
        (b"", "holds 0 graphs"),
        (b"\x3a\xff\xff\xff\xff\x0f", "cut off"),
        (b"\xff" * 40, "does not end"),
    ],
)
def test_what_a_graph_may_not_hold_is_named(bad: bytes, words: str) -> None:
    with pytest.raises(BundleError, match="model.onnx.*" + words):
        check_graph(bad, "model.onnx")


def test_too_many_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_check, "MAX_NODES", 3)
    with pytest.raises(BundleError, match="more than 3 operators"):
        check_graph(model(*[RELU] * 4), "model.onnx")


def test_random_bytes_are_refused_and_nothing_else() -> None:
    hypothesis = pytest.importorskip("hypothesis")
    good = model(RELU)

    @hypothesis.settings(max_examples=200, deadline=None, database=None)
    @hypothesis.given(hypothesis.strategies.binary(max_size=60), hypothesis.strategies.integers(0, len(good)))
    def fuzz(noise: bytes, cut: int) -> None:
        for data in (noise, good[:cut] + noise, noise + good[cut:]):
            try:
                check_graph(data, "fuzz")
            except BundleError:
                continue

    fuzz()
