"""Result rows, and their JSON without the rows."""

import json

import numpy as np
import pytest

from trivet.models.domain import Verdicts
from trivet.models.results import Probabilities, Results

CASES = {
    "nothing but numbers": Results(("y",), 3, values=[[0.1, -1e300, 5e-324]]),
    "keys and labels that a template would stumble over": Results(
        ('100%s "x"', "ü%"),
        2,
        values=[["50%", "a\nb"], [1, 2]],
        probabilities=Probabilities(("%d", '"'), np.array([[0.5, 0.5], [1, 0]])),
    ),
    "several kinds of values": Results(("a", "b"), 2, values=[[1, 2.5], [[1.0, 2.0], True]]),
    "errors and labels": Results(
        ("y",), 4, start=8192, errors={0: 'bad "row"', 3: "ü"}, labels=["a", None, "%s", "d"], values=[[1, 2]]
    ),
    "errors alone": Results(("y", "z"), 2, errors={0: "a", 1: "b"}, values=[[], []]),
    "no rows": Results(("y",), 0, values=[[]]),
    "classes without a name": Results(("y",), 1, values=[["a"]], probabilities=Probabilities((), np.zeros((1, 0)))),
    "a domain": Results(
        ("y",),
        3,
        errors={1: "bad"},
        values=[[1.5, 2.5]],
        verdicts=[
            Verdicts(
                "Leverage",
                {"h": np.array([0.1, 1 / 3]), "hStar": 2.25},
                np.array([True, False]),
                np.array([True, True]),
            ),
            Verdicts(
                "CityBlock",
                {"cityBlockDistance": np.array([0.5, 0.0]), "threshold": 1.0},
                np.array([True, False]),
                np.array([True, False]),
            ),
        ],
        majority=np.array([True, False]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_json_is_that_of_the_rows(name):
    results = CASES[name]
    assert b"[" + results.json_items() + b"]" == json.dumps(results.rows(), separators=(",", ":")).encode()


def test_rows_that_have_an_error_keep_their_places():
    rows = CASES["errors and labels"].rows()
    assert [row["y"] for row in rows] == [None, 1, 2, None]
    assert [row["jaqpotMetadata"]["jaqpotRowId"] for row in rows] == [8192, 8193, 8194, 8195]
    assert rows[3]["jaqpotMetadata"] == {
        "jaqpotRowId": 8195,
        "probabilities": None,
        "doa": None,
        "error": "ü",
        "jaqpotRowLabel": "d",
    }


def test_what_the_domain_says_stays_with_its_row():
    first, _, third = CASES["a domain"].rows()
    assert first["jaqpotMetadata"]["doa"]["Leverage"] == {"h": 0.1, "hStar": 2.25, "inDoa": True}
    assert third["jaqpotMetadata"]["doa"]["Leverage"]["h"] == 1 / 3
    assert third["jaqpotMetadata"]["doa"]["CityBlock"]["cityBlockDistance"] is None
    assert "not assessable" in third["jaqpotMetadata"]["doa"]["CityBlock"]["note"]
    assert third["jaqpotMetadata"]["doa"]["majorityVoting"] is False
