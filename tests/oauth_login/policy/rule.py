"""The rule that a test gives its site, at a dotted path that its settings can name."""

from oauth_login.errors import SignInRefused
from oauth_login.policy import Part, PolicyRefused, SignUpClosed, nobody

PATH = f"{__name__}.of_the_test"


class Rule:
    """Passes each question on to the test's own rule, and keeps it.

    It is false, as a rule is that is a list with nobody on it yet: what is false is a rule all the same.
    """

    def __init__(self):
        self.asked = []
        self.now = nobody

    def __len__(self):
        return 0

    def __call__(self, question):
        self.asked.append(question)
        return self.now(question)

    def mistakes(self):
        """Yield those of the test's own rule."""
        yield from self.now.mistakes() if isinstance(self.now, Part) else ()


class Empty(PolicyRefused):
    """A refusal that is a list of what is wrong, with nothing on it yet."""

    __len__ = staticmethod(int)  # zero


class OtherwiseEmpty(SignInRefused):
    """One that is no rule's."""

    def __init__(self):
        super().__init__("user_inactive")

    __len__ = staticmethod(int)  # zero


class Unready:
    """Its instances look like rules, and answer when nobody listens any more."""

    async def __call__(self, question):
        """Admit, later."""


async def later(question):
    """Admit, later."""


class Broken(Part):
    """Cannot say what is wrong with it."""

    def __call__(self, question):
        """Admit."""

    def mistakes(self):
        raise LookupError("it is not there")


broken = Broken()
of_the_test = Rule()
unready = Unready()
closed = SignUpClosed()
number = 7
