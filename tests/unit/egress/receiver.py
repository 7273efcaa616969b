"""A receiver on loopback: plain or TLS, with its own authority; it answers what its path asks for."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ANSWERS = {
    "/ok": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
    "/busy": b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    "/later": b"HTTP/1.1 429 No\r\nRetry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
    "/whenever": b"HTTP/1.1 429 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
    "/redirect": b"HTTP/1.1 307 Elsewhere\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
    "/junk": b"SSH-2.0-OpenSSH\r\n\r\n",
    "/nothing": b"",
    "/endless": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 65536,
    "/drip": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun",
    "/hang": b"",
}
_STAYS = {"/hang", "/drip"}


@dataclass
class Receiver:
    """Where it listens, and what it got: heads and bodies."""

    port: int = 0
    connections: int = 0
    context: ssl.SSLContext | None = None
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    _serving: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection until `leave`."""
        self.connections += 1
        self._serving[asyncio.create_task(self._serve(reader, writer))] = writer

    async def leave(self) -> None:
        """Ends every connection, and returns when none of them is left open."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for writer in self._serving.values():
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.context is not None:  # here, so that a connection whose handshake fails is closed as any other
                await writer.start_tls(self.context)
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                sizes = [int(line[16:]) for line in head.splitlines() if line.lower().startswith("content-length: ")]
                path = head.split(" ")[1].partition("?")[0]
                self.requests.append((head, await reader.readexactly(*sizes or [0])))
                writer.write(ANSWERS[path])
                await writer.drain()
                if path in _STAYS:
                    await reader.read()  # until the other side leaves
                if path != "/ok":
                    return
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(context=context)
    server = await asyncio.start_server(receiver.accept, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.leave()


def authority(folder: Path, *names: str) -> tuple[bytes, ssl.SSLContext]:
    """The certificate of an authority, and what a server with a certificate for ``names`` needs."""
    now = dt.datetime.now(dt.UTC)

    def certificate(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate("tests", "tests", root_key, ca=True).sign(root_key, hashes.SHA256())
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    leaf = certificate("leaf", "tests", key, ca=False).add_extension(alternatives, critical=False)
    pem = serialization.Encoding.PEM
    chain = folder / "chain.pem"
    chain.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.sign(root_key, hashes.SHA256()).public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return root.public_bytes(pem), context
