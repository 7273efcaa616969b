"""What is refused before a model is published, and what a published one has got."""

import json
import subprocess
import sys

import pytest
from onnx import TensorProto, helper

from tests.unit.models import trained
from tests.unit.models.trained import category, document, feature, put
from trivet.models import domain, folders
from trivet.models.check import check_model
from trivet.models.problems import ModelInvalid

COLUMNS = ("X1", "X2", "X3")
RDKIT = {"name": "RDKitDescriptors", "config": {"use_fragment": True, "ipc_avg": True}}


def leverage(width):
    return {"method": "LEVERAGE", "data": domain.fit("LEVERAGE", trained.training(width))}


def bomb(size):
    """A graph that makes an array of a size that is written down nowhere but here."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [size, size])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["one"], keepdims=0),
        helper.make_node("Cast", ["one"], ["number"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["input", "number"], ["y"]),
    ]
    return trained.drawn(nodes, width=1, initializers=[shape])


def test_a_model_is_completed_with_what_it_was_checked_with(tmp_path):
    folder = put(tmp_path, document(COLUMNS, doas=[leverage(3)]), trained.line())
    checked = check_model(folder)
    assert checked.warnings == ()
    assert set(checked.description.versions) == {"numpy", "onnxruntime"}
    assert checked.description.requirements == ("numpy>=1.26", "onnxruntime>=1.20")
    said = json.loads((folder / "model.json").read_text())
    assert said["versions"]["onnxruntime"]
    assert (folder / "domain.json").is_file()
    (vector,) = folders.vectors(folder)
    assert len(vector["rows"]) == len(vector["results"]) == 4
    assert checked.input_schema
    assert checked.output_schema


def test_a_model_that_was_checked_can_be_checked_again(tmp_path):
    folder = put(tmp_path, document(COLUMNS), trained.line())
    first = check_model(folder)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert check_model(folder).description == first.description
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept


def test_columns_and_release_of_rdkit_are_fixed(tmp_path):
    pytest.importorskip("rdkit")
    from rdkit.Chem import Descriptors

    said = document([feature("SMILES", "SMILES"), "X1"], featurizers=[RDKIT], selectedFeatures=["X1", "MolWt", "TPSA"])
    checked = check_model(put(tmp_path, said, trained.line()))
    (featurizer,) = checked.description.featurizers
    assert featurizer.columns == tuple(name for name, _ in Descriptors.descList)
    assert f"rdkit=={checked.description.versions['rdkit']}" in checked.description.requirements


def test_a_descriptor_that_was_there_at_upload_and_is_gone_is_named(tmp_path):
    pytest.importorskip("rdkit")
    columns = {**RDKIT, "columns": ["MolWt", "OldDescriptor", "TPSA"]}
    said = document([feature("SMILES", "SMILES")], featurizers=[columns])
    with pytest.raises(ModelInvalid, match="has no OldDescriptor; the model was checked with another release"):
        check_model(put(tmp_path, said, trained.line()))


REFUSED = {
    "a file that is none": (document(COLUMNS), b"hello", None, r"model\.onnx can't be opened: it is no ONNX file"),
    "too narrow": (
        document(COLUMNS),
        trained.line(2),
        None,
        r"model\.onnx reads 2 columns, and there are 3: X1, X2, X3",
    ),
    "a selection that is no column": (
        document(COLUMNS, selectedFeatures=["X1", "X2", "X9"]),
        trained.line(),
        None,
        r"no column X9",
    ),
    "more outputs than features": (
        document(COLUMNS, ["y"]),
        trained.two_lines(),
        None,
        r"gives 2 values per row, and there are 1 dependentFeatures",
    ),
    "a preprocessor that gives another width": (
        document(COLUMNS),
        trained.line(2),
        trained.line(3),
        r"preprocessor\.onnx gives 1 columns, and model\.onnx reads 2",
    ),
    "a preprocessor with an input that is no column": (
        document(["X1", "X2", category("Other")]),
        trained.encoded()[1],
        trained.encoded()[0],
        r"input Cat_col, and there is no such column",
    ),
    "texts for a graph of numbers": (
        document(["X1", "X2", category("Cat_col")]),
        trained.line(),
        None,
        r"Cat_col: \"CAT_1\" is not a number",
    ),
    "a domain of another width": (
        document(COLUMNS, doas=[leverage(2)]),
        trained.line(),
        None,
        r"doas\[0\]: LEVERAGE was fitted on 2 columns, and the model reads 3",
    ),
    "a domain without its matrix": (
        document(COLUMNS, doas=[{"method": "LEVERAGE", "data": {"hStar": 1}}]),
        trained.line(),
        None,
        r"doas\[0\]: .* has no doaMatrix",
    ),
    "a transform of another width": (
        document(COLUMNS, preprocessors=[{"name": "MaxAbsScaler", "config": {"scale_": [1, 2]}}]),
        trained.line(),
        None,
        r"fitted for 2 values per row; the model gives 1",
    ),
    "an image": (
        document([feature("photo", "IMAGE")]),
        trained.line(),
        None,
        r"photo is IMAGE, which no graph can be fed with",
    ),
    "an array that is not alone": (
        document([feature("a", "FLOAT_ARRAY"), "X1"]),
        trained.line(),
        None,
        r"a is FLOAT_ARRAY, and must be the only feature",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_work_is_refused_with_its_reason(name, tmp_path):
    said, model, preprocessor, words = REFUSED[name]
    with pytest.raises(ModelInvalid, match=words):
        check_model(put(tmp_path, said, model, preprocessor))


def test_several_problems_are_told_at_once(tmp_path):
    said = document(COLUMNS, doas=[leverage(2)], preprocessors=[{"name": "MaxAbsScaler", "config": {}}])
    with pytest.raises(ModelInvalid) as refusal:
        check_model(put(tmp_path, said, trained.line(2)))
    assert len(refusal.value.problems) == 3


def test_a_graph_that_can_not_be_run_on_a_category_is_refused(tmp_path):
    table = helper.make_tensor("table", TensorProto.DOUBLE, [2], [1.0, 2.0])
    nodes = [
        helper.make_node("Cast", ["input"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "whole"], ["y"]),
    ]
    model = trained.drawn(nodes, width=1, initializers=[table])
    with pytest.raises(ModelInvalid, match=r"level: 7 can't be predicted: model.onnx can't be run on this"):
        check_model(put(tmp_path, document([category("level", ["0", "1", "7"])]), model))


def test_one_row_at_a_time_is_a_warning(tmp_path):
    model = trained.summing(rows=1, gives=(1, 1))
    checked = check_model(put(tmp_path, document(["X1", "X2"]), model))
    assert "takes one row at a time" in checked.warnings[0]


def test_classes_without_probabilities_are_a_warning(tmp_path):
    said = document(COLUMNS, task="BINARY_CLASSIFICATION")
    assert "no probabilities" in check_model(put(tmp_path, said, trained.line())).warnings[0]


def test_a_release_of_rdkit_that_the_model_was_not_made_with_is_a_warning(tmp_path):
    pytest.importorskip("rdkit")
    libraries = [{"name": "rdkit", "version": "2023.3.1"}]
    said = document(
        [feature("SMILES", "SMILES")],
        featurizers=[RDKIT],
        selectedFeatures=["MolWt", "TPSA", "MolLogP"],
        libraries=libraries,
    )
    assert "made with RDKit 2023.3.1" in check_model(put(tmp_path, said, trained.line())).warnings[0]


def test_numbers_that_are_not_those_of_the_upload_are_refused(tmp_path):
    folder = put(tmp_path, document(COLUMNS), trained.line())
    check_model(folder)
    (folder / "model.onnx").write_bytes(
        trained.drawn([helper.make_node("ReduceMax", ["input"], ["y"], axes=[1])], width=3)
    )
    with pytest.raises(ModelInvalid, match=r"vectors.json: row 0: y is .*, and was .*, when the model was published"):
        check_model(folder)


def test_a_neutral_row_lies_in_the_middle_of_what_is_allowed(tmp_path):
    from trivet.models.description import parse
    from trivet.models.vectors import neutral_row

    ranges = {"a": "0-10", "b": "[-4, -2]", "c": "5 to 7", "d": "any", "e": "1e2..3e2", "f": "-5–5"}
    said = document(
        [feature(key, range=text) for key, text in ranges.items()] + [category("g"), feature("h", "BOOLEAN")]
    )
    row = neutral_row(parse(said))
    assert row == {"a": 5, "b": -3, "c": 6, "d": 1, "e": 200, "f": 0, "g": "CAT_1", "h": False}


# -- as a program -------------------------------------------------------------------------------------------------------


def outcome(folder):
    done = subprocess.run(
        [sys.executable, "-m", "trivet.models.check", str(folder)], capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_the_program_prints_one_line_about_a_model_that_is_right(tmp_path):
    said = outcome(put(tmp_path, document(COLUMNS), trained.line()))
    assert said["ok"] is True
    assert set(said) == {"ok", "document", "input_schema", "output_schema", "warnings"}
    assert said["document"]["versions"]["onnxruntime"]


def test_the_program_prints_one_line_about_a_folder_that_is_no_model(tmp_path):
    said = outcome(tmp_path)
    assert said["ok"] is False
    assert "model.json" in said["problems"][0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't bound the memory of a process")
def test_a_graph_that_asks_for_terabytes_is_refused(tmp_path):
    said = outcome(put(tmp_path, document(["X1"]), bomb(1_000_000)))
    assert said["ok"] is False
    assert "model.onnx" in said["problems"][0]


def test_a_graph_that_never_ends_is_given_up(tmp_path):
    code = (
        "import sys, threading, trivet.models.check as check;"
        "check._SECONDS = 1; check.check_model = lambda folder: threading.Event().wait(60);"
        "sys.exit(check.main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, timeout=50, check=False)
    assert done.returncode == 0
    assert "within 1 seconds" in json.loads(done.stdout)["problems"][0]
