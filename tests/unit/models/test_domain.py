"""Domains of applicability: the contract's golden vectors, and what no method may do."""

import numpy as np
import pytest

from trivet.models import similarity
from trivet.models.domain import METHODS, DomainInvalid, fit, majority, opened
from trivet.models.quantiles import chi_square_quantile, quantile

TRAINING = [[0, 0], [1, 0], [0, 1], [2, 2]]
QUERIES = [[1, 1], [5, -3]]
GOLDEN = {
    "LEVERAGE": ("Leverage", "h", 0.22222222, 32.22222222),
    "BOUNDING_BOX": ("BoundingBox", "outOfDoaPercentage", 0, 100),
    "MEAN_VAR": ("MeanVar", "outOfDoaPercentage", 0, 100),
    "MAHALANOBIS": ("Mahalanobis", "mahalanobisDistance", 0.28867504, 9.80219594),
    "KERNEL_BASED": ("KernelBased", "kernelDistance", 0.80064738, 0.00943429),
    "CITY_BLOCK": ("CityBlock", "cityBlockDistance", 0.5, 8.0),
}
FIELDS = {
    "LEVERAGE": ["h", "hStar", "inDoa"],
    "BOUNDING_BOX": ["outOfDoaPercentage", "inDoa"],
    "MEAN_VAR": ["outOfDoaPercentage", "inDoa"],
    "MAHALANOBIS": ["mahalanobisDistance", "threshold", "inDoa"],
    "KERNEL_BASED": ["kernelDistance", "threshold", "inDoa"],
    "CITY_BLOCK": ["cityBlockDistance", "threshold", "inDoa"],
}


def near(value: object) -> object:
    return pytest.approx(value, abs=5.1e-9, rel=0)


@pytest.mark.parametrize("method", METHODS)
def test_the_golden_vectors_of_the_contract_come_out(method):
    key, figure, inside, outside = GOLDEN[method]
    verdicts = opened(method, fit(method, TRAINING)).assess(QUERIES)
    assert verdicts.name == key
    first, second = verdicts.row(0), verdicts.row(1)
    assert list(first) == FIELDS[method]
    assert (first[figure], first["inDoa"]) == (near(inside), True)
    assert (second[figure], second["inDoa"]) == (near(outside), False)


def test_what_is_fitted_is_what_the_contract_says():
    leverage = fit("LEVERAGE", TRAINING)
    assert leverage["hStar"] == 2.25
    assert np.allclose(leverage["doaMatrix"], [[0.55555556, -0.44444444], [-0.44444444, 0.55555556]], atol=5.1e-9)
    assert fit("BOUNDING_BOX", TRAINING) == {"boundingBox": [[0, 2], [0, 2]]}
    assert np.allclose(fit("MEAN_VAR", TRAINING)["bounds"], [[0.75, 0.8291562, 0.6875]] * 2, atol=5.1e-8)
    mahalanobis = fit("MAHALANOBIS", TRAINING)
    assert mahalanobis["meanVector"] == [0.75, 0.75]
    assert mahalanobis["invCovMatrix"][0] == [near(1.83332861), near(-1.16666239)]
    assert mahalanobis["threshold"] == near(1.95996398)
    kernel = fit("KERNEL_BASED", TRAINING)
    assert (kernel["sigma"], kernel["threshold"]) == (near(1.82514077), pytest.approx(0.3009562, abs=5.1e-8))
    assert kernel["dataPoints"] == TRAINING
    assert fit("CITY_BLOCK", TRAINING)["threshold"] == near(2.35)


def test_a_value_as_good_as_at_its_bound_is_inside_the_box():
    box = opened("BOUNDING_BOX", {"boundingBox": [[0, 2], [10, 20]]})
    inside = box.assess([[2.0001, 9.9995], [2.001, 10], [1, 9.99], [-1e-9, 15]]).inside
    assert inside.tolist() == [True, False, False, False]  # nothing is near zero by a share of itself


def test_a_percentage_counts_each_value_against_the_bounds_of_its_own_column():
    method = opened("MEAN_VAR", {"bounds": [[0, 1, 1], [100, 1, 1]]})
    verdicts = method.assess([[0, 100], [0, 50], [50, 50]])
    assert verdicts.figures["outOfDoaPercentage"].tolist() == [0, 50, 100]
    assert verdicts.inside.tolist() == [True, False, False]


@pytest.mark.parametrize("kind", ["RBF", "LAPLACIAN", "GAUSSIAN"])
def test_every_kernel_is_computed_as_a_gaussian_one(kind):
    data = {**fit("KERNEL_BASED", TRAINING), "kernelType": kind, "gamma": 7.0}
    figures = opened("KERNEL_BASED", data).assess(QUERIES).figures["kernelDistance"]
    assert figures.tolist() == [near(0.80064738), near(0.00943429)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_finite_number_is_not_assessable_and_outside(method, value):
    verdicts = opened(method, fit(method, TRAINING)).assess([[1, 1], [value, 1]])
    said = verdicts.row(1)
    assert said["inDoa"] is False
    assert "not assessable" in said["note"]
    assert said[GOLDEN[method][1]] is None
    assert "note" not in verdicts.row(0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
def test_numbers_that_overflow_are_outside_and_make_no_noise(method):
    verdicts = opened(method, fit(method, TRAINING)).assess([[1e300, -1e300], [1, 1]])
    assert verdicts.inside.tolist() == [False, True]


@pytest.mark.parametrize("method", METHODS)
def test_no_number_depends_on_what_else_is_in_the_batch(method):
    rows = np.random.default_rng(1).normal(size=(100, 13))
    opened_method = opened(method, fit(method, rows))
    queries = np.random.default_rng(2).normal(size=(50, 13)) * 2
    figure = GOLDEN[method][1]
    whole = opened_method.assess(queries).figures[figure]
    for size in (1, 7, 49):
        pieces = [opened_method.assess(queries[at : at + size]).figures[figure] for at in range(0, 50, size)]
        assert np.concatenate(pieces).tolist() == whole.tolist()


def test_similarities_are_computed_in_blocks_and_come_out_the_same(monkeypatch):
    rows = np.random.default_rng(1).normal(size=(90, 4)) * 3 + 50
    at_once = fit("KERNEL_BASED", rows)
    similar = opened("KERNEL_BASED", at_once).assess(rows).figures["kernelDistance"]
    monkeypatch.setattr(similarity, "_BLOCK", 900)
    in_blocks = fit("KERNEL_BASED", rows)
    assert in_blocks["sigma"] == pytest.approx(at_once["sigma"], rel=1e-12)
    assert in_blocks["threshold"] == pytest.approx(at_once["threshold"], rel=1e-12)
    assert opened("KERNEL_BASED", at_once).assess(rows).figures["kernelDistance"].tolist() == similar.tolist()
    direct = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(axis=2) / (2 * at_once["sigma"] ** 2)).mean(axis=1)
    assert np.allclose(similar, direct, rtol=1e-12)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.0, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_a_quantile_of_more_numbers_than_are_held_is_numpys(share, ties):
    numbers = np.random.default_rng(5).normal(size=5000)
    numbers = numbers.round(1) if ties else numbers
    pieces = lambda: iter(np.split(numbers, 10))  # noqa: E731  as short as it is
    assert quantile(pieces, 5000, share, held=64) == pytest.approx(np.quantile(numbers, share), abs=1e-12)


def test_quantiles_of_chi_square_are_those_of_the_tables():
    known = {
        (0.95, 1): 3.841458820694124,
        (0.95, 2): 5.991464547107979,
        (0.95, 10): 18.307038053275146,
        (0.5, 4): 3.356693980033321,
        (0.99, 3): 11.344866730144373,
        (0.01, 5): 0.5542980767282772,
        (0.95, 2047): 2153.3696314,
    }
    for (share, freedom), value in known.items():
        assert chi_square_quantile(share, freedom) == pytest.approx(value, rel=1e-10)


def test_more_than_half_must_agree():
    box = opened("BOUNDING_BOX", {"boundingBox": [[0, 1]]})
    wide = opened("CITY_BLOCK", {"meanVector": [0], "threshold": 5})
    two = [box.assess([[0.5], [3], [9]]), wide.assess([[0.5], [3], [9]])]
    assert majority(two).tolist() == [True, False, False]
    assert majority([*two, two[1]]).tolist() == [True, True, False]
    assert majority(two[:1]).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("method", "rows", "words"),
    [
        ("MAHALANOBIS", [[1], [2]], "two columns"),
        ("KERNEL_BASED", [[1, 1]], "two training rows"),
        ("KERNEL_BASED", [[1], [1], [1], [1], [9]], "the same"),
        ("LEVERAGE", [[1, float("nan")]], "finite"),
        ("LEVERAGE", [1, 2], "shape"),
        ("TANIMOTO", [[1]], "no domain method TANIMOTO"),
    ],
)
def test_what_cannot_be_fitted_says_why(method, rows, words):
    with pytest.raises(DomainInvalid, match=words):
        fit(method, rows)


@pytest.mark.parametrize(
    ("method", "data", "words"),
    [
        ("LEVERAGE", {"hStar": 1}, "has no doaMatrix"),
        ("LEVERAGE", {"hStar": 1, "doaMatrix": [[1, 2]]}, "as many rows as columns"),
        ("LEVERAGE", {"hStar": "1", "doaMatrix": [[1]]}, "hStar"),
        ("BOUNDING_BOX", {"boundingBox": [[1, 2, 3]]}, "boundingBox"),
        ("BOUNDING_BOX", {"boundingBox": [[1], [2, 3]]}, "can't be used"),
        ("MEAN_VAR", {"bounds": [[0, float("nan"), 1]]}, "finite"),
        ("MAHALANOBIS", {"meanVector": [1], "invCovMatrix": [[1, 0], [0, 1]], "threshold": 1}, "1 values"),
        ("KERNEL_BASED", {"dataPoints": [[1]], "sigma": 0, "threshold": 1}, "greater than 0"),
        ("CITY_BLOCK", {"meanVector": "abc", "threshold": 1}, "can't be used"),
    ],
)
def test_stored_data_that_cannot_be_used_says_why(method, data, words):
    with pytest.raises(DomainInvalid, match=words):
        opened(method, data)


def test_rows_of_another_width_are_refused():
    with pytest.raises(DomainInvalid, match="rows of 2 values"):
        opened("LEVERAGE", fit("LEVERAGE", TRAINING)).assess([[1, 2, 3]])


@pytest.mark.parametrize("data", [{"meanVector": [10**400], "threshold": 1}, {"meanVector": [0], "threshold": 10**400}])
def test_whole_numbers_that_no_float_holds_are_refused(data):
    with pytest.raises(DomainInvalid, match="the data of CITY_BLOCK can't be used"):
        opened("CITY_BLOCK", data)
