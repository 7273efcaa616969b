"""Callers with Jaqpot's published SDK: who may do what, what bad input gets, and what good input comes back as.

The points are those of the acceptance list that was made of Jaqpot's own clients.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JaqpotSdk, Person, pair
from tests.unit.models import trained
from trivet.examples import catalogue

ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}
NO_STEP = 2.9
"""Seconds. A prediction that was not finished at the first look takes the SDK three and more."""


@dataclass(frozen=True)
class Lab:
    """People, their models, and the organizations that these are shared with."""

    owner: Person
    member: Person
    outsider: Person
    admin: Person
    toxicology: int
    kinetics: int
    private: int
    shared: int
    elsewhere: int
    public: int
    guide: int


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JaqpotSdk]:
    sdk = JaqpotSdk(tmp_path_factory.mktemp("sdk"))
    yield sdk
    sdk.close()


@pytest.fixture(scope="module")
def lab(platform: RunningPlatform, client: trivet.Client, sdk: JaqpotSdk) -> Lab:
    owner, member, outsider = (newcomer(platform, client, sdk, name) for name in ("lab-ann", "lab-ben", "lab-cleo"))
    toxicology, kinetics = (organization(owner, member, name) for name in ("lab-tox", "lab-kin"))
    private = uploaded(owner, "Solubility of secrets")
    shared = uploaded(owner, "Solubility for toxicology", visibility="ORG_SHARED")
    elsewhere = uploaded(owner, "Solubility for kinetics", visibility="ORG_SHARED")
    for model, organized in ((shared, toxicology), (elsewhere, kinetics)):
        changed = {"name": "Solubility", "visibility": "ORG_SHARED", "task": "REGRESSION"}
        body = {**changed, "sharedWithOrganizationIds": [organized]}
        told = owner.asks("ModelApi", "partially_update_model", id=model, partially_update_model_request=body)
        assert told.raised is None, told
    public = uploaded(owner, "Halfway lethal", visibility="PUBLIC", tags="lc50 fish", description=None)
    guide = next(example for example in catalogue() if example.name == "guide_model")
    (deployed,) = client.deploy(guide.path, name="lab-guide")
    assert deployed.model_id is not None
    admin = Person(sdk, platform.url, platform.key)
    return Lab(
        owner, member, outsider, admin, toxicology, kinetics, private, shared, elsewhere, public, deployed.model_id
    )


def newcomer(platform: RunningPlatform, client: trivet.Client, sdk: JaqpotSdk, name: str) -> Person:
    client.accounts.create(name)
    key = client.keys.create(account=name).key
    assert key is not None
    return Person(sdk, platform.url, key)


def organization(owner: Person, member: Person, name: str) -> int:
    """The integer of a new organization of two: one has made it, the other was invited and has accepted."""
    body = {"name": name, "contactEmail": "lab@example.org", "visibility": "PRIVATE"}
    made = owner.asks("OrganizationApi", "create_organization_with_http_info", organization=body)
    assert made.returned["status"] == 201, made
    invitations = "OrganizationInvitationApi"
    asked = {"emails": ["lab-ben"]}
    invited = owner.asks(invitations, "create_invitations", org_name=name, create_invitations_request=asked)
    assert invited.raised is None, invited
    (invitation,) = owner.asks(invitations, "get_all_invitations", org_name=name).returned
    answer = {**invitation, "status": "ACCEPTED"}
    accepted = member.asks(
        invitations, "update_invitation",
        name=name, uuid=invitation["id"], organization_invitation=answer,
    )  # fmt: skip
    assert accepted.raised is None, accepted
    number: int = member.asks("OrganizationApi", "get_organization_by_name", name=name).returned["id"]
    return number


def document(name: str, **more: Any) -> dict[str, Any]:
    """logS = X1 + 2 X2 + 0.5"""
    graph = base64.b64encode(trained.line(2)).decode()
    return {**trained.document(["X1", "X2"], [trained.feature("logS")], name=name), "rawModel": graph, **more}


def uploaded(owner: Person, name: str, **more: Any) -> int:
    """The integer of a new model."""
    told = owner.asks("ModelApi", "create_model_with_http_info", model=document(name, **more))
    assert told.raised is None, told
    assert told.returned["status"] == 201
    return int(told.returned["headers"]["Location"].rpartition("/")[2])


def sent(url: str, token: str | None, body: Any = None, method: str = "") -> tuple[int, Any]:
    """What a plain HTTP request gets: for what the SDK would not let out."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["X-Api-Key"], headers["X-Api-Secret"] = pair(token)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    asking = urllib.request.Request(url, data, headers, method=method or ("GET" if data is None else "POST"))
    try:
        with urllib.request.urlopen(asking, timeout=60) as answer:
            said = answer.read()
            return answer.status, json.loads(said) if said else dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def values(result: list[dict[str, Any]], key: str = "logS") -> list[Any]:
    return [row[key] for row in result]


# -- points 2 and 4: what comes back, and how much may be asked


def test_point_2_a_prediction_on_a_tabular_model_does_not_wait_for_the_clients_step(lab: Lab) -> None:
    lab.owner.gets("predict_sync", model_id=lab.private, dataset=[{"X1": 1, "X2": 2}])  # the model is loaded now
    told = [lab.owner.tries("predict_sync", model_id=lab.private, dataset=[{"X1": 1, "X2": 2}]) for _ in range(5)]
    (row,) = told[0].returned
    assert row == {"logS": pytest.approx(5.5), "jaqpotMetadata": {"jaqpotRowId": 0, "probabilities": None, "doa": None}}
    assert min(each.seconds for each in told) < NO_STEP


def test_point_4_a_hundred_rows_pass_and_stay_in_order(lab: Lab) -> None:
    rows = [{"X1": number, "X2": 0} for number in range(100)]
    result = lab.owner.gets("predict_sync", model_id=lab.private, dataset=rows)
    assert values(result) == pytest.approx([number + 0.5 for number in range(100)], abs=1e-6)
    assert [row["jaqpotMetadata"]["jaqpotRowId"] for row in result] == list(range(100))


def test_point_4_a_file_of_a_thousand_rows_passes_and_its_dataset_can_be_read(lab: Lab, tmp_path: Path) -> None:
    file = written(tmp_path, [["X1", "X2"], *([number, 0] for number in range(1000))])
    result = lab.owner.gets("predict_with_csv_sync", model_id=lab.private, csv_path=file)
    assert values(result) == pytest.approx([number + 0.5 for number in range(1000)], abs=1e-4)
    (newest, *_) = lab.owner.asks("DatasetApi", "get_datasets").returned["content"]
    read = lab.owner.gets("get_dataset_by_id", dataset_id=newest["id"])
    assert (read["status"], len(read["result"]), len(read["input"])) == ("SUCCESS", 1000, 100)


# -- point 5: keys that do not count, models that are not one's own


def test_point_5_a_key_that_does_not_count_is_refused_with_the_reason(
    lab: Lab, client: trivet.Client, platform: RunningPlatform
) -> None:
    made = {what: client.keys.create(account="lab-cleo", label=what) for what in ("disabled", "revoked")}
    client.keys.disable(made["disabled"].id)
    client.keys.revoke(made["revoked"].id)
    key, secret = pair(lab.outsider.token)
    last = "b" if secret[-1] == "a" else "a"
    told = {what: Person(lab.owner.sdk, platform.url, str(each.key)) for what, each in made.items()}
    told["unknown"] = replace(lab.outsider, token=f"trv_000000000000_{secret}")
    told["no key of ours"] = replace(lab.outsider, token=f"jq_AbCdEfGhIjKlMnOpQrStUvWx_{'z' * 50}")
    told["secret"] = replace(lab.outsider, token=f"{key}_{secret[:-1]}{last}")
    said = {what: refused(person, lab.public) for what, person in told.items()}
    assert "disabled" in said["disabled"]
    assert "revoked" in said["revoked"]
    assert "secret" in said["secret"].lower()
    assert all("key" in each.lower() for each in said.values()), said


def test_point_5_an_expired_key_is_refused_with_the_day(lab: Lab, client: trivet.Client) -> None:
    person = replace(lab.outsider, token=str(client.keys.create(account="lab-cleo", expires_days=1e-5).key))
    until = time.monotonic() + 60
    while (told := person.tries("get_model_by_id", model_id=lab.public)).raised is None:
        assert time.monotonic() < until, "the key does not expire"
        time.sleep(0.05)
    assert (told.raised, told.status) == ("UnauthorizedException", 401)
    assert re.match(r"API key expired on \d{4}-\d\d-\d\d", told.why)


def test_one_half_of_a_pair_is_nobody_and_says_what_is_missing(lab: Lab) -> None:
    model = f"{lab.owner.url}/jaqpot/v1/models/{lab.private}"
    key, secret = pair(lab.owner.token)
    for headers in ({"X-Api-Key": key}, {"X-Api-Secret": secret}):
        asking = urllib.request.Request(f"{model}/predict", b"{}", {**headers, "Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(asking, timeout=60)
        assert refusal.value.code == 401
        assert "X-Api-Key and X-Api-Secret" in json.load(refusal.value)["message"]


def refused(person: Person, model: int) -> str:
    """Why a key is refused, even at what is open to all."""
    told = person.tries("get_model_by_id", model_id=model)
    assert (told.raised, told.status) == ("UnauthorizedException", 401), told
    assert told.why == person.tries("predict_sync", model_id=model, dataset=[{"X1": 1, "X2": 2}]).why
    return told.why


def test_point_5_anothers_private_model_is_forbidden_and_an_unknown_one_is_not_found(lab: Lab) -> None:
    for method, args in (("get_model_by_id", {}), ("predict_sync", {"dataset": [{"X1": 1, "X2": 2}]})):
        told = lab.outsider.tries(method, model_id=lab.private, **args)
        assert (told.raised, told.status) == ("ForbiddenException", 403)
        assert str(lab.private) in told.why
        told = lab.outsider.tries(method, model_id=987_654_321, **args)
        assert (told.raised, told.status) == ("NotFoundException", 404)
        assert "987654321" in told.why


def test_a_dataset_is_its_makers_alone(lab: Lab) -> None:
    number = lab.member.gets("predict_async", model_id=lab.public, dataset=[{"X1": 1, "X2": 2}])
    assert lab.member.gets("get_dataset_by_id", dataset_id=number)["id"] == number
    told = lab.owner.tries("get_dataset_by_id", dataset_id=number)
    assert (told.raised, told.status) == ("ForbiddenException", 403)
    assert str(number) in told.why


def test_the_calculators_of_the_qsar_toolbox_are_not_there_and_say_so(lab: Lab) -> None:
    told = lab.owner.tries("qsartoolbox_calculator_predict_sync", smiles="CC", calculator_guid="x")
    assert (told.raised, told.status) == ("NotFoundException", 404)
    assert "QSAR Toolbox" in told.why


# -- point 6 and the other bad input


def test_point_6_what_is_wrong_with_rows_is_named_by_row_and_key(lab: Lab) -> None:
    def why(**changes: Any) -> str:
        rows = [ROW, {key: value for key, value in {**ROW, **changes}.items() if value is not Ellipsis}]
        told = lab.admin.tries("predict_sync", model_id=lab.guide, dataset=rows)
        assert (told.raised, told.status) == ("BadRequestException", 400), told
        return told.why

    assert why(X2=...) == "input[1]: missing X2 (INTEGER)."
    assert why(X2=None) == "input[1]: missing X2 (INTEGER)."
    assert why(Cat_col="CAT_9") == 'input[1].Cat_col: "CAT_9" is not one of CAT_1, CAT_2, CAT_3.'
    assert why(X1="abc") == 'input[1].X1: "abc" is not a number.'
    assert why(X1="NaN").startswith("input[1].X1: ")
    assert why(X1=[1]).startswith("input[1].X1: ")
    both = why(X1="abc", Cat_col=7)
    assert "input[1].X1: " in both
    assert "input[1].Cat_col: " in both


def test_point_6_not_a_number_is_refused_by_row_and_key(lab: Lab) -> None:
    """The SDK writes it into its JSON, though JSON has no such word."""
    for value, word in ((float("nan"), "nan"), (float("inf"), "inf")):
        told = lab.owner.tries(
            "predict_sync", model_id=lab.private, dataset=[{"X1": 1, "X2": 2}, {"X1": 1, "X2": value}]
        )
        assert (told.raised, told.status) == ("BadRequestException", 400)
        assert "input[1].X2" in told.why
        assert word in told.why.lower()


def test_what_is_no_feature_is_passed_over_and_a_number_may_be_a_text(lab: Lab) -> None:
    rows = [{"X1": "1", "X2": " 2.0 ", "note": {"any": "thing"}}]
    assert values(lab.owner.gets("predict_sync", model_id=lab.private, dataset=rows)) == pytest.approx([5.5])


def test_point_6_a_bad_molecule_costs_its_own_row_only(lab: Lab) -> None:
    rows = [ROW, {**ROW, "SMILES": "C1CC("}, {**ROW, "SMILES": "CCO"}]
    first, bad, last = lab.admin.gets("predict_sync", model_id=lab.guide, dataset=rows)
    alone = lab.admin.gets("predict_sync", model_id=lab.guide, dataset=[rows[0], rows[2]])
    assert [first["activity"], last["activity"]] == values(alone, "activity")
    assert bad["activity"] is None
    assert bad["jaqpotMetadata"]["jaqpotRowId"] == 1
    assert "C1CC(" in bad["jaqpotMetadata"]["error"]
    assert "error" not in first["jaqpotMetadata"]


def test_only_bad_molecules_fail_the_whole_prediction_with_the_reason(lab: Lab) -> None:
    told = lab.admin.tries("predict_sync", model_id=lab.guide, dataset=[{**ROW, "SMILES": "C1CC("}])
    assert told.raised == "JaqpotPredictionFailureException"
    assert told.message is not None
    assert "C1CC(" in told.message


def test_rows_that_the_client_would_not_let_out_are_refused_as_well(lab: Lab) -> None:
    asked = f"{lab.owner.url}/jaqpot/v1/models/{lab.private}/predict"
    good = {"X1": 1, "X2": 2}
    cases: list[tuple[Any, str]] = [
        ([good] * 101, "input has 101 rows, the limit is 100"),
        ([], "input has 0 rows"),
        (good, "input"),
        ([good, 7], "input[1] must be an object of feature keys"),
        (None, "input"),
    ]
    for rows, why in cases:
        body = {"type": "PREDICTION", "entryType": "ARRAY", "input": rows}
        status, said = sent(asked, lab.owner.token, body)
        assert (status, why in said["message"]) == (400, True), said
    for data in (b"", b"{", b'{"type": "PREDICTION"}', b'{"type": "PREDICTION", "input": "\xff"}', b"[]"):
        status, said = sent(asked, lab.owner.token, data)
        assert (status, said["status"]) == (400, 400), said
        assert said["message"]


# -- point 7: files of CSV


def written(
    folder: Path, table: list[list[Any]], delimiter: str = ",", encoding: str = "utf-8", end: str = "\n"
) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(table)
    file = folder / f"{len(list(folder.iterdir()))}.csv"
    file.write_bytes(text.getvalue().encode(encoding))
    return str(file)


TABLE: list[list[Any]] = [["SMILES", "X1", "X2", "Cat_col"], ["CC", 1, 2, "CAT_1"], ["CCO", 3, 4, "CAT_2"]]


def test_point_7_the_same_table_in_any_spelling_gives_the_same(lab: Lab, tmp_path: Path) -> None:
    shuffled = [[row[3], row[1], "?", row[0], row[2]] for row in TABLE]
    files = {
        "as it is": written(tmp_path, TABLE),
        "shuffled, with a column too many": written(tmp_path, shuffled),
        "semicolons": written(tmp_path, TABLE, ";"),
        "tabulators and line ends of Windows": written(tmp_path, TABLE, "\t", end="\r\n"),
        "with a byte order mark": written(tmp_path, TABLE, encoding="utf-8-sig"),
        "in the wide letters of a spreadsheet": written(tmp_path, TABLE, "\t", "utf-16"),
        "semicolons and a mark": written(tmp_path, TABLE, ";", "utf-8-sig"),
        "names in other letters": written(tmp_path, [[f" {name.lower()} " for name in TABLE[0]], *TABLE[1:]]),
        "no names at all": written(tmp_path, [["a", "b", "c", "d"], *TABLE[1:]]),
        "blank lines": written(tmp_path, [TABLE[0], [], TABLE[1], [], TABLE[2], []]),
    }
    rows = [dict(zip(TABLE[0], row, strict=True)) for row in TABLE[1:]]
    expected = lab.admin.gets("predict_sync", model_id=lab.guide, dataset=rows)
    for what, file in files.items():
        found = lab.admin.gets("predict_with_csv_sync", model_id=lab.guide, csv_path=file)
        assert (what, found) == (what, expected)


def test_labels_of_rows_come_back(lab: Lab, tmp_path: Path) -> None:
    """In any encoding that spreadsheets write."""
    for encoding in ("utf-8", "latin-1"):
        file = written(tmp_path, [["X1", "jaqpotRowLabel", "X2"], [1, "Äpfel", 2], [0, "Öl", 0]], encoding=encoding)
        result = lab.owner.gets("predict_with_csv_sync", model_id=lab.private, csv_path=file)
        assert values(result) == pytest.approx([5.5, 0.5], abs=1e-6)
        assert [row["jaqpotMetadata"]["jaqpotRowLabel"] for row in result] == ["Äpfel", "Öl"]


def test_a_file_that_can_not_be_read_is_refused_with_what_is_wrong(lab: Lab, tmp_path: Path) -> None:
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)))
    empty, names = tmp_path / "empty.csv", tmp_path / "names.csv"
    empty.write_bytes(b"")
    names.write_text("SMILES,X1,X2,Cat_col\n")
    cases = {
        "X2": written(tmp_path, [[*row[:2], row[3]] for row in TABLE]),
        "CAT_9": written(tmp_path, [*TABLE, ["CC", 1, 2, "CAT_9"]]),
        "X1": written(tmp_path, [*TABLE, ["CC", "1,5", 2, "CAT_1"]]),
        "rows": str(names),
        "empty": str(empty),
        "": str(picture),
    }
    for word, file in cases.items():
        told = lab.admin.tries("predict_with_csv_sync", model_id=lab.guide, csv_path=file)
        assert (told.raised, told.status) == ("BadRequestException", 400), (word, told)
        assert word in told.why
    row = lab.admin.tries("predict_with_csv_sync", model_id=lab.guide, csv_path=cases["CAT_9"]).why
    assert row.startswith("line 4, Cat_col: ")


def test_what_is_no_base64_is_refused(lab: Lab) -> None:
    asked = f"{lab.owner.url}/jaqpot/v1/models/{lab.private}/predict/csv"
    status, said = sent(asked, lab.owner.token, {"type": "PREDICTION", "inputFile": "###"})
    assert (status, "base64" in said["message"]) == (400, True)


# -- points 8 and 9: who sees what


def test_point_8_models_shared_with_an_organization_are_listed_for_its_members(lab: Lab) -> None:
    def listed(person: Person, organized: int | None = None) -> set[int]:
        page = person.gets("get_shared_models", organization_id=organized, size=100, sort=["createdAt|desc"])
        return {model["id"] for model in page["content"]}

    for person in (lab.owner, lab.member):
        assert listed(person, lab.toxicology) == {lab.shared}
        assert listed(person, lab.kinetics) == {lab.elsewhere}
        assert listed(person) == {lab.shared, lab.elsewhere}
    assert listed(lab.outsider) == set()
    outsiders = lab.outsider.tries("get_shared_models", organization_id=lab.toxicology)
    assert outsiders.returned["content"] == []


def test_point_8_a_member_predicts_and_an_outsider_may_not(lab: Lab) -> None:
    rows = [{"X1": 1, "X2": 2}]
    assert values(lab.member.gets("predict_sync", model_id=lab.shared, dataset=rows)) == pytest.approx([5.5])
    assert lab.member.gets("get_model_summary", model_id=lab.shared)["modelId"] == lab.shared
    shown = lab.member.gets("get_model_by_id", model_id=lab.shared)
    assert [each["id"] for each in shown["sharedWithOrganizations"]] == [lab.toxicology]
    assert (shown["visibility"], shown["canEdit"]) == ("ORG_SHARED", False)
    for method, args in (("predict_sync", {"dataset": rows}), ("get_model_by_id", {})):
        told = lab.outsider.tries(method, model_id=lab.shared, **args)
        assert (told.raised, told.status) == ("ForbiddenException", 403)
    told = lab.member.tries("predict_sync", model_id=lab.private, dataset=rows)
    assert told.status == 403
    edit = {"name": "Mine now", "visibility": "PUBLIC", "task": "REGRESSION"}
    told = lab.member.asks("ModelApi", "partially_update_model", id=lab.shared, partially_update_model_request=edit)
    assert told.status == 403


def test_a_stranger_sees_public_models_and_nothing_else(lab: Lab) -> None:
    base = f"{lab.owner.url}/jaqpot/v1"
    assert sent(f"{base}/models/{lab.public}", None)[0] == 200
    found = sent(f"{base}/models/search?query=lc50", None)
    assert lab.public in {model["id"] for model in found[1]["content"]}
    for path in (f"models/{lab.private}", f"models/{lab.shared}", "user/models", "user/shared-models", "user/api-keys"):
        assert (path, sent(f"{base}/{path}", None)[0]) == (path, 401)
    body = {"type": "PREDICTION", "entryType": "ARRAY", "input": [{"X1": 1, "X2": 2}]}
    assert sent(f"{base}/models/{lab.public}/predict", None, body)[0] == 401
    assert sent(f"{base}/models/{lab.public}/download/urls", None)[0] == 401


def test_anybody_with_a_key_predicts_with_a_public_model(lab: Lab) -> None:
    result = lab.outsider.gets("predict_sync", model_id=lab.public, dataset=[{"X1": 1, "X2": 2}])
    assert values(result) == pytest.approx([5.5])


def test_point_9_the_search_finds_public_models_only(lab: Lab) -> None:
    found = lab.outsider.gets("search_models", query="lc50 fish", size=100)
    assert {lab.public} <= {model["id"] for model in found["content"]}
    assert found["totalElements"] == len(found["content"])
    hits = lab.owner.gets("search_models", query="solubility secrets toxicology kinetics", size=100)["content"]
    assert not {lab.private, lab.shared, lab.elsewhere} & {model["id"] for model in hits}
    assert lab.owner.gets("search_models", query="", size=100)["totalElements"] >= 1


def test_point_9_a_model_with_hardly_a_description_spoils_no_list(lab: Lab) -> None:
    """The client would refuse the whole page that such a model stands on."""
    wordless = document("Wordless", description="", visibility="PUBLIC", tags="quagga")
    assert sent(f"{lab.owner.url}/jaqpot/v1/models", lab.owner.token, wordless)[0] == 201
    terse = uploaded(lab.owner, "Terse", visibility="PUBLIC", tags="quagga")
    edit = {"name": "Terse", "visibility": "PUBLIC", "task": "REGRESSION", "description": "ok"}
    sent(f"{lab.owner.url}/jaqpot/v1/models/{terse}/partial", lab.owner.token, edit, "PATCH")
    found = lab.outsider.gets("search_models", query="quagga")["content"]
    assert {model["name"] for model in found} == {"Wordless", "Terse"}
    for model in found:
        assert lab.outsider.gets("get_model_by_id", model_id=model["id"])["name"] == model["name"]


def test_one_has_a_list_of_ones_own(lab: Lab) -> None:
    page = lab.owner.asks("ModelApi", "get_models", size=100).returned
    assert {lab.private, lab.shared, lab.elsewhere, lab.public} <= {model["id"] for model in page["content"]}
    assert lab.guide not in {model["id"] for model in page["content"]}
    assert lab.outsider.asks("ModelApi", "get_models").returned["content"] == []


# -- keys, as the guide has them


def test_a_key_is_made_shown_once_and_lasts_six_months(lab: Lab) -> None:
    wanted = {"expirationTime": "SIX_MONTHS", "note": "the notebook"}
    made = lab.outsider.asks("ApiKeysApi", "create_api_key", api_key=wanted)
    assert made.raised is None, made
    token = f"{made.returned['clientKey']}_{made.returned['clientSecret']}"
    assert values(
        replace(lab.outsider, token=token).gets("predict_sync", model_id=lab.public, dataset=[{"X1": 0, "X2": 0}])
    )
    listed = lab.outsider.asks("ApiKeysApi", "get_all_api_keys_for_user").returned
    (found,) = (key for key in listed if key["clientKey"] == made.returned["clientKey"])
    assert (found["note"], found["enabled"]) == ("the notebook", True)
    assert made.returned["clientSecret"] not in json.dumps(listed)
    changed = lab.outsider.asks(
        "ApiKeysApi", "update_api_key", key=found["clientKey"], update_api_key_request={"enabled": False}
    )
    assert changed.returned["enabled"] is False
    assert "disabled" in refused(replace(lab.outsider, token=token), lab.public)
