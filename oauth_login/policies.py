"""The site's own rule about who may sign up, link and sign in: asked before anything is written.

What a rule may be made of is in ``policy.py``. Here is only how one is asked: strictly, so that a rule with a
mistake in it admits nobody.
"""

from django.core.exceptions import PermissionDenied

from oauth_login import conf
from oauth_login.errors import PolicyRefused, SignInRefused
from oauth_login.questions import Policy, SignInQuestion


def ask(question: SignInQuestion) -> None:
    """Ask ``SIGN_IN_POLICY``, if the site has one. No transaction is open: it may well ask the provider.

    :raises SignInRefused: it does not admit this person.
    :raises ProviderError: it has asked the provider, which did not answer as it should.
    :raises ProviderMisconfigured: the setting is wrong, so nobody is admitted.
    """
    policy = conf.policy()
    refusal = verdict(policy, question) if policy is not None else None
    if isinstance(refusal, PolicyRefused):
        # A new one, as a module may keep one for all: each visitor gets a support id of their own.
        raise PolicyRefused(_said(refusal.words), refusal.detail or conf.written("SIGN_IN_POLICY"))
    if refusal is not None:
        raise refusal


def _said(words: object) -> str:
    """Return the owner's words in the visitor's language.

    Now, as what is wrong with them, such as a placeholder that a translation has got wrong, is a mistake in
    the rule, and must not break the page that says so.

    :raises UnicodeEncodeError: no page can say that.
    """
    text = str(words or "")
    text.encode()
    return text


def verdict(policy: Policy, question: SignInQuestion) -> SignInRefused | None:
    """Return the refusal of *policy*, returned or raised, or None if it admits.

    :raises TypeError: it answers anything else. ``True``, or a coroutine nobody waits for, may mean either.
    """
    try:
        answer = policy(question)
    except SignInRefused as refusal:
        return refusal
    except PermissionDenied as error:  # which Django would take for "ask the next backend no more"
        return PolicyRefused(detail=error)
    if answer is None or isinstance(answer, SignInRefused):
        return answer
    raise TypeError(f"a policy returns None or PolicyRefused, not {type(answer).__name__}")
