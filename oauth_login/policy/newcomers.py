"""Who is new here, and whether they may be."""

from collections.abc import Callable, Iterator

from django.utils.translation import gettext_lazy as _

from oauth_login.dotted import function_at
from oauth_login.errors import PolicyRefused
from oauth_login.policy.part import Part, Words, require_callable
from oauth_login.questions import SignInQuestion


class SignUpClosed(Part):
    """Admits nobody who has no user here yet. Whoever has one signs in, and links further accounts."""

    usual_words = _(
        "Nobody new is admitted here at the moment. If you were here before, come the way you did."
    )

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        return self.refusal() if question.occasion == "sign_up" else None


class Invited(Part):
    """Admits newcomers who are invited, as *hook* says; whoever has a user here was.

    :param hook: a function, or the dotted path of one, which is given the question and returns True or
        False. The path leads to models, too, as it is looked up when it is first needed.
    """

    usual_words = _("You need an invitation to become a user here.")

    def __init__(self, hook: str | Callable[[SignInQuestion], bool], *, words: Words = "") -> None:
        super().__init__(words=words)
        self.hook = hook
        if not isinstance(hook, str):
            require_callable(hook)

    def mistakes(self) -> Iterator[str]:
        try:
            self._function()
        except ValueError as error:
            yield f"the hook of Invited(): {error}"

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        if question.occasion != "sign_up":
            return None
        is_invited = self._function()(question)
        if not isinstance(is_invited, bool):  # a coroutine would be true for everybody
            raise TypeError(f"{self.hook!r} returns True or False, not {type(is_invited).__name__}")
        return None if is_invited else self.refusal()

    def _function(self) -> Callable[[SignInQuestion], bool]:
        return function_at(self.hook) if isinstance(self.hook, str) else self.hook
