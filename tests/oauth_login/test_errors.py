"""What a refusal says: a stable code for everybody, and clean, short evidence for the owner."""

import inspect
import pickle

import pytest

from oauth_login import errors
from oauth_login.errors import (
    OAuthLoginError,
    ProviderMisconfigured,
    RateLimited,
    SignInConflict,
    TokenRequestError,
    printable,
)

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, OAuthLoginError) and hasattr(kind, "default_code")
]


def test_every_kind_has_a_stage_a_status_and_a_code_of_its_own():
    assert len({kind.default_code for kind in KINDS}) == len(KINDS)
    assert {kind.stage for kind in KINDS} == {
        "request",
        "attempt",
        "authorization",
        "provider",
        "token",
        "grant",
        "user",
    }
    assert {kind.status for kind in KINDS} == {302, 400, 403, 404, 405, 409, 413, 429, 502, 503, 504}


def test_the_tree_in_the_documentation_is_the_tree_of_the_code():
    drawn = [line for line in errors.__doc__.splitlines() if "──" in line]

    assert (
        len(drawn) == len(KINDS) + 3
    )  # GrantError, ProviderError and RequestRefused have a place, but no status
    for kind in KINDS:
        (line,) = [line for line in drawn if f"─ {kind.__name__} " in line]
        assert f" {kind.status} " in line


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_without_words_still_has_a_code(kind):
    refusal = kind()

    assert refusal.code == str(refusal) == kind.default_code
    assert refusal.detail == ""


def test_a_refusal_says_its_code_and_its_evidence():
    refusal = TokenRequestError("email_unverified_at_provider", "as told")

    assert str(refusal) == "email_unverified_at_provider (as told)"
    assert repr(refusal) == "TokenRequestError('email_unverified_at_provider')"


def test_refusals_carry_what_helps_the_visitor_on():
    assert RateLimited(retry_after=30).retry_after == 30
    assert RateLimited().retry_after is None


def test_a_refusal_survives_the_way_to_another_process():
    refusal = pickle.loads(pickle.dumps(SignInConflict("email_taken", "evidence")))  # noqa: S301  our own

    assert (refusal.code, refusal.detail) == ("email_taken", "evidence")


@pytest.mark.threat("D25", "I05", "I14")
@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "a\r\nb",
        "a\x1b[31mb",
        "a\x00b",
        "a\x85b",
        "a\N{LINE SEPARATOR}b",
        "a\N{PARAGRAPH SEPARATOR}b",
        "a\N{RIGHT-TO-LEFT OVERRIDE}b",
        "a\N{ZERO WIDTH SPACE}b",
        "a\ud83db",
    ],
)
def test_a_provider_forges_no_line_in_a_log(text):
    clean = printable(text)

    assert clean.isprintable()
    assert len(clean.splitlines()) == 1
    assert clean[0] + clean[-1] == "ab"
    assert len(clean) == len(text)
    assert ProviderMisconfigured(detail=text).detail == clean
    clean.encode()


@pytest.mark.threat("D25")
def test_a_provider_fills_no_log():
    assert printable("x" * 1_000_000) == "x" * 200
    assert printable("x" * 9, 5) == "xxxxx"
    assert len(str(ProviderMisconfigured(detail="x" * 1_000_000))) < 300


def test_ordinary_words_are_left_alone():
    assert printable("Größe, 大小 – “so” 😀") == "Größe, 大小 – “so” 😀"
    assert printable(404) == "404"
