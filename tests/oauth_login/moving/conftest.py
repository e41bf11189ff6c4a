"""A site that has another library's tables, and a way to bring over what is in them."""

import io
from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from oauth_login.models import LinkedAccount
from tests.oauth_login.moving import theirs


@pytest.fixture(scope="module", autouse=True)
def tables(django_db_setup, django_db_blocker):
    """Their tables, for as long as a module's tests last."""
    with django_db_blocker.unblock():
        theirs.create(*theirs.ALL)
    yield
    with django_db_blocker.unblock():
        theirs.drop(*theirs.ALL)


@pytest.fixture
def user(db):
    """A way to get users."""

    def make(name="octocat", **fields):
        return get_user_model().objects.create_user(name, **fields)

    return make


@dataclass
class Run:
    """What a run has said, and its exit code."""

    said: str
    code: int
    error: str

    @property
    def rows(self):
        """The table: by what they call the provider, the cells; "" has the sums."""
        lines = [line.split() for line in self.said.partition("\n\n")[0].splitlines()[1:]]
        return {line[0]: line[1:] for line in lines[:-1]} | {"": lines[-1]}


@pytest.fixture
def bring(db):
    """A way to run the command, and proof that it left their tables as they were."""

    def run(library, *arguments, **options):
        out, before, error = io.StringIO(), theirs.dump(), CommandError("", returncode=0)
        try:
            call_command("oauth_login", "import", library, *arguments, stdout=out, **options)
        except CommandError as failed:
            error = failed
        assert theirs.dump() == before
        return Run(out.getvalue(), error.returncode, str(error))

    return run


@pytest.fixture
def identities(db):
    """What is linked: alias, issuer, subject and the user's name, sorted."""

    def read():
        accounts = LinkedAccount.objects.select_related("user")
        return sorted((one.provider, one.issuer, one.subject, one.user.username) for one in accounts)

    return read
