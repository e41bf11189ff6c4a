"""The words in which settings define an OAuth 2.0 provider, with what each may be and is by default.

``docs/providers-from-data.md`` is written from this table, and the checks ask it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from oauth_login.providers.claims import (
    NAMES,
    PATH,
    PLACE,
    claim_mistakes,
)
from oauth_login.providers.dialects import FORMS, MEANINGS
from oauth_login.providers.renamings import renaming_flaws, unknown_names
from oauth_login.providers.subjects import SUBJECT_TYPES

REQUESTS: Final = ("form", "json", "query")
#: Where a token is, if not in an Authorization header; the last two mean among the parameters.
CARRIERS: Final = ("header", "query", "form")
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
#: What else the callback says (RFC 6749 §4.1.2, RFC 9207 §2), and the token request says itself (RFC 6749
#: §4.1.3): whoever writes the callback's query must have no say in that.
CALLBACKS_OWN: Final = frozenset({"state", "iss", "error", "error_description", "error_uri"})
REQUESTS_OWN: Final = frozenset(
    {"grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier"}
)
#: What templates of requests may name: beside it, members of the answers so far.
ANSWERS: Final = ("token", "identity")


@dataclass(frozen=True, slots=True)
class Word:
    """One key of a provider's settings."""

    default: Any
    is_right: Callable[[Any], bool]
    expected: str
    meaning: str


HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110 §5.6.2


def _is_map(is_key: Callable[[Any], bool], is_value: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def is_right(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            is_key(name) and is_value(part) for name, part in value.items()
        )

    return is_right


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_header(value: Any) -> bool:
    return isinstance(value, str) and HEADER.fullmatch(value) is not None


def _is_header_value(value: Any) -> bool:
    return _is_name(value) and value.isascii() and value == value.strip()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whatever(_: Any) -> bool:
    return True  # what is wrong with a URL has a check of its own


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and PATH.fullmatch(value) is not None


def _is_code_param(value: Any) -> bool:
    return _is_name(value) and value not in CALLBACKS_OWN


def _are_echoes(value: Any) -> bool:
    return _is_names(value) and REQUESTS_OWN.isdisjoint(value)


def _is_code(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _is_well(value: Any) -> bool:
    return value is None or isinstance(value, int | str)


def _is_meaning(value: Any) -> bool:
    return isinstance(value, str) and value in MEANINGS


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and all(
        place == "client_id" or place.partition(".")[0] in ANSWERS for place in PLACE.findall(value)
    )


def _is_carrier(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    carrier, colon, name = value.partition(":")
    token = name if colon else carrier
    return (not colon or carrier in CARRIERS) and TOKEN.fullmatch(token) is not None


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_name, value))


def _is_codes(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_code, value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(*choices: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: isinstance(value, str) and value in choices), f"one of {', '.join(choices)}"


_NAMES: Final = (
    _is_map(_is_name, _is_text),
    "a dict from the RFC's names to this server's, or to \"\" for what it is not to be sent",
)
_TEMPLATES: Final = (
    _is_map(_is_name, _is_template),
    "a dict of strings, in which {client_id}, {token.…} and {identity.…} may stand",
)

WORDS: Final[Mapping[str, Word]] = {
    "SCOPE_SEPARATOR": Word(" ", _is_name, "a character", "stands between scopes in the request"),
    "AUTHORIZATION_NAMES": Word({}, *_NAMES, "renames parameters of the authorization request"),
    "AUTHORIZATION_FRAGMENT": Word("", _is_text, "a string", "follows the # of the authorization URL"),
    "CODE_PARAM": Word(
        "code",
        _is_code_param,
        f"a name, and none of {', '.join(sorted(CALLBACKS_OWN))}",
        "the callback's name for the code",
    ),
    "CALLBACK_PARAMS": Word(
        (),
        _are_echoes,
        f"a list of names, none of them {', '.join(sorted(REQUESTS_OWN))}",
        "other parameters of the callback that the token request repeats",
    ),
    "CANCEL_PARAMS": Word(
        {},
        _is_map(_is_name, _is_name),
        "a dict of strings",
        "parameters of the callback that mean, with these values, that the visitor said no",
    ),
    "TOKEN_REQUEST": Word(
        "form", *_one_of(*REQUESTS), "how a code is exchanged: POST of a form or of JSON, or GET"
    ),
    "TOKEN_REQUEST_NAMES": Word({}, *_NAMES, "renames parameters of the token request"),
    "TOKEN_PARAMS": Word({}, _is_map(_is_name, _is_text), "a dict of strings", "more such parameters"),
    "TOKEN_ANSWER": Word("json", *_one_of(*FORMS), "what the token endpoint answers; any: or JSONP"),
    "TOKEN_NAMES": Word(
        {}, _is_map(_is_name, _is_path), "a dict from the RFC's names to paths", "where the answer has them"
    ),
    "TOKEN_TYPE_OPTIONAL": Word(
        default=False,
        is_right=_is_flag,
        expected="True or False",
        meaning="whether an answer without token_type means a bearer token",
    ),
    "REFRESHES": Word(
        default=True,
        is_right=_is_flag,
        expected="True or False",
        meaning="whether a token can be renewed",
    ),
    "REFRESH_ENDPOINT": Word("", _is_whatever, "a URL", "renews a token, if the token endpoint does not"),
    "REFRESH_NAMES": Word({}, *_NAMES, "renames parameters of that request, beyond TOKEN_REQUEST_NAMES"),
    "REFRESH_REJECTED": Word(
        (), _is_codes, "a list of the server's codes", "which errors mean that the grant is dead"
    ),
    "API_REJECTED": Word(
        {},
        _is_map(_is_path, _is_codes),
        "a dict from paths to lists of the server's codes",
        "which answers of the API mean that the token is dead, besides HTTP 401",
    ),
    "REVOCATION_REQUEST": Word(
        "form",
        *_one_of(*REQUESTS, "bearer", "delete"),
        "how a grant is given back: form (RFC 7009), JSON, GET, or POST or DELETE of the bearer token alone",
    ),
    "REVOCATION_NAMES": Word(
        {}, *_NAMES, "renames parameters of that request; where token is among them, it is the access token"
    ),
    "REVOCATION_PARAMS": Word({}, _is_map(_is_name, _is_text), "a dict of strings", "more such parameters"),
    "IDENTITY_ENDPOINT": Word("", _is_whatever, "a URL", "is asked before the profile, with the token"),
    "IDENTITY_PARAMS": Word({}, *_TEMPLATES, "its parameters"),
    "IDENTITY_CLIENT": Word(
        "", _is_path, "a path", "leads to the client the token was issued to, which must be this one"
    ),
    "USERINFO_ENDPOINT": Word("", _is_whatever, "a URL", "says who the token belongs to"),
    "USERINFO_REQUEST": Word("query", *_one_of(*REQUESTS), "GET with a query, or POST of a form or of JSON"),
    "USERINFO_TOKEN": Word(
        "Bearer",
        _is_carrier,
        "a scheme such as 'Bearer', or 'header:', 'query:' or 'form:' and a name",
        "how the token is sent",
    ),
    "USERINFO_PARAMS": Word({}, *_TEMPLATES, "parameters of that request"),
    "USERINFO_MATCHES": Word(
        {},
        _is_map(_is_path, _is_template),
        "a dict from paths of the profile to strings, in which the same places may stand",
        "what the profile has to repeat, as it is somebody else's otherwise",
    ),
    "USERINFO_HEADERS": Word(
        {},
        _is_map(_is_header, _is_header_value),
        "a dict of names and values of HTTP headers, in ASCII",
        "further headers of these requests, such as a version",
    ),
    "USERINFO_ANSWER": Word("json", *_one_of(*FORMS), "what it, and the identity endpoint, answer"),
    "USERINFO_ENCODING": Word(
        "identity",
        *_one_of("identity", "gzip"),
        "gzip: for a server that compresses whatever it is asked for",
    ),
    "USERINFO_ROOT": Word("", lambda value: value == "" or _is_path(value), "a path", "leads to the profile"),
    "EMAILS_ENDPOINT": Word("", _is_whatever, "a URL", "lists the visitor's addresses"),
    "EMAILS_ROOT": Word("", lambda value: value == "" or _is_path(value), "a path", "leads to that list"),
    "EMAILS_WHERE": Word(
        {},
        _is_map(_is_path, lambda value: isinstance(value, bool | int | str)),
        "a dict from paths to values",
        "what the primary, verified address says of itself: the value, or a list with it; "
        "without it the one address in the list is unverified",
    ),
    "ERRORS": Word(
        {"error": None},
        _is_map(_is_path, _is_well),
        "a dict from paths to the value when all is well, None for what is there in errors only",
        "what makes an answer an error, whatever its status",
    ),
    "ERROR_CODES": Word(
        {},
        _is_map(_is_code, _is_meaning),
        f"a dict from the server's codes to {', '.join(sorted(MEANINGS))}",
        "what such an error means",
    ),
    "SUBJECT_TYPE": Word("", *_one_of(*SUBJECT_TYPES), "the type of sub; without it either will do"),
    "CLAIMS": Word({}, lambda value: isinstance(value, Mapping), "a dict", "where each claim is found"),
}


def flaws(options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a definition: the key, what is wrong with it, and a hint.

    :param options: the site's settings over those of its preset, if it has one.
    """
    for key in ("AUTHORIZATION_ENDPOINT", "TOKEN_ENDPOINT"):
        if key not in options:
            yield key, "is missing", f"A provider with CLAIMS needs {key}: its documentation says which."
    for key, word in WORDS.items():
        if key in options and not word.is_right(options[key]):
            yield key, f"must be {word.expected}", ""
    yield from renaming_flaws(options)
    claims = options.get("CLAIMS")
    if not isinstance(claims, Mapping):
        return
    yield from _claims_flaws(claims)
    yield from _source_flaws(claims, options)


def _claims_flaws(claims: Mapping[Any, Any]) -> Iterator[tuple[str, str, str]]:
    if "sub" not in claims:
        yield "CLAIMS", "does not say what sub is", 'E.g. {"sub": "id"}: the id that never changes.'
    yield from unknown_names("CLAIMS", claims, NAMES, "a claim")
    for name, expected in claim_mistakes({name: claims[name] for name in NAMES if name in claims}):
        yield "CLAIMS", f"{name!r} must be {expected}", ""


def _source_flaws(claims: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    source = str(claims.get("sub", "")).partition(".")[0]
    if "USERINFO_ENDPOINT" not in options and source not in ANSWERS:
        yield (
            "USERINFO_ENDPOINT",
            "is missing",
            "Set it; or, if the token answer says who it is, begin the path of sub with 'token.'.",
        )
    named = [claims, options.get("USERINFO_PARAMS"), options.get("USERINFO_MATCHES")]
    if "IDENTITY_ENDPOINT" not in options and "identity." in str(named):
        yield "IDENTITY_ENDPOINT", "is missing", "CLAIMS or USERINFO_… name what it would answer."
