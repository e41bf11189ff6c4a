"""Everything that can refuse a sign-in, as one tree with one stable code per cause.

::

    OAuthLoginError                  code, stage, status, detail, support_id, retry_after
    ├── RequestRefused                    the request itself, whoever sends it
    │   ├── NotHere                  404  there is no such provider or page
    │   ├── FormStale                403  the start was posted without a valid CSRF token
    │   ├── MethodNotAllowed         405  this page does not take requests of that kind
    │   ├── LastWayIn                409  without that account its user could not sign in any more
    │   ├── BodyUnreadable           400  the form cannot be read
    │   ├── BodyTooLarge             413  the form is larger than the site accepts
    │   ├── HostNotNamed             400  nothing says that the host asked for is this site's
    │   └── TooManyRequests          429  too many from one client; ``retry_after`` says when
    ├── AttemptError                 400  the browser's answer does not belong to an attempt of ours
    ├── AuthorizationResponseError   400  the answer does, but it is malformed or names another issuer
    │   └── AuthorizationDenied      302  the visitor said no
    ├── ProviderError                     the provider's side of the back channel
    │   ├── ProviderResponseError    502  it answered something no correct provider answers
    │   ├── TokenRequestError        400  it refused the code
    │   ├── ProviderMisconfigured    503  it refused *us*: credentials, callback URL, suspended app
    │   ├── ProviderUnavailable      503  it cannot be reached or says so itself
    │   │   └── RateLimited          503  it wants fewer requests; ``retry_after`` says when
    │   └── ProviderTimeout          504  it did not finish in time
    ├── SignInRefused                403  proven identity, but it may not sign in here
    │   ├── PolicyRefused            403  … because of a rule of the site's, in the owner's words
    │   └── SignInConflict           409  … because of an account that already exists
    │       └── EmailTaken           409  … of a user, who may prove that they are one and the same
    ├── GrantError                        what the visitor granted does not do, and only they can mend it
    │   ├── ReauthorizationRequired  403  there is no token any more that the provider takes
    │   └── ScopeRequired            403  ``missing`` was not granted
    └── SignInUnfinished             503  our own side failed; nobody is signed in

A code is a promise: logs, the ``sign_in_failed`` signal, the sign-in log and the documentation use it
and it never changes its meaning. ``detail`` is for the owner's log only; it is cleaned and cut here, so
that no caller can put a provider's megabyte, an escape sequence or a line break into a log
(threats D25, I05, I14). No message ever contains a code, state, token or secret.

``causes.py`` says for every code what is behind it and what to do.
"""

import secrets
import unicodedata
from typing import ClassVar, Final

DETAIL_LENGTH: Final = 200  # characters
SUPPORT_CHARS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is read out as another


def printable(text: object, length: int = DETAIL_LENGTH) -> str:
    """Return *text* as one line without control or bidirectional characters, cut to *length*."""
    cut = str(text)[:length]
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_harmful(char) else char for char in cut)


def _is_harmful(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "C" or category in {"Zl", "Zp"}  # these two end a line, too


class OAuthLoginError(Exception):
    """Superclass of every refusal; never raised itself.

    ``support_id`` is made for each refusal, so that what a visitor reads out finds the line in the log.

    :param code: stable identifier of the cause, ``snake_case``.
    :param detail: evidence for the owner's log; never a secret.
    :param retry_after: seconds after which trying again makes sense, or None if nobody knows.
    """

    stage: ClassVar[str]
    status: ClassVar[int]
    default_code: ClassVar[str]

    def __init__(self, code: str = "", detail: object = "", *, retry_after: int | None = None) -> None:
        self.code = code or self.default_code
        self.detail = printable(detail)
        self.retry_after = retry_after
        self.support_id = _new_support_id()
        super().__init__(self.code)

    def __str__(self) -> str:
        return f"{self.code} ({self.detail})" if self.detail else self.code


def _new_support_id() -> str:
    first, second = ("".join(secrets.choice(SUPPORT_CHARS) for _ in range(4)) for _ in range(2))
    return f"{first}-{second}"


class RequestRefused(OAuthLoginError):
    """Superclass of what is refused before anybody looks at an attempt; never raised itself."""

    stage = "request"


class NotHere(RequestRefused):
    """There is no such provider or page."""

    status = 404
    default_code = "not_found"


class FormStale(RequestRefused):
    """The start was posted without a valid CSRF token."""

    status = 403
    default_code = "form_stale"


class LastWayIn(RequestRefused):
    """The account is the only way in of its user, who has no password."""

    status = 409
    default_code = "last_way_in"


class MethodNotAllowed(RequestRefused):
    """The page takes no requests of that method (RFC 9110 §15.5.6)."""

    status = 405
    default_code = "method_not_allowed"


class BodyUnreadable(RequestRefused):
    """The form is in no form that Django reads."""

    status = 400
    default_code = "form_unreadable"


class HostNotNamed(RequestRefused):
    """The host is accepted by a wildcard only, so a callback URL must not follow it (threat C01)."""

    status = 400
    default_code = "host_not_named"


class BodyTooLarge(RequestRefused):
    """The form is larger than Django's ``DATA_UPLOAD_MAX_…`` settings allow."""

    status = 413
    default_code = "body_too_large"


class TooManyRequests(RequestRefused):
    """One client sends too many requests (RFC 6585 §4)."""

    status = 429
    default_code = "too_many_requests"


class AttemptError(OAuthLoginError):
    """The callback's ``state`` does not lead to an attempt this browser may finish (RFC 6749 §10.12)."""

    stage = "attempt"
    status = 400
    default_code = "state_invalid"


class AuthorizationResponseError(OAuthLoginError):
    """The authorization response breaks RFC 6749 §4.1.2 or RFC 9207 §2.4."""

    stage = "authorization"
    status = 400
    default_code = "response_invalid"


class AuthorizationDenied(AuthorizationResponseError):
    """The resource owner denied the request: ``error=access_denied`` (RFC 6749 §4.1.2.1)."""

    status = 302
    default_code = "access_denied"


class ProviderError(OAuthLoginError):
    """Superclass of what goes wrong between this server and the provider's; never raised itself."""

    stage = "provider"


class ProviderResponseError(ProviderError):
    """The provider's answer has the wrong type, size or content."""

    status = 502
    default_code = "provider_answer_invalid"


class TokenRequestError(ProviderError):
    """The token endpoint refused this code (RFC 6749 §5.2); a new attempt may succeed."""

    stage = "token"
    status = 400
    default_code = "code_rejected"


class ProviderMisconfigured(ProviderError):
    """The provider refuses this client: only the site's owner can mend it."""

    status = 503
    default_code = "provider_misconfigured"


class ProviderUnavailable(ProviderError):
    """The provider could not be reached, or answered that it is down; ``retry_after`` is its own word."""

    status = 503
    default_code = "provider_unavailable"


class RateLimited(ProviderUnavailable):
    """The provider asks for fewer requests (HTTP 429, or GitHub's 403 with an exhausted limit)."""

    default_code = "provider_rate_limited"


class ProviderTimeout(ProviderError):
    """The provider did not complete its answer before the deadline."""

    status = 504
    default_code = "provider_timeout"


class SignInRefused(OAuthLoginError):
    """The identity is proven, but it may not sign in to this site."""

    stage = "user"
    status = 403
    default_code = "sign_in_refused"


class PolicyRefused(SignInRefused):
    """A rule of the site's does not admit this person. A policy returns or raises it (``policy.py``).

    :ivar words: what the visitor is told, in the owner's words: text, which may be translated lazily.
    """

    default_code = "policy_refused"

    def __init__(self, words: object = "", detail: object = "") -> None:
        super().__init__(detail=detail)
        self.words = words


class SignInConflict(SignInRefused):
    """The identity is proven, but an account that already exists is in the way."""

    status = 409
    default_code = "sign_in_conflict"


class EmailTaken(SignInConflict):
    """The address, which the provider has verified, belongs to a user here.

    :ivar user: the primary key of that user, as text; "" if there are several, or it may not sign in.
    :ivar separable: whether the newcomer can be somebody of their own here, without the address.
    """

    default_code = "email_taken"

    def __init__(self, user: str = "", *, separable: bool = False) -> None:
        super().__init__()
        self.user, self.separable = user, separable


class GrantError(OAuthLoginError):
    """Superclass of what only the visitor can mend, by signing in or agreeing again; never raised itself.

    :ivar provider: the alias of where they can; "" if nobody knows.
    """

    stage = "grant"

    def __init__(self, code: str = "", detail: object = "", *, provider: str = "") -> None:
        super().__init__(code, detail)
        self.provider = provider


class ReauthorizationRequired(GrantError):
    """No token of the account is taken any more: expired, revoked, or no key opens it."""

    status = 403
    default_code = "reauthorization_required"


class ScopeRequired(GrantError):
    """The visitor has not granted what is needed (RFC 6750 §3.1 ``insufficient_scope``).

    :ivar missing: the scope tokens to ask for; empty if the provider does not say which.
    """

    status = 403
    default_code = "scope_required"

    def __init__(
        self, missing: frozenset[str] = frozenset(), detail: object = "", *, provider: str = ""
    ) -> None:
        super().__init__(detail=detail or " ".join(sorted(missing)), provider=provider)
        self.missing = missing


class SignInUnfinished(OAuthLoginError):
    """This site's own side failed (its database, or a receiver of its own); nobody is signed in.

    A newcomer's user and account may be there already: the next sign-in finds them.
    """

    stage = "user"
    status = 503
    default_code = "site_unavailable"
