"""The owner's side: it shows who is linked and how sign-ins ended, nothing secret, and changes little."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.signals import post_delete
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from guestbook.models import Entry
from oauth_login import signals
from oauth_login.models import LinkedAccount, SignIn, Token
from tests.guestbook.markup import Element, read

User = get_user_model()
ISSUER = "https://github.com/login/oauth"
ACCOUNTS = "/admin/oauth_login/linkedaccount/"
SIGN_INS = "/admin/oauth_login/signin/"


def signed_in(user):
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def owner(db):
    return User.objects.create_superuser("owner", password=None)


@pytest.fixture
def as_owner(owner):
    return signed_in(owner)


@pytest.fixture
def staff(db):
    """A member of staff with exactly the permissions a test names."""

    def permitted(*codenames):
        user = User.objects.create_user("staff", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return signed_in(user)

    return permitted


@pytest.fixture
def linked(db):
    """Make a user with an account, a token, a finished sign-in and a note in the guestbook."""

    def make(name="octocat", **values):
        user = User.objects.create_user(name, f"{name}@here.example")
        number = LinkedAccount.objects.count()
        account = LinkedAccount.objects.create(
            **{
                "user": user,
                "provider": "github",
                "issuer": ISSUER,
                "subject": f"4200{number}",
                "username": f"{name}-there",
                "name": name.title(),
                "email": f"{name}@there.example",
                "email_verified": True,
                "picture": "https://pictures.example/o.png",
                "profile_url": f"https://github.com/{name}",
                **values,
            }
        )
        Token.objects.create(account=account, access_token="gho_topsecret", refresh_token="ghr_topsecret")
        log(f"attempt-{number}", account=account)
        Entry.objects.create(author=user, text=f"{name} was here.")
        return account

    return make


def log(attempt, outcome=SignIn.SIGNED_IN, account=None, provider="github"):
    now = timezone.now()
    return SignIn.objects.create(
        attempt=attempt,
        provider=provider,
        started_at=now - timedelta(minutes=1),
        finished_at=now if outcome else None,
        outcome=outcome,
        account=account,
    )


@pytest.fixture
def account(linked):
    return linked()


@pytest.fixture
def unlinked():
    """What receivers heard of accounts that were unlinked."""
    heard = []

    def note(user, account, **_kwargs):
        heard.append((user.username, account.subject, LinkedAccount.objects.filter(user=user).count()))

    signals.account_unlinked.connect(note)
    yield heard
    signals.account_unlinked.disconnect(note)


def change_page(row):
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def delete_page(row):
    return change_page(row).replace("/change/", "/delete/")


def unlink(client, *accounts):
    data = {"action": "delete_selected", "_selected_action": [account.pk for account in accounts]}
    return client.post(ACCOUNTS, data, follow=True)


def actions_offered(client, url):
    return {
        option["value"]
        for select in read(client.get(url)).all("select", name="action")
        for option in select.all("option")
    } - {""}


def listed(response):
    return [cell.text.strip() for cell in read(response).all("th", class_="field-username")]


def every_page(account):
    """Every page of the admin that has to do with an account."""
    sign_in = account.sign_ins.get()
    entry = account.user.guestbook_entries.get()
    return [
        "/admin/",
        "/admin/oauth_login/",
        ACCOUNTS,
        f"{ACCOUNTS}?q=octocat",
        change_page(account),
        delete_page(account),
        change_page(account).replace("/change/", "/history/"),
        SIGN_INS,
        change_page(sign_in),
        change_page(sign_in).replace("/change/", "/history/"),
        "/admin/auth/user/",
        change_page(account.user),
        delete_page(account.user),
        "/admin/guestbook/entry/",
        change_page(entry),
        delete_page(entry),
        "/admin/guestbook/blockedauthor/",
    ]


# --- Nothing secret ------------------------------------------------------------------------------


@pytest.mark.threat("H05")
def test_no_page_shows_a_token_not_even_to_a_superuser(as_owner, account):
    envelopes = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM oauth_login_token")
        envelopes = list(cursor.fetchone())

    for page in every_page(account):
        answer = as_owner.get(page)
        assert answer.status_code == 200, page
        shown = answer.content.decode()
        assert not [secret for secret in ["topsecret", *envelopes] if secret in shown], page


@pytest.mark.threat("H05")
def test_tokens_have_no_pages(as_owner, account):
    assert as_owner.get("/admin/oauth_login/token/").status_code == 404
    assert as_owner.get(f"/admin/oauth_login/token/{account.pk}/change/").status_code == 404


@pytest.mark.threat("H05")
@pytest.mark.parametrize(
    "query",
    [
        "q=gho_topsecret",
        "token__access_token=gho_topsecret",
        "token__access_token__startswith=g",
        "token__refresh_token__isnull=0",
        "user__password__startswith=!",
        "o=99",
    ],
)
def test_no_search_tells_anything_about_tokens_and_passwords(as_owner, account, query):
    answer = as_owner.get(f"{ACCOUNTS}?{query}")

    assert answer.status_code in {200, 302, 400}
    if answer.status_code == 200:
        assert listed(answer) == ([] if "q=" in query else ["octocat-there"])


def test_an_account_whose_token_no_key_opens_can_still_be_seen_and_unlinked(as_owner, account, settings):
    settings.OAUTH_LOGIN = {
        **settings.OAUTH_LOGIN,
        "ENCRYPTION_KEYS": ["another-key-another-key-another-key"],
    }

    assert as_owner.get(change_page(account)).status_code == 200
    unlink(as_owner, account)
    assert not Token.objects.exists()


# --- Nothing is changed --------------------------------------------------------------------------


@pytest.mark.threat("L12")
@pytest.mark.parametrize("url", [f"{ACCOUNTS}add/", f"{SIGN_INS}add/"])
def test_nobody_types_in_an_account_or_a_sign_in(as_owner, account, url):
    data = {"user": account.user_id, "provider": "github", "issuer": ISSUER, "subject": "666"}

    assert as_owner.get(url).status_code == 403
    assert as_owner.post(url, data).status_code == 403
    assert LinkedAccount.objects.count() == SignIn.objects.count() == 1


@pytest.mark.threat("L12", "H05")
def test_nobody_changes_an_account_or_its_token(as_owner, owner, account):
    before = [*LinkedAccount.objects.values(), *map(str, Token.objects.values_list())]
    data = {
        "user": owner.pk,
        "provider": "evil",
        "issuer": "https://evil.example",
        "subject": "666",
        "username": "evil",
        "email": "evil@example.com",
        "access_token": "gho_evil",
        "token-0-access_token": "gho_evil",
        "claims": "{}",
    }

    assert as_owner.post(change_page(account), data).status_code == 403
    assert [*LinkedAccount.objects.values(), *map(str, Token.objects.values_list())] == before
    assert Token.objects.get().access_token.reveal() == "gho_topsecret"


def form_of(page):
    """Return what a browser would send of a page's text fields."""
    return {
        field["name"]: field.attributes.get("value", "")
        for field in page.all("input")
        if field.attributes.get("type") in {"text", "email", "hidden"} and "name" in field
    }


def test_the_owner_still_changes_users(as_owner, account):
    page = change_page(account.user)
    before = LinkedAccount.objects.values().get()
    data = {**form_of(read(as_owner.get(page))), "username": "renamed", "is_active": "on"}

    assert as_owner.post(page, data).status_code == 302
    assert User.objects.filter(username="renamed").exists()
    assert LinkedAccount.objects.values().get() == before


@pytest.mark.threat("L12")
@pytest.mark.parametrize("forms", [1, 2])
def test_nobody_changes_adds_or_removes_an_account_on_the_page_of_its_user(as_owner, owner, account, forms):
    page = change_page(account.user)
    before = LinkedAccount.objects.values().get()
    as_owner.post(
        page,
        {
            **form_of(read(as_owner.get(page))),
            "is_active": "on",
            "linked_accounts-TOTAL_FORMS": forms,
            "linked_accounts-0-id": account.pk,
            "linked_accounts-0-user": owner.pk,
            "linked_accounts-0-provider": "evil",
            "linked_accounts-0-username": "evil",
            "linked_accounts-0-email": "evil@example.com",
            "linked_accounts-0-DELETE": "on",
            "linked_accounts-1-user": account.user_id,
            "linked_accounts-1-provider": "evil",
            "linked_accounts-1-username": "evil",
            "linked_accounts-1-email": "evil@example.com",
        },
    )

    assert LinkedAccount.objects.values().get() == before


@pytest.mark.threat("L12")
def test_the_pages_have_nothing_to_type_into(as_owner, account):
    for row in (account, account.sign_ins.get()):
        page = read(as_owner.get(change_page(row))).one("form", id=f"{row._meta.model_name}_form")
        assert {field["type"] for field in page.all("input")} == {"hidden"}
        assert not page.all("textarea")
        assert not page.all("select")


@pytest.mark.threat("L12")
def test_nobody_edits_or_shortens_the_log(as_owner, account):
    sign_in = account.sign_ins.get()
    before = SignIn.objects.values().get()

    assert as_owner.post(change_page(sign_in), {"outcome": "refused"}).status_code == 403
    assert as_owner.post(delete_page(sign_in), {"post": "yes"}).status_code == 403
    assert actions_offered(as_owner, SIGN_INS) == set()
    action = {"action": "delete_selected", "_selected_action": [sign_in.pk], "post": "yes"}
    as_owner.post(SIGN_INS, action)
    assert SignIn.objects.values().get() == before


# --- Permissions ---------------------------------------------------------------------------------


@pytest.mark.threat("L12")
def test_staff_without_permission_sees_nothing(staff, account):
    browser = staff("view_user", "change_user")

    for page in (ACCOUNTS, change_page(account), delete_page(account), SIGN_INS):
        assert browser.get(page).status_code == 403
    assert "octocat@there.example" not in browser.get(change_page(account.user)).content.decode()


@pytest.mark.threat("L12")
def test_staff_that_may_view_views_and_no_more(staff, account, unlinked):
    browser = staff("view_linkedaccount", "view_signin")

    for page in (ACCOUNTS, change_page(account), SIGN_INS, change_page(account.sign_ins.get())):
        assert browser.get(page).status_code == 200
    assert browser.post(change_page(account), {"subject": "666"}).status_code == 403
    assert browser.post(delete_page(account), {"post": "yes"}).status_code == 403
    assert browser.get(f"{ACCOUNTS}add/").status_code == 403
    assert actions_offered(browser, ACCOUNTS) == set()
    unlink(browser, account)
    assert LinkedAccount.objects.exists()
    assert unlinked == []


@pytest.mark.threat("L12")
def test_staff_with_every_permission_types_nothing_in_and_changes_nothing(staff, account):
    browser = staff(
        *(f"{act}_{model}" for act in ("add", "change", "view") for model in ("linkedaccount", "signin"))
    )

    assert browser.get(f"{ACCOUNTS}add/").status_code == 403
    assert browser.post(change_page(account), {"subject": "666"}).status_code == 403
    assert LinkedAccount.objects.get().subject == account.subject


@pytest.mark.threat("L12")
def test_staff_that_may_delete_unlinks(staff, account):
    browser = staff("view_linkedaccount", "delete_linkedaccount")
    assert actions_offered(browser, ACCOUNTS) == {"delete_selected"}
    unlink(browser, account)

    assert not LinkedAccount.objects.exists()


def test_strangers_are_sent_to_sign_in(client, account):
    for page in every_page(account):
        assert client.get(page).status_code == 302


# --- Unlinking -----------------------------------------------------------------------------------


@pytest.mark.threat("L12")
@pytest.mark.django_db(transaction=True)
def test_unlinking_removes_link_and_token_and_leaves_user_words_and_log(
    as_owner, owner, linked, unlinked, github
):
    first, second, other = linked("one"), linked("two"), linked("three")
    answer = unlink(as_owner, first, second)

    assert "2 accounts were unlinked." in read(answer).text
    assert [each.pk for each in LinkedAccount.objects.all()] == [other.pk]
    assert [each.pk for each in Token.objects.all()] == [other.pk]
    assert set(User.objects.values_list("username", flat=True)) == {"owner", "one", "two", "three"}
    assert Entry.objects.count() == 3
    assert SignIn.objects.filter(account=None).count() == 2
    assert sorted(unlinked) == [("one", first.subject, 0), ("two", second.subject, 0)]
    entries = LogEntry.objects.filter(action_flag=DELETION, user=owner)
    assert {(entry.object_id, entry.object_repr) for entry in entries} == {
        (str(first.pk), "one-there (github)"),
        (str(second.pk), "two-there (github)"),
    }


@pytest.mark.threat("L12")
@pytest.mark.django_db(transaction=True)
def test_one_account_is_unlinked_from_its_page(as_owner, owner, account, unlinked, github):
    pk = account.pk
    as_owner.post(delete_page(account), {"post": "yes"})

    assert not LinkedAccount.objects.exists()
    assert User.objects.filter(username="octocat").exists()
    assert Entry.objects.exists()
    assert unlinked == [("octocat", account.subject, 0)]
    entry = LogEntry.objects.get(action_flag=DELETION, user=owner)
    assert (entry.object_id, entry.object_repr) == (str(pk), "octocat-there (github)")


@pytest.mark.threat("G11")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "do",
    [unlink, lambda client, account: client.post(delete_page(account), {"post": "yes"})],
    ids=["action", "page"],
)
def test_whose_account_the_owner_unlinks_learns_of_it_by_mail(as_owner, account, github, mailoutbox, do):
    User.objects.filter(pk=account.user_id).update(email="octocat@example.com")

    do(as_owner, account)

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["octocat@example.com"], "GitHub was unlinked from your account")


def test_one_unlinked_account_is_one(as_owner, account):
    assert "1 account was unlinked." in read(unlink(as_owner, account)).text


def test_there_is_one_way_to_remove_accounts_and_its_name_says_what_it_does(as_owner, account):
    (select,) = read(as_owner.get(ACCOUNTS)).all("select", name="action")
    offered = {option["value"]: option.text for option in select.all("option") if option["value"]}

    assert offered["delete_selected"] == "Unlink the selected accounts"
    assert set(offered) == {"renew_tokens", "withdraw_grants", "delete_selected"}


@pytest.mark.django_db(transaction=True)
def test_an_unlinking_that_fails_half_way_has_not_happened_and_nobody_hears_of_it(as_owner, linked, unlinked):
    first, second = linked("one"), linked("two")

    def fail(instance, **_kwargs):
        if instance.subject == first.subject:  # the list is newest first
            raise RuntimeError("disk full")

    post_delete.connect(fail, LinkedAccount)
    as_owner.raise_request_exception = False
    assert unlink(as_owner, first, second).status_code == 500
    post_delete.disconnect(fail, LinkedAccount)

    assert LinkedAccount.objects.count() == Token.objects.count() == 2
    assert not LogEntry.objects.exists()
    assert unlinked == []


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_does_not_break_the_unlinking(as_owner, account, unlinked, github):
    def fail(**_kwargs):
        raise RuntimeError("mail server down")

    signals.account_unlinked.connect(fail)
    assert unlink(as_owner, account).status_code == 200
    signals.account_unlinked.disconnect(fail)

    assert not LinkedAccount.objects.exists()
    assert len(unlinked) == 1


def test_deleting_a_user_deletes_their_accounts(as_owner, account):
    as_owner.post(delete_page(account.user), {"post": "yes"})

    assert not LinkedAccount.objects.exists()
    assert not Token.objects.exists()


# --- Looking -------------------------------------------------------------------------------------


def test_an_account_is_listed_with_user_address_and_last_use(as_owner, account):
    (row,) = read(as_owner.get(ACCOUNTS)).all("tbody")[0].all("tr")

    assert row.one("a", href=change_page(account.user)).text == "octocat"
    picture = row.one("td", class_="field-shown_picture").one("img")
    assert picture["src"] == "https://pictures.example/o.png"
    assert picture["referrerpolicy"] == "no-referrer"
    assert "octocat@there.example" in row.text
    assert row.one("td", class_="field-last_used nowrap").text != "-"


def test_an_account_without_picture_and_profile_shows_none(as_owner, linked):
    account = linked(picture="", profile_url="")
    page = read(as_owner.get(change_page(account)))

    assert "https://" not in [image["src"][:8] for image in page.all("img")]
    assert page.one("div", class_="form-row field-profile_link").all("a") == []


def test_an_account_leads_to_its_profile_without_saying_from_where(as_owner, account):
    page = read(as_owner.get(change_page(account)))

    assert page.one("a", href="https://github.com/octocat")["rel"] == "noopener noreferrer"


def test_a_user_s_page_lists_the_accounts(as_owner, account):
    page = read(as_owner.get(change_page(account.user)))

    assert "octocat@there.example" in page.text
    assert page.one("a", href=change_page(account), class_="inlineviewlink")


def test_a_new_user_is_still_added_by_the_owner(as_owner):
    fields = {
        "username": "new",
        "usable_password": "false",
        "linked_accounts-TOTAL_FORMS": "0",
        "linked_accounts-INITIAL_FORMS": "0",
    }
    as_owner.post("/admin/auth/user/add/", fields)

    assert User.objects.filter(username="new").exists()


@pytest.mark.parametrize("words", ["two", "TWO-there", "two@there", "42001"])
def test_an_account_is_found_by_name_address_and_subject(as_owner, linked, words):
    linked("one")
    linked("two")

    assert listed(as_owner.get(ACCOUNTS, {"q": words})) == ["two-there"]


def test_a_part_of_a_subject_finds_nobody(as_owner, account):
    assert listed(as_owner.get(ACCOUNTS, {"q": "4200"})) == []


def test_accounts_are_filtered_by_the_providers_of_the_settings(as_owner, linked, settings):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    providers = {"github": options, "ghe": {**options, "PRESET": "github"}}
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "PROVIDERS": providers}
    linked("one")
    linked("two", provider="ghe")
    page = as_owner.get(ACCOUNTS)

    assert listed(page) == ["two-there", "one-there"]
    assert {a["href"] for a in read(page).all("a") if "provider=" in a.attributes.get("href", "")} == {
        "?provider=github",
        "?provider=ghe",
    }
    assert listed(as_owner.get(ACCOUNTS, {"provider": "ghe"})) == ["two-there"]


def test_accounts_are_sorted_by_last_use(as_owner, linked):
    busy, idle = linked("busy"), linked("idle")
    log("again", account=busy)
    columns = read(as_owner.get(ACCOUNTS)).one("table", id="result_list").one("thead").all("th")
    column = next(number for number, th in enumerate(columns) if "last sign-in" in th.text.lower())

    assert listed(as_owner.get(ACCOUNTS, {"o": f"-{column}"})) == ["busy-there", "idle-there"]
    assert listed(as_owner.get(ACCOUNTS, {"o": f"{column}"})) == ["idle-there", "busy-there"]
    assert idle.last_sign_in_at < busy.last_sign_in_at


@pytest.mark.parametrize(
    ("ended", "outcomes"),
    [
        ("", ["going-on", "email_taken", "signed_in"]),
        ("signed-in", ["signed_in"]),
        ("refused", ["email_taken"]),
        ("unfinished", ["going-on"]),
    ],
)
def test_sign_ins_are_filtered_by_how_they_ended(as_owner, ended, outcomes):
    for outcome in ("signed_in", "email_taken", ""):
        log(f"attempt {outcome}", outcome)
    cells = read(as_owner.get(SIGN_INS, {"ended": ended})).all("td", class_="field-outcome")

    assert [cell.text if cell.text != "-" else "going-on" for cell in cells] == outcomes


def test_a_sign_in_is_found_by_outcome_and_account(as_owner, account):
    log("refused", "email_taken")
    for words, found in [("email_taken", 1), ("email", 0), ("octocat", 1), (account.subject, 1)]:
        page = read(as_owner.get(SIGN_INS, {"q": words}))
        assert len(page.all("td", class_="field-outcome")) == found


@pytest.mark.parametrize("url", [ACCOUNTS, SIGN_INS])
def test_a_list_costs_the_same_queries_however_long_it_is(as_owner, linked, url):
    linked("first")
    as_owner.get(url)
    with CaptureQueriesContext(connection) as short:
        as_owner.get(url)
    for number in range(30):
        linked(f"user{number}")
    with CaptureQueriesContext(connection) as long:
        as_owner.get(url)

    assert len(long) == len(short) <= 6


@pytest.mark.parametrize("url", [ACCOUNTS, SIGN_INS])
def test_a_list_never_reads_the_whole_table_for_its_filters(as_owner, account, url):
    with CaptureQueriesContext(connection) as queries:
        as_owner.get(url)

    assert not [query["sql"] for query in queries if re.search(r"DISTINCT|MIN\(|MAX\(", query["sql"])]


@pytest.mark.parametrize("url", [ACCOUNTS, SIGN_INS])
def test_a_search_counts_what_it_found_and_not_the_whole_table_too(as_owner, account, url):
    with CaptureQueriesContext(connection) as queries:
        as_owner.get(url, {"q": "octocat"})

    assert len([query for query in queries if "COUNT(" in query["sql"]]) == 1


def test_a_users_page_costs_the_same_queries_however_many_accounts_there_are(as_owner, linked):
    user = linked().user
    as_owner.get(change_page(user))
    with CaptureQueriesContext(connection) as one:
        as_owner.get(change_page(user))
    for number in range(10):
        LinkedAccount.objects.create(user=user, provider="github", issuer=ISSUER, subject=f"more-{number}")
    with CaptureQueriesContext(connection) as many:
        as_owner.get(change_page(user))

    assert len(many) == len(one)


# --- What strangers chose ------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>{{7*7}}"


LINKS = {"href", "src", "action", "formaction", "poster", "data"}
PLAIN_LINK = re.compile(r"(?:https://|[/.?#]|$)", re.ASCII)


def active_content(page):
    """Return what in a page runs, or leads to something that does, and is not Django's."""
    found = []
    for element in page.inside:
        for name, value in element.attributes.items():
            if name.startswith("on") or name == "srcdoc" or (name in LINKS and not PLAIN_LINK.match(value)):
                found.append(f"<{element.tag} {name}={value!r}>")
        if element.tag in {"iframe", "object", "embed", "base"} or (
            element.tag in {"script", "style"} and "alert(1)" in element.text
        ):
            found.append(f"<{element.tag}>{element.text}")
    return found


def test_active_content_would_be_seen():
    page = Element("page", {})
    page.inside = [
        Element("img", {"src": "x", "onerror": "alert(1)"}),
        Element("script", {}, text="alert(1)"),
        Element("a", {"href": "javascript:alert(1)"}),
        Element("a", {"href": "/fine/"}, text="alert(1)"),
    ]

    assert len(active_content(page)) == 4


@pytest.mark.threat("I01")
def test_what_a_stranger_is_called_is_text_on_every_page(visitor, github, owner):
    github.user |= {
        "login": HOSTILE,
        "name": HOSTILE,
        "bio": HOSTILE,
        "company": HOSTILE,
        "avatar_url": f"https://pictures.example/{HOSTILE}",
        "html_url": f"https://github.com/{HOSTILE}",
    }
    github.emails = [
        {"email": f'"{HOSTILE}"@example.com', "primary": True, "verified": True},
        {"email": f"{HOSTILE}@users.noreply.github.com", "primary": False, "verified": True},
    ]
    github.token["scope"] = HOSTILE
    visitor.sign_in(github)
    visitor.post("/write/", {"text": HOSTILE})
    account = visitor.user.linked_accounts.get()
    as_owner = signed_in(owner)
    pages = [visitor.get(page) for page in ("/", "/oauth2/", "/oauth2/login/")]
    pages += [as_owner.get(page) for page in every_page(account)]
    pages.append(unlink(as_owner, account))

    shown = [read(page) for page in pages]
    assert [active_content(page) for page in shown] == [[] for _ in pages]
    assert sum("alert(1)" in page.text for page in shown) > 5, "the name is shown, as text"
    assert not any("49" in page.one("title").text for page in shown)


@pytest.mark.threat("I01")
def test_what_a_user_is_called_here_is_text_too(as_owner, linked):
    account = linked()
    User.objects.filter(pk=account.user_id).update(username=HOSTILE)
    pages = [read(as_owner.get(page)) for page in (ACCOUNTS, change_page(account))]

    assert [active_content(page) for page in pages] == [[], []]
    assert all(HOSTILE in page.text for page in pages)


HOSTILE_URLS = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.example/x",
    "http://evil.example/x",
    "https:\\\\evil.example",
    'https://evil.example/" onmouseover="alert(1)',
    "https://user:password@evil.example/",
]


@pytest.mark.threat("I02")
@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_an_address_that_is_not_of_the_web_is_nobodys_profile_or_picture(visitor, github, owner, url):
    github.user |= {"html_url": url, "avatar_url": url, "blog": url}
    visitor.sign_in(github)
    visitor.post("/write/", {"text": "Hello"})
    account = visitor.user.linked_accounts.get()
    assert (account.profile_url, account.picture) == ("", "")

    as_owner = signed_in(owner)
    pages = [visitor.get("/"), visitor.get("/oauth2/"), as_owner.get(ACCOUNTS)]
    pages.append(as_owner.get(change_page(account)))
    for page in map(read, pages):
        assert active_content(page) == []
        assert url not in [value for e in page.inside for value in e.attributes.values()]


@pytest.mark.threat("I02")
@pytest.mark.parametrize("url", HOSTILE_URLS[:8])
def test_an_owner_is_not_led_there_even_by_a_row_that_somebody_else_wrote(as_owner, linked, url):
    account = linked(profile_url=url, picture=url)

    for address in (ACCOUNTS, change_page(account), change_page(account.user)):
        page = read(as_owner.get(address))
        assert active_content(page) == []
        assert url not in [e.attributes.get(name) for e in page.inside for name in ("href", "src")]


@pytest.mark.threat("I14")
def test_a_name_neither_breaks_lines_nor_turns_the_text_around(visitor, github, owner, caplog):
    caplog.set_level("INFO")
    turned = "\N{RIGHT-TO-LEFT OVERRIDE}nimda\N{LINE SEPARATOR}\N{ZERO WIDTH SPACE}"
    name = f"Ada\r\nroot signed in\x1b[31m\x00{turned}"
    github.user |= {"login": name, "name": name}
    visitor.sign_in(github)
    account = visitor.user.linked_accounts.get()

    assert (account.name, account.username) == ("Adaroot signed in[31mnimda", "")
    page = f"{ACCOUNTS}{account.pk}/change/"
    assert "Adaroot signed in[31mnimda" in read(signed_in(owner).get(page)).text
    assert "Ada" in read(visitor.get("/oauth2/")).text
    assert not [record for record in caplog.records if re.search(r"[\r\n\x1b\u202e]", record.getMessage())]
