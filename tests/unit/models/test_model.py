"""Models without a platform."""

import io
import json
import zipfile

import pytest

from tests.unit.models import trained
from tests.unit.models.trained import document, put
from trivet.models import bundle
from trivet.models.check import check_model
from trivet.models.model import load
from trivet.models.predictor import Predictor
from trivet.models.problems import ModelInvalid

COLUMNS = ("X1", "X2", "X3")
ROWS = [{"X1": 1.0, "X2": 2.0, "X3": 3.0}, {"X1": -1.0, "X2": 0.5, "X3": 0.25}]


@pytest.fixture
def folder(tmp_path):
    folder = put(tmp_path / "model", document(COLUMNS), trained.line())
    check_model(folder)
    return folder


@pytest.fixture
def packed(folder, tmp_path):
    path = tmp_path / "line.trivet"
    with path.open("wb") as file:
        bundle.pack(folder, file)
    return path


def test_a_bundle_predicts_what_the_folder_predicts(folder, packed):
    expected = Predictor.open(folder).predict_rows(ROWS)
    model = load(packed)
    assert model.predict(ROWS) == expected
    assert load(str(folder)).predict(ROWS) == expected
    assert model.predict(ROWS[0]) == expected[0]
    assert model.name == "a model"
    assert [feature.key for feature in model.features] == list(COLUMNS)
    assert repr(model) == "<Model 'a model': X1, X2, X3>"


def test_a_data_frame_is_a_list_of_rows(folder):
    class Frame:
        def to_dict(self, orient):
            assert orient == "records"
            return ROWS

    model = load(folder)
    assert model.predict(Frame()) == model.predict(ROWS)


def test_a_csv_file_is_predicted_from_its_path_or_its_bytes(folder, tmp_path):
    text = b"X3;X1;X2\n3;1;2\n0.25;-1;0.5\n"
    (tmp_path / "rows.csv").write_bytes(text)
    model = load(folder)
    assert model.predict_csv(text) == model.predict_csv(tmp_path / "rows.csv") == model.predict(ROWS)


def test_a_folder_with_graphs_inside_its_document_is_read_and_not_written_to(tmp_path):
    import base64

    inline = tmp_path / "inline"
    inline.mkdir()
    said = document(COLUMNS, rawModel=base64.b64encode(trained.line()).decode())
    (inline / "model.json").write_text(json.dumps(said))
    assert load(inline).predict(ROWS[0])["y"] == pytest.approx(14.5)
    assert [path.name for path in inline.iterdir()] == ["model.json"]


def test_a_bundle_with_a_part_that_was_changed_is_refused(packed):
    changed = io.BytesIO()
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, trained.line(2) if name == bundle.MODEL else old.read(name))
    packed.write_bytes(changed.getvalue())
    with pytest.raises(ModelInvalid, match=r"model\.onnx"):
        load(packed)


def test_a_model_that_computes_other_numbers_here_is_refused(folder):
    (vector,) = bundle.vectors(folder)
    vector["results"][1]["y"] += 0.01
    bundle.write_vectors(folder, [vector])
    with pytest.raises(
        ModelInvalid, match=r"row 1: y is .* computes other numbers here .* onnxruntime .*; install those releases"
    ):
        load(folder)


@pytest.mark.parametrize("kept", [{"rows": [{"X1": 1}], "results": [{"y": 1}]}, {"rows": ROWS[:1], "results": [7]}])
def test_kept_rows_that_mean_nothing_are_a_reason_to_refuse(folder, kept):
    bundle.write_vectors(folder, [kept])
    with pytest.raises(ModelInvalid, match="kept"):
        load(folder)


def test_a_difference_within_the_precision_of_the_graph_is_none(tmp_path):
    folder = put(tmp_path, document(COLUMNS, ["a", "b"]), trained.two_lines())
    check_model(folder)
    (vector,) = bundle.vectors(folder)
    vector["results"][1]["a"] *= 1.00005
    bundle.write_vectors(folder, [vector])
    assert load(folder).predict(ROWS)


def test_there_is_nothing_at_a_path(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.trivet")
