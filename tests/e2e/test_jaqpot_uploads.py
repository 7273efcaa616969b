"""Models that come in by the requests of jaqpotpy 7.1.0, and what they predict here, with and without a server.

The package itself brings torch with it and is too heavy for these tests. What it sends was recorded, and is put together here
by the same converters from estimators that are fitted here, so that what scikit-learn says counts, and nothing of ours.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import TensorProto, helper
from rdkit import Chem
from rdkit.Chem import Descriptors
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JaqpotSdk, Person, pair
from tests.unit.models import trained

INLINE = 5 * 1024 * 1024
"""Bytes of a graph up to which jaqpotpy sends it within the document."""
DOUBLE, SINGLE = 1e-6, 1e-4
"""How far numbers may be from scikit-learn's, relative to theirs, by the width of the graph's floats."""
_TYPES: Mapping[str, tuple[str, Any]] = {
    "int64": ("INTEGER", Int64TensorType),
    "float64": ("FLOAT", DoubleTensorType),
    "bool": ("BOOLEAN", BooleanTensorType),
    "object": ("CATEGORICAL", StringTensorType),
}
chance = np.random.default_rng(6)


@dataclass
class Upload:
    """What jaqpotpy sends of one fitted model, and what is to be predicted of some rows."""

    name: str
    frame: pd.DataFrame
    outputs: Mapping[str, str]
    model: Any
    width: int
    expected: npt.NDArray[Any]
    task: str = "REGRESSION"
    preprocess_x: Any = None
    preprocess_y: Sequence[Any] = ()
    smiles: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = DOUBLE

    def graph(self) -> bytes:
        single = self.tolerance == SINGLE or self.task != "REGRESSION"
        kind = FloatTensorType if single else DoubleTensorType
        pipeline = Pipeline([("model", self.model)])
        made = convert_sklearn(pipeline, initial_types=[("input", kind([None, self.width]))], name="Pipeline_ONNX")
        return bytes(made.SerializeToString())

    def preprocessor(self) -> bytes | None:
        """One input for each column."""
        if self.preprocess_x is None:
            return None
        columns = [
            (name, _TYPES[str(kind)][1]([None, 1]))
            for name, kind in self.frame.dtypes.items()
            if name not in self.smiles
        ]
        return bytes(convert_sklearn(self.preprocess_x, initial_types=columns, name="Pipe_ONNX").SerializeToString())

    def document(self) -> dict[str, Any]:
        """The document without its graphs."""
        columns = sorted(self.frame.columns, key=lambda name: name not in self.smiles)
        return {
            "name": self.name,
            "type": "SKLEARN_ONNX",
            "jaqpotpyVersion": "7.1.0",
            "doas": [],
            "libraries": [{"name": "scikit-learn", "version": "1.7.0"}, {"name": "torch", "version": "2.7.1"}],
            "dependentFeatures": [{"key": key, "name": key, "featureType": kind} for key, kind in self.outputs.items()],
            "independentFeatures": [self._feature(name) for name in columns],
            "visibility": "PRIVATE",
            "task": self.task,
            "description": f"{self.name}, by jaqpotpy",
            "featurizers": [],
            "preprocessors": [{"name": type(each).__name__, "config": attributes(each)} for each in self.preprocess_y],
            "scores": {"train": [], "test": [], "crossValidation": []},
            **self.more,
        }

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.frame.to_json(orient="records"))
        return rows

    def _feature(self, name: str) -> dict[str, Any]:
        if name in self.smiles:
            return {"key": name, "name": name, "featureType": "SMILES"}
        kind = _TYPES[str(self.frame[name].dtype)][0]
        feature: dict[str, Any] = {"key": name, "name": name, "featureType": kind}
        if kind == "CATEGORICAL":
            feature["possibleValues"] = [{"value": each, "description": each} for each in self.frame[name].unique()]
        return feature


def attributes(transformer: Any) -> dict[str, Any]:
    """All that a transformer keeps of itself, as jaqpotpy sends it."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in vars(transformer).items()
    }


# -- what is uploaded


def scaled() -> Upload:
    frame = pd.DataFrame(chance.normal(5, 3, (60, 3)), columns=["X1", "X2", "X3"])
    y = frame.to_numpy() @ [[1.5], [-2.0], [0.25]] + chance.normal(0, 0.1, (60, 1)) + 40
    before, after = Pipeline([("scaler", StandardScaler())]).fit(frame), StandardScaler().fit(y)
    model = LinearRegression().fit(before.transform(frame), after.transform(y))
    expected = after.inverse_transform(model.predict(before.transform(frame)))
    return Upload(
        "Linear, scaled twice", frame, {"y": "FLOAT"}, model, 3, expected, preprocess_x=before, preprocess_y=[after]
    )


def encoded() -> Upload:
    frame = pd.DataFrame(
        {
            "X1": chance.normal(size=60),
            "count": chance.integers(0, 9, 60),
            "Cat_col": np.array(["CAT_1", "CAT_2", "CAT_3"], dtype=object)[np.arange(60) % 3],
        }
    ).astype({"Cat_col": object})
    before = ColumnTransformer(
        [("one hot", OneHotEncoder(sparse_output=False), ["Cat_col"]), ("scale", StandardScaler(), ["X1", "count"])]
    ).fit(frame)
    matrix = before.transform(frame)
    model = LinearRegression().fit(matrix, matrix @ np.arange(1, 6))
    return Upload("One hot", frame, {"y": "FLOAT"}, model, 5, model.predict(matrix), preprocess_x=before)


def molecules() -> Upload:
    known = ["CC", "CCO", "c1ccccc1O", "CC(=O)O", "CCN", "C1CCCCC1", "CCCl", "CC(C)O", "c1ccncc1", "CCCCCC"] * 4
    frame = pd.DataFrame({"SMILES": known, "X1": chance.normal(size=40)})
    selected = ["X1", "MolWt", "MolLogP", "TPSA"]
    read = [Chem.MolFromSmiles(smiles) for smiles in known]
    matrix = np.column_stack(
        [frame["X1"], *([getattr(Descriptors, name)(each) for each in read] for name in selected[1:])]
    )
    model = RandomForestRegressor(12, random_state=0).fit(matrix, matrix @ [3, 0.01, -1, 0.05])
    featurizer = {"name": "RDKitDescriptors", "config": {"use_fragment": True, "ipc_avg": True}}
    return Upload(
        "Forest of molecules",
        frame,
        {"y": "FLOAT"},
        model,
        4,
        model.predict(matrix),
        smiles=("SMILES",),
        more={"featurizers": [featurizer], "selectedFeatures": selected},
        tolerance=SINGLE,
    )


def labelled() -> Upload:
    frame = pd.DataFrame(chance.normal(size=(90, 2)), columns=["X1", "X2"])
    y = np.array(["high", "low", "middle"], dtype=object)[np.digitize(frame["X1"], [-0.4, 0.4])]
    labels = LabelEncoder().fit(y)
    model = RandomForestClassifier(9, max_depth=3, random_state=0).fit(frame.to_numpy(), labels.transform(y))
    expected = labels.inverse_transform(model.predict(frame.to_numpy()))
    return Upload(
        "Three labels",
        frame,
        {"level": "CATEGORICAL"},
        model,
        2,
        expected,
        "MULTICLASS_CLASSIFICATION",
        preprocess_y=[labels],
    )


def twofold() -> Upload:
    frame = pd.DataFrame({"flag": chance.integers(0, 2, 50).astype(bool), "X2": chance.normal(size=50)})
    matrix = frame.to_numpy().astype(float)
    after = StandardScaler().fit(np.column_stack([matrix.sum(axis=1), 7 * matrix[:, 1] - 1]))
    model = LinearRegression().fit(matrix, after.transform(np.column_stack([matrix.sum(axis=1), 7 * matrix[:, 1] - 1])))
    expected = after.inverse_transform(model.predict(matrix))
    return Upload("Two outputs", frame, {"sum": "FLOAT", "scaled": "FLOAT"}, model, 2, expected, preprocess_y=[after])


def large() -> Upload:
    frame = pd.DataFrame(chance.normal(size=(20, 4)), columns=["a", "b", "c", "d"])
    model = MLPRegressor(hidden_layer_sizes=(1200, 1200), random_state=0, solver="sgd")
    model.partial_fit(frame.to_numpy(), frame.sum(axis=1))
    return Upload("Large", frame, {"y": "FLOAT"}, model, 4, model.predict(frame.to_numpy()), tolerance=SINGLE)


UPLOADS = {made.__name__: made for made in (scaled, encoded, molecules, labelled, twofold, large)}

# -- the requests


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JaqpotSdk]:
    sdk = JaqpotSdk(tmp_path_factory.mktemp("sdk"))
    yield sdk
    sdk.close()


@pytest.fixture(scope="module")
def person(platform: RunningPlatform, client: trivet.Client, sdk: JaqpotSdk) -> Person:
    """Who may deploy, and is nobody else."""
    client.accounts.create("lab-dora")
    key = client.keys.create(account="lab-dora").key
    assert key is not None
    return Person(sdk, platform.url, key)


def sent(url: str, token: str | None, body: Any = None, method: str = "", kind: str = "application/json") -> Any:
    """Status, headers as they are spelled, and body of a request."""
    headers = {"Content-Type": kind}
    if token is not None:
        headers["X-Api-Key"], headers["X-Api-Secret"] = pair(token)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    asking = urllib.request.Request(url, data, headers, method=method or ("GET" if data is None else "POST"))
    try:
        with urllib.request.urlopen(asking, timeout=120) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def upload(api: str, token: str, made: Upload) -> int:
    """Does what ``deploy_on_jaqpot`` does; the integer that it logs."""
    graph, before = made.graph(), made.preprocessor()
    document = made.document()
    if before is not None:
        document["rawPreprocessor"] = text(before)
    if len(graph) <= INLINE:
        status, headers, _ = sent(f"{api}/v1/models", token, {**document, "rawModel": text(graph)})
        assert status == 201, _
        return int(headers["Location"].split("/")[-1])
    status, _, body = sent(f"{api}/v1/large-models", token, document)
    assert status == 201, body
    told = json.loads(body)
    assert isinstance(told["modelId"], str)
    assert sent(told["uploadUrl"], None, graph, "PUT", "application/octet-stream")[0] == 200
    status, _, body = sent(f"{api}/v1/large-models/{told['modelId']}/confirm-upload", token, b"", "POST")
    assert status == 204, body
    return int(told["modelId"])


@dataclass(frozen=True)
class Downloaded:
    """What ``download_model`` keeps in memory, fetched in its order; addresses of files are asked without a key."""

    said: dict[str, Any]
    model: bytes
    preprocessor: bytes | None
    domains: dict[str, dict[str, Any]]


def downloaded(api: str, token: str, model: int) -> Downloaded:
    urls = json.loads(sent(f"{api}/v1/models/{model}/download/urls", token)[2])
    parts = [None if url is None else fetched(url) for url in (urls["modelUrl"], urls["preprocessorUrl"])]
    domains = {each["method"]: json.loads(fetched(each["downloadUrl"])) for each in urls["doaUrls"] or []}
    said = json.loads(sent(f"{api}/v1/models/{model}", token)[2])
    assert said["id"] == model
    assert parts[0] is not None
    return Downloaded(said, parts[0], parts[1], domains)


def fetched(url: str) -> bytes:
    status, _, data = sent(url, None)
    assert status == 200, data
    found: bytes = data
    return found


def predicted_offline(found: Downloaded, made: Upload) -> npt.NDArray[Any]:
    """What ``predict_offline`` computes of a table, in its own order of steps."""
    selected = found.said.get("selectedFeatures") or []
    table = made.frame
    if made.smiles:
        read = [Chem.MolFromSmiles(smiles) for smiles in table[made.smiles[0]]]
        known = dict(Descriptors.descList)
        columns = {name: [known[name](each) for each in read] for name in selected if name in known}
        table = table.drop(columns=list(made.smiles)).assign(**columns)
    table = table[selected] if selected else table
    if found.preprocessor is not None:
        before = onnxruntime.InferenceSession(found.preprocessor)
        feeds = {
            each.name: table[each.name].to_numpy().reshape(-1, 1).astype(_DTYPES[each.type])
            for each in before.get_inputs()
        }
        matrix = before.run(None, feeds)[0]
    else:
        matrix = table.to_numpy()
    graph = onnxruntime.InferenceSession(found.model)
    (first,) = graph.get_inputs()
    y = graph.run(None, {first.name: matrix.astype(_DTYPES[first.type])})[0]
    for each in reversed(found.said["preprocessors"]):
        config = each["config"]
        if each["name"] == "LabelEncoder":
            y = np.array(config["classes_"], dtype=object)[y.astype(int)]
        else:
            y = y * np.array(config["scale_"]) + np.array(config["mean_"])
    return np.asarray(y)


_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


def assert_same(result: Sequence[Mapping[str, Any]], made: Upload, wanted: npt.NDArray[Any]) -> None:
    columns = np.asarray(wanted).reshape(len(made.frame), -1)
    assert len(result) == len(made.frame)
    for place, key in enumerate(made.outputs):
        found = [row[key] for row in result]
        if columns.dtype == object:
            assert found == columns[:, place].tolist()
        else:
            assert found == pytest.approx(columns[:, place].tolist(), rel=made.tolerance, abs=made.tolerance)


# -- point 10: what was uploaded predicts what it was fitted to


@pytest.mark.parametrize("kind", UPLOADS)
def test_point_10_an_upload_predicts_online_what_it_predicts_offline(kind: str, person: Person, tmp_path: Path) -> None:
    made = UPLOADS[kind]()
    api = f"{person.url}/jaqpot"
    model = upload(api, person.token, made)
    online = person.gets("predict_sync", model_id=model, dataset=made.rows()[:100])
    assert_same(online, made, made.expected)  # scikit-learn's own word
    found = downloaded(api, person.token, model)
    assert found.model == made.graph()
    assert_same(online, made, predicted_offline(found, made))
    with trivet.Client(person.url, person.token) as client:
        bundle = client.models.download(model, tmp_path)
    assert trivet.load(bundle).predict(made.rows()) == online
    shown = person.gets("get_model_by_id", model_id=model)
    assert (shown["jaqpotpyVersion"], shown["name"]) == ("7.1.0", made.name)


def test_point_10_probabilities_have_the_labels_names(person: Person) -> None:
    made = labelled()
    model = upload(f"{person.url}/jaqpot", person.token, made)
    online = person.gets("predict_sync", model_id=model, dataset=made.rows())
    expected = made.model.predict_proba(made.frame.to_numpy())
    for row, wanted in zip(online, expected, strict=True):
        said = row["jaqpotMetadata"]["probabilities"]
        assert said == pytest.approx(dict(zip(("high", "low", "middle"), wanted, strict=True)), abs=1e-3)
        assert said[row["level"]] == max(said.values())


def test_the_large_way_is_guarded(person: Person, client: trivet.Client) -> None:
    """Another account can not confirm it, it can not be confirmed before the graph is there, and not twice."""
    api = f"{person.url}/jaqpot"
    made = scaled()
    document = {**made.document(), "rawPreprocessor": text(made.preprocessor())}
    told = json.loads(sent(f"{api}/v1/large-models", person.token, document)[2])
    confirm = f"{api}/v1/large-models/{told['modelId']}/confirm-upload"
    assert sent(confirm, person.token, b"", "POST")[0] == 400
    client.accounts.create("lab-emil")
    other = client.keys.create(account="lab-emil").key
    assert sent(confirm, other, b"", "POST")[0] in (403, 404)
    assert sent(confirm, None, b"", "POST")[0] == 401
    assert sent(f"{told['uploadUrl'][:-6]}aaaaaa", None, b"x", "PUT")[0] in (403, 404)
    assert sent(told["uploadUrl"], None, made.graph(), "PUT", "application/octet-stream")[0] == 200
    assert sent(confirm, person.token, b"", "POST")[0] == 204
    assert sent(confirm, person.token, b"", "POST")[0] == 409


# -- point 11: the domain of applicability, by the numbers of the contract's golden table

TRAINING = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]
QUERIES = [{"X1": 1, "X2": 1}, {"X1": 5, "X2": -3}]
DOMAINS: Mapping[str, dict[str, Any]] = {
    "LEVERAGE": {"hStar": 2.25, "doaMatrix": [[5 / 9, -4 / 9], [-4 / 9, 5 / 9]]},
    "BOUNDING_BOX": {"boundingBox": [[0, 2], [0, 2]]},
    "MEAN_VAR": {"bounds": [[0.75, 0.8291562, 0.6875]] * 2},
    "MAHALANOBIS": {
        "meanVector": [0.75, 0.75],
        "invCovMatrix": [[1.83332861, -1.16666239], [-1.16666239, 1.83332861]],
        "threshold": 1.95996398,
    },
    "KERNEL_BASED": {
        "sigma": 1.82514077,
        "threshold": 0.3009562,
        "kernelType": "GAUSSIAN",
        "dataPoints": TRAINING,
    },
    "CITY_BLOCK": {"meanVector": [0.75, 0.75], "threshold": 2.35},
}
GOLDEN: Sequence[Mapping[str, Any]] = (
    {
        "Leverage": {"h": 0.22222222, "hStar": 2.25, "inDoa": True},
        "BoundingBox": {"outOfDoaPercentage": 0, "inDoa": True},
        "MeanVar": {"outOfDoaPercentage": 0, "inDoa": True},
        "Mahalanobis": {"mahalanobisDistance": 0.28867504, "threshold": 1.95996398, "inDoa": True},
        "KernelBased": {"kernelDistance": 0.80064738, "threshold": 0.3009562, "inDoa": True},
        "CityBlock": {"cityBlockDistance": 0.5, "threshold": 2.35, "inDoa": True},
    },
    {
        "Leverage": {"h": 32.22222222, "hStar": 2.25, "inDoa": False},
        "BoundingBox": {"outOfDoaPercentage": 100, "inDoa": False},
        "MeanVar": {"outOfDoaPercentage": 100, "inDoa": False},
        "Mahalanobis": {"mahalanobisDistance": 9.80219594, "threshold": 1.95996398, "inDoa": False},
        "KernelBased": {"kernelDistance": 0.00943429, "threshold": 0.3009562, "inDoa": False},
        "CityBlock": {"cityBlockDistance": 8.0, "threshold": 2.35, "inDoa": False},
    },
)


@pytest.mark.parametrize("way", ["uploaded", "fitted"])
def test_point_11_all_six_methods_give_the_golden_numbers(way: str, person: Person) -> None:
    """As jaqpotpy fits them, and as publishing an estimator fits them itself."""
    line = LinearRegression().fit(TRAINING, [0.0, 1.0, 2.0, 6.0])
    if way == "uploaded":
        frame = pd.DataFrame(TRAINING, columns=["X1", "X2"])
        doas = [{"method": method, "data": data} for method, data in DOMAINS.items()]
        made = Upload("Golden", frame, {"y": "FLOAT"}, line, 2, line.predict(TRAINING), more={"doas": doas})
        model = upload(f"{person.url}/jaqpot", person.token, made)
    else:
        with trivet.Client(person.url, person.token) as client:
            frame = pd.DataFrame(TRAINING, columns=["X1", "X2"])
            deployed = client.models.publish(
                LinearRegression().fit(frame, [0.0, 1.0, 2.0, 6.0]), frame, [0.0, 1.0, 2.0, 6.0],
                name="golden", domain=tuple(DOMAINS), outputs=["y"],
            )  # fmt: skip
        assert deployed.model_id is not None
        model = deployed.model_id
    for row, golden in zip(person.gets("predict_sync", model_id=model, dataset=QUERIES), GOLDEN, strict=True):
        said = row["jaqpotMetadata"]["doa"]
        assert said.pop("majorityVoting") is golden["Leverage"]["inDoa"]
        assert set(said) == set(golden)
        for method, wanted in golden.items():
            assert (method, said[method]) == (method, pytest.approx(wanted, rel=1e-5, abs=1e-6))


# -- point 12: the server is stopped in between


def test_point_12_downloads_predict_when_the_server_is_gone(tmp_path: Path) -> None:
    """By jaqpotpy's own files, and by the bundle."""
    platform = RunningPlatform(tmp_path)
    try:
        platform.start()
        made = encoded()
        api = f"{platform.url}/jaqpot"
        model = upload(api, platform.key, made)
        with trivet.Client(platform.url, platform.key) as client:
            online = client.endpoint(str(model)).run(made.rows(), timeout=60)
            bundle = client.models.download(model, tmp_path / "mine.trivet")
            numbers = made.frame[["X1", "count"]]
            line = LinearRegression().fit(numbers, numbers.sum(axis=1))
            published = client.models.publish(line, numbers, numbers.sum(axis=1), name="sums", outputs=["sum"])
            sums = client.endpoint(published.name).run(numbers.to_dict("records"), timeout=60)
            own = client.models.download(published.name, tmp_path)
        found = downloaded(api, platform.key, model)
    finally:
        assert platform.stop() == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(platform.url, timeout=5)
    assert_same(online, made, predicted_offline(found, made))
    loaded = trivet.load(bundle)
    assert loaded.predict(made.rows()) == online
    assert loaded.predict(made.rows()[0]) == online[0]
    assert trivet.load(own).predict(numbers) == sums


# -- uploads that are refused


def graph_of(width: int = 2) -> bytes:
    return trained.line(width)


def with_external_data() -> bytes:
    model = onnx.load_from_string(graph_of())
    tensor = TensorProto(name="elsewhere", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    model.graph.initializer.append(tensor)
    return bytes(model.SerializeToString())


def bomb() -> bytes:
    """A file of a few hundred bytes that asks for a terabyte."""
    size = helper.make_tensor("size", TensorProto.INT64, [1], [1 << 37])
    fill = helper.make_tensor("fill", TensorProto.DOUBLE, [1], [1.0])
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["huge"], value=fill),
        helper.make_node("ReduceSum", ["huge"], ["total"], keepdims=1),
        helper.make_node("ReduceSum", ["input", "axes"], ["rows"], keepdims=1),
        helper.make_node("Add", ["rows", "total"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "bomb",
        [helper.make_tensor_value_info("input", TensorProto.DOUBLE, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])],
        [size, helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def disagreeing() -> bytes:
    """A preprocessor that gives three columns to a model of two."""
    frame = pd.DataFrame(trained.training(2), columns=["X1", "X2"])
    before = ColumnTransformer([("a", StandardScaler(), ["X1", "X2"]), ("b", "passthrough", ["X1"])]).fit(frame)
    inputs = [(name, DoubleTensorType([None, 1])) for name in ("X1", "X2")]
    return bytes(convert_sklearn(before, initial_types=inputs).SerializeToString())


def said(**changes: Any) -> dict[str, Any]:
    changed = {**trained.document(["X1", "X2"], ["logS"], name="refused"), "rawModel": text(graph_of()), **changes}
    return {key: value for key, value in changed.items() if value is not Ellipsis}


REFUSED: Mapping[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no graph": (said(rawModel=...), ("rawModel",)),
    "no base64": (said(rawModel="?" * 40), ("rawModel", "base64")),
    "a graph that is none": (said(rawModel=text(b"not a graph" * 9)), ("ONNX",)),
    "a graph that is cut off": (said(rawModel=text(graph_of()[:-60])), ("ONNX",)),
    "a graph of the wrong width": (said(rawModel=text(graph_of(3))), ("3", "2")),
    "external data": (said(rawModel=text(with_external_data())), ("elsewhere",)),
    "a bomb": (said(rawModel=text(bomb())), ("memory",)),
    "a preprocessor that disagrees": (said(rawPreprocessor=text(disagreeing())), ("3", "2")),
    "a preprocessor that is none": (said(rawPreprocessor=text(b"no graph" * 9)), ("preprocessor",)),
    "a key that begins with a digit": (
        said(independentFeatures=[trained.feature("1st"), trained.feature("X2")]),
        ("1st",),
    ),
    "a key twice": (said(independentFeatures=[trained.feature("X1"), trained.feature("X1")]), ("X1",)),
    "no categories": (
        said(independentFeatures=[trained.feature("X1"), trained.feature("Cat", "CATEGORICAL")]),
        ("Cat", "possibleValues"),
    ),
    "no inputs": (said(independentFeatures=[]), ("independentFeatures",)),
    "no outputs": (said(dependentFeatures=[]), ("dependentFeatures",)),
    "a transform that has no inverse here": (
        said(preprocessors=[{"name": "PowerTransformer", "config": {}}]),
        ("PowerTransformer",),
    ),
    "descriptors that are not here": (
        said(featurizers=[{"name": "MordredDescriptors", "config": {}}]),
        ("MordredDescriptors",),
    ),
    "a selection of what is not there": (said(selectedFeatures=["X1", "NoSuch"]), ("NoSuch",)),
    "a domain of the wrong width": (
        said(doas=[{"method": "BOUNDING_BOX", "data": {"boundingBox": [[0, 1]]}}]),
        ("BOUNDING_BOX",),
    ),
    "code": (said(type="TORCHSCRIPT"), ("TORCHSCRIPT",)),
    "another language": (said(type="R_RF"), ("R_RF",)),
    "an unknown task": (said(task="GUESSING"), ("task",)),
    "no name": (said(name=...), ("name",)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_upload_that_can_not_work_is_refused_with_the_reason(what: str, person: Person) -> None:
    body, words = REFUSED[what]
    status, _, data = sent(f"{person.url}/jaqpot/v1/models", person.token, body)
    told = json.loads(data)
    assert (status, told["status"]) == (400, 400), told
    assert all(word in told["message"] for word in words), told["message"]
    assert "Traceback" not in told["message"]


def test_nothing_is_left_of_what_was_refused(person: Person) -> None:
    listed = person.asks("ModelApi", "get_models", size=100).returned["content"]
    assert "refused" not in {model["name"] for model in listed}
