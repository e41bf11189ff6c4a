"""Rules of sites, at dotted paths that settings can name."""

from oauth_login.policy import GitHubOrganisation, SignUpClosed

members = GitHubOrganisation("acme", "editors", words="Only <members> & friends of Acme. Ask Mona.")
closed = SignUpClosed()
