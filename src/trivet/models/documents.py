"""The document of a model, read: every rule of `model.json` stands here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from trivet.models.description import Domain, Featurizer, ModelDescription, Task, Transform
from trivet.models.features import KEY_GRAMMAR, RESERVED_KEYS, Feature, FeatureType, PossibleValue
from trivet.models.problems import ModelInvalid, shown
from trivet.models.reading import Reader

RUNNABLE: Final = ("SKLEARN_ONNX", "TORCH_ONNX")
"""The model types that run here: plain ONNX graphs."""

_ELSEWHERE: Final = (
    *("TORCH_GEOMETRIC_ONNX", "DOCKER", "OPENAI_LLM", "CUSTOM_LLM"),
    *(
        "R_BNLEARN_DISCRETE",
        "R_CARET",
        "R_GBM",
        "R_NAIVE_BAYES",
        "R_PBPK",
        "R_RF",
        "R_RPART",
        "R_SVM",
        "R_TREE_CLASS",
        "R_TREE_REGR",
    ),
    *("QSAR_TOOLBOX_CALCULATOR", "QSAR_TOOLBOX_QSAR_MODEL", "QSAR_TOOLBOX_PROFILER"),
)
_VISIBILITIES: Final = ("PUBLIC", "ORG_SHARED", "PRIVATE")
_METHODS: Final = ("LEVERAGE", "BOUNDING_BOX", "KERNEL_BASED", "MEAN_VAR", "MAHALANOBIS", "CITY_BLOCK")
_FEATURIZERS: Final = ("RDKitDescriptors", "MACCSKeysFingerprint", "TopologicalFingerprint")
_TRANSFORMS: Final = (
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    "LogTransformer",
    "LabelEncoder",
)

_MOST_BASE64: Final = 133_000_000  # characters: 100 MB of graph
_OBJECTS: Final = ("torchConfig", "rPbpkConfig", "dockerConfig")
_TEXTS: Final = ("jaqpotpyVersion", "legacyPredictionService")


def read(document: object) -> ModelDescription:
    """Reads a model's document; `trivet.models.description.parse` says how."""
    if not isinstance(document, Mapping):
        raise ModelInvalid(
            [f"the document of a model is an object with name, type, task and features, not {shown(document)}"]
        )
    reader = Reader()
    try:
        description = _description(reader, document)
    except RecursionError:
        raise ModelInvalid(["the document of the model is nested too deep"]) from None
    if reader.problems or description is None:
        raise ModelInvalid(reader.problems)
    return description


def _description(reader: Reader, document: Mapping[str, Any]) -> ModelDescription | None:
    name = reader.text("name", document.get("name"), least=3, most=255, required=True)
    description = document.get("description") or None  # an empty text says nothing, and clients refuse it
    description = reader.text("description", description, least=3, most=50_000)
    kind = _type(reader, document.get("type"))
    task = reader.choice("task", document.get("task"), tuple(Task))
    visibility = reader.choice("visibility", document.get("visibility"), _VISIBILITIES, usual="PRIVATE")
    independent = _features(reader, "independentFeatures", document.get("independentFeatures"))
    dependent = _features(reader, "dependentFeatures", document.get("dependentFeatures"))
    featurizers = reader.items("featurizers", document.get("featurizers"), 50, lambda *item: _featurizer(reader, *item))
    transforms = reader.items(
        "preprocessors", document.get("preprocessors"), 50, lambda *item: _transform(reader, *item)
    )
    domains = reader.items("doas", document.get("doas"), 50, lambda *item: _domain(reader, *item))
    _together(reader, independent, featurizers, transforms, domains)
    selected = reader.items(
        "selectedFeatures", document.get("selectedFeatures"), 1000, lambda *item: reader.text(*item, least=1, most=255)
    )
    libraries = reader.items("libraries", document.get("libraries"), 1000, lambda *item: _library(reader, *item))
    tags = reader.text("tags", document.get("tags"), most=1000)
    scores = None if document.get("scores") is None else reader.mapping("scores", document["scores"])
    requirements = reader.items(
        "requirements", document.get("requirements"), 100, lambda *item: reader.text(*item, most=1000)
    )
    versions = reader.mapping("versions", document.get("versions"))
    for package, version in versions.items():
        reader.text(f"versions.{package}", version, most=255, required=True)
    for raw in ("rawModel", "rawPreprocessor"):
        reader.text(raw, document.get(raw), most=_MOST_BASE64)
    extra = _extra(reader, document)
    if name is None or kind is None or task is None or visibility is None:
        return None
    return ModelDescription(
        name=name,
        description=description,
        type=kind,
        task=Task(task),
        visibility=visibility,
        independent=independent,
        dependent=dependent,
        featurizers=featurizers,
        transforms=transforms,
        selected=selected,
        domains=domains,
        libraries=libraries,
        tags=tags or "",
        scores=None if scores is None else _finite(scores),
        extra=extra,
        requirements=requirements,
        versions=versions,
    )


def _type(reader: Reader, value: object) -> str | None:
    runnable = " or ".join(RUNNABLE)
    if value == "TORCHSCRIPT":
        reader.wrong(
            "type", f"TORCHSCRIPT is never loaded, as it runs code that came with the file; export to ONNX ({runnable})"
        )
        return None
    if isinstance(value, str) and value in _ELSEWHERE:
        reader.wrong("type", f"{value} models do not run here; export the model to ONNX ({runnable})")
        return None
    return reader.choice("type", value, RUNNABLE)


def _features(reader: Reader, where: str, value: object) -> tuple[Feature, ...]:
    seen: dict[str, str] = {}

    def read(place: str, item: object) -> Feature | None:
        feature = _feature(reader, place, item)
        if feature is not None and seen.setdefault(feature.key, place) != place:
            reader.wrong(f"{place}.key", f"{feature.key} is the key of {seen[feature.key]} already")
        return feature

    before = len(reader.problems)
    features = reader.items(where, value, 1000, read)
    if not features and len(reader.problems) == before:
        reader.wrong(where, "is missing; a model has at least one feature on each side")
    return features


def _feature(reader: Reader, where: str, item: object) -> Feature | None:
    if not isinstance(item, Mapping):
        reader.wrong(where, f"must be an object with key, name and featureType, not {shown(item)}")
        return None
    key = reader.text(f"{where}.key", item.get("key"), most=255, required=True)
    if key is not None and not KEY_GRAMMAR.fullmatch(key):
        reader.wrong(
            f"{where}.key", f"{shown(key)} must be a letter, then letters, digits, - and _; put other names into `name`"
        )
        key = None
    if key in RESERVED_KEYS:
        reader.wrong(f"{where}.key", f"{key} has a meaning of its own in rows; choose another key")
        key = None
    kind = reader.choice(f"{where}.featureType", item.get("featureType"), tuple(FeatureType))
    name = reader.text(f"{where}.name", item.get("name"), most=255) or key
    units = reader.text(f"{where}.units", item.get("units"), most=255)
    interval = reader.text(f"{where}.range", item.get("range"), most=255)
    description = reader.text(f"{where}.description", item.get("description"), most=2000)
    values = reader.items(
        f"{where}.possibleValues", item.get("possibleValues"), 1000, lambda *value: _possible_value(reader, *value)
    )
    if kind == FeatureType.CATEGORICAL and where.startswith("independent") and not item.get("possibleValues"):
        reader.wrong(
            f"{where}.possibleValues", f"is missing; {key or 'a'} CATEGORICAL feature says which values it may have"
        )
    visible = item.get("visible", True)
    if visible not in (True, False, None):
        reader.wrong(f"{where}.visible", f"must be true or false, not {shown(visible)}")
    if key is None or kind is None or name is None:
        return None
    if kind != FeatureType.CATEGORICAL:
        values = ()  # of no meaning, and dropped as Jaqpot does
    return Feature(key, name, FeatureType(kind), units, interval, description, values, visible is not False)


def _possible_value(reader: Reader, where: str, item: object) -> PossibleValue | None:
    if isinstance(item, str):
        return PossibleValue(item, item)
    if not isinstance(item, Mapping):
        reader.wrong(where, f"must be an object with value and description, not {shown(item)}")
        return None
    value = reader.text(f"{where}.value", item.get("value"), most=2000, required=True)
    description = reader.text(f"{where}.description", item.get("description"), most=2000)
    return None if value is None else PossibleValue(value, description or value)


def _named(reader: Reader, where: str, item: object) -> tuple[str, dict[str, Any]] | None:
    if not isinstance(item, Mapping):
        reader.wrong(where, f"must be an object with name and config, not {shown(item)}")
        return None
    name = reader.text(f"{where}.name", item.get("name"), least=1, most=255, required=True)
    config = reader.mapping(f"{where}.config", item.get("config"))
    return None if name is None else (name, config)


def _featurizer(reader: Reader, where: str, item: object) -> Featurizer | None:
    named = _named(reader, where, item)
    if named is None:
        return None
    name, config = named
    if name == "MordredDescriptors":
        reader.wrong(
            f"{where}.name",
            "MordredDescriptors is not supported, as the package that it needs is no longer maintained; use RDKitDescriptors",
        )
        return None
    if name not in _FEATURIZERS:
        reader.wrong(f"{where}.name", f"{shown(name)} is not supported; there are {', '.join(_FEATURIZERS)}")
        return None
    columns = item.get("columns") if isinstance(item, Mapping) else None
    names = reader.items(f"{where}.columns", columns, 100_000, lambda *column: reader.text(*column, least=1, most=255))
    return Featurizer(name, config, names)


def _transform(reader: Reader, where: str, item: object) -> Transform | None:
    named = _named(reader, where, item)
    if named is None:
        return None
    if named[0] not in _TRANSFORMS:
        reader.wrong(
            f"{where}.name",
            f"{shown(named[0])} cannot be undone here; transforms of predicted values are {', '.join(_TRANSFORMS)}",
        )
        return None
    return Transform(*named)


def _domain(reader: Reader, where: str, item: object) -> Domain | None:
    if not isinstance(item, Mapping):
        reader.wrong(where, f"must be an object with method and data, not {shown(item)}")
        return None
    method = reader.choice(f"{where}.method", item.get("method"), _METHODS)
    data = reader.mapping(f"{where}.data", item.get("data"))
    return None if method is None else Domain(method, data)


def _library(reader: Reader, where: str, item: object) -> tuple[str, str] | None:
    if not isinstance(item, Mapping):
        reader.wrong(where, f"must be an object with name and version, not {shown(item)}")
        return None
    name = reader.text(f"{where}.name", item.get("name"), most=255, required=True)
    version = reader.text(f"{where}.version", item.get("version"), most=255, required=True)
    return None if name is None or version is None else (name, version)


def _together(
    reader: Reader,
    independent: tuple[Feature, ...],
    featurizers: tuple[Featurizer, ...],
    transforms: tuple[Transform, ...],
    domains: tuple[Domain, ...],
) -> None:
    """What parts of the document ask of each other."""
    if featurizers and not any(feature.type is FeatureType.SMILES for feature in independent):
        reader.wrong("featurizers", "need an independent feature of type SMILES, and there is none")
    for index, transform in enumerate(transforms):
        if index and transform.name == "LabelEncoder":
            reader.wrong(f"preprocessors[{index}].name", "LabelEncoder must be the first of the list")
    methods = [domain.method for domain in domains]
    for index, method in enumerate(methods):
        if method in methods[:index]:
            reader.wrong(f"doas[{index}].method", f"{method} is there already")


def _extra(reader: Reader, document: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for name in _OBJECTS:
        if document.get(name) is not None:
            extra[name] = _finite(reader.mapping(name, document[name]))
    for name in _TEXTS:
        text = reader.text(name, document.get(name), most=255)
        if text is not None:
            extra[name] = text
    return extra


def _finite(value: Any) -> Any:
    """A document without NaN and Infinity, which Python's writers put into JSON and nobody else reads."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
