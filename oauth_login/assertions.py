"""The tokens by which a site proves who it is: signed with its own key, for one minute or less.

RFC 7523 §2.2 (``private_key_jwt``), and Apple's client secret, which is made the same way.
"""

import secrets
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from oauth_login.jws import RSA_BITS

LIFETIME: Final = 60  # seconds


def read_key(written: str) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """Return the private key in a PEM text, or in the file of that path.

    :raises ValueError: there is none, or none that RS256 or ES256 can sign with. It names no content.
    """
    try:
        key = _parsed(written.encode() if "-----BEGIN" in written else Path(written).read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS:
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError("neither RSA of 2048 bits nor P-256")


@lru_cache(maxsize=8)  # parsing checks the primes of an RSA key, which takes long; a new file is read anew
def _parsed(pem: bytes) -> Any:
    return load_pem_private_key(pem, password=None)


def assertion(written_key: str, *, issuer: str, subject: str, audience: str, key_id: str = "") -> str:
    """Return a token that says that *issuer* speaks for the client *subject* to *audience*."""
    key = read_key(written_key)
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(16),
    }
    algorithm = "RS256" if isinstance(key, RSAPrivateKey) else "ES256"
    return jwt.encode(claims, key, algorithm, headers={"kid": key_id} if key_id else None)
