from oauth_login.backends import OAuthBackend
from oauth_login.errors import SignInRefused
from tests.oauth_login.people.tenants.models import Tenant


class TenantBackend(OAuthBackend):
    def create_user(self, profile, username, email):
        user = super().create_user(profile, username, email)
        user.tenant = self.tenant()
        return user

    def user_can_authenticate(self, user):
        # Without a request, a session is read: it was begun at the right host.
        is_at_home = self.request is None or user.tenant == self.tenant()
        return is_at_home and super().user_can_authenticate(user)

    def tenant(self):
        host = self.request.get_host()
        try:
            return Tenant.objects.get(host=host)
        except Tenant.DoesNotExist:
            raise SignInRefused("tenant_unknown", host) from None
