"""Authenticated encryption under the site's own keys: for attempt cookies, states and stored tokens.

One envelope for all, made of base64url characters only: ``v1``, eight of key id, then nonce, ciphertext
and tag of AES-256-GCM from ``cryptography``. ``context`` says what the text is and where it belongs; it
is authenticated, so that a cookie is no state, a state is no token, and a token copied to another row
does not open (A14, H02). The version and the key id let keys and algorithms change without a flag day.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = "v1"
NONCE_LENGTH: Final = 12  # bytes, NIST SP 800-38D
TAG_LENGTH: Final = 16
KEY_ID_LENGTH: Final = 8  # characters
PREFIX_LENGTH: Final = len(VERSION) + KEY_ID_LENGTH
#: An envelope of any key, of a lost one, too; of 28 bytes and more, 38 characters.
ENVELOPE: Final = re.compile(rf"{VERSION}[0-9a-f]{{{KEY_ID_LENGTH}}}[A-Za-z0-9_-]{{38,}}")


class SealBroken(ValueError):
    """The text was not sealed by one of these keys for this context, or was changed since."""


class Sealer:
    """Seals with the first key, opens with any.

    :param secrets: long-lived secrets, newest first; a key per purpose is derived from each.
    :param purpose: separates the keys of the uses of one secret.
    """

    def __init__(self, secrets: Sequence[str], purpose: str) -> None:
        self._keys = [_derive(secret, purpose) for secret in secrets]

    @property
    def prefixes(self) -> list[str]:
        """What the envelopes of each key begin with, newest first: the version and the key's id."""
        return [f"{VERSION}{key_id}" for key_id, _key in self._keys]

    def seal(self, text: str, context: str) -> str:
        """Return the envelope of *text*, bound to *context*."""
        return self.seal_bytes(text.encode(), context)

    def seal_bytes(self, content: bytes, context: str) -> str:
        """Return the envelope of *content*, which is no text, bound to *context*."""
        key_id, key = self._keys[0]
        nonce = os.urandom(NONCE_LENGTH)
        sealed = AESGCM(key).encrypt(nonce, content, context.encode())
        body = base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()
        return f"{VERSION}{key_id}{body}"

    def open(self, envelope: str, context: str) -> str:
        """Return the text that :meth:`seal` was given.

        :raises SealBroken: whatever is wrong with *envelope*; there is nothing else it can raise.
        """
        return self.open_bytes(envelope, context).decode()

    def open_bytes(self, envelope: str, context: str) -> bytes:
        """Return what :meth:`seal_bytes` was given.

        :raises SealBroken: as :meth:`open`.
        """
        for key_id, key in self._keys:
            if envelope.startswith(f"{VERSION}{key_id}"):
                raw = _decode(envelope[len(VERSION) + len(key_id) :])
                try:
                    return AESGCM(key).decrypt(raw[:NONCE_LENGTH], raw[NONCE_LENGTH:], context.encode())
                except InvalidTag:
                    raise SealBroken("changed, or sealed for another place") from None
        raise SealBroken("unknown version or key")


def _derive(secret: str, purpose: str) -> tuple[str, bytes]:
    key = hmac.digest(secret.encode(), f"oauth_login.{purpose}.{VERSION}".encode(), "sha256")
    return hashlib.sha256(key).hexdigest()[:KEY_ID_LENGTH], key


def _decode(body: str) -> bytes:
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SealBroken("not base64url") from None
    # Base64 has several spellings of the same bytes; only the one we wrote is ours (A13).
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != body:
        raise SealBroken("not canonical")
    if len(raw) < NONCE_LENGTH + TAG_LENGTH:
        raise SealBroken("too short")
    return raw
