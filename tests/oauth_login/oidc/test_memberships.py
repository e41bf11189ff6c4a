"""Groups and staff by what a provider says: only where it is declared, and only until it is said no more."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oauth_login.group_checks import check_given
from oauth_login.models import LinkedAccount
from tests.databases import unquoted
from tests.oauth_login.oidc.fake_openid import ISSUER, MISSING

pytestmark = [pytest.mark.django_db, pytest.mark.provider, pytest.mark.databases]

User = get_user_model()
RULES = {"CLAIM": "groups", "GROUPS": {"editors": "Editors", "writers": "Writers"}, "STAFF": ["admins"]}


@pytest.fixture
def groups(db):
    """The groups of this site."""
    return {name: Group.objects.create(name=name) for name in ("Editors", "Writers", "Own")}


@pytest.fixture
def declare(settings, configure, openid, groups):
    """A way to declare what the provider's groups give."""

    def declared(rules=RULES, keep=("groups",), **others):
        configure(KEEP_CLAIMS=list(keep))
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"acme": rules, **others}}

    return declared


@pytest.fixture
def come(openid, new_visitor):
    """A way for somebody to come with these groups; it returns what they have here then."""

    def signed_in(*said, claim="groups", value=None):
        openid.claims = {claim: list(said) if value is None else value}
        assert new_visitor().sign_in(openid, "acme").status_code == 302
        return has()

    return signed_in


def has():
    """Return the groups of the only user, and whether they are staff."""
    user = User.objects.get()
    return sorted(user.groups.values_list("name", flat=True)), user.is_staff


def lines(caplog):
    return [line for record in caplog.records if (line := record.getMessage()).startswith("memberships:")]


# --- What is given ----------------------------------------------------------------------------------------


@pytest.mark.threat("F18")
def test_nothing_is_given_where_nothing_is_declared(openid, configure, groups, come):
    configure(KEEP_CLAIMS=["groups"])

    assert come("editors", "admins") == ([], False)
    assert LinkedAccount.objects.get().given == {}


@pytest.mark.parametrize("known", [False, True], ids=["newcomer", "returning"])
def test_what_is_declared_is_given_written_down_and_logged(declare, come, groups, caplog, known):
    if known:
        come()
    declare()

    assert come("editors", "admins", "unheard of") == (["Editors"], True)
    account, user = LinkedAccount.objects.get(), User.objects.get()
    assert account.given == {"groups": [str(groups["Editors"].pk)], "staff": True}
    about = f"provider=acme account={account.pk} because groups=admins editors"
    assert lines(caplog) == [
        f"memberships: user {user.pk} joins Editors: {about}",
        f"memberships: user {user.pk} becomes staff: {about}",
    ]


@pytest.mark.threat("F18")
def test_nobody_becomes_a_superuser(declare, come):
    declare()
    come("editors", "admins", "superusers")

    assert not User.objects.get().is_superuser


def test_who_is_staff_by_it_is_in_the_admin_at_once(declare, openid, visitor):
    declare()
    openid.claims = {"groups": ["admins"]}
    visitor.sign_in(openid, "acme")

    assert visitor.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("claim", "value", "keep"),
    [
        ("groups", "editors", ["groups"]),
        ("groups", {"editors": {"1": "acme.example"}}, ["groups"]),
        ("groups", ["editors", 7, None, ["admins"]], ["groups"]),
        ("realm_access.roles", {"roles": ["editors"]}, ["realm_access"]),
        ("https://acme.example/groups", ["editors"], ["https://acme.example/groups"]),
    ],
    ids=["text", "object", "mixed list", "path", "URL"],
)
def test_a_claim_may_have_any_of_the_forms_that_providers_give_it(declare, come, claim, value, keep):
    declare(RULES | {"CLAIM": claim}, keep)

    assert come(claim=keep[0], value=value) == (["Editors"], False)


@pytest.mark.threat("D16")
@pytest.mark.parametrize(
    "value",
    [
        *(7, True, [], {}, "", "edit", [["editors"]], "editors admins"),
        *({"editors": False}, {"editors": None}, {"editors": {}}, {"editors": ""}, {"editors": 0}),
    ],
    ids=repr,
)
def test_a_claim_of_another_form_gives_nothing(declare, come, value):
    declare()

    assert come(value=value) == ([], False)


# --- What is taken back -----------------------------------------------------------------------------------


@pytest.mark.threat("F18")
@pytest.mark.parametrize("lost", [["writers"], [], [MISSING]], ids=["other", "none", "no claim"])
def test_what_is_not_said_any_more_is_taken_back_and_logged(declare, come, caplog, lost):
    declare()
    come("editors", "writers", "admins")
    caplog.clear()

    missing = lost == [MISSING]
    left = come(value=MISSING) if missing else come(*lost)

    assert left == (["Writers"] if lost == ["writers"] else [], False)
    names = "Editors" if lost == ["writers"] else "Editors, Writers"
    assert f" leaves {names}: provider=acme" in lines(caplog)[0]
    assert " is no longer staff: " in lines(caplog)[1]
    because = "because groups=writers" if lost == ["writers"] else "because groups=nothing that counts"
    assert all(line.endswith(because) for line in lines(caplog))


def test_what_somebody_has_by_hand_stays(declare, come, groups):
    declare()
    come()
    user = User.objects.get()
    user.groups.set([groups["Editors"], groups["Own"]])
    User.objects.update(is_staff=True)

    assert come("editors", "writers", "admins") == (["Editors", "Own", "Writers"], True)
    assert LinkedAccount.objects.get().given == {"groups": [str(groups["Writers"].pk)]}
    assert come() == (["Editors", "Own"], True)
    assert LinkedAccount.objects.get().given == {}


def test_a_group_that_was_taken_by_hand_comes_back_with_the_next_sign_in(declare, come):
    declare()
    come("editors")
    User.objects.get().groups.clear()

    assert come("editors") == (["Editors"], False)
    assert come() == ([], False)


def test_a_group_that_was_renamed_is_still_taken_back(declare, come, groups):
    declare()
    come("editors")
    Group.objects.filter(name="Editors").update(name="Redaktion")

    assert come("editors") == ([], False)


@pytest.mark.parametrize("rules", [{}, {"acme": RULES | {"GROUPS": {"x": "Writers"}, "STAFF": []}}], ids=str)
def test_what_is_not_declared_any_more_is_taken_back(declare, come, settings, rules):
    declare()
    come("editors", "admins")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": rules}

    assert come("editors", "admins") == ([], False)
    assert LinkedAccount.objects.get().given == {}


def another_account(given):
    """Link another account to the only user, which has given them something."""
    return LinkedAccount.objects.create(
        user=User.objects.get(), provider="other", issuer=ISSUER, subject="7", given=given
    )


def test_what_another_account_gives_as_well_stays_until_that_one_goes_too(declare, come, groups):
    declare()
    come("editors", "admins")
    other = another_account({"groups": [str(groups["Editors"].pk)], "staff": True})

    assert come() == (["Editors"], True)
    assert come("editors", "admins") == (["Editors"], True)
    assert LinkedAccount.objects.get(provider="acme").given == other.given
    LinkedAccount.objects.get(provider="acme").delete()
    assert has() == (["Editors"], True)
    other.delete()
    assert has() == ([], False)


@pytest.mark.threat("F18")
def test_what_an_account_of_a_former_server_gave_does_not_count_any_more(declare, come, groups, capsys):
    declare()
    come("editors", "admins")
    other = another_account({"groups": [str(groups["Editors"].pk)], "staff": True})
    LinkedAccount.objects.filter(pk=other.pk).update(issuer="https://former.example", provider="acme")

    assert come() == ([], False)
    assert [one.id for one in check_given(databases=["default"])] == ["oauth_login.W016"]
    call_command("oauth_login", "settle")
    assert LinkedAccount.objects.get(pk=other.pk).given == {}


@pytest.mark.threat("F18")
@pytest.mark.parametrize(
    "read",
    [lambda rows: rows, lambda rows: rows.defer("given"), lambda rows: rows.only("pk")],
    ids=["all", "but one", "key"],
)
def test_what_an_account_gives_is_looked_at_when_it_is_deleted(declare, come, read):
    declare()
    come()
    before = read(LinkedAccount.objects.all()).get()
    come("editors", "admins")

    before.delete()

    assert has() == ([], False)


@pytest.mark.threat("G12")
@pytest.mark.parametrize("at_once", [False, True], ids=["one", "queryset"])
def test_unlinking_takes_back_what_the_account_gave(declare, come, groups, caplog, at_once):
    declare()
    come("editors", "admins")
    User.objects.get().groups.add(groups["Own"])
    caplog.clear()

    accounts = LinkedAccount.objects.all()
    accounts.delete() if at_once else accounts.get().delete()

    assert has() == (["Own"], False)
    assert [line.rpartition(" because ")[2] for line in lines(caplog)] == ["unlinked", "unlinked"]


def test_unlinking_takes_nothing_that_is_not_there_any_more(declare, come, caplog):
    declare()
    come("editors", "admins")
    User.objects.get().groups.clear()
    User.objects.update(is_staff=False)
    caplog.clear()

    LinkedAccount.objects.get().delete()
    assert lines(caplog) == []


@pytest.mark.threat("F21")
@pytest.mark.parametrize("at_once", [False, True], ids=["one", "queryset"])
def test_a_user_who_is_deleted_loses_nothing_before(declare, come, caplog, at_once):
    declare()
    come("editors", "admins")
    caplog.clear()

    users = User.objects.all()
    users.delete() if at_once else users.get().delete()
    assert lines(caplog) == []


# --- What it costs, and what goes wrong -------------------------------------------------------------------


def test_a_group_that_does_not_exist_is_not_made_and_the_sign_in_goes_on(declare, come, caplog):
    declare(RULES | {"GROUPS": {"editors": "Editros", "writers": "Writers"}})

    assert come("editors", "writers") == (["Writers"], False)
    assert lines(caplog)[0] == "memberships: there is no group Editros"
    assert not Group.objects.filter(name="Editros").exists()


@pytest.mark.parametrize("said", [(), ("editors", "admins")], ids=["nothing", "something"])
def test_nothing_is_written_where_nothing_changes(declare, come, openid, new_visitor, said):
    declare()
    come(*said)
    query = openid.approve((browser := new_visitor()).start("acme")["Location"])

    with CaptureQueriesContext(connection) as queries:
        browser.come_back(query, "acme")

    written = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert written
    assert not [
        sql for sql in written if "groups" in sql or "is_staff" in sql or "SET given" in unquoted(sql)
    ]


@pytest.mark.threat("F27", "A26")
def test_a_declaration_that_is_wrong_admits_nobody(declare, openid, visitor, rows):
    declare()
    location = visitor.start("acme")["Location"]
    declare(RULES | {"SUPERUSERS": ["admins"]})

    assert visitor.come_back(openid.approve(location), "acme").context["code"] == "settings_invalid"
    assert rows() == (0, 0, 0)
