"""What a site asks the sandbox over its back door, and what it is answered."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request of the back channel; header names are in lower case, no parameter is repeated."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes) -> "Request":
        """Return the request for *url*."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, parts.netloc, parts.path, query, lower, body)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    @property
    def bearer(self) -> str:
        """The access token in the ``Authorization`` header (RFC 6750 §2.1), or ""."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" else ""

    @property
    def basic(self) -> dict[str, str]:
        """The client's credentials in the ``Authorization`` header (RFC 6749 §2.3.1), under their names."""
        scheme, _, pair = self.headers.get("authorization", "").partition(" ")
        try:
            client_id, colon, secret = base64.b64decode(pair, validate=True).decode().partition(":")
        except ValueError:
            return {}
        if scheme != "Basic" or not colon:
            return {}
        return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def as_json(answer: Any, status: int = 200, kind: str = "application/json; charset=utf-8") -> Reply:
    """Return *answer* as JSON, whatever content type the provider gives it."""
    return status, {"Content-Type": kind}, json.dumps(answer).encode()


def as_form(answer: Mapping[str, str]) -> Reply:
    """Return *answer* as a form."""
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return 200, kind, urlencode(answer).encode()


def as_jsonp(answer: Any) -> Reply:
    """Return *answer* wrapped into a call, as QQ does for browsers of another age."""
    return 200, {"Content-Type": "text/html"}, f"callback( {json.dumps(answer)} );\n".encode()
