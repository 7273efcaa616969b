"""Certificates, proxies, forks: the surroundings of the transport."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.sdk.server import KEY, Server, job, serving
from trivet.sdk import Client
from trivet.sdk.errors import ServiceUnavailableError

ASK = f"import trivet; print(trivet.Client(URL, {KEY!r}, retries=0, **MORE).jobs.get('job_1').status)"


def elsewhere(url: str, more: dict[str, str] | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Ask for a job in a process of its own, whose environment nobody else sees."""
    code = ASK.replace("URL", repr(url)).replace("MORE", repr(more or {}))
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [sys.executable, "-c", code], env=kept | environ, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and the server's own server.pem."""
    folder = tmp_path_factory.mktemp("authority")
    now = dt.datetime.now(dt.UTC)

    def certificate(
        subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, root: bool
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        if not root:
            builder = builder.add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        return builder.sign(signer, hashes.SHA256())

    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    root = certificate("Test authority", "Test authority", root_key, root_key, root=True)
    leaf = certificate("127.0.0.1", "Test authority", server_key, root_key, root=False)
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    private = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + leaf.public_bytes(pem))
    return folder


@pytest.fixture
def secure(authority: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    with serving(context) as server:
        server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("running")))
        yield server


def test_an_authority_of_ones_own_is_trusted_where_it_is_given(secure: Server, authority: Path) -> None:
    with Client(secure.url, KEY, verify=authority / "ca.pem") as client:
        assert client.jobs.get("job_1").status == "running"


def test_an_unknown_authority_is_not_trusted(secure: Server) -> None:
    with Client(secure.url, KEY, retries=0) as client, pytest.raises(ServiceUnavailableError, match="certificate"):
        client.jobs.get("job_1")
    assert secure.seen == []


def test_ssl_cert_file_is_heeded(secure: Server, authority: Path) -> None:
    done = elsewhere(secure.url, SSL_CERT_FILE=str(authority / "ca.pem"))
    assert (done.stdout.strip(), done.stderr) == ("running", "")


def test_a_proxy_of_the_environment_is_used(server: Server) -> None:
    # What a proxy is asked for is a whole URL; the little server sees its path.
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("running")))
    done = elsewhere("http://trivet.invalid:8300", HTTP_PROXY=server.url)
    assert (done.stdout.strip(), done.stderr) == ("running", "")
    assert server.seen[0].headers["host"] == "trivet.invalid:8300"


def test_a_proxy_is_not_asked_for_this_machines_own_loopback(server: Server) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("running")))
    done = elsewhere(server.url, HTTP_PROXY="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1")
    assert (done.stdout.strip(), done.stderr) == ("running", "")


FORK = """
import json, os, sys, trivet
client = trivet.Client(sys.argv[1], sys.argv[2])
client.jobs.get("job_1")
told = []
read, write = os.pipe()
child = os.fork()
if child == 0:
    for asked in (client, trivet.Client(sys.argv[1], sys.argv[2])):
        try:
            asked.jobs.get("job_1")
        except trivet.TrivetError as error:
            told.append(error.code)
    client.close()
    os.write(write, json.dumps(told).encode())
    os._exit(0)
os.waitpid(child, 0)
print(os.read(read, 1000).decode(), client.jobs.get("job_1").status)
"""


def test_a_fork_says_so_instead_of_hanging(server: Server) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("running")))
    done = subprocess.run(
        [sys.executable, "-c", FORK, "http://trivet.invalid", KEY],
        env=os.environ | {"HTTP_PROXY": server.url},  # a server elsewhere, which is reached through the HTTP library
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (json.loads(done.stdout.split("]")[0] + "]"), done.stdout.split()[-1]) == (["forked", "forked"], "running")
