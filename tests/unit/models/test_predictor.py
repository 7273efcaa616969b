"""From rows to result rows, with real models."""

import csv
import io
import json
import threading

import numpy as np
import pytest

from tests.unit.models import trained
from tests.unit.models.trained import category, document, feature, put
from trivet.models import domain
from trivet.models.predictor import AllRowsFailed, MissingPackage, Predictor, Stopped
from trivet.models.problems import ModelInvalid, RowsInvalid
from trivet.models.rows import check

COLUMNS = ("X1", "X2", "X3")


def rows(count=5, columns=COLUMNS, seed=1):
    numbers = np.random.default_rng(seed).normal(size=(count, len(columns))).round(4)
    return [dict(zip(columns, row, strict=True)) for row in numbers.tolist()]


def matrix(of):
    return np.array([list(row.values()) for row in of])


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    return Predictor.open(put(tmp_path_factory.mktemp("line"), document(COLUMNS), trained.line()))


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    doas = [{"method": method, "data": domain.fit(method, trained.training())} for method in domain.METHODS]
    said = document(COLUMNS, [feature("active", "INTEGER")], "BINARY_CLASSIFICATION", doas=doas)
    return Predictor.open(put(tmp_path_factory.mktemp("forest"), said, trained.forest()))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    before, after = trained.encoded()
    said = document(["X1", "X2", category("Cat_col")], [feature("active", "INTEGER")], "BINARY_CLASSIFICATION")
    return Predictor.open(put(tmp_path_factory.mktemp("encoded"), said, after, before))


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    pytest.importorskip("rdkit")
    said = document(
        [feature("SMILES", "SMILES"), "X1"],
        featurizers=[{"name": "RDKitDescriptors", "config": {"use_fragment": True, "ipc_avg": True}}],
        selectedFeatures=["MolWt", "X1", "TPSA"],
    )
    return Predictor.open(put(tmp_path_factory.mktemp("molecules"), said, trained.line()))


def test_a_regression_gives_numbers_in_the_order_of_its_rows(line):
    given = rows(20)
    results = line.predict_rows(given)
    assert [row["y"] for row in results] == pytest.approx(matrix(given) @ [1, 2, 3] + 0.5)
    assert [row["jaqpotMetadata"] for row in results] == [
        {"jaqpotRowId": place, "probabilities": None, "doa": None} for place in range(20)
    ]


def test_one_row_gives_one_result(line):
    assert line.predict_rows({"X1": 1, "X2": 1, "X3": 1})["y"] == pytest.approx(6.5)


def test_a_class_stays_a_whole_number_and_its_probabilities_have_three_decimals(forest):
    for row in forest.predict_rows(rows(30)):
        assert type(row["active"]) is int
        probabilities = row["jaqpotMetadata"]["probabilities"]
        assert list(probabilities) == ["0", "1"]
        assert all(round(value, 3) == value for value in probabilities.values())
        assert sum(probabilities.values()) == pytest.approx(1, abs=0.0011)
        assert max(probabilities, key=probabilities.get) == str(row["active"])


def test_the_domain_speaks_for_each_row_under_the_names_of_its_methods(forest):
    near, far = forest.predict_rows([dict.fromkeys(COLUMNS, 0.1), dict.fromkeys(COLUMNS, 50.0)])
    doa = near["jaqpotMetadata"]["doa"]
    assert list(doa) == [
        "Leverage", "BoundingBox", "MeanVar", "Mahalanobis", "KernelBased", "CityBlock", "majorityVoting"
    ]  # fmt: skip
    assert doa["majorityVoting"] is True
    assert far["jaqpotMetadata"]["doa"]["majorityVoting"] is False


def test_labels_of_an_encoder_name_values_and_probabilities(tmp_path):
    said = document(
        COLUMNS,
        [feature("kind", "STRING")],
        "MULTICLASS_CLASSIFICATION",
        preprocessors=[{"name": "LabelEncoder", "config": {"classes_": ["low", "mid", "high"]}}],
    )
    for row in Predictor.open(put(tmp_path, said, trained.forest((0, 1, 2)))).predict_rows(rows(20)):
        probabilities = row["jaqpotMetadata"]["probabilities"]
        assert list(probabilities) == ["low", "mid", "high"]
        assert max(probabilities, key=probabilities.get) == row["kind"]


def test_a_forest_of_texts_gives_texts(tmp_path):
    said = document(COLUMNS, [feature("kind", "STRING")], "MULTICLASS_CLASSIFICATION")
    results = Predictor.open(put(tmp_path, said, trained.forest(("a", "b", "c")))).predict_rows(rows(20))
    assert {row["kind"] for row in results} == {"a", "b", "c"}
    assert set(results[0]["jaqpotMetadata"]["probabilities"]) == {"a", "b", "c"}


def test_a_machine_without_probabilities_gives_what_it_has_by_number(tmp_path):
    said = document(COLUMNS, [feature("active", "INTEGER")], "BINARY_CLASSIFICATION")
    row = Predictor.open(put(tmp_path, said, trained.machine())).predict_rows(rows(1))[0]
    assert type(row["active"]) is int
    assert set(row["jaqpotMetadata"]["probabilities"]) <= {"0", "1"}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_probabilities_are_rounded_as_python_rounds(kind):
    from trivet.models.pipeline import _probabilities

    values = np.array([[0.0005, 0.0015, 0.0625, 0.1875, 0.0125, 0.9995, 1 / 3, -0.0001, 12.0625]], dtype=kind)
    rounded = _probabilities(values, None).values[0].tolist()
    assert rounded == [round(float(value), 3) for value in values[0]]
    assert "-0.0" not in map(repr, rounded)


def test_several_outputs_have_a_key_each_and_any_input_name_will_do(tmp_path):
    predictor = Predictor.open(put(tmp_path, document(COLUMNS, ["total", "first"]), trained.two_lines()))
    given = rows(5)
    results = predictor.predict_rows(given)
    assert [row["total"] for row in results] == pytest.approx(matrix(given).sum(axis=1), abs=1e-5)
    assert [row["first"] for row in results] == pytest.approx(matrix(given)[:, 0] - 1, abs=1e-5)


def test_scaled_values_are_scaled_back(tmp_path):
    said = document(COLUMNS, preprocessors=[{"name": "StandardScaler", "config": {"mean_": [10], "scale_": [100]}}])
    row = Predictor.open(put(tmp_path, said, trained.line())).predict_rows({"X1": 0, "X2": 0, "X3": 0})
    assert row["y"] == pytest.approx(60)


def test_a_preprocessor_is_fed_column_by_column_by_name(encoded):
    assert [port.name for port in encoded.pipeline.preprocessor.inputs] == ["X1", "X2", "Cat_col"]
    given = [{"Cat_col": "CAT_2", "X2": 0.5, "X1": 2}, {"X1": -2, "X2": 0.5, "Cat_col": "CAT_3"}]
    assert [row["active"] for row in encoded.predict_rows(given)] == [1, 0]


def test_a_whole_pipeline_may_be_one_graph_with_an_input_per_column(tmp_path):
    doas = [{"method": "BOUNDING_BOX", "data": {"boundingBox": [[-9, 9], [-1, 1]]}}]
    predictor = Predictor.open(put(tmp_path, document(["a", "b"], doas=doas), trained.whole()))
    one, other = predictor.predict_rows([{"a": 3, "b": 0.5}, {"b": 3, "a": 0.5}])
    assert (one["y"], other["y"]) == (pytest.approx(30.5), pytest.approx(8))
    assert (
        one["jaqpotMetadata"]["doa"]["majorityVoting"] is True
    )  # the domain is about the columns in the features' order
    assert other["jaqpotMetadata"]["doa"]["majorityVoting"] is False


def test_selected_columns_are_fed_in_their_order(molecules):
    row = molecules.predict_rows({"SMILES": "CCO", "X1": 2.0})
    assert row["y"] == pytest.approx(46.069 + 2 * 2.0 + 3 * 20.23 + 0.5)


def test_a_bad_molecule_costs_its_row_and_no_other(molecules):
    smiles = ["CC", "C(C", "CCO", "", "c1ccccc1O"]
    results = molecules.predict_rows([{"SMILES": text, "X1": 1.0} for text in smiles])
    alone = [molecules.predict_rows({"SMILES": smiles[place], "X1": 1.0})["y"] for place in (0, 2, 4)]
    assert [results[place]["y"] for place in (0, 2, 4)] == alone
    assert [row["jaqpotMetadata"]["jaqpotRowId"] for row in results] == [0, 1, 2, 3, 4]
    assert results[1] == {
        "y": None,
        "jaqpotMetadata": {
            "jaqpotRowId": 1,
            "probabilities": None,
            "doa": None,
            "error": "SMILES cannot be parsed: C(C: extra open parentheses",
        },
    }
    assert "SMILES is empty" in results[3]["jaqpotMetadata"]["error"]


def test_a_batch_without_a_single_good_row_fails_and_says_why(molecules):
    with pytest.raises(AllRowsFailed, match=r"none of the 2 rows could be predicted: SMILES cannot be parsed: C\(C"):
        molecules.predict_rows([{"SMILES": "C(C", "X1": 1}, {"SMILES": "C1CC", "X1": 1}])
    with pytest.raises(AllRowsFailed, match=r"^SMILES cannot be parsed: C\(C: extra open parentheses$"):
        molecules.predict_rows({"SMILES": "C(C", "X1": 1})
    with pytest.raises(AllRowsFailed, match="none of the 3 rows"):
        b"".join(molecules.predict_csv(b"SMILES,X1\nC(C,1\nC(C,2\nC(C,3\n", 2))


def test_a_prediction_that_is_no_number_is_null_with_an_error(tmp_path):
    said = document(COLUMNS, preprocessors=[{"name": "LogTransformer", "config": {"info": None}}])
    predictor = Predictor.open(put(tmp_path, said, trained.line()))
    good, bad = predictor.predict_rows([dict.fromkeys(COLUMNS, 0), dict.fromkeys(COLUMNS, 1000)])
    assert good["y"] == pytest.approx(np.exp(0.5))
    assert bad["y"] is None
    assert "no finite number" in bad["jaqpotMetadata"]["error"]


def test_a_number_that_the_graph_cannot_hold_costs_its_row(forest):
    good, bad = forest.predict_rows([dict.fromkeys(COLUMNS, 0.1), {"X1": 1, "X2": 1e300, "X3": 1}])
    assert good["active"] is not None
    assert bad["jaqpotMetadata"]["error"] == "X2: 1e+300 is not a value of float32, which the model reads"


def test_a_preprocessor_that_gives_no_number_costs_the_row_and_nothing_is_predicted_from_it(tmp_path):
    from onnx import helper

    logarithm = trained.drawn([helper.make_node("Log", ["input"], ["y"])], width=3, gives=("N", 3))
    predictor = Predictor.open(put(tmp_path, document(COLUMNS), trained.line(), logarithm))
    good, bad = predictor.predict_rows([dict.fromkeys(COLUMNS, 1), {"X1": 1, "X2": -1, "X3": 1}])
    assert good["y"] == pytest.approx(0.5)
    assert bad["y"] is None
    assert "the preprocessor gives no finite number for this row (column 1)" in bad["jaqpotMetadata"]["error"]


def test_a_row_that_a_graph_refuses_is_found_and_the_others_are_predicted(tmp_path):
    from onnx import TensorProto, helper

    table = helper.make_tensor("table", TensorProto.DOUBLE, [4], [1.0, 2.0, 4.0, 8.0])
    pick = [
        helper.make_node("Cast", ["input"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "whole"], ["y"]),
    ]
    predictor = Predictor.open(put(tmp_path, document(["X1"]), trained.drawn(pick, width=1, initializers=[table])))
    results = predictor.predict_rows([{"X1": value} for value in (0, 1, 99, 2, 3, 77)])
    assert [row["y"] for row in results] == [1, 2, None, 4, 8, None]
    assert "model.onnx can't be run on this" in results[2]["jaqpotMetadata"]["error"]


def test_a_graph_that_refuses_each_batch_and_none_of_its_rows_says_what_to_do(tmp_path):
    from onnx import TensorProto, helper

    shape = helper.make_tensor("one_row", TensorProto.INT64, [2], [1, 1])
    data = trained.drawn([helper.make_node("Reshape", ["input", "one_row"], ["y"])], width=1, initializers=[shape])
    predictor = Predictor.open(put(tmp_path, document(["X1"]), data))
    assert predictor.predict_rows([{"X1": 7}])[0]["y"] == 7
    with pytest.raises(ModelInvalid, match=r"runs on these rows one by one, so export it with an open batch dimension"):
        predictor.predict_rows([{"X1": 7}, {"X1": 8}])


def test_json_text_is_what_the_rows_say_and_is_made_in_pieces(line, monkeypatch):
    rows = [{"X1": value, "X2": 0.5, "X3": 1} for value in range(25)]
    whole = line.predict_rows(rows)
    monkeypatch.setattr("trivet.models.predictor.CHUNK", 10)
    sizes = []
    results = line.results
    monkeypatch.setattr(line, "results", lambda table, stop=None: sizes.append(table.size) or results(table, stop))
    assert json.loads(line.predict_json(rows)) == whole
    assert sizes == [10, 10, 5]
    assert json.loads(line.predict_json(rows[0])) == whole[0]


@pytest.mark.parametrize("name", ["line", "forest", "encoded", "molecules"])
def test_results_are_the_same_whatever_the_size_of_a_batch(name, request):
    predictor = request.getfixturevalue(name)
    given = samples(name)
    table = check(predictor.description, given)
    whole = predictor.predict(table)
    text = as_csv(given)
    assert b"[" + whole.json_items() + b"]" == json.dumps(whole.rows(), separators=(",", ":")).encode()
    for size in (1, 7, 8192):
        assert json.loads(b"".join(predictor.predict_csv(text, size))) == whole.rows()


def samples(name):
    if name == "molecules":
        texts = ("CCO", "CC", "C(C", "c1ccccc1O", "CC(=O)Oc1ccccc1C(=O)O")
        return [{"SMILES": texts[place % 5], "X1": place / 7} for place in range(40)]
    if name == "encoded":
        return [{**row, "Cat_col": f"CAT_{place % 3 + 1}"} for place, row in enumerate(rows(60, ("X1", "X2")))]
    return rows(100)


def as_csv(given):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(given[0]))
    writer.writeheader()
    writer.writerows(given)
    return text.getvalue().encode()


def test_labels_of_rows_are_given_back(line):
    given = [{**row, "jaqpotRowLabel": f"row {place}"} for place, row in enumerate(rows(3))]
    assert [row["jaqpotMetadata"]["jaqpotRowLabel"] for row in line.predict_rows(given)] == ["row 0", "row 1", "row 2"]
    assert json.loads(b"".join(line.predict_csv(as_csv(given), 2))) == line.predict_rows(given)


def test_many_rows_are_predicted_in_pieces_that_count_through(line, monkeypatch):
    from trivet.models import predictor

    given = rows(25)
    whole = line.predict_rows(given)
    monkeypatch.setattr(predictor, "CHUNK", 4)
    assert line.predict_rows(given) == whole


def test_rows_that_cannot_be_read_are_refused_before_anything_is_predicted(line):
    with pytest.raises(RowsInvalid, match="X2"):
        line.predict_rows([{"X1": 1, "X3": 1}])
    with pytest.raises(RowsInvalid, match="missing"):
        line.predict_csv(b"X1,X2\n1,2\n")


def test_a_prediction_stops_when_it_is_told_to(line):
    with pytest.raises(Stopped):
        line.predict(check(line.description, rows(3)), stop=lambda: True)
    answers = iter([False] * 6)
    with pytest.raises(Stopped):
        b"".join(line.predict_csv(as_csv(rows(50)), 5, stop=lambda: next(answers, True)))


def test_a_run_that_is_under_way_is_ended_from_another_thread(tmp_path):
    from onnx import TensorProto, helper

    stopped = threading.Event()
    stop = stopped.is_set
    forever = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["kept"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("kept", TensorProto.DOUBLE, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.DOUBLE, None),
        ],
    )
    data = trained.drawn(
        [helper.make_node("Loop", ["", "true", "input"], ["y"], body=forever)],
        width=1,
        initializers=[helper.make_tensor("true", TensorProto.BOOL, [], [True])],
    )
    predictor = Predictor.open(put(tmp_path, document(["X1"]), data))
    ended = []

    def predict():
        with pytest.raises(Stopped):
            predictor.predict(check(predictor.description, [{"X1": 1}]), stop=stop)
        ended.append(True)

    thread = threading.Thread(target=predict, daemon=True)
    thread.start()
    stopped.set()
    while thread.is_alive():
        predictor.terminate(stop)
        thread.join(0.05)
    assert ended


def test_many_threads_may_predict_with_one_model(forest):
    given = rows(50)
    expected = forest.predict_rows(given)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(forest.predict_rows(given))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 4


def test_a_torch_model_gives_its_whole_row_under_each_key(tmp_path):
    said = {**document(COLUMNS, ["a", "b"]), "type": "TORCH_ONNX"}
    results = Predictor.open(put(tmp_path, said, trained.two_lines())).predict_rows(rows(2))
    assert results[0]["a"] == results[0]["b"]
    assert len(results[0]["a"]) == 2
    assert results[0]["jaqpotMetadata"]["probabilities"] is None


def test_an_array_may_be_the_only_feature(tmp_path):
    predictor = Predictor.open(put(tmp_path, document([feature("spectrum", "FLOAT_ARRAY")]), trained.line()))
    good, bad = predictor.predict_rows([{"spectrum": [1, 1, 1]}, {"spectrum": [1, 1]}])
    assert good["y"] == pytest.approx(6.5)
    assert bad["jaqpotMetadata"]["error"] == "spectrum has 2 values; the model reads 3"


def test_a_missing_package_says_how_to_get_it(tmp_path, monkeypatch):
    from trivet.models import predictor

    def without(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(predictor, "import_module", without)
    with pytest.raises(MissingPackage, match=r'needs numpy: pip install "trivet\[onnx\]"'):
        Predictor.open(put(tmp_path, document(COLUMNS), trained.line()))


def test_a_folder_with_graphs_inside_its_document_is_not_predicted_without_them(tmp_path):
    folder = put(tmp_path, document(COLUMNS, rawPreprocessor="AAAA"), trained.line())
    with pytest.raises(ModelInvalid, match="plain form"):
        Predictor.open(folder)


def test_importing_the_predictor_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, trivet.models.predictor, trivet.models.check, trivet.models.model;"
        "print([name for name in ('numpy', 'onnxruntime', 'rdkit', 'sklearn', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
