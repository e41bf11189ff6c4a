"""Several parts as one."""

from collections.abc import Iterable, Iterator, Mapping

from oauth_login import mentions
from oauth_login.errors import OAuthLoginError, SignInRefused
from oauth_login.policies import verdict
from oauth_login.policy.part import Part, Words, nobody, require_callable, require_some
from oauth_login.questions import Policy, SignInQuestion


class _Several(Part):
    """What is made of parts, each of which has to be one."""

    def __init__(self, *parts: Policy, words: Words = "") -> None:
        super().__init__(words=words)
        self.parts = _checked(parts)

    def mistakes(self) -> Iterator[str]:
        return _mistakes(self.parts)


class AllOf(_Several):
    """Admits whom every part admits. They are asked in turn; the first refusal is the answer."""

    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        for part in self.parts:
            refusal = verdict(part, question)
            if refusal is not None:
                return self.refusal(refusal.detail) if self.words else refusal
        return None


class AnyOf(_Several):
    """Admits whom one part admits. They are asked in turn; if all refuse, the last refusal is the answer.

    A provider that cannot be asked is no reason to refuse, nor to admit: the other parts are asked, and if
    none of them admits, its error stands.
    """

    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        refusal: SignInRefused | None = None
        failure: OAuthLoginError | None = None
        for part in self.parts:
            try:
                refusal = verdict(part, question)
            except OAuthLoginError as error:
                failure = error
            else:
                if refusal is None:
                    return None
        if failure is not None:
            raise failure
        return self.refusal(refusal.detail) if refusal is not None and self.words else refusal


class ByProvider(Part):
    """Asks a policy per provider: ``ByProvider({"github": GitHubOrganisation("acme"), "acme": anybody})``.

    :param others: the policy for providers that are not named; default: nobody gets in through them, so that
        one which is added later is no back door.
    """

    def __init__(self, rules: Mapping[str, Policy], *, others: Policy = nobody, words: Words = "") -> None:
        super().__init__(words=words)
        self.rules, self.others = dict(rules), others
        _checked((*self.rules.values(), others))

    def mistakes(self) -> Iterator[str]:
        yield from mentions.unknown_aliases(self.rules)
        yield from _mistakes((*self.rules.values(), self.others))

    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        if question.provider not in self.rules:  # or it is, and by a slip the rule for it has another name
            mentions.require_none(mentions.unknown_aliases(self.rules))
        refusal = verdict(self.rules.get(question.provider, self.others), question)
        return self.refusal(refusal.detail) if refusal is not None and self.words else refusal


def _checked(parts: tuple[Policy, ...]) -> tuple[Policy, ...]:
    for part in parts:
        require_callable(part)
    require_some(parts, "a part")
    return parts


def _mistakes(parts: Iterable[Policy]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Part):
            yield from part.mistakes()
