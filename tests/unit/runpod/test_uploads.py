"""Files for a bucket: where they go without one, and what is said where a bucket is half named. Real ones: tests/e2e."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from trivet import TrivetError
from trivet.runpod import error
from trivet.runpod.serverless.utils import _buckets, rp_upload, upload_file_to_bucket, upload_in_memory_object

BUCKET = {"endpointUrl": "http://127.0.0.1:1", "accessId": "id", "accessSecret": "secret"}


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("BUCKET_ENDPOINT_URL", "BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "drawn" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"PNG")
    return file


def test_without_a_bucket_files_are_kept_here(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    links: list[Any] = [None, None]
    link = rp_upload.upload_image("job", picture, 1, links)
    assert links == [None, link]
    assert Path(link).parent == Path("simulated_uploaded")
    assert Path(link).suffix == ".png"
    assert Path(link).read_bytes() == b"PNG"
    assert upload_file_to_bucket("n.txt", str(picture), prefix="p") == "local_upload/n.txt"
    assert upload_in_memory_object("deep/m.bin", b"123") == "local_upload/deep/m.bin"
    assert Path("local_upload/deep/m.bin").read_bytes() == b"123"
    assert capsys.readouterr().out.count("No bucket is set") == 3
    assert rp_upload.get_boto_client() == (None, None)


def test_several_files_come_in_order(picture: Path) -> None:
    other = picture.with_name("b.txt")
    other.write_text("b")
    assert [Path(link).suffix for link in rp_upload.files("job", [picture, str(other), picture])] == [
        ".png", ".txt", ".png",
    ]  # fmt: skip
    assert rp_upload.files("job", []) == []


def test_half_of_a_bucket_in_the_environment_is_none(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET_ENDPOINT_URL", "http://127.0.0.1:1")
    assert upload_file_to_bucket("n.txt", picture) == "local_upload/n.txt"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..", "", ".", "a\0b"])
def test_a_name_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(error.InputError):
        upload_in_memory_object(name, b"1")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        rp_upload.upload_image("job", "none.png")
    with pytest.raises(FileNotFoundError):
        upload_file_to_bucket("n", "none.png")


@pytest.mark.parametrize("missing", list(BUCKET))
def test_a_bucket_that_is_half_named_is_refused(missing: str, picture: Path) -> None:
    given = {name: value for name, value in BUCKET.items() if name != missing}
    with pytest.raises(KeyError, match=missing) as caught:
        upload_file_to_bucket("n", picture, given)
    assert isinstance(caught.value, TrivetError)
    assert isinstance(caught.value, ValueError)
    assert "secret" not in str(caught.value)


def test_uploading_below_a_job_wants_a_bucket(picture: Path) -> None:
    for given in (BUCKET, {}):
        with pytest.raises(KeyError, match="bucketName|endpointUrl"):
            rp_upload.bucket_upload("job", [picture], given)


def test_without_boto3_it_says_what_to_install(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # as where it is not installed
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    for upload in (
        lambda: upload_file_to_bucket("n", picture, BUCKET),
        lambda: upload_in_memory_object("n", b"1", BUCKET),
        lambda: rp_upload.bucket_upload("job", [picture], {**BUCKET, "bucketName": "b"}),
        lambda: rp_upload.get_boto_client(BUCKET),
    ):
        with pytest.raises(ImportError, match="boto3") as caught:
            upload()
        assert isinstance(caught.value, error.RunPodError)
        assert "pip install boto3" in caught.value.hint
    assert not os.path.exists("local_upload")  # noqa: PTH110 - in the working directory


def test_a_client_is_made_once_for_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def __init__(self, kind: str, **given: Any) -> None:
            self.kind = kind
            self.given = given

    session, config = ModuleType("boto3.session"), ModuleType("botocore.config")
    transfer = ModuleType("boto3.s3.transfer")
    vars(session).update(Session=lambda: SimpleNamespace(client=Client))
    vars(config).update(Config=dict)
    vars(transfer).update(TransferConfig=dict)
    for module in (session, config, transfer):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(_buckets, "_client", functools.lru_cache(_buckets._client.__wrapped__))
    one, how = rp_upload.get_boto_client(BUCKET)
    other, _ = rp_upload.get_boto_client({**BUCKET, "accessId": "other"})
    assert how["max_concurrency"] == 4
    assert one.kind == "s3"
    assert one is rp_upload.get_boto_client(dict(BUCKET))[0]
    assert (one.given["aws_access_key_id"], other.given["aws_access_key_id"]) == ("id", "other")
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a fork
    assert rp_upload.get_boto_client(BUCKET)[0] is not one


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://s3.us-west-2.amazonaws.com", "us-west-2"),
        ("https://pictures.s3.eu-west-1.amazonaws.com/x", "eu-west-1"),
        ("https://s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://s3.amazonaws.com", None),
        ("https://pictures.s3.amazonaws.com", None),
        ("https://nyc3.digitaloceanspaces.com", "nyc3"),
        ("https://pictures.nyc3.digitaloceanspaces.com", "nyc3"),
        ("https://account.r2.cloudflarestorage.com", None),
        ("https://s3.fr-par.scw.cloud", "fr-par"),
        ("https://s3.us-west-002.backblazeb2.com", "us-west-002"),
        ("https://s3.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://s3api-eu-ro-1.runpod.io/", "eu-ro-1"),
        ("https://minio.example.com", None),
        ("https://s3.example.com", None),
        ("https://minio:9000", None),
        ("http://127.0.0.1:9000", None),
        ("", None),
    ],
)
def test_a_region_is_read_from_a_url(url: str, region: str | None) -> None:
    assert rp_upload.extract_region_from_url(url) == region


def test_a_place_shows_no_secret() -> None:
    assert "secret" not in repr(_buckets.Place("http://h", "id", "secret", "b"))
