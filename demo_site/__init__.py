"""A whole site around the guestbook: settings from the environment, URLs, ``manage.py demo``."""
