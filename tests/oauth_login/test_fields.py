"""Tokens at rest: ciphertext in the database, and shown to nobody who does not ask by name."""

import copy
import json
import pickle
import uuid
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import connection, models, transaction
from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import Concat, Length
from django.template import Context, Engine
from django.test.utils import isolate_apps, register_lookup

from oauth_login.errors import ReauthorizationRequired
from oauth_login.fields import EncryptedTextField, Envelope, PlainTextRefused, Secret
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.sealing import SealBroken

ACCESS, REFRESH = "gho_access-token-of-the-tests", "ghr_refresh-token-of-the-tests"
K1, K2 = "1" * 32, "2" * 32


@pytest.fixture
def new_token(db):
    """A way to get tokens, each of an account and a user of its own."""

    def make(number=1, access=ACCESS, refresh=REFRESH):
        user = get_user_model().objects.create(username=f"user-{number}")
        account = LinkedAccount.objects.create(
            user=user, provider="github", issuer="https://github.com/login/oauth", subject=str(number)
        )
        return Token.objects.create(account=account, access_token=access, refresh_token=refresh)

    return make


@pytest.fixture
def token(new_token):
    return new_token()


def load(token):
    return Token.objects.get(pk=token.pk)


def columns(token):
    """Return what the database has of both secrets, past Django."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT access_token, refresh_token FROM oauth_login_token WHERE account_id = %s", [token.pk]
        )
        return cursor.fetchone()


def write(token, access, refresh):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE oauth_login_token SET access_token = %s, refresh_token = %s WHERE account_id = %s",
            [access, refresh, token.pk],
        )


# --- At rest ------------------------------------------------------------------------------------------


@pytest.mark.threat("H01")
def test_the_database_has_ciphertext_only(token):
    stored = columns(token)

    assert all(value.startswith("v1") for value in stored)
    assert "gho_" not in str(stored)
    assert (load(token).access_token.reveal(), load(token).refresh_token.reveal()) == (ACCESS, REFRESH)


@pytest.mark.threat("H01", "H10")
def test_a_sign_in_leaves_no_token_in_the_database_or_the_session(visitor, github):
    github.token |= {"refresh_token": REFRESH, "expires_in": 28_800}
    visitor.sign_in(github)

    with connection.cursor() as cursor:
        kept = [str(dict(visitor.session))]
        for model in apps.get_models():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608
            kept.append(str(cursor.fetchall()))
    assert "octocat" in str(kept)
    assert github.token["access_token"] not in str(kept)
    assert REFRESH not in str(kept)
    assert Token.objects.get().access_token.reveal() == github.token["access_token"]
    assert Token.objects.get().refresh_token.reveal() == REFRESH


@pytest.mark.threat("H29", "GH14")
def test_a_long_token_is_stored_whole(new_token):
    assert load(new_token(access="x" * 8_000)).access_token.reveal() == "x" * 8_000


@pytest.mark.parametrize("nothing", ["", None])
def test_no_token_is_stored_as_nothing(new_token, nothing):
    token = new_token(refresh=nothing)

    assert columns(token)[1] == ""
    assert token.refresh_token == ""
    assert load(token).refresh_token == ""
    assert Token.objects.filter(refresh_token="").get() == token


def test_a_secret_can_be_replaced_and_removed(token):
    token.access_token, token.refresh_token = "gho_newer", ""
    token.save()

    assert load(token).access_token.reveal() == "gho_newer"
    assert load(token).refresh_token == ""


def test_saving_what_did_not_change_writes_the_same_ciphertext(token):
    before = columns(token)
    again = load(token)
    again.state = Token.State.REVOKED
    again.save()
    token.save()

    assert columns(token) == before


def test_a_secret_is_read_only_when_it_is_asked_for(token, django_assert_num_queries):
    with django_assert_num_queries(1):
        lazy = Token.objects.only("state").get()
    with django_assert_num_queries(1):
        assert lazy.access_token.reveal() == ACCESS
    with django_assert_num_queries(0):
        assert lazy.access_token.reveal() == ACCESS
    lazy.save()
    assert load(token).refresh_token.reveal() == REFRESH


def test_a_token_can_be_read_again_from_the_database(token):
    other = load(token)
    other.access_token = "gho_newer"
    other.save()
    token.refresh_from_db()

    assert token.access_token.reveal() == "gho_newer"
    before = columns(token)
    token.save()
    assert columns(token) == before


def test_many_tokens_can_be_written_at_once(new_token):
    first, second = new_token(1), new_token(2)
    values = columns(first) + columns(second)
    Token.objects.all().delete()
    Token.objects.bulk_create(
        [Token(account=row.account, access_token=ACCESS, refresh_token="") for row in (first, second)]
    )

    assert [row.access_token.reveal() for row in Token.objects.all()] == [ACCESS, ACCESS]
    assert not set(values) & set(columns(first) + columns(second))


@pytest.mark.threat("H01", "H02")
def test_many_rows_can_be_changed_at_once_and_each_gets_ciphertext_of_its_own(new_token):
    first, second = load(new_token(1, "gho_first")), load(new_token(2, "gho_second"))
    of_second = columns(second)
    first.access_token, first.refresh_token = "gho_newer", second.refresh_token
    second.refresh_token = ""

    assert Token.objects.bulk_update([first, second], ["access_token", "refresh_token"]) == 2

    assert columns(first)[0].startswith("v1")
    assert load(first).access_token.reveal() == "gho_newer"
    assert load(first).refresh_token.reveal() == REFRESH
    assert columns(second) == (of_second[0], "")


@pytest.mark.threat("H01")
def test_rows_without_an_account_can_be_changed_at_once_too(db):
    rows = [Revocation.objects.create(provider="p", issuer="i", subject=str(number)) for number in (1, 2)]
    for row in rows:
        row.access_token = f"gho_{row.subject}"

    Revocation.objects.bulk_update(rows, ["access_token"])

    found = Revocation.objects.order_by("subject")
    assert [row.access_token.reveal() for row in found] == ["gho_1", "gho_2"]


def test_a_token_is_valid_as_it_is(token):
    load(token).full_clean()
    Token(account=token.account, access_token="gho_new").clean_fields(exclude=["account"])


# --- Bound to its place -------------------------------------------------------------------------------


@pytest.mark.threat("H02")
def test_ciphertexts_swapped_between_rows_do_not_open(new_token):
    first, second = new_token(1, "gho_first"), new_token(2, "gho_second")
    of_first, of_second = columns(first), columns(second)
    write(first, *of_second)
    write(second, *of_first)

    for token in (load(first), load(second)):
        for secret in (token.access_token, token.refresh_token):
            with pytest.raises(SealBroken):
                secret.reveal()


@pytest.mark.threat("H02")
def test_ciphertexts_swapped_between_columns_do_not_open(token):
    access, refresh = columns(token)
    write(token, refresh, access)

    for secret in (load(token).access_token, load(token).refresh_token):
        with pytest.raises(SealBroken):
            secret.reveal()


@pytest.mark.threat("H02")
def test_a_secret_given_to_another_row_or_column_is_sealed_for_it(new_token):
    first, second = load(new_token(1, "gho_first")), load(new_token(2, "gho_second"))
    second.access_token, second.refresh_token = first.access_token, second.access_token
    second.save()

    assert load(second).access_token.reveal() == "gho_first"
    assert load(second).refresh_token.reveal() == "gho_second"
    assert load(first).access_token.reveal() == "gho_first"


# --- Keys -------------------------------------------------------------------------------------------------


@pytest.mark.threat("H03")
def test_a_new_secret_key_opens_what_its_fallback_sealed(token, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-the-tests-0123456789-0123456789-0123456789"

    old = load(token)
    assert old.access_token.reveal() == ACCESS
    old.access_token = "gho_newer"
    old.save()
    settings.SECRET_KEY_FALLBACKS = []
    assert load(token).access_token.reveal() == "gho_newer"
    with pytest.raises(SealBroken):
        load(token).refresh_token.reveal()


@pytest.mark.threat("H03")
def test_encryption_keys_are_used_newest_first_and_instead_of_the_secret_key(new_token, settings):
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ENCRYPTION_KEYS": [K1]}
    settings.SECRET_KEY = "of-no-importance-here"
    token = new_token()
    settings.SECRET_KEY = "changed-and-still-of-no-importance"
    assert load(token).access_token.reveal() == ACCESS

    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ENCRYPTION_KEYS": [K2, K1]}
    assert load(token).access_token.reveal() == ACCESS
    rewritten = load(token)
    rewritten.access_token = rewritten.access_token.reveal()
    rewritten.save()
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ENCRYPTION_KEYS": [K2]}
    assert load(token).access_token.reveal() == ACCESS


@pytest.mark.threat("H04")
def test_a_row_of_a_lost_key_can_be_loaded_shown_saved_and_replaced(token, settings):
    before = columns(token)
    settings.SECRET_KEY = "the-one-before-is-lost-0123456789-0123456789-0123456789-01"

    lost = load(token)
    assert str(lost.access_token) == "***"
    with pytest.raises(SealBroken, match="unknown version or key"):
        lost.access_token.reveal()
    lost.state = Token.State.REAUTHORIZE
    lost.save()
    assert columns(token) == before
    lost.access_token, lost.refresh_token = "gho_newer", ""
    lost.save()
    assert load(token).access_token.reveal() == "gho_newer"


@pytest.mark.threat("H04")
def test_a_visitor_whose_token_is_lost_signs_in_all_the_same(visitor, new_visitor, github, settings):
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ENCRYPTION_KEYS": [K1]}
    visitor.sign_in(github)
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ENCRYPTION_KEYS": [K2]}

    returning = new_visitor()
    assert returning.sign_in(github).status_code == 302
    assert returning.get("/oauth2/").status_code == 200
    assert Token.objects.get().access_token.reveal() == github.token["access_token"]


# --- Shown to nobody ------------------------------------------------------------------------------------


@pytest.fixture(params=["unsaved", "saved", "loaded"])
def any_token(request, new_token):
    """A token at every stage of its life."""
    saved = new_token()
    if request.param == "unsaved":
        return Token(account=saved.account, access_token=ACCESS, refresh_token=REFRESH)
    return saved if request.param == "saved" else load(saved)


@pytest.mark.threat("H06", "H11")
def test_no_way_to_write_a_token_down_shows_it(any_token):
    secret = any_token.access_token
    template = Engine().from_string("{{ t }} {{ t.access_token }} {{ t.access_token.reveal }} {{ s.reveal }}")
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>9}",
        "%s" % secret,  # noqa: UP031  as loggers do
        str([secret]),
        repr(any_token),
        str(any_token),
        repr(vars(any_token)),
        json.dumps(vars(any_token), default=str),
        template.render(Context({"t": any_token, "s": secret})),
    ]

    assert secret.reveal() == ACCESS
    assert shown[:2] == ["***", "***"]
    assert "gho_" not in "".join(shown)
    assert not hasattr(secret, "__dict__")


@pytest.mark.threat("H06")
def test_a_token_is_not_serialised_by_accident(any_token):
    for serialise in (pickle.dumps, copy.deepcopy, json.dumps):
        for value in (any_token.access_token, any_token):
            with pytest.raises(TypeError):
                serialise(value)
    with pytest.raises(TypeError, match="a secret is not serialised"):
        copy.copy(Secret(lambda: ACCESS))


@pytest.mark.threat("H06")
def test_queries_give_ciphertext(token):
    stored = columns(token)

    assert list(Token.objects.values_list("access_token", "refresh_token")) == [stored]
    assert Token.objects.values("access_token").get() == {"access_token": stored[0]}
    assert "gho_" not in str(Token.objects.filter(access_token=Envelope(stored[0])).query)
    assert Token.objects.filter(access_token=Envelope(stored[0])).get() == token


@pytest.mark.threat("H06")
@pytest.mark.parametrize(
    "careless",
    [
        lambda token: Token.objects.update(access_token="gho_newer"),
        lambda token: Token.objects.update(access_token=Secret(lambda: "gho_newer")),
        lambda token: Token.objects.update(access_token=Value("gho_newer")),
        lambda token: Token.objects.update(access_token=Concat("access_token", Value("gho_newer"))),
        lambda token: Token.objects.update(access_token=F("token_type")),
        lambda token: Token.objects.update(access_token=Case(When(pk=token.pk, then=Value("gho_newer")))),
        lambda token: Token.objects.update(access_token=Case(When(pk=token.pk, then=F("token_type")))),
        lambda token: Token.objects.update(
            access_token=Case(When(pk=token.pk, then=Value("")), default=Value("gho_newer"))
        ),
        lambda token: Token.objects.update(
            access_token=Case(
                When(version=1, then=Value(token.access_token, token._meta.get_field("reason")))
            )
        ),
        lambda token: Token.objects.create(account_id=token.pk, access_token=Value("gho_newer")),
        lambda token: setattr(token, "access_token", F("token_type")),
        lambda token: Token.objects.get(access_token="gho_newer"),
    ],
    ids=[
        "update",
        "update by a secret",
        "update by a value",
        "update by a function",
        "update by another column",
        "update by a choice",
        "update by a choice of another column",
        "update by what else is chosen",
        "update by a choice of many rows",
        "create",
        "assign",
        "get",
    ],
)
def test_plain_text_can_only_be_written_through_a_row(token, careless):
    before = columns(token)
    token.access_token = "gho_newer"

    with pytest.raises(TypeError, match="access_token is encrypted") as refusal, transaction.atomic():
        careless(token)
    assert "gho_" not in str(refusal.value)
    assert columns(token) == before


@pytest.mark.threat("H06")
@pytest.mark.parametrize("format_", ["json", "xml", "jsonl"])
def test_a_dump_has_ciphertext_and_can_be_loaded(new_token, tmp_path, format_):
    token = new_token(refresh="")
    before, out = columns(token), StringIO()
    call_command("dumpdata", "oauth_login.token", format=format_, stdout=out)
    dump = tmp_path / f"tokens.{format_}"
    dump.write_text(out.getvalue())

    assert "gho_" not in out.getvalue()
    assert before[0] in out.getvalue()
    Token.objects.all().delete()
    call_command("loaddata", dump, verbosity=0)
    assert columns(token) == before
    assert load(token).access_token.reveal() == ACCESS


@pytest.mark.threat("H01", "H06")
@pytest.mark.parametrize("format_", ["json", "xml", "jsonl"])
def test_a_fixture_with_plain_text_is_refused_and_the_text_not_told(token, tmp_path, format_):
    before, out = columns(token), StringIO()
    call_command("dumpdata", "oauth_login.token", format=format_, stdout=out)
    fixture = tmp_path / f"tokens.{format_}"
    fixture.write_text(out.getvalue().replace(before[0], "gho_by-hand"))

    with pytest.raises(DeserializationError, match="access_token is encrypted") as refusal:
        call_command("loaddata", fixture, verbosity=0)

    assert "gho_" not in str(refusal.value)
    assert columns(token) == before


@pytest.mark.threat("H04")
def test_a_dump_under_a_lost_key_can_be_loaded(token, tmp_path, settings):
    before, dump = columns(token), tmp_path / "tokens.json"
    call_command("dumpdata", "oauth_login.token", output=dump, verbosity=0)
    settings.SECRET_KEY = "the-one-before-is-lost-0123456789-0123456789-0123456789-01"
    Token.objects.all().delete()

    call_command("loaddata", dump, verbosity=0)

    assert columns(token) == before


@pytest.mark.threat("H01")
@pytest.mark.parametrize("planted", ["gho_planted", "v1", "v1.gho_planted"])
def test_plain_text_in_the_column_is_no_token(token, planted):
    write(token, planted, planted)

    for use in (token.account.access_token, lambda: token.account.session().get("/user")):
        with pytest.raises(ReauthorizationRequired) as refusal:
            use()
        assert "gho_" not in str(refusal.value)
    assert load(token).account.health == "sign_in"


@pytest.mark.threat("H05")
@pytest.mark.parametrize(
    "lookup",
    ["startswith", "contains", "iexact", "gt", "lt", "in", "range", "regex", "length", "length__gt"],
)
def test_nobody_can_look_for_a_part_of_a_secret(token, lookup):
    with register_lookup(TextField, Length), pytest.raises(FieldError):
        Token.objects.filter(**{f"access_token__{lookup}": columns(token)[0]})
    assert Token.objects.filter(access_token__isnull=False).exclude(access_token="").get() == token


def test_the_field_itself_is_reached_through_the_class():
    assert Token.access_token.field.attname == "access_token"


def test_a_migration_names_the_field_as_it_is():
    _, path, arguments, options = Token._meta.get_field("refresh_token").deconstruct()

    assert (path, arguments) == ("oauth_login.fields.EncryptedTextField", [])
    assert options["blank"]


# --- A model of the site's own --------------------------------------------------------------------------


@pytest.mark.django_db
@isolate_apps("guestbook")
def test_a_key_that_the_database_makes_is_too_late_to_be_bound_to():
    class Diary(models.Model):  # noqa: DJ008  nobody sees one
        text = EncryptedTextField()

        class Meta:
            app_label = "guestbook"

    class Known(models.Model):  # noqa: DJ008
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        text = EncryptedTextField()

        class Meta:
            app_label = "guestbook"

    assert [error.id for error in Diary.check()] == ["oauth_login.E027"]
    assert Known.check() == []
    with pytest.raises(PlainTextRefused, match="no primary key yet"):
        Diary(text="dear diary").save()
