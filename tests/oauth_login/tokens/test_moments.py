"""When a token expires does not depend on what time it is where."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import serializers
from django.db import connection
from django.utils import timezone

from oauth_login.models import Token

pytestmark = pytest.mark.django_db

NEW_YORK = ZoneInfo("America/New_York")
#: The hour that comes twice, and the one that does not come.
AUTUMN = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
SPRING = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
ZONES = [("UTC", True), ("America/New_York", True), ("America/New_York", False), ("Asia/Shanghai", False)]


@pytest.fixture(params=ZONES, ids=lambda zone: f"{zone[0]}, USE_TZ={zone[1]}")
def zone(request, settings):
    """A site somewhere."""
    settings.TIME_ZONE, settings.USE_TZ = request.param


@pytest.mark.threat("H30")
@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("first", [AUTUMN, SPRING])
def test_two_moments_an_hour_apart_are_so_where_the_clock_is_changed(account_of, first):
    account, later = account_of(expires_at=first), account_of(number=2, expires_at=first + timedelta(hours=1))

    read = [Token.objects.get(pk=each.pk).expires_at for each in (account, later)]

    assert read == [first, first + timedelta(hours=1)]
    assert [each.pk for each in Token.objects.filter(expires_at__gt=first)] == [later.pk]


@pytest.mark.threat("H30")
@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(("left", "requests"), [(-1, 1), (59, 1), (70, 0)])
def test_the_time_that_is_left_is_the_same_everywhere(account_of, granting, left, requests):
    account_of(left).access_token()

    assert len(granting.requests) == requests


@pytest.mark.threat("H30")
def test_the_column_holds_unix_seconds(account_of):
    account_of(expires_at=AUTUMN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT expires_at FROM oauth_login_token")
        assert cursor.fetchone() == (int(AUTUMN.timestamp()),)


@pytest.mark.parametrize(
    "written",
    [
        AUTUMN,
        AUTUMN.astimezone(NEW_YORK),
        int(AUTUMN.timestamp()),
        str(int(AUTUMN.timestamp())),
        "2026-11-01T05:30:00Z",
    ],
    ids=["UTC", "New York", "seconds", "seconds as text", "ISO 8601"],
)
def test_a_moment_may_be_written_in_several_ways(account_of, written):
    account_of(expires_at=written)

    assert Token.objects.get(expires_at=written).expires_at == AUTUMN


def test_a_date_without_a_zone_is_one_of_the_site(account_of, settings):
    settings.TIME_ZONE = "America/New_York"
    account_of(expires_at=datetime(2026, 7, 1, 12, 0))  # noqa: DTZ001  without a zone on purpose

    assert Token.objects.get().expires_at == datetime(2026, 7, 1, 16, 0, tzinfo=UTC)
    assert timezone.get_default_timezone_name() == "America/New_York"


@pytest.mark.parametrize("written", ["json", "xml"])
@pytest.mark.parametrize("expires_at", [AUTUMN, None])
def test_a_fixture_has_the_same_moment(account_of, expires_at, written):
    account_of(expires_at=expires_at)

    text = serializers.serialize(written, Token.objects.all())
    (loaded,) = serializers.deserialize(written, text)

    assert vars(loaded.object)["expires_at"] == expires_at
