"""The messages that give a grant back (RFC 7009), and nothing else: no input, no output."""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.errors import ProviderMisconfigured, ProviderResponseError, ProviderUnavailable
from oauth_login.oauth2 import Client, TokenRequest, authenticate_client

#: What servers say of a token that is gone, where §2.2 has them say nothing.
GONE: Final = frozenset({"invalid_token", "invalid_grant", "expired_token", "invalid_access_token"})
REFUSING: Final = frozenset({400, 401, 403})


def revocation_request(endpoint: str, client: Client, token: str, hint: str) -> TokenRequest:
    """Return the request (§2.1).

    :param hint: ``access_token`` or ``refresh_token``.
    """
    credentials, headers = authenticate_client(client)
    return TokenRequest(endpoint, {"token": token, "token_type_hint": hint, **credentials}, headers)


def is_revoked(status: int, answer: Mapping[str, Any]) -> bool:
    """Tell whether the token is gone; False: the server revokes no tokens of that kind (§2.2.1).

    A token that the server does not know is as gone as one that it has just revoked (§2.2, H25).

    :param answer: what its body says; empty if it is no JSON, as on success nobody has to look at it.

    :raises ProviderUnavailable: it says that it cannot just now.
    :raises ProviderMisconfigured: it refuses the client.
    :raises ProviderResponseError: it says what no such server says.
    """
    error = answer.get("error")
    error = error if isinstance(error, str) else ""
    if error in GONE:
        return True
    if error == "unsupported_token_type":
        return False
    if error in {"server_error", "temporarily_unavailable"}:
        raise ProviderUnavailable(detail=error)
    if status in REFUSING or error:
        raise ProviderMisconfigured(detail=f"HTTP {status}: {error}")
    if not 200 <= status < 300:
        raise ProviderResponseError("revocation_refused", f"HTTP {status}")
    return True
