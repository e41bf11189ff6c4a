"""Reading the answers of servers that know OAuth 2.0 by hearsay: a form or JSONP, and errors with 200.

Only a provider that is documented to answer in another form than JSON is read so (threat D17); what is no
such form, to the letter, is refused.
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from oauth_login.answers import Answer
from oauth_login.errors import (
    AuthorizationDenied,
    OAuthLoginError,
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    RateLimited,
    TokenRequestError,
)
from oauth_login.exchange import MAX_BODY
from oauth_login.oauth2 import is_silent, token_error
from oauth_login.providers.claims import as_text, find
from oauth_login.providers.secrecy import crossed_out
from oauth_login.strict_json import parse_json

FORMS: Final = ("json", "form", "any")
GZIP: Final = 31  # zlib's number for it
FIELDS: Final = 50  # of a form; a token answer has five
CALLBACK: Final = re.compile(rb"[A-Za-z_$][A-Za-z0-9_$]{0,63}[ \t]*\(")
#: Where servers put their prose about an error. It is logged, cleaned and cut, and decides nothing.
PROSE: Final = ("error_description", "errmsg", "error_msg", "msg", "message")

#: What a provider's own code may mean, by the code of ours that visitors and owners are given for it.
MEANINGS: Final[Mapping[str, type[OAuthLoginError]]] = {
    "access_denied": AuthorizationDenied,
    "code_rejected": TokenRequestError,
    "profile_refused": ProviderResponseError,
    "provider_misconfigured": ProviderMisconfigured,
    "provider_rate_limited": RateLimited,
    "provider_unavailable": ProviderUnavailable,
}


def read(answer: Answer, form: str) -> Any:
    """Return the body of *answer*, as JSON, as a form (``dict`` of ``str``) or as ``any`` of these and JSONP.

    :raises ProviderResponseError: it is none of what it may be.
    """
    body = _plain(answer).strip()
    if form == "form":
        return _fields(body)
    if form == "any" and not body.startswith((b"{", b"[")):
        if begun := CALLBACK.match(body):
            return parse_json(_argument(body[begun.end() :]))
        return _fields(body)
    return parse_json(body)


def _plain(answer: Answer) -> bytes:
    """Return the body, uncompressed, up to the size that one may have which never was (threat D06)."""
    if answer.headers.get("Content-Encoding", "").strip().lower() != "gzip":
        return answer.body
    inflating = zlib.decompressobj(GZIP)
    try:
        body = inflating.decompress(answer.body, MAX_BODY)
    except zlib.error:
        raise ProviderResponseError("encoding_unasked", "this is no gzip") from None
    if inflating.unconsumed_tail or not inflating.eof or inflating.unused_data:
        raise ProviderResponseError("answer_too_large", "or cut off")
    return body


def _fields(body: bytes) -> dict[str, str]:
    try:
        text = body.decode("ascii")  # whatever else there is, is percent-encoded
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS
        )
    except ValueError as error:
        raise ProviderResponseError("token_answer_invalid", type(error).__name__) from None
    fields = dict(pairs)
    if not fields or len(fields) != len(pairs):
        raise ProviderResponseError("token_answer_invalid", "nothing, or a repeated name")
    return fields


def _argument(body: bytes) -> bytes:
    """Return what is between the parentheses of a call, of which the opening one is gone already."""
    argument = body.removesuffix(b";").rstrip()
    if not argument.endswith(b")"):
        raise ProviderResponseError("json_invalid", "an unfinished callback")
    return argument[:-1]


def refuse_errors(
    content: object,
    signs: Mapping[str, object],
    meanings: Mapping[object, str],
    *,
    otherwise: str,
    secrets: Iterable[str],
) -> None:
    """Raise what an error in *content* means, whatever the HTTP status said (threat D19); else return.

    :param signs: path of a member → its value when all is well, or None if it is there in errors only.
    :param meanings: value of such a member → one of :data:`MEANINGS`.
    :param otherwise: the code for an error that none of these explains.
    :param secrets: what is crossed out of the server's prose, which may repeat it (threat H07).
    """
    if not isinstance(content, dict):
        return
    found = [value for path, well in signs.items() if (value := _amiss(content, path, well)) is not None]
    if not found:
        return
    prose = next((str(content[name]) for name in PROSE if isinstance(content.get(name), str)), "")
    prose = crossed_out(prose, secrets)
    # A form has no numbers, and some servers write theirs as text in JSON, too.
    known = {as_text(code): meaning for code, meaning in meanings.items()}
    for value in found:
        if meaning := known.get(as_text(value)):
            raise MEANINGS[meaning](meaning, f"{value}: {prose}")
    raise _unexplained(found[0], prose, otherwise)


def _unexplained(value: object, prose: str, code: str) -> Exception:
    if code == "token_answer_invalid" and isinstance(value, str):
        return token_error(value, prose)  # RFC 6749 §5.2 has words for these
    shown = as_text(value) or f"error is a {type(value).__name__}"
    return ProviderResponseError(code, f"{shown}: {prose}")


def _amiss(content: Mapping[str, Any], path: str, well: object) -> object:
    value = find(content, path)
    is_well = is_silent(value) if well is None else _is_same(value, well)
    return None if is_well else value


def _is_same(value: object, well: object) -> bool:
    if isinstance(well, bool):
        return value is well
    return type(value) in {int, str} and str(value) == str(well)
