from __future__ import annotations

from django import template

from guestbook.bylines import byline
from guestbook.links import with_links

register = template.Library()

register.simple_tag(byline)
register.filter(with_links)
