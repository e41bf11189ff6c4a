"""What UserInfo says about somebody (Core §5.3)."""

from typing import Any

from oauth_login.errors import ProviderResponseError, RateLimited
from oauth_login.oauth2 import TOO_OFTEN, is_silent
from oauth_login.providers.secrecy import without
from oauth_login.transport import Transport


def user_info(transport: Transport, url: str, access_token: str, subject: str) -> dict[str, Any]:
    """Return what UserInfo says about *subject* (Core §5.3.2).

    :raises RateLimited: it was asked too often.
    :raises ProviderResponseError: it is an error, whatever the status says; it speaks of somebody else (E25,
        E26), or in signed tokens, which no client of ours is registered for (E27).
    """
    answer = transport.get(url, headers={"Authorization": f"Bearer {access_token}"})
    if answer.status != 200:
        raise ProviderResponseError("profile_refused", f"HTTP {answer.status}")
    if "jwt" in answer.headers.get("Content-Type", "").lower():
        raise ProviderResponseError("userinfo_signed")
    found = without((access_token,), answer.json(dict))
    _refuse_errors(found)
    if found.get("sub") != subject:
        raise ProviderResponseError("userinfo_of_another")
    return found


def _refuse_errors(found: dict[str, Any]) -> None:
    """Refuse an answer with status 200 that is nobody's (Slack's ``ok``; threat D19)."""
    error = found.get("error")
    if found.get("ok") is not False and ("sub" in found or is_silent(error)):
        return
    if error == TOO_OFTEN:
        raise RateLimited(detail=error)
    raise ProviderResponseError("profile_refused", error if isinstance(error, str) else "no error is named")
