"""Signed tokens (RFC 7515, compact form) and the keys that verify them (RFC 7517).

Nothing in a token decides how it is verified (RFC 8725 §3.1): the algorithm is a setting, the keys are the
provider's own, and ``kid`` only chooses among those. Whatever else a header offers, such as a key of its
own, is not looked at (threats E12 – E22). The cryptography is PyJWT's.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from oauth_login.errors import ProviderResponseError
from oauth_login.strict_json import parse_json

TOKEN_LENGTH: Final = 16_384  # characters; an ID Token with a hundred groups has a quarter of that
MOST_KEYS: Final = 50
RSA_BITS: Final = 2_048  # RFC 7518 §3.3
SECRET_BYTES: Final = 32  # of HMAC with SHA-256: as many as its output (RFC 7518 §3.2)
COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

#: What a key for each algorithm must be: ``kty``, and ``crv`` where that is not free (RFC 7518 §6, RFC 8037).
KEY_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
#: A secret that both sides hold. LINE really signs so; nobody gets it without asking for it (E14).
SHARED_SECRET: Final = "HS256"  # noqa: S105  the name of an algorithm
ALGORITHMS: Final = (*KEY_TYPES, SHARED_SECRET)
#: Of a key, what its public part is; one that shows its private part is nobody's any more.
PUBLIC_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
}


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token as it came, taken apart and not yet believed. ``header`` is strict JSON."""

    text: str = field(repr=False)
    header: Mapping[str, Any]

    @classmethod
    def parse(cls, text: object, types: Sequence[str] = ("JWT",)) -> "SignedToken":
        """Read a token's form.

        :param types: what its header may say it is, in upper case, if it says so.

        :raises ProviderResponseError: it is no compact JWS, or one that demands what nobody here knows
            (``crit``, RFC 7515 §4.1.11), or one of another type (RFC 8725 §3.11).
        """
        if not isinstance(text, str):
            raise invalid(f"a {type(text).__name__}")
        if len(text) > TOKEN_LENGTH or not COMPACT.fullmatch(text):
            raise invalid("no compact JWS")
        header = _strict_object(text.partition(".")[0], "header")
        if "crit" in header or "b64" in header:
            raise invalid("crit")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.upper() not in types:
            raise invalid("typ")
        return cls(text, header)

    def claims(self, keys: Sequence[Any], algorithm: str) -> dict[str, Any] | None:
        """Return what the token says if one of *keys* has signed it, or None if none of them may be meant.

        :raises ProviderResponseError: the algorithm is another, the signature is wrong, or what is signed is
            no strict JSON object.
        """
        if self.header.get("alg") != algorithm:
            raise invalid("alg")
        if not keys:
            return None
        if not any(self._is_signed_by(key, algorithm) for key in keys):
            if "kid" not in self.header:
                return None
            raise invalid("signature")
        return self.unverified()

    def unverified(self) -> dict[str, Any]:
        """Return what the token says, whoever has signed it: for one that was verified before."""
        return _strict_object(self.text.split(".")[1], "payload")

    def _is_signed_by(self, key: Any, algorithm: str) -> bool:
        try:
            jwt.PyJWS(algorithms=[algorithm]).decode(self.text, key, algorithms=[algorithm])
        except (jwt.PyJWTError, ValueError):
            return False
        return True


def invalid(reason: str) -> ProviderResponseError:
    """Return the refusal of an ID Token; *reason* is ours, never a value out of the token."""
    return ProviderResponseError("id_token_invalid", reason)


def keys_of(key_set: Mapping[str, Any], algorithm: str, kid: object) -> list[Any]:
    """Return the keys of a JWK Set (RFC 7517 §5) that a token with *kid* may be signed by.

    A key has to be made for signing, with this algorithm and none other; of several that qualify, whichever
    verifies the token does (E18, E19). Without a ``kid`` all of them may.

    :param kid: from the token's header, None if there is none.

    :raises ProviderResponseError: it is no key set, or one of more keys than anybody needs.
    """
    listed = key_set.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ProviderResponseError("keys_invalid", "no list of up to 50 keys")
    meant = (
        key
        for key in listed
        if isinstance(key, dict) and _is_for(key, algorithm) and (kid is None or key.get("kid") == kid)
    )
    return [made for key in meant if (made := _made(key, algorithm)) is not None]


def _is_for(key: Mapping[str, Any], algorithm: str) -> bool:
    kty, curve = KEY_TYPES[algorithm]
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == kty
        and (not curve or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in key
    )


def _made(key: Mapping[str, Any], algorithm: str) -> Any:
    """Return the public key that a JWK describes, or None for one that is broken or weak (E31, E32)."""
    public = {name: key.get(name) for name in PUBLIC_MEMBERS[key["kty"]]}
    if not all(isinstance(value, str) and len(value) <= TOKEN_LENGTH for value in public.values()):
        return None
    try:
        made: Any = jwt.PyJWK({"kty": key["kty"], **public}, algorithm).key
        numbers = made.public_numbers() if key["kty"] == "RSA" else None
    except (jwt.PyJWTError, ValueError):
        return None
    if numbers and (made.key_size < RSA_BITS or numbers.e < 3 or numbers.e % 2 == 0):
        return None
    return made


def _strict_object(part: str, name: str) -> dict[str, Any]:
    try:
        value = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ProviderResponseError):
        raise invalid(f"{name} is no JSON") from None
    if not isinstance(value, dict):
        raise invalid(f"{name} is no object")
    return value
