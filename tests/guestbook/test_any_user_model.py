"""The guestbook asks nothing of a user model but what Django itself asks."""

import os
import subprocess
import sys
from pathlib import Path

PEOPLE = """
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Person(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    address = models.EmailField(unique=True)
    is_staff = True
    is_active = True
    objects = BaseUserManager()
    USERNAME_FIELD = "address"
"""

SITE = """
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x" * 50,
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="demo_site.urls",
    AUTH_USER_MODEL="people.Person",
    AUTHENTICATION_BACKENDS=[
        "oauth_login.backends.OAuthBackend", "django.contrib.auth.backends.ModelBackend"
    ],
    INSTALLED_APPS=[
        "people", "guestbook", "oauth_login", "django.contrib.admin", "django.contrib.auth",
        "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    STATIC_URL="/static/",
    OAUTH_LOGIN={"PROVIDERS": {"github": {"CLIENT_ID": "Ov23liNobody", "CLIENT_SECRET": "9f8e7d6c5b4a"}}},
)
django.setup()

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

call_command("check", fail_level="WARNING", verbosity=0)
call_command("migrate", run_syncdb=True, verbosity=0)
person = get_user_model().objects.create(address="grace@navy.example", is_superuser=True)

def must(hold):
    if not hold:  # an assert would be gone under -O, and what it calls with it
        raise SystemExit("it does not")

client = Client()
client.force_login(person, "django.contrib.auth.backends.ModelBackend")

must(client.post("/write/", {"text": "A moth!"}).status_code == 302)
entry = person.guestbook_entries.get()
front = client.get("/").content
must(b"A moth!" in front and b">grace<" in front and b"navy.example" not in front)
must(client.post(f"/entries/{entry.pk}/edit/", {"text": "A bug!"}).status_code == 302)
entries = "/admin/guestbook/entry/"
must(b"A bug!" in client.get(entries, {"q": "grace@navy"}).content)
must(b"A bug!" in client.get(entries, {"author__pk__exact": person.pk}).content)
for action in ("hide", "restore", "block_author"):
    data = {"action": action, "_selected_action": [entry.pk]}
    must(client.post(entries, data).status_code == 302)
must(b"grace@navy.example" in client.get("/admin/guestbook/blockedauthor/").content)
must(client.post("/write/", {"text": "Another"}).status_code == 403)
must(client.post(f"/entries/{entry.pk}/delete/").status_code == 302)
must(not person.guestbook_entries.exists())
print("whole")
"""


def test_people_without_a_username_and_with_other_keys_write_and_are_moderated(tmp_path):
    people = tmp_path / "people"
    people.mkdir()
    (people / "__init__.py").touch()
    (people / "models.py").write_text(PEOPLE)
    (tmp_path / "visit.py").write_text(SITE)
    run = subprocess.run(
        [sys.executable, tmp_path / "visit.py"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.endswith("whole\n"), run.stderr
