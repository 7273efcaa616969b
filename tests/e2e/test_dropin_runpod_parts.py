"""RunPod's helpers for handlers, from its package and from ours: the same program, and what came of it.

The published package brings boto3 along, so ours is tried in its environment. Buckets are on a small server of this test.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import pyreqwest
import pytest

import trivet
from tests.e2e.originals import original_python, run_original

PART = 8 * 1024 * 1024


class Bucket:
    """A server that keeps what is put there, whole or in parts, and gives it to who has a link."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[int, str]] = {}
        self.largest = 0
        self.keys: set[str] = set()
        parts: dict[str, int] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: Any) -> None:
                pass

            def do_PUT(self) -> None:
                url = urlsplit(self.path)
                size = len(self.rfile.read(int(self.headers["Content-Length"])))
                outer.largest = max(outer.largest, size)
                outer.keys |= set(re.findall(r"Credential=([^/]+)", self.headers["Authorization"]))
                if "partNumber" in url.query:
                    parts[url.path] = parts.get(url.path, 0) + size
                else:
                    outer.objects[url.path] = (size, self.headers.get("Content-Type", ""))
                self.say("")

            def do_POST(self) -> None:
                url = urlsplit(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if parse_qs(url.query, keep_blank_values=True).get("uploads"):
                    bucket, key = url.path.strip("/").split("/", 1)
                    self.say(
                        "<InitiateMultipartUploadResult>"
                        f"<Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
                    )
                else:
                    outer.objects[url.path] = (parts.pop(url.path), "in parts")
                    self.say("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")

            def say(self, text: str) -> None:
                body = text.encode()
                self.send_response(200)
                self.send_header("ETag", '"e"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


PROGRAM = """
import importlib, inspect, json, os, pathlib, shutil, sys

def uploads(base, url):
    utils = importlib.import_module(base + ".serverless.utils")
    up = importlib.import_module(base + ".serverless.utils.rp_upload")
    for name in ("BUCKET_ENDPOINT_URL", "BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY"):
        os.environ.pop(name, None)
    creds = {"endpointUrl": url, "accessId": "argument", "accessSecret": "s"}
    links = [
        utils.upload_file_to_bucket("n.txt", "a.png", creds, "b", "p/q", {"ContentType": "text/x"}),
        utils.upload_file_to_bucket("large.bin", "large.bin", creds, bucket_name="b"),
        utils.upload_in_memory_object("m.bin", b"123", creds, bucket_name="b", prefix="p"),
        *up.bucket_upload("job", ["a.png"], {**creds, "bucketName": "c"}),
    ]
    os.environ.update(BUCKET_ENDPOINT_URL=url, BUCKET_ACCESS_KEY_ID="environment", BUCKET_SECRET_ACCESS_KEY="s")
    results = [None]
    up.upload_image("job", "a.png", 0, results, bucket_name="b")
    return [*links, results[0], utils.upload_in_memory_object("month.bin", b"1"), *up.files("job", ["a.png", "a.png"])]

def names(base):
    found = {}
    for name in MODULES:
        try:
            module = importlib.import_module(f"{base}.{name}")
        except ImportError:
            continue
        for key, value in vars(module).items():
            if key.startswith("_") or inspect.ismodule(value) or not callable(value):
                continue
            home = getattr(value, "__module__", "")
            if not home.startswith(base) or (base == "runpod" and home != module.__name__):
                continue  # what the original's modules have imported is not theirs
            functions = {key: value} if inspect.isfunction(value) else {
                f"{key}.{n}": m for n, m in vars(value).items()
                if inspect.isfunction(m) and (n == "__init__" or not n.startswith("_"))}
            found.update({f"{name}.{n}": [
                (p.name, p.kind.name, None if p.default is p.empty else repr(p.default))
                for p in inspect.signature(f).parameters.values()] for n, f in functions.items()})
    return found

def cached(base, place):
    folder = pathlib.Path(place, "folder").absolute()
    cache = importlib.import_module(base + ".serverless").VolumeCache(
        [str(folder)], namespace="n", volume_path=str(pathlib.Path(place, "volume").absolute()), best_effort=False)
    hydrated = cache.hydrate()
    if not hydrated:
        (folder / "sub").mkdir(parents=True)
        (folder / "small").write_bytes(b"1")
        (folder / "sub" / "large").write_bytes(bytes(300_000))
        cache.sync(background=False)
    held = {str(f.relative_to(folder)): f.stat().st_size for f in folder.rglob("*") if f.is_file()}
    shutil.rmtree(folder)  # as where the next worker starts
    return [hydrated, held]

open("a.png", "wb").write(b"PNG")
with open("large.bin", "wb") as large:
    large.truncate(PART + 1)
for place in ("first", "second"):
    os.makedirs(f"{place}/volume")
both = ("runpod", "trivet.runpod")
print(json.dumps([
    {"links": uploads(base, url), "names": names(base), "filled": cached(base, place)}
    for base, url, place in zip(both, URLS, ("first", "second"))
] + [cached(base, place) for base, place in zip(both, ("second", "first"))]))
"""
MODULES = [
    *(f"serverless.utils.rp_{name}" for name in (
        "cleanup", "cuda", "debugger", "download", "model_cache", "ssrf", "upload", "validator", "volume_cache",
    )),
    "serverless.modules.rp_fitness", "serverless.modules.rp_progress",
]  # fmt: skip
ABSENT = {
    "serverless.modules.rp_fitness.run_fitness_checks": "`start` runs them",
    "serverless.utils.rp_ssrf.PinnedIPAdapter.__init__": "an object of the package requests",
    "serverless.utils.rp_ssrf.PinnedIPAdapter.get_connection": "an object of the package requests",
    "serverless.utils.rp_ssrf.PinnedIPAdapter.get_connection_with_tls_context": "an object of the package requests",
    "serverless.utils.rp_ssrf.PinnedIPAdapter.send": "an object of the package requests",
    "serverless.utils.rp_ssrf.iter_content_capped": "takes an object of the package requests",
    "serverless.utils.rp_ssrf.safe_get": "gives an object of the package requests",
}
"""What is not there, and why; the guide's page lists the same."""


class Said(NamedTuple):
    """What a program has found with one of the packages."""

    links: list[str]
    names: dict[str, Any]
    filled: tuple[int, dict[str, int]]
    """How many files came from an empty volume, and what was there in the end."""
    served: tuple[int, dict[str, int]]
    """The same with the volume that the other has filled."""
    bucket: Bucket


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Said, Said]]:
    """The original's and ours, from one run: what takes time is to import the original and boto3."""
    ours = tmp_path_factory.mktemp("parts")
    for package in (trivet, pyreqwest):
        home = Path(str(package.__file__)).parent
        (ours / home.name).symlink_to(home)
    buckets = (Bucket(), Bucket())
    program = PROGRAM.replace("MODULES", repr(MODULES)).replace("PART", str(PART))
    program = program.replace("URLS", repr([bucket.url for bucket in buckets]))
    done = run_original(original_python(), program, {"PYTHONPATH": str(ours)}, 120.0)
    assert done.returncode == 0, done.stdout + done.stderr
    *found, original_served, ours_served = json.loads(done.stdout.strip().splitlines()[-1])
    first, second = (
        Said(one["links"], one["names"], tuple(one["filled"]), tuple(served), bucket)
        for one, served, bucket in zip(found, (original_served, ours_served), buckets, strict=True)
    )
    yield first, second
    for bucket in buckets:
        bucket.close()


def test_files_go_to_the_same_places_of_a_bucket(both: tuple[Said, Said]) -> None:
    def places(links: list[str]) -> list[str]:
        return [re.sub(r"[0-9a-f]{8}\.png|\?.*|:\d+", "*", unquote(link)) for link in links]

    original, ours = both
    assert places(ours.links) == places(original.links)
    theirs, kept = (
        {(re.sub(r"[0-9a-f]{8}\.png", "*.png", key), what) for key, what in said.bucket.objects.items()}
        for said in both
    )
    assert kept == theirs
    assert ("/b/large.bin", (PART + 1, "in parts")) in kept
    assert ("/b/p/q/n.txt", (3, "text/x")) in kept
    assert ours.bucket.keys == {"argument", "environment"}
    assert ours.bucket.largest < PART + 1000
    assert [parse_qs(urlsplit(link).query)["X-Amz-Expires"] for link in ours.links if "?" in link] == [["604800"]] * 7


def test_every_helper_has_the_originals_signature(both: tuple[Said, Said]) -> None:
    original, ours = both[0].names, both[1].names
    assert set(original) - set(ours) == set(ABSENT)
    assert [name for name in original if name in ours and original[name] != ours[name]] == []


def test_a_volume_that_one_has_filled_serves_the_other(both: tuple[Said, Said]) -> None:
    held = {"small": 1, "sub/large": 300_000}
    assert [said.filled for said in both] == [(0, held)] * 2
    assert [said.served for said in both] == [(2, held)] * 2
