"""Files that are opened as graphs, and files that are not."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.unit.models import trained
from trivet.models.graphs import Graph, GraphFailed, GraphInvalid, Runs
from trivet.models.onnxfiles import OnnxInvalid, inspect


def open_graph(folder, data):
    path = folder / "model.onnx"
    path.write_bytes(data)
    return Graph.open(path)


def run(graph, **feeds):
    with Runs().options(None) as options:
        return graph.run(feeds, options)


def constant(name, values):
    return helper.make_node("Constant", [], [name], value=values)


def outside(tensor):
    """A tensor that says it lives in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/hostname"
    return tensor


def test_a_graph_says_what_goes_in_and_what_comes_out(tmp_path):
    graph = open_graph(tmp_path, trained.forest())
    assert [(port.name, port.type, port.shape, port.width) for port in graph.inputs] == [
        ("input", "tensor(float)", (None, 3), 3)
    ]
    assert [port.name for port in graph.outputs] == ["output_label", "output_probability"]
    assert not graph.single
    labels, maps = run(graph, input=np.zeros((2, 3), np.float32))
    assert labels.shape == (2,)
    assert set(maps[0]) == {0, 1}


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x08\x07", b"\x00" * 100, b"PK\x03\x04" + b"\x00" * 50, b"\xff" * 40]
)
def test_a_file_that_is_no_onnx_file_is_refused(tmp_path, data):
    with pytest.raises(GraphInvalid, match=r"model.onnx can't be opened: it is no ONNX file"):
        open_graph(tmp_path, data)


def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(tmp_path):
    whole = trained.forest()
    for length in range(1, len(whole) - 20, len(whole) // 40):
        with pytest.raises(GraphInvalid, match=r"model.onnx can't be opened"):
            open_graph(tmp_path, whole[:length])


def initializer():
    return trained.drawn(
        [helper.make_node("MatMul", ["input", "weights"], ["y"])],
        initializers=[
            outside(helper.make_tensor("weights", TensorProto.DOUBLE, [2, 1], np.ones(2).tobytes(), raw=True))
        ],
    )


def attribute():
    weights = outside(helper.make_tensor("hidden", TensorProto.DOUBLE, [2, 1], np.ones(2).tobytes(), raw=True))
    return trained.drawn([constant("weights", weights), helper.make_node("MatMul", ["input", "weights"], ["y"])])


def subgraph():
    inner = outside(helper.make_tensor("inner", TensorProto.DOUBLE, [2, 1], np.ones(2).tobytes(), raw=True))
    out = helper.make_tensor_value_info("weights", TensorProto.DOUBLE, [2, 1])
    branch = helper.make_graph([constant("weights", inner)], "branch", [], [out])
    choice = helper.make_node("If", ["flag"], ["chosen"], then_branch=branch, else_branch=branch)
    flag = helper.make_tensor("flag", TensorProto.BOOL, [1], [True])
    return trained.drawn([choice, helper.make_node("MatMul", ["input", "chosen"], ["y"])], initializers=[flag])


def preset_of_a_function():
    weights = outside(helper.make_tensor("hidden", TensorProto.DOUBLE, [2, 1], np.ones(2).tobytes(), raw=True))
    named = helper.make_node("Constant", [], ["weights"])
    named.attribute.add(name="value", ref_attr_name="kept", type=onnx.AttributeProto.TENSOR)
    opsets = [helper.make_opsetid("", 18)]
    function = helper.make_function(
        "corp.ops",
        "Weigh",
        ["a"],
        ["b"],
        [named, helper.make_node("MatMul", ["a", "weights"], ["b"])],
        opsets,
        attribute_protos=[helper.make_attribute("kept", weights)],
    )
    model = onnx.load_from_string(
        trained.drawn([helper.make_node("Weigh", ["input"], ["y"], domain="corp.ops")], domains=["corp.ops"])
    )
    model.functions.append(function)
    return model.SerializeToString()


@pytest.mark.parametrize("made", [initializer, attribute, subgraph, preset_of_a_function])
def test_a_graph_that_refers_to_other_files_is_refused(tmp_path, made):
    with pytest.raises(GraphInvalid, match="keeps tensors in other files"):
        open_graph(tmp_path, made())


def test_a_field_whose_number_other_readers_would_cut_to_32_bits_is_refused():
    model = onnx.load_from_string(trained.summing())
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    hidden = model.SerializeToString() + b"\xba\x80\x80\x80\x10" + _length(len(graph)) + graph
    seen = onnx.load_from_string(trained.summing()).SerializeToString() + b"\xba\x80\x80\x80\x10\x00"
    for data in (hidden, seen):
        with pytest.raises(OnnxInvalid, match="no ONNX file"):
            inspect(data)


def test_a_file_that_could_be_read_as_another_format_too_is_read_as_what_was_looked_at(tmp_path):
    looks_like_onnxruntimes_own = (
        b"\x12\x06..ORTM" + trained.summing()
    )  # the name of its producer, where that has its mark
    (values,) = run(open_graph(tmp_path, looks_like_onnxruntimes_own), input=np.ones((1, 2)))
    assert values.tolist() == [[2.0]]


def _length(size):
    parts = b""
    while size > 127:
        parts, size = parts + bytes([size & 127 | 128]), size >> 7
    return parts + bytes([size])


def test_custom_operators_are_named(tmp_path):
    data = trained.drawn([helper.make_node("Magic", ["input"], ["y"], domain="corp.ops")], domains=["corp.ops"])
    with pytest.raises(GraphInvalid, match=r"custom operators, and none can be loaded: corp.ops.Magic"):
        open_graph(tmp_path, data)


def test_an_operator_that_onnxruntime_does_not_know_is_refused_in_its_words(tmp_path):
    with pytest.raises(GraphInvalid, match=r"model.onnx can't be opened: .*Sorcery"):
        open_graph(tmp_path, trained.drawn([helper.make_node("Sorcery", ["input"], ["y"])]))


def test_an_operator_that_reads_files_is_refused(tmp_path):
    data = trained.drawn(
        [helper.make_node("EPContext", ["input"], ["y"], domain="com.microsoft")], domains=["com.microsoft"]
    )
    with pytest.raises(GraphInvalid, match="reads other files"):
        open_graph(tmp_path, data)


def test_a_training_graph_is_refused():
    model = onnx.load_from_string(trained.summing())
    model.training_info.add()
    with pytest.raises(OnnxInvalid, match="training"):
        inspect(model.SerializeToString())


def test_graphs_nested_without_end_are_refused():
    def field(number, value):
        return bytes([number << 3 | 2]) + _length(len(value)) + value

    graph = b""
    for _ in range(1000):
        graph = field(1, field(5, field(6, graph)))  # a node with an attribute that is a graph
    with pytest.raises(OnnxInvalid, match="nested"):
        inspect(field(8, b"") + field(7, graph))


def test_what_a_file_holds_is_read_as_onnx_reads_it():
    model = onnx.load_from_string(trained.forest())
    contents = inspect(trained.forest())
    assert contents.nodes == len(model.graph.node)
    assert contents.operators == {(node.domain, node.op_type) for node in model.graph.node}
    assert contents.opsets == {opset.domain for opset in model.opset_import}
    assert not contents.external


def test_a_graph_for_one_row_at_a_time_is_run_row_by_row(tmp_path):
    graph = open_graph(tmp_path, trained.summing(rows=1, gives=(1, 1)))
    assert graph.single
    (sums,) = run(graph, input=np.array([[1.0, 2], [3, 4], [5, 6]]))
    assert sums.tolist() == [[3], [7], [11]]


def test_a_graph_for_another_number_of_rows_is_refused(tmp_path):
    with pytest.raises(GraphInvalid, match="exactly 32 rows at once; export it with an open batch dimension"):
        open_graph(tmp_path, trained.summing(rows=32, gives=(32, 1)))


def test_an_input_that_rows_cannot_be_is_refused(tmp_path):
    data = trained.drawn([helper.make_node("Identity", ["input"], ["y"])], kind=TensorProto.COMPLEX64, gives=("N", 2))
    with pytest.raises(GraphInvalid):
        open_graph(tmp_path, data)


def test_a_run_that_does_not_fit_gives_onnxruntimes_reason_without_its_codes(tmp_path):
    graph = open_graph(tmp_path, trained.line())
    with pytest.raises(GraphFailed) as failure:
        run(graph, input=np.zeros((1, 7)))
    assert not re.search(r"ONNXRuntimeError|\.cc", str(failure.value))
    assert str(failure.value)


def test_runs_are_ended_by_their_owner_alone(tmp_path):
    graph = open_graph(tmp_path, trained.line())
    runs, mine, theirs = Runs(), object(), object()
    with runs.options(mine) as options:
        runs.terminate(theirs)
        graph.run({"input": np.zeros((1, 3))}, options)
        runs.terminate(mine)
        with pytest.raises(GraphFailed, match="terminate"):
            graph.run({"input": np.zeros((1, 3))}, options)
    runs.terminate(mine)  # nothing is under way any more
    with runs.options(mine) as options:
        assert len(graph.run({"input": np.zeros((1, 3))}, options)[0]) == 1
