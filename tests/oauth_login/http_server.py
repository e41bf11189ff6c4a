"""A real HTTP server on the loopback, as badly behaved as a test wants it, and certificates for it."""

import datetime
import ipaddress
import json
import select
import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connections

HANG_UP = b""  # a part of an answer: close the connection here
RESET = None  # another: break it off


@dataclass(frozen=True)
class Request:
    """What arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def host(self):
        """The host that was asked for."""
        return self.headers.get("host", "")


def reply(content, status=200, **headers):
    """Return an answer: *content* as the body, or as JSON if it is not bytes.

    A header is named as a keyword: ``Retry_After="5"``.
    """
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    fields = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return [f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + body]


class Server:
    """Answers each path with what ``answers`` has for it: parts to send, or a function that yields them.

    ``requests`` is everything it was asked, ``connections`` how often it was connected to, and ``hung_up``
    tells whether it ever ended a connection itself.
    """

    def __init__(self, context=None):
        self.answers = {}
        self.requests = []
        self.connections = 0
        self.hung_up = False
        self.context = context
        self.closing = threading.Event()
        self._open = []
        self._answering = 0
        self._answered = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._conversations = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):  # the other side may have closed it
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._conversations:
            thread.join()

    def settle(self):
        """End every drip and stall, and wait until nothing is being answered."""
        self.closing.set()
        with self._answered:
            self._answered.wait_for(lambda: self._answering == 0)
        self.closing = threading.Event()

    def respond(self, request):
        """Return the parts of the answer to *request*."""
        self.requests.append(request)
        answer = self.answers.get(request.path.partition("?")[0], reply({}, 404))
        return answer(request) if callable(answer) else answer

    def drip(self, parts, seconds=0.05):
        """Return *parts*, each after a pause."""

        def after_a_pause(part):
            self.closing.wait(seconds)
            return part

        return map(after_a_pause, parts)

    def stall(self, *_):
        """Never answer."""
        self.closing.wait()
        yield HANG_UP

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                self._conversations.append(threading.Thread(target=self._serve_and_leave, args=[connection]))
                self._conversations[-1].start()

    def _serve_and_leave(self, plain):
        try:
            self._serve(plain)
        finally:
            connections.close_all()  # to databases, if an answer has looked into one

    def _serve(self, plain):
        with plain, suppress(OSError):
            if not self.context:
                self._converse(plain)
                return
            tls = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            with tls as connection:
                self._open.append(connection)
                connection.do_handshake()
                self._converse(connection)

    def _converse(self, connection):
        with connection.makefile("rb") as reader:
            while request := read_request(reader):
                with self._being_answered():
                    for part in self.respond(request):
                        if part in (HANG_UP, RESET):
                            self._hang_up(connection, part)
                            return
                        connection.sendall(part)

    def _hang_up(self, connection, manner):
        self.hung_up = True
        if manner is RESET:  # closed with no time to linger, TCP sends a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @contextmanager
    def _being_answered(self):
        with self._answered:
            self._answering += 1
        try:
            yield
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()


class Tunnel(Server):
    """An https proxy that connects every CONNECT to one server, byte for byte."""

    def __init__(self, context, target):
        self.target = target
        super().__init__(context)

    def _converse(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.target.port)) as inner:
            self._open.append(inner)
            ends = {connection: inner, inner: connection}
            while True:
                readable, _, _ = select.select(list(ends), [], [])
                for end in readable:
                    received = end.recv(1 << 16)
                    if not received:
                        return
                    ends[end].sendall(received)


def read_request(reader):
    """Return the next request, or None when there is none."""
    first = reader.readline().decode("latin-1").split()
    if not first:
        return None
    lines = iter(lambda: reader.readline().decode("latin-1").strip(), "")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = reader.read(int(headers.get("content-length", 0))).decode()
    return Request(first[0], first[1], headers, body)


def certificate(directory, *hosts, expired=False):
    """Return a server's TLS context for *hosts*, and the path of the CA bundle that vouches for it.

    Without *hosts* it is for 127.0.0.1.
    """
    hosts = hosts or ("127.0.0.1",)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The tests' CA")])
    names: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        for host in hosts
    ]
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement"], False
    )
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now - 9 * day, now + 9 * day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    until = now - day if expired else now + day
    leaf = (
        _builder(subject, ca_name, key.public_key(), now - 2 * day, until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    bundle, chain = directory / "ca.pem", directory / "server.pem"
    bundle.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + leaf.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, str(bundle)


def _builder(subject, issuer, key, since, until):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
