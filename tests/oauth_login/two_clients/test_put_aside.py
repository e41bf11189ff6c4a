"""What another client was granted is put aside, and given back when the account goes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from oauth_login.errors import ReauthorizationRequired
from oauth_login.fields import Envelope
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.policy import anybody
from oauth_login.withdrawal import Outcome, outcome_of, withdraw
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET
from tests.oauth_login.two_clients.conftest import SECOND, as_the_second, before_it_is_saved, expire

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.threat("H24")
def test_what_the_first_was_granted_is_put_aside_and_given_back_when_the_account_goes(
    github, linked, revoked
):
    """Not before: whoever signs in through the first again would have to agree once more."""
    granted = linked().token.access_token.reveal()
    call_command("oauth_login", "revoke")
    assert revoked == []

    LinkedAccount.objects.get().user.delete()

    assert sorted(revoked) == sorted([(CLIENT_ID, granted), (SECOND[0], github.token["access_token"])])
    assert not Revocation.objects.exists()


@pytest.mark.threat("H24")
def test_so_is_what_a_sign_in_through_the_other_was_granted(visitor, github, by_the_second, revoked):
    visitor.sign_in(github)
    kept = github.token["access_token"]
    by_the_second()
    account = by_the_second()  # the newest of it counts
    assert Revocation.objects.count() == 1

    withdraw(account)

    assert sorted(revoked) == sorted([(CLIENT_ID, kept), (SECOND[0], github.token["access_token"])])


@pytest.mark.threat("H24")
def test_where_no_token_is_kept_what_is_put_aside_waits_for_the_account_to_go(
    visitor, github, by_the_second, revoked, settings
):
    visitor.sign_in(github)
    by_the_second()
    put_aside = Revocation.objects.get().access_token.reveal()
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    account = by_the_second()

    withdraw(account)
    assert (revoked, Revocation.objects.count()) == ([], 1)
    account.delete()

    assert revoked == [(SECOND[0], put_aside)]


def test_what_is_put_aside_waits_for_nobody_and_nobody_is_told_of_it(linked, revoked, admin_client, capsys):
    linked()
    Revocation.objects.update(created_at=datetime.now(UTC) - timedelta(days=400))

    call_command("oauth_login", "revoke", "--abandon", "30")

    assert capsys.readouterr() == ("Grants: nothing to be done now.\n", "")
    assert b"0 revocations" in admin_client.get("/admin/oauth_login/revocation/").content
    assert Revocation.objects.count() == 1


@pytest.mark.threat("H24")
def test_who_links_it_through_the_first_once_more_has_that_kept_and_the_other_put_aside(
    visitor, github, linked, revoked
):
    linked()
    second = github.token["access_token"]
    github.client, github.token = (CLIENT_ID, CLIENT_SECRET), github.new_pair()
    assert visitor.sign_in(github, intent="link").status_code == 302

    assert [row.provider for row in Revocation.objects.all()] == ["second"]
    LinkedAccount.objects.get().delete()
    assert sorted(revoked) == sorted([(SECOND[0], second), (CLIENT_ID, github.token["access_token"])])


@pytest.mark.threat("H16", "H24")
def test_what_is_renewed_while_the_other_is_linked_is_put_aside(visitor, github, revoked):
    github.token = github.new_pair()
    visitor.sign_in(github)
    expire()
    account = LinkedAccount.objects.get()

    def link():
        as_the_second(github)
        assert visitor.sign_in(github, "second", intent="link").status_code == 302

    with before_it_is_saved(github, link):
        account.access_token()
    renewed = Revocation.objects.get()

    assert (renewed.provider, renewed.next_try_at) == ("github", None)
    assert renewed.refresh_token.reveal() in github.live
    assert LinkedAccount.objects.get().access_token() == github.token["access_token"]


@pytest.mark.threat("H16", "H24")
def test_of_two_that_link_it_at_once_each_grant_is_kept_or_put_aside(visitor, github, revoked, policy):
    """The site's rule may take seconds, in which another tab is faster."""
    visitor.sign_in(github)
    pairs = {"github": [github.token["access_token"]], "second": []}

    def link(alias):
        github.client = SECOND if alias == "second" else (CLIENT_ID, CLIENT_SECRET)
        github.clients |= [SECOND]
        github.token = github.new_pair()
        pairs[alias].append(github.token["access_token"])
        return visitor.sign_in(github, alias, intent="link")

    def faster(question):
        policy(anybody)
        assert link("github").status_code == 302

    policy(faster)
    assert link("second").status_code == 302

    kept, aside = Token.objects.get(), Revocation.objects.get()
    assert (kept.provider, kept.access_token.reveal()) == ("second", pairs["second"][-1])
    assert (aside.provider, aside.access_token.reveal()) == ("github", pairs["github"][-1])


@pytest.mark.threat("H26")
@pytest.mark.parametrize("intent", ["sign_in", "link"])
def test_of_two_tabs_the_scope_is_that_of_the_token_that_is_kept(
    visitor, new_visitor, github, policy, intent
):
    visitor.sign_in(github)

    def come(browser, scope, **fields):
        github.token = github.new_pair() | {"scope": scope}
        return browser.sign_in(github, **fields)

    def faster(question):
        policy(anybody)
        assert come(visitor, "read:user,repo,user:email", intent="link").status_code == 302

    policy(faster)
    narrow = come(visitor if intent == "link" else new_visitor(), "read:user,user:email", intent=intent)

    account = LinkedAccount.objects.get()
    assert narrow.status_code == 302
    wide = "read:user repo user:email"
    assert account.scope == ("read:user user:email" if intent == "link" else wide)


@pytest.mark.threat("H24")
def test_what_is_put_aside_of_one_person_is_nobody_elses(visitor, new_visitor, github, linked, revoked):
    linked()
    github.client, github.user = (CLIENT_ID, CLIENT_SECRET), github.user | {"id": 7, "login": "another"}
    github.emails = []
    assert new_visitor().sign_in(github).status_code == 302
    LinkedAccount.objects.get(subject="7").delete()
    assert [client for client, _token in revoked] == [CLIENT_ID]

    Revocation.objects.update(issuer="https://ghe.example/login/oauth")
    LinkedAccount.objects.get().delete()

    assert [client for client, _token in revoked] == [CLIENT_ID, SECOND[0]]
    assert Revocation.objects.get().next_try_at is None  # of another server


@pytest.mark.threat("H24")
def test_how_long_ago_it_was_put_aside_is_no_reason_to_give_up(github, linked, revoked):
    linked()
    Revocation.objects.update(created_at=datetime.now(UTC) - timedelta(days=40))
    answer, github.revocation = github.revocation, (503, {}, b"")
    LinkedAccount.objects.get().delete()
    github.revocation = answer
    expire()

    call_command("oauth_login", "revoke")

    assert {client for client, _token in revoked} == {CLIENT_ID, SECOND[0]}


@pytest.mark.threat("H24")
@pytest.mark.parametrize(
    ("failing", "outcome"),
    [(CLIENT_ID, Outcome.AWAITED), (SECOND[0], Outcome.AWAITED), ("", Outcome.WITHDRAWN)],
)
def test_the_visitor_is_told_what_has_become_of_both(github, linked, revoked, failing, outcome):
    linked()
    account, answer = LinkedAccount.objects.get(), github.revocation

    def one_is_down(request):
        return (503, {}, b"") if request.path.split("/")[2] == failing else answer(request)

    github.revocation = one_is_down
    withdraw(account)

    assert outcome_of(account) is outcome


@pytest.mark.threat("H24")
def test_the_visitor_is_told_of_the_one_if_the_other_is_over(github, linked, revoked):
    linked()
    Token.objects.update(state="reauthorize", access_token="", refresh_token="")
    account = LinkedAccount.objects.get()

    withdraw(account)

    assert outcome_of(account) is Outcome.WITHDRAWN
    assert [client for client, _token in revoked] == [CLIENT_ID]


@pytest.mark.threat("F25", "H24")
@pytest.mark.parametrize("alias", ["second", "github"])
@pytest.mark.parametrize("stored", [True, False], ids=["tokens", "no tokens"])
def test_nobody_signs_in_through_an_account_that_is_unlinked_at_this_moment(
    visitor, new_visitor, github, policy, settings, alias, stored
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": stored}
    # With tokens the wider one would stay; without, nothing of the account changes.
    github.token = github.token | {"scope": "read:user,user:email" + (",repo" if stored else "")}
    visitor.sign_in(github)
    get_user_model().objects.update(email="")

    def unlink(question):
        policy(anybody)
        LinkedAccount.objects.get().delete()

    policy(unlink)
    if alias == "second":
        as_the_second(github)
    github.token = github.token | {"scope": "read:user,user:email"}
    browser = new_visitor()
    assert browser.sign_in(github, alias).status_code == 302

    account = LinkedAccount.objects.get()
    assert (account.user, account.provider) == (browser.user, alias)
    assert not Revocation.objects.filter(next_try_at=None).exists()


@pytest.mark.threat("H24")
def test_what_waits_does_not_end_what_was_put_aside_since(
    visitor, new_visitor, github, by_the_second, revoked
):
    answer, github.revocation = github.revocation, (503, {}, b"")
    by_the_second()
    LinkedAccount.objects.get().user.delete()
    github.client, github.token = (CLIENT_ID, CLIENT_SECRET), github.new_pair()
    visitor.sign_in(github)
    by_the_second()  # agreed once more
    github.revocation = answer
    Revocation.objects.exclude(next_try_at=None).update(next_try_at=datetime.now(UTC))

    call_command("oauth_login", "revoke")

    assert revoked == []
    assert Revocation.objects.get().next_try_at is None


@pytest.mark.threat("H18", "H24")
def test_what_no_key_opens_hides_nothing_of_what_is_given_back(visitor, github, settings, revoked):
    """Of a grant that has ended while it was renewed."""
    github.token = github.new_pair()
    visitor.sign_in(github)
    expire()
    account = LinkedAccount.objects.get()

    def unlink():
        github.revocation = (503, {}, b"")
        LinkedAccount.objects.get().delete()
        Revocation.objects.update(access_token=Envelope("v1.nothing.that.opens"))

    with before_it_is_saved(github, unlink), pytest.raises(ReauthorizationRequired):
        account.access_token()

    assert Revocation.objects.count() == 2


@pytest.mark.threat("H24")
def test_one_client_under_two_names_keeps_its_one_grant(visitor, github, one_registration):
    visitor.sign_in(github)
    assert visitor.sign_in(github, "second", intent="link").status_code == 302

    assert LinkedAccount.objects.get().provider == "second"
    assert not Revocation.objects.exists()


@pytest.mark.threat("H18", "H24")
def test_what_no_key_opens_keeps_nobody_from_linking(visitor, github, settings, caplog):
    visitor.sign_in(github)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {
        "ENCRYPTION_KEYS": ["another key, of forty characters or so"]
    }
    as_the_second(github)

    assert visitor.sign_in(github, "second", intent="link").status_code == 302

    assert "cannot be withdrawn" in caplog.text
    assert LinkedAccount.objects.get().access_token() == github.token["access_token"]


@pytest.mark.threat("H24")
def test_of_a_grant_that_is_over_nothing_is_put_aside(visitor, github):
    visitor.sign_in(github)
    Token.objects.update(state="reauthorize", access_token="", refresh_token="")
    as_the_second(github)

    assert visitor.sign_in(github, "second", intent="link").status_code == 302
    assert not Revocation.objects.exists()


@pytest.mark.threat("H24")
@pytest.mark.parametrize("others", [1, 2])
def test_of_a_client_that_is_gone_nothing_is_put_aside(visitor, github, settings, others):
    visitor.sign_in(github)
    second = settings.OAUTH_LOGIN["PROVIDERS"]["second"]
    left = {"second": second, "third": second | {"CLIENT_ID": "client-three"}}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": dict(list(left.items())[:others])}
    as_the_second(github)

    assert visitor.sign_in(github, "second", intent="link").status_code == 302
    assert not Revocation.objects.exists()


@pytest.mark.threat("H24")
def test_what_waits_for_one_client_is_not_settled_by_a_sign_in_through_the_other(
    visitor, github, by_the_second, revoked
):
    visitor.sign_in(github)
    granted = github.token["access_token"]
    answer, github.revocation = github.revocation, (503, {}, b"")
    LinkedAccount.objects.get().user.delete()
    assert Revocation.objects.get().provider == "github"
    by_the_second()
    github.revocation = answer
    expire()

    call_command("oauth_login", "revoke")

    assert revoked == [(CLIENT_ID, granted)]
    assert not Revocation.objects.exists()


@pytest.mark.threat("H24")
def test_the_name_of_the_other_being_gone_settles_nothing(visitor, github, linked, revoked, settings):
    linked()
    Revocation.objects.update(next_try_at=datetime.now(UTC))
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    renamed = {"github": providers["github"], "two": providers["second"]}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": renamed}
    expire()

    call_command("oauth_login", "revoke")

    assert [client for client, _token in revoked] == [CLIENT_ID]


@pytest.mark.threat("H24")
def test_a_sign_in_through_another_name_of_the_client_settles_what_waits(
    visitor, new_visitor, github, one_registration
):
    visitor.sign_in(github)
    github.revocation = (503, {}, b"")
    LinkedAccount.objects.get().user.delete()
    assert new_visitor().sign_in(github, "second").status_code == 302
    expire()
    asked = len(github.revocations)

    call_command("oauth_login", "revoke")

    assert not Revocation.objects.exists()
    assert len(github.revocations) == asked
