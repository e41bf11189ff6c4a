"""Ready parts of a policy, for ``OAUTH_LOGIN["SIGN_IN_POLICY"]``; ``docs/policy.md`` has whole examples.

A policy is anything that can be called with a :class:`SignInQuestion`, and returns None to admit or a
:class:`PolicyRefused` to refuse; it may raise that, too. Each part takes *words*: what whoever it refuses is
told, translated or not. All are asked on every sign-up, link and sign-in, unless they say otherwise, so that
who leaves the company is not signed in any more.

A part that was written wrongly raises ``ValueError`` where it is made, so that ``manage.py check`` says so.
What can only be seen beside the settings, such as the alias of no provider, is an error of that command too,
and nobody is admitted by the part meanwhile (``mentions.py``).
"""

from oauth_login.errors import PolicyRefused
from oauth_login.policy.combined import AllOf, AnyOf, ByProvider
from oauth_login.policy.github import GitHubOrganisation
from oauth_login.policy.newcomers import Invited, SignUpClosed
from oauth_login.policy.part import Part, anybody, nobody
from oauth_login.policy.people import AllowOnly, Deny, EmailDomains
from oauth_login.questions import SignInQuestion

__all__ = [
    "AllOf",
    "AllowOnly",
    "AnyOf",
    "ByProvider",
    "Deny",
    "EmailDomains",
    "GitHubOrganisation",
    "Invited",
    "Part",
    "PolicyRefused",
    "SignInQuestion",
    "SignUpClosed",
    "anybody",
    "nobody",
]
