"""Files from URLs that strangers name: where they may come from, how much they may be, and what they are called here."""

from __future__ import annotations

import io
import os
import shutil
import socket
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sdk.server import Exchange, Server
from trivet import TrivetError
from trivet.runpod import error
from trivet.runpod.serverless.utils import _archives, _fetching, download_files_from_urls
from trivet.runpod.serverless.utils._names import disposition_name, plain_name, suffix
from trivet.runpod.serverless.utils.rp_cleanup import clean
from trivet.runpod.serverless.utils.rp_download import (
    calculate_chunk_size,
    extract_disposition_params,
    file,
    parse_content_length,
)
from trivet.runpod.serverless.utils.rp_ssrf import (
    SSRFError,
    all_is_allowed,
    is_safe_address,
    max_download_bytes,
    resolve_and_validate,
)
from trivet.sdk import _unpacking

NAMED = "files.example"


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS", raising=False)
    monkeypatch.setenv("RUNPOD_DOWNLOAD_ALLOW", "127.0.0.0/8")
    monkeypatch.setattr(_fetching, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names of hosts, and the address of each."""
    known: dict[str, str] = {}
    ask = socket.getaddrinfo

    def answer(host: str, port: int, *more: Any, **named: Any) -> Any:
        return ask(known.get(host, host), port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


def giving(body: bytes, **headers: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(200, body, **headers)


def refusing(status: int, **headers: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(status, b"no", **headers)


def half(exchange: Exchange) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Length", "100")
    exchange.handler.end_headers()
    exchange.handler.wfile.write(b"half")
    exchange.drop()


def packed(how: int = zipfile.ZIP_DEFLATED, /, **entries: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
    return made.getvalue()


# -- where from


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "168.63.129.16", "192.0.0.192", "2001:0:a00:1::1", "64:ff9b:1::1", "fd20:ce::254",
        "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1", "fe80::1%eth0", "example.com", "", "1.2.3",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_not_safe(address: str) -> None:
    assert not is_safe_address(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_a_public_address_is_safe(address: str) -> None:
    assert is_safe_address(address)


def test_a_private_address_is_not_asked_for_a_file(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNPOD_DOWNLOAD_ALLOW")
    with pytest.raises(SSRFError, match="127.0.0.1") as caught:
        file(f"{server.url}/api/a.txt")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TrivetError)
    assert "RUNPOD_DOWNLOAD_ALLOW=127.0.0.1" in caught.value.hint
    with pytest.raises(ValueError, match="not public"):
        download_files_from_urls("j", [f"{server.url}/api/a.txt"])
    assert server.seen == []


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8, 127.0.0.0/8", "127.0.0.1"),
        (NAMED, NAMED),
        ("*.example", NAMED),
    ],
)
def test_what_is_named_is_let_through(
    server: Server, names: dict[str, str], allowed: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names[NAMED] = "127.0.0.1"
    monkeypatch.setenv("RUNPOD_DOWNLOAD_ALLOW", allowed)
    server.on("GET", "/api/a.txt", giving(b"here"))
    found = file(f"http://{host}:{server.port}/api/a.txt")
    assert Path(found["file_path"]).read_bytes() == b"here"
    assert server.seen[0].headers["host"] == f"{host}:{server.port}"


@pytest.mark.parametrize("allowed", ["files.example", "*.example.org", "10.0.0.0/8", "nonsense/99", "*."])
def test_what_is_not_named_is_not(names: dict[str, str], allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names["other.example"] = "127.0.0.1"
    monkeypatch.setenv("RUNPOD_DOWNLOAD_ALLOW", allowed)
    with pytest.raises(SSRFError):
        resolve_and_validate("other.example", 80)


def test_the_originals_variable_lets_everything_through(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNPOD_DOWNLOAD_ALLOW")
    monkeypatch.setenv("RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS", "True")
    assert all_is_allowed()
    server.on("GET", "/api/a.txt", giving(b"here"))
    assert Path(file(f"{server.url}/api/a.txt")["file_path"]).read_bytes() == b"here"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        (NAMED, NAMED),
        ("FILES.example.", f"{NAMED}."),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a_b.example", "a_b.example"),
        ("nobody:here@files.example", NAMED),
    ],
)
def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    server: Server, names: dict[str, str], host: str, asked: str
) -> None:
    """No resolver knows these names: only who is told the address gets there."""
    names[asked] = "127.0.0.1"
    server.on("GET", "/api/a.txt", giving(b"here"))
    assert Path(file(f"http://{host}:{server.port}/api/a.txt")["file_path"]).read_bytes() == b"here"


def test_a_redirect_is_looked_at_like_a_url(
    server: Server, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names[NAMED] = "127.0.0.1"
    monkeypatch.setenv("RUNPOD_DOWNLOAD_ALLOW", NAMED)
    server.on("GET", "/api/a.txt", refusing(302, Location=f"{server.url}/api/secret"))
    with pytest.raises(SSRFError, match="127.0.0.1"):
        file(f"http://{NAMED}:{server.port}/api/a.txt")
    assert [seen.path for seen in server.seen] == ["/api/a.txt"]


def test_a_redirect_is_followed_without_the_password(server: Server, names: dict[str, str]) -> None:
    names[NAMED] = "127.0.0.1"
    server.on("GET", "/api/a.txt", refusing(307, Location=f"http://{NAMED}:{server.port}/api/b.png"))
    server.on("GET", "/api/b.png", giving(b"there"))
    found = file(f"http://ann:s%20cret@127.0.0.1:{server.port}/api/a.txt?x=1")
    assert (found["original_name"], Path(found["file_path"]).read_bytes()) == ("a.txt", b"there")
    first, second = server.seen
    assert first.headers["authorization"] == "Basic YW5uOnMgY3JldA=="
    assert first.query == {"x": "1"}
    assert "authorization" not in second.headers


@pytest.mark.parametrize(
    "location", ["http://[", "file:///etc/passwd", "javascript:1", "https://", "ftp://example.com/a"]
)
def test_a_redirect_to_nowhere_is_refused(server: Server, location: str) -> None:
    server.on("GET", "/api/a.txt", refusing(302, Location=location))
    with pytest.raises(SSRFError):
        file(f"{server.url}/api/a.txt")


def test_a_circle_of_redirects_ends(server: Server) -> None:
    server.on("GET", "/api/a", refusing(302, Location="/api/a"))
    with pytest.raises(error.HTTPError, match="one place to the next"):
        file(f"{server.url}/api/a")
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    "url", ["", "a.txt", "ftp://example.com/x", "file:///etc/passwd", "http://", None, "gopher://x"]
)
def test_what_is_no_url_of_a_file_is_refused(url: Any) -> None:
    with pytest.raises(SSRFError):
        file(url)


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "017700000001", "%31%32%37.0.0.1", "127。0。0。1", "[::1]"])
def test_an_address_in_disguise_is_seen_through(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNPOD_DOWNLOAD_ALLOW")
    with pytest.raises(SSRFError, match="not public"):
        file(f"http://{host}:1/a")


def test_a_host_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(SSRFError, match="nowhere.example") as caught:
        file("http://nowhere.example/a")
    assert caught.value.code == "unknown_host"


def test_a_resolver_that_fails_by_chance_is_asked_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, failures = socket.getaddrinfo, [socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")]

    def answer(*asked: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return ask(*asked, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    server.on("GET", "/api/a.txt", giving(b"here"))
    assert Path(file(f"{server.url}/api/a.txt")["file_path"]).read_bytes() == b"here"


def test_a_proxy_is_not_asked_as_nobody_knows_where_it_goes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("GET", "/api/a.txt", giving(b"here"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(SSRFError, match="proxy") as caught:
        file(f"{server.url}/api/a.txt")
    assert "NO_PROXY" in caught.value.hint
    monkeypatch.delenv("http_proxy")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with pytest.raises(SSRFError, match="proxy"):
        file(f"{server.url}/api/a.txt")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert file(f"{server.url}/api/a.txt")["type"] == "txt"


# -- how much, and how long


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_that_is_too_large_is_refused(server: Server, announced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def piece_by_piece(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(4):
            exchange.send("x" * 400)
        exchange.end()

    monkeypatch.setenv("RUNPOD_MAX_DOWNLOAD_BYTES", "1000")
    server.on("GET", "/api/a.txt", giving(b"x" * 1600) if announced else piece_by_piece)
    with pytest.raises(SSRFError, match="more than 1000 bytes"):
        file(f"{server.url}/api/a.txt")
    with pytest.raises(SSRFError, match="more than 1000 bytes"):
        download_files_from_urls("j", f"{server.url}/api/a.txt")
    assert not [name for _, _, names in os.walk(".") for name in names]


@pytest.mark.parametrize(("said", "bytes_"), [("", 5 * 1024**3), ("12", 12), ("x", 5 * 1024**3), ("-1", 5 * 1024**3)])
def test_the_bound_comes_from_the_environment(said: str, bytes_: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_MAX_DOWNLOAD_BYTES", said)
    assert max_download_bytes() == bytes_


def test_a_size_of_five_thousand_digits_is_too_large(server: Server) -> None:
    def boasting(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", "9" * 5000)
        exchange.handler.send_header("Transfer-Encoding", "chunked")
        exchange.handler.end_headers()
        exchange.end()

    server.on("GET", "/api/a.txt", boasting)
    with pytest.raises(SSRFError, match="bytes"):
        file(f"{server.url}/api/a.txt")


def test_a_part_of_a_file_is_not_taken_for_the_file(server: Server) -> None:
    server.on("GET", "/api/a.txt", lambda exchange: exchange.answer(206, b"x", Content_Range="bytes 0-0/100"))
    with pytest.raises(error.HTTPError, match="206"):
        file(f"{server.url}/api/a.txt")


@pytest.mark.parametrize("fault", [half, refusing(503), refusing(429)])
def test_what_fails_by_chance_is_asked_for_again(server: Server, fault: Any) -> None:
    server.on("GET", "/api/a.txt", fault, fault, giving(b"whole"))
    assert Path(file(f"{server.url}/api/a.txt")["file_path"]).read_bytes() == b"whole"
    assert len(list(Path("job_files").iterdir())) == 1


def test_what_goes_on_failing_is_told(server: Server) -> None:
    server.on("GET", "/api/a.txt", half)
    with pytest.raises(ConnectionError):
        file(f"{server.url}/api/a.txt")
    assert len(server.seen) == 3
    assert not list(Path("job_files").iterdir())


def test_a_refusal_is_not_asked_for_again_and_shows_no_signature(server: Server) -> None:
    with pytest.raises(OSError, match="404") as caught:
        file(f"{server.url}/api/none?signature=secret")
    assert len(server.seen) == 1
    assert "secret" not in f"{caught.value!r} {caught.value.__notes__}"
    assert isinstance(caught.value, error.HTTPError)
    assert caught.value.status_code == 404


def test_what_fails_on_the_way_shows_no_password_and_no_signature(server: Server) -> None:
    """A worker tells its platform, and the job's caller, the whole traceback of a handler."""
    secret = "hush" + "hush"  # in two, as a traceback shows this line
    server.on("GET", "/api/a.txt", half)
    for scheme, host in (("http", f"127.0.0.1:{server.port}"), ("https", f"127.0.0.1:{server.port}"), ("http", "a b")):
        with pytest.raises(error.RunPodError) as caught:
            file(f"{scheme}://ann:{secret}@{host}/api/a.txt?signature={secret}")
        assert secret not in "".join(traceback.format_exception(caught.value))


def test_nobody_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(error.ConnectionFailed):
            file(f"http://127.0.0.1:{taken.getsockname()[1]}/a")


def test_silence_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet.sdk._sync.transport.SILENCE", 0.2)
    monkeypatch.setattr(_fetching, "_PAUSES", ())
    server.on("GET", "/api/a.txt", lambda exchange: exchange.hold())
    with pytest.raises(TimeoutError):
        file(f"{server.url}/api/a.txt")


def test_a_trickle_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fetching, "_GRACE", -1.0)
    monkeypatch.setattr(_fetching, "_PAUSES", ())
    server.on("GET", "/api/a.txt", giving(b"x"))
    with pytest.raises(TimeoutError, match="too slowly"):
        file(f"{server.url}/api/a.txt")


# -- what they are called


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="real name.png"', "real name.png"),
        ("inline; filename=plain.txt", "plain.txt"),
        ('attachment; filename="../../etc/x.png"', "x.png"),
        ('attachment; filename="..\\\\..\\\\x.png"', "x.png"),
        ("attachment; filename=\"a.txt\"; filename*=UTF-8''na%C3%AFve%20b.txt", "naïve b.txt"),
        ("attachment; filename*=UTF-8''..%2F..%2Fx.sh", "x.sh"),
        ("attachment; filename*=iso-8859-1'en'na%EFve.txt", "naïve.txt"),
        ("attachment; filename*=UTF-8''%FF; filename=b", "b"),
        ("attachment; filename*=no-such''a; filename=b", "b"),
        ("attachment; filename*=undefined''a; filename=b", "b"),
        ("attachment; filename*=punycode''" + "a-" * 1000 + "; filename=b", "b"),
        ("attachment; filename=" + "n" * 300 + ".png", "n" * 251 + ".png"),
        ("attachment; filename*=UTF-8''" + "%E6%BC%A2" * 100 + ".png", "漢" * 83 + ".png"),
        ('attachment; filename=".."', ""),
        ("attachment", ""),
        ("", ""),
    ],
)
def test_a_name_is_a_name_alone(header: str, name: str) -> None:
    assert disposition_name(header) == name


def test_a_name_in_raw_letters_is_passed_over(server: Server) -> None:
    """Servers send it so, and a header has no such letters."""
    server.on("GET", "/api/b.png", giving(b"x", Content_Disposition='attachment; filename="na\xefve.txt"'))
    server.on("GET", "/api/moved", refusing(302, Location="/api/na\xefve"))
    found = file(f"{server.url}/api/b.png")
    assert (found["original_name"], found["type"]) == ("b.png", "png")
    with pytest.raises(error.HTTPError, match="302"):
        file(f"{server.url}/api/moved")


def test_endings_are_endings() -> None:
    assert [suffix(name) for name in ("a.png", "a.tar.gz", "a", ".env", "a.", "a.b c", "a./x", "a." + "x" * 17)] == [
        ".png", ".gz", "", "", "", "", "", "",
    ]  # fmt: skip
    assert plain_name("a\x00\n/b\x1b[2J.txt") == "b[2J.txt"


def test_a_file_has_a_name_of_its_own(server: Server) -> None:
    server.on("GET", "/api/pictures/a%20b.png", giving(b"one"))
    found = file(f"{server.url}/api/pictures/a%20b.png")
    path = Path(found["file_path"])
    assert path.is_absolute()
    assert path.parent == Path("job_files").absolute()
    assert path.suffix == ".png"
    assert (found["type"], found["original_name"], found["extracted_path"]) == ("png", "a b.png", None)


def test_several_files_come_in_order_and_what_failed_is_none(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.txt", "b"):
        server.on("GET", f"/api/{name}", giving(name.encode()))
    wanted = [f"{server.url}/api/{name}" for name in ("a.txt", "none", "b", "a.txt")]
    found = download_files_from_urls("job-1", wanted)
    assert [None if path is None else Path(path).read_bytes() for path in found] == [b"a.txt", None, b"b", b"a.txt"]
    assert Path(str(found[0])).parent == Path("jobs/job-1/downloaded_files").absolute()
    assert "404" in capsys.readouterr().out
    assert download_files_from_urls("job-1", []) == []
    clean(["jobs"])
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("job_id", ["", "..", "../x", "a/b", "a\\b", "a\0b"])
def test_a_jobs_id_leads_nowhere_else(job_id: str) -> None:
    with pytest.raises(error.InputError):
        download_files_from_urls(job_id, [])
    assert not list(Path.cwd().iterdir())


def test_sizes_and_headers_are_read_as_the_original_reads_them() -> None:
    assert [calculate_chunk_size(size) for size in (1024**2, 1024**2 + 1, 1024**3, 1024**3 + 1)] == [
        1024, 1024**2, 1024**2, 10 * 1024**2,
    ]  # fmt: skip
    assert [parse_content_length(headers) for headers in ({"content-length": "12"}, {}, {"Content-Length": "x"})] == [
        12, 0, 0,
    ]  # fmt: skip
    assert extract_disposition_params('attachment; FileName="a \\"b"; x=1') == {"filename": 'a "b', "x": "1"}


# -- archives


def test_an_archive_is_unpacked_beside_itself(server: Server) -> None:
    server.on(
        "GET", "/api/get", giving(packed(a__b=b"one", c=b"two"), Content_Disposition="attachment; filename=x.ZIP")
    )
    found = file(f"{server.url}/api/get")
    folder = Path(str(found["extracted_path"]))
    assert folder == Path(found["file_path"]).with_suffix("")
    assert ((folder / "a/b").read_bytes(), (folder / "c").read_bytes()) == (b"one", b"two")


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "..\\out", "C:out"])
def test_an_entry_that_leads_out_of_the_folder_is_refused_with_all_of_it(server: Server, name: str) -> None:
    server.on("GET", "/api/x.zip", giving(packed(good=b"x", **{name: b"bad"})))
    with pytest.raises(SSRFError, match="leads out"):
        file(f"{server.url}/api/x.zip")
    assert not [name for _, _, names in os.walk(".") for name in names]


def test_a_bomb_does_not_go_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_MAX_DOWNLOAD_BYTES", "100000")
    server.on("GET", "/api/x.zip", giving(packed(**{f"f{number}": bytes(60_000) for number in range(4)})))
    with pytest.raises(SSRFError, match="holds more than"):
        file(f"{server.url}/api/x.zip")
    assert not [name for _, _, names in os.walk(".") for name in names]


@pytest.mark.parametrize(
    ("bound", "names"),
    [
        ("MOST_NAMES", ["a/b/c", "a\\b\\d"]),
        ("DEEPEST", ["a", "a/b/c/d/e/f/"]),
        ("DEEPEST", ["a\\b\\c\\d\\e\\f"]),
        ("_LONGEST_LIST", ["a"]),
    ],
)
def test_an_archive_of_too_many_names_is_not_unpacked(
    bound: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_unpacking, bound, 5)
    Path("x.zip").write_bytes(packed(**dict.fromkeys(names, b"")))
    with pytest.raises(SSRFError) as caught:
        _archives.unpack(Path("x.zip"), Path("out"), 100_000)
    assert caught.value.code == "too_large"
    assert not Path("out").exists()


def test_names_that_are_odd_and_harmless_are_taken(server: Server) -> None:
    server.on("GET", "/api/x.zip", giving(packed(**{"./": b"", "./a\\b": b"1", "12:30.png": b"2", "c/. /d": b"3"})))
    folder = Path(str(file(f"{server.url}/api/x.zip")["extracted_path"]))
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "12:30.png", "a/b", "c/. /d",
    ]  # fmt: skip


def unpacked(body: bytes) -> bytes | None:
    """The first file of an archive, or None where it is told as a bad one, of which nothing is left."""
    Path("x.zip").write_bytes(body)
    shutil.rmtree("out", ignore_errors=True)
    try:
        _archives.unpack(Path("x.zip"), Path("out"), 10_000)
    except (_archives.BadArchiveError, SSRFError):  # the latter for a size that is damaged
        assert not Path("out").exists()
        return None
    return Path("out/a").read_bytes()


def test_what_is_no_archive_is_told_as_such() -> None:
    """Among them: what would unpack to a gigabyte at once, one name for a file and a folder, and damages of any kind."""
    whole = packed(a=b"content " * 100)
    damaged = [bytearray(whole) for _ in range(0, len(whole), 4)]
    for number, body in enumerate(damaged):
        body[number * 4] ^= 0xFF
    for body in [
        b"no", packed(zipfile.ZIP_BZIP2, a=bytes(1000)), packed(zipfile.ZIP_LZMA, a=bytes(1000)),
        packed(a=b"", a__b=b""), packed(a=b"", a__b__c=b""), packed(a__b=b"", a=b""), packed(**{"n" * 300: b""}),
        whole[:-10],
    ]:  # fmt: skip
        assert unpacked(body) is None
    assert {unpacked(body) for body in damaged} == {None, b"content " * 100}  # a time and a mode may be any


def test_a_damaged_archive_is_not_kept(server: Server) -> None:
    damaged = bytearray(packed(a=b"content " * 100))
    damaged[60] ^= 0xFF
    for body in (b"no", bytes(damaged)):
        server.on("GET", "/api/x.zip", giving(body))
        with pytest.raises(zipfile.BadZipFile) as caught:
            file(f"{server.url}/api/x.zip")
        assert isinstance(caught.value, error.RunPodError)
