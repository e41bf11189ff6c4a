"""What UserInfo says about somebody (Core §5.3)."""

from typing import Any

from oauth_login.errors import ProviderResponseError
from oauth_login.transport import Transport


def user_info(transport: Transport, url: str, access_token: str, subject: str) -> dict[str, Any]:
    """Return what UserInfo says about *subject* (Core §5.3.2).

    :raises ProviderResponseError: it speaks of somebody else (E25, E26), or in signed tokens, which no
        client of ours is registered for (E27).
    """
    answer = transport.get(url, headers={"Authorization": f"Bearer {access_token}"})
    if answer.status != 200:
        raise ProviderResponseError("profile_refused", f"HTTP {answer.status}")
    if "jwt" in answer.headers.get("Content-Type", "").lower():
        raise ProviderResponseError("userinfo_signed")
    found: dict[str, Any] = answer.json(dict)
    if found.get("sub") != subject:
        raise ProviderResponseError("userinfo_of_another")
    return found
