"""The index of live calls holds their whole order: else another index had it, with all of history."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dashboard", "0018_live_counts")]

    operations: ClassVar = [
        migrations.RemoveIndex("dialogrow", "dialog_live"),
        migrations.AddIndex(
            "dialogrow", models.Index(fields=["-init_ns", "uid", "state", "start_ns"], condition=models.Q(("state__lt", 5)), name="dialog_live")
        ),
    ]
