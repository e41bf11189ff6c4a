from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = [("oauth_login", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Badge",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("oauth_login.linkedaccount",),
        ),
    ]
