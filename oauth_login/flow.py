"""The flow, twice: leaving for the provider, and coming back from it.

It knows attempts and providers; it knows nothing of users. What it returns at the end is proven.
"""

from collections.abc import Mapping
from enum import StrEnum

from oauth_login.attempts import Attempt
from oauth_login.errors import AttemptError
from oauth_login.oauth2 import (
    AuthorizationResponse,
    TokenResponse,
    code_challenge,
    new_code_verifier,
    new_nonce,
)
from oauth_login.providers.base import Profile, Provider
from oauth_login.transport import one_deadline


class Intent(StrEnum):
    """What an attempt is for. All but the first two belong to the user who started them (A09, A10)."""

    SIGN_IN = "sign_in"
    SEPARATE = "separate"  # to sign in, and be somebody of one's own although the address is taken
    LINK = "link"
    REAUTHENTICATE = "reauthenticate"
    GRANT = "grant"  # more than was granted so far


def begin(
    provider: Provider,
    *,
    intent: Intent = Intent.SIGN_IN,
    scope: str = "",
    account: str = "",
    redirect_uri: str,
    origin: str,
    next_page: str,
    user: str,
    asked: Mapping[str, str],
) -> tuple[str, Attempt]:
    """Start a sign-in: return where to send the browser, and what to remember.

    :param redirect_uri: where the provider sends the browser back, on whichever origin.
    :param origin: of this site, where the browser is now and where the attempt's cookie will be.
    :param scope: what is to be granted, beyond what every sign-in asks for.
    :param account: the primary key of the linked account that is to grant it.
    :param asked: the visitor's wishes about the provider's page; the provider knows which may be granted.
    """
    attempt = Attempt(
        provider=provider.alias,
        issuer=provider.server.issuer,
        client_id=provider.client.client_id,
        redirect_uri=redirect_uri,
        next_page=next_page,
        user=user,
        code_verifier=new_code_verifier(),
        nonce=new_nonce(),
        iss_promised=provider.metadata().authorization_response_iss_parameter_supported,
        origin=origin,
        intent=intent,
        scope=scope,
        account=account,
    )
    url = meant(provider, attempt).authorization_url(
        redirect_uri=redirect_uri,
        state=attempt.state(),
        code_challenge=code_challenge(attempt.code_verifier),
        nonce=attempt.nonce,
        hints=provider.hints(asked),
    )
    return url, attempt


def meant(provider: Provider, attempt: Attempt) -> Provider:
    """Return the provider, asking for what the attempt is for; its answer is held to the same."""
    if attempt.intent == Intent.REAUTHENTICATE:
        return provider.proving()
    return provider.with_scope(attempt.scope.split()) if attempt.scope else provider


def check(provider: Provider, attempt: Attempt, response: AuthorizationResponse, user: str) -> None:
    """Refuse a response that does not belong to this attempt, before anything is spent on it.

    :raises AttemptError: the settings, or who is signed in, changed since the start (A08, A09, A10).
    :raises AuthorizationResponseError: the response is malformed, or another issuer's (B06 – B12).
    """
    started_with = (attempt.issuer, attempt.client_id)
    if started_with != (provider.server.issuer, provider.client.client_id):
        raise AttemptError("provider_changed")
    if attempt.user != user:
        raise AttemptError("user_changed")
    response.believe(issuer=provider.response_issuer(response.iss), iss_promised=attempt.iss_promised)


def complete(
    provider: Provider, attempt: Attempt, response: AuthorizationResponse
) -> tuple[TokenResponse, Profile]:
    """Finish a checked and claimed attempt: code → token → who it is, within one deadline for all of it.

    :raises AuthorizationResponseError: the provider's answer to the visitor was an error.
    :raises ProviderError: its answer to us was.
    :raises SignInRefused: it named somebody who is not a person.
    """
    response.raise_for_error()
    with one_deadline():
        token = provider.fetch_token(
            code=response.code,
            redirect_uri=attempt.redirect_uri,
            code_verifier=attempt.code_verifier,
            echoed=response.echoed,
        )
        return token, provider.fetch_profile(token, nonce=attempt.nonce, started_at=attempt.started_at)
