"""The site is there for servers of either kind, and for people of either language."""

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import reverse

from demo_site import asgi, wsgi


def test_wsgi_servers_find_the_site():
    assert isinstance(wsgi.application, WSGIHandler)


def test_asgi_servers_find_the_site():
    assert isinstance(asgi.application, ASGIHandler)


def test_the_guestbook_is_in_front_and_the_rest_has_its_place():
    assert reverse("guestbook:index") == "/"
    assert reverse("oauth_login:login") == "/oauth2/login/"
    assert reverse("admin:index") == "/admin/"


@pytest.mark.django_db
def test_a_visitor_can_change_the_language(client):
    response = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/"}, follow=True)

    assert response.headers["Content-Language"] == "zh-hans"
