"""The sandbox's back door: a ``requests`` adapter that answers in process, without a socket."""

from io import BytesIO
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.messages import Request


class InProcessAdapter(BaseAdapter):
    """Hands requests to a flavour, and its replies back as if they had come over the network."""

    def __init__(self, flavour: Flavour) -> None:
        super().__init__()
        self.flavour = flavour

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        """Answer *request*."""
        body = request.body or b""
        asked = Request.of(
            str(request.method),
            str(request.url),
            {name: str(value) for name, value in request.headers.items()},
            body.encode() if isinstance(body, str) else bytes(body),
        )
        status, headers, content = self.flavour.respond(asked)
        response = requests.Response()
        response.status_code = status
        response.headers = CaseInsensitiveDict(headers)
        response.raw = HTTPResponse(BytesIO(content), headers, status, preload_content=False)
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""
