"""Jaqpot's published SDK through a real reverse proxy: in plain HTTP, and through one that ends TLS and HTTP/2.

Point 3 of the acceptance list: the SDK looks for ``Location`` in this very spelling, and takes the id of its prediction from it.
"""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JAQPOT_LATEST, PACKAGE, JaqpotSdk, Person, pair, pointing_jaqpot
from tests.e2e.originals import original_python, run_original
from tests.ports import free_port
from tests.unit.models import trained

_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"))
"""Where nginx lies; a plain user's path leaves out where Debian puts it."""
NGINX = shutil.which("nginx", path=_PLACES)
PATIENCE = 30.0

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (Debian's package: nginx-light)")

CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{}}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path coming;
    proxy_temp_path going;
    fastcgi_temp_path unused;
    uwsgi_temp_path unused;
    scgi_temp_path unused;
    upstream trivet {{ server 127.0.0.1:{behind}; keepalive 4; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    server {{
        listen 127.0.0.1:{plain};
        location / {{ proxy_pass http://trivet; }}
        location /lab/ {{
            proxy_pass http://trivet/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix /lab;
        }}
    }}
    server {{
        listen 127.0.0.1:{secure} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location / {{ proxy_pass http://trivet; }}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """An nginx in front of the platform, and the certificate that it shows."""

    plain: str
    secure: str
    certificate: Path


@pytest.fixture(scope="module")
def proxy(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    certify(folder)
    plain, secure = free_port(), free_port()
    behind = platform.url.rpartition(":")[2]
    (folder / "nginx.conf").write_text(CONFIGURATION.format(behind=behind, plain=plain, secure=secure))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(NGINX), "-p", f"{folder}{os.sep}", "-c", "nginx.conf", "-e", "stderr"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        for port in (plain, secure):
            listening(port, process, log)
        yield Proxy(f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}", folder / "certificate.pem")
    finally:
        process.terminate()
        process.wait(PATIENCE)


def certify(folder: Path) -> None:
    """Makes a certificate for this machine's own address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, f"nginx ended at its start:\n{log.read_text()}"
            assert time.monotonic() < until, f"nginx does not listen:\n{log.read_text()}"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def sdk(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JaqpotSdk]:
    """With the one variable about certificates that the SDK looks at."""
    sdk = JaqpotSdk(tmp_path_factory.mktemp("sdk"), SSL_CERT_FILE=str(proxy.certificate))
    yield sdk
    sdk.close()


@pytest.fixture(scope="module")
def model(client: trivet.Client, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The integer of a model: logS = X1 + 2 X2 + 0.5."""
    said = trained.document(["X1", "X2"], ["logS"], name="behind a proxy")
    folder = trained.put(tmp_path_factory.mktemp("model"), said, trained.line(2))
    (deployed,) = client.deploy(folder, name="proxied")
    assert deployed.model_id is not None
    return deployed.model_id


@pytest.fixture(params=["plain", "secure", "prefix"])
def front(request: pytest.FixtureRequest, proxy: Proxy) -> str:
    """The address that callers know of."""
    return {"plain": proxy.plain, "secure": proxy.secure, "prefix": f"{proxy.plain}/lab"}[request.param]


def connection(front: str, proxy: Proxy) -> http.client.HTTPConnection:
    host = front.partition("://")[2].partition("/")[0]
    if front.startswith("https"):
        return http.client.HTTPSConnection(
            host, timeout=60, context=ssl.create_default_context(cafile=str(proxy.certificate))
        )
    return http.client.HTTPConnection(host, timeout=60)


def asked(
    front: str, proxy: Proxy, method: str, url: str, body: Any = None, token: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers as they are spelled, and body of a plain request."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["X-Api-Key"], headers["X-Api-Secret"] = pair(token)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    line = connection(front, proxy)
    try:
        line.request(method, url[url.index("/", len("https://")) :], data, headers)
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        line.close()


# -- point 3


def test_point_3_location_keeps_its_capital_and_is_the_callers_own_address(
    front: str, proxy: Proxy, platform: RunningPlatform, model: int
) -> None:
    body = {"type": "PREDICTION", "entryType": "ARRAY", "input": [{"X1": 1, "X2": 2}]}
    url = f"{front}/jaqpot/v1/models/{model}/predict"
    status, headers, _ = asked(front, proxy, "POST", url, body, platform.key)
    assert status == 201
    assert headers["Location"].startswith(f"{front}/jaqpot/v1/datasets/")
    assert headers["Location"].rpartition("/")[2].isdigit()
    assert asked(front, proxy, "GET", headers["Location"], token=platform.key)[0] == 200


def test_point_3_the_sdk_predicts_through_the_proxy(
    front: str, sdk: JaqpotSdk, platform: RunningPlatform, model: int, tmp_path: Path
) -> None:
    person = Person(sdk, front, platform.key)
    (row,) = person.gets("predict_sync", model_id=model, dataset=[{"X1": 1, "X2": 2}])
    assert row["logS"] == pytest.approx(5.5)
    (tmp_path / "rows.csv").write_text("X2,X1\n2,1\n")
    assert person.gets("predict_with_csv_sync", model_id=model, csv_path=str(tmp_path / "rows.csv")) == [row]
    number = person.gets("predict_async", model_id=model, dataset=[{"X1": 1, "X2": 2}])
    assert person.gets("get_dataset_by_id", dataset_id=number)["result"] == [row]
    assert person.gets("get_model_summary", model_id=model)["name"] == "behind a proxy"


def test_point_3_the_secure_front_speaks_http_2(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = int(proxy.secure.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), 30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as line,
    ):
        assert line.selected_alpn_protocol() == "h2"


def test_a_front_with_a_certificate_that_the_sdk_does_not_know_is_not_spoken_to(
    proxy: Proxy, platform: RunningPlatform
) -> None:
    """So it is the certificate that counts above, and no blind trust."""
    program = (
        "import os\n"
        "from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient\n"
        "try:\n"
        "    JaqpotApiClient(api_url=os.environ['JAQPOT_API_URL']).get_model_by_id(model_id=1)\n"
        "except Exception as error:\n"
        "    print('certificate' in str(error).lower())\n"
    )
    python = original_python(JAQPOT_LATEST, PACKAGE)
    done = run_original(python, program, pointing_jaqpot(proxy.secure, platform.key))
    assert done.stdout == "True\n", done.stderr


def test_a_slash_at_the_end_of_the_address_does_no_harm(
    proxy: Proxy, sdk: JaqpotSdk, platform: RunningPlatform, model: int
) -> None:
    for address in (f"{proxy.secure}/jaqpot/", f"{proxy.plain}/lab/jaqpot/"):
        told = sdk.call(address, platform.key, "predict_sync", {"model_id": model, "dataset": [{"X1": 0, "X2": 0}]})
        assert told.raised is None, told
        assert told.returned[0]["logS"] == pytest.approx(0.5)


def test_graphs_go_up_and_come_down_at_the_callers_own_address_and_without_a_key(
    front: str, proxy: Proxy, platform: RunningPlatform
) -> None:
    said = trained.document(["X1", "X2"], ["logS"], name="through a proxy")
    begun = asked(front, proxy, "POST", f"{front}/jaqpot/v1/large-models", said, platform.key)
    assert begun[0] == 201, begun
    where = json.loads(begun[2])
    assert where["uploadUrl"].startswith(f"{front}/jaqpot/")
    assert isinstance(where["modelId"], str)
    assert asked(front, proxy, "PUT", where["uploadUrl"], trained.line(2))[0] == 200
    one = f"{front}/jaqpot/v1/large-models/{where['modelId']}/confirm-upload"
    assert asked(front, proxy, "POST", one, b"", platform.key)[0] == 204
    urls = asked(front, proxy, "GET", f"{front}/jaqpot/v1/models/{where['modelId']}/download/urls", token=platform.key)
    url = json.loads(urls[2])["modelUrl"]
    assert url.startswith(f"{front}/jaqpot/")
    assert asked(front, proxy, "GET", url)[2] == trained.line(2)


def test_errors_come_through_as_they_are(proxy: Proxy, sdk: JaqpotSdk, platform: RunningPlatform, model: int) -> None:
    person = Person(sdk, proxy.secure, platform.key)
    told = person.tries("predict_sync", model_id=model, dataset=[{"X1": "a", "X2": 2}])
    assert (told.raised, told.why) == ("BadRequestException", 'input[0].X1: "a" is not a number.')
    stranger = Person(sdk, proxy.secure, f"trv_000000000000_{base64.b16encode(os.urandom(10)).decode().lower()}")
    assert stranger.tries("get_model_by_id", model_id=model).status == 401
