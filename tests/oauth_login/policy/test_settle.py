"""What accounts gave by a declaration that is gone by now is noticed, and taken back by a command."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection

from oauth_login.group_checks import check_given
from oauth_login.models import LinkedAccount

User = get_user_model()
RULES = {"TEAMS": True, "GROUPS": {"acme/editors": "Editors"}, "STAFF": ["acme/admins"]}
GITHUB = "https://github.com/login/oauth"


@pytest.fixture
def declare(settings):
    """A way to say which providers there are, all of them GitHub, and for which something is declared."""
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"PRESET": "github"}

    def declared(*aliases, memberships=()):
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {
            "PROVIDERS": dict.fromkeys(aliases, options),
            "MEMBERSHIPS": dict.fromkeys(memberships, RULES),
        }

    return declared


@pytest.fixture
def editor(visitor, github, member, declare):
    """Somebody who is staff, and in a group, by an account at GitHub; and in another by hand."""
    editors, by_hand = (Group.objects.create(name=name) for name in ("Editors", "By hand"))
    declare("github", memberships=["github"])
    member("acme", "editors", "admins")
    visitor.sign_in(github)
    user = User.objects.get()
    user.groups.add(by_hand)
    assert list(LinkedAccount.objects.values_list("given", flat=True)) == [
        {"groups": [str(editors.pk)], "staff": True}
    ]
    return user


def has(user):
    user.refresh_from_db()
    return sorted(user.groups.values_list("name", flat=True)), user.is_staff


def settle(capsys, *arguments):
    call_command("oauth_login", "settle", *arguments)
    return capsys.readouterr().out


def noticed():
    return [(message.id, message.msg) for message in check_given(databases=["default"])]


@pytest.mark.threat("F18")
@pytest.mark.parametrize("aliases", [["github"], ["ghe"], []], ids=["declared no more", "renamed", "gone"])
def test_what_is_not_declared_any_more_is_noticed_and_taken_back(editor, declare, aliases, capsys, caplog):
    LinkedAccount.objects.create(user=editor, provider="github", issuer=GITHUB, subject="2")
    declare(*aliases)
    ((number, message),) = noticed()
    assert (number, "1 accounts of 'github'" in message) == ("oauth_login.W016", True)

    counted = settle(capsys, "--dry-run")
    assert counted == "Accounts that gave what is not declared any more: 1 to settle. Nothing was taken.\n"
    assert has(editor) == (["By hand", "Editors"], True)

    assert settle(capsys) == "Accounts that gave what is not declared any more: 1 settled.\n"
    assert has(editor) == (["By hand"], False)
    assert "is no longer staff: provider=github" in caplog.text
    assert "because MEMBERSHIPS does not declare it any more" in caplog.text
    assert noticed() == []
    assert settle(capsys, "--verbosity", "0") == ""


@pytest.mark.parametrize("alias", ["github", "renamed"])
def test_what_is_declared_stays_also_under_another_name(editor, declare, alias, capsys):
    declare(alias, memberships=[alias])

    assert noticed() == check_given() == []
    assert settle(capsys) == "Accounts that gave what is not declared any more: 0 settled.\n"
    assert has(editor) == (["By hand", "Editors"], True)


def test_while_the_declaration_is_wrong_nothing_is_taken(editor, declare):
    declare("github", memberships=["githup"])

    assert noticed() == []
    with pytest.raises(CommandError, match="check says what is wrong"):
        call_command("oauth_login", "settle")
    assert has(editor) == (["By hand", "Editors"], True)


def test_while_a_provider_cannot_be_used_nobody_knows_whose_its_accounts_are(editor, declare, settings):
    declare("github", memberships=["github"])
    settings.OAUTH_LOGIN["PROVIDERS"]["github"] = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {
        "CLIENT_ID": 7
    }

    assert noticed() == []
    call_command("oauth_login", "settle")
    assert has(editor) == (["By hand", "Editors"], True)


@pytest.mark.parametrize("name", ["table_names", "get_table_description"])
def test_before_it_is_migrated_there_is_nothing_to_notice(editor, declare, name, monkeypatch):
    declare("github")
    monkeypatch.setattr(connection.introspection, name, lambda *_: [])

    assert noticed() == []
