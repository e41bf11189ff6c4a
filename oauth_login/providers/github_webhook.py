"""GitHub's word that somebody has withdrawn a grant: the event ``github_app_authorization``.

Facts: https://docs.github.com/en/webhooks/webhook-events-and-payloads#github_app_authorization and
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. GitHub Apps send it and
cannot choose not to; OAuth apps send nothing.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Final

from oauth_login.errors import ProviderResponseError
from oauth_login.providers.base import Expectation
from oauth_login.providers.subjects import positive_integer_subject
from oauth_login.strict_json import parse_json

EVENT: Final = "github_app_authorization"
SECRET_BYTES: Final = 16  # at least; with an empty one, anybody could sign (K04)
SIGNATURE: Final = re.compile(r"sha256=[0-9a-f]{64}")
DELIVERY: Final = re.compile(r"[\x21-\x7e]{1,100}")  # a GUID, until GitHub chooses otherwise


def _are_secrets(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(secret, str) and len(secret.encode()) >= SECRET_BYTES for secret in value)
    )


EXPECTED: Final[dict[str, Expectation]] = {
    "WEBHOOK_SECRETS": (_are_secrets, f"a list of strings of {SECRET_BYTES} bytes or more, newest first"),
    "WEBHOOK_TARGET_ID": (
        lambda value: isinstance(value, str) and value.isascii() and value.isdecimal(),
        "the number of the GitHub App, as a string",
    ),
}


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Tell whether *signature*, of ``X-Hub-Signature-256``, is that of the raw *body* with one of *secrets*.

    The header of the same name without the number is SHA-1, and is not looked at (K02).
    """
    if not SIGNATURE.fullmatch(signature):
        return False
    made = (f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}" for secret in secrets)
    return any(hmac.compare_digest(one, signature) for one in made)


def who_revoked(body: bytes) -> str:
    """Return the subject of who has withdrawn the grant, or "" if that is not what *body* says.

    The sender's number is the only word about who it is: logins change hands (K06).

    :raises ProviderResponseError: it is no such event, or names nobody.
    """
    payload = parse_json(body)
    if not isinstance(payload, dict):
        raise ProviderResponseError(detail="no object")
    if payload.get("action") != "revoked":
        return ""
    sender = payload.get("sender")
    if not isinstance(sender, dict):
        raise ProviderResponseError(detail="no sender")
    return positive_integer_subject(sender.get("id"))
