"""The messages that renew an access token (RFC 6749 §6), and nothing else: no input, no output.

A refresh token may work once only. So the one question that an answer settles is whether the grant is dead
(:class:`TokenRequestError`): whatever else comes, nothing is known to have changed.
"""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.errors import ProviderResponseError, TokenRequestError
from oauth_login.oauth2 import AuthorizationServer, Client, TokenRequest, TokenResponse, authenticate_client

#: RFC 6749 §5.2's word, and GitHub's.
REJECTED: Final = frozenset({"invalid_grant", "bad_refresh_token"})


def refresh_request(server: AuthorizationServer, client: Client, refresh_token: str) -> TokenRequest:
    """Return the request (§6). It names no scope: what was granted is wanted again, no more and no less.

    :raises TokenRequestError: there is no refresh token; another token in its place would be told to
        somebody who has no business with it (threat H20).
    """
    if not refresh_token:
        raise rejected("there is no refresh token")
    credentials, headers = authenticate_client(client)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **credentials}
    return TokenRequest(server.token_endpoint, form, headers)


def renewed_token(status: int, answer: Mapping[str, Any]) -> TokenResponse:
    """Read the answer. ``scope`` is None if it is silent, ``refresh_token`` "" if the old one stays.

    :raises TokenRequestError: ``refresh_rejected``: the grant is dead, whatever the status says (H18).
    :raises ProviderError: it says something else, or nonsense; the tokens may be as good as before.
    """
    error = answer.get("error")
    if isinstance(error, str) and error in REJECTED:
        description = answer.get("error_description")
        raise rejected(f"{error}: {description}" if isinstance(description, str) else error)
    token = TokenResponse.from_answer(status, answer)
    _check_members(answer)
    return token


def _check_members(answer: Mapping[str, Any]) -> None:
    """Refuse an answer whose lifetimes or scope are of no kind that any provider means them to be (§5.1).

    A sign-in takes them for untold, as there is nothing yet that could be lost. Here a token is in the way,
    with a date and a scope that somebody did say, which nonsense must not replace. What is only odd is taken
    here as there: a lifetime as text or of a hundred years; a scope as an array, as Twitch has it.
    """
    for name in ("expires_in", "refresh_token_expires_in"):
        if not _may_be_lifetime(answer.get(name)):
            raise ProviderResponseError("token_answer_invalid", f"{name} is no number of seconds")
    if not isinstance(answer.get("scope"), str | list | None):
        raise ProviderResponseError("token_answer_invalid", "scope is no text")


def _may_be_lifetime(value: object) -> bool:
    if isinstance(value, str):
        return value == "" or (value.isascii() and value.isdigit())
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (is_number and value >= 0)  # type: ignore[operator]  # it is a number


def rejected(evidence: str) -> TokenRequestError:
    """Return what is raised of a grant that is dead."""
    return TokenRequestError("refresh_rejected", evidence)
