"""The index of live calls holds what is counted of them: a count read every live row."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dashboard", "0017_token_rights")]

    operations: ClassVar = [
        migrations.RemoveIndex("dialogrow", "dialog_live"),
        migrations.AddIndex("dialogrow", models.Index(fields=["-init_ns", "state", "start_ns"], condition=models.Q(("state__lt", 5)), name="dialog_live")),
    ]
