"""What happened as programs hear of it, who is told, and what nobody took."""

from typing import ClassVar

from django.db import migrations, models

ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dashboard", "0015_boards")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="FeedEvent",
            fields=[
                ID,
                ("node", models.CharField(max_length=64)),
                ("event", models.CharField(max_length=16)),
                ("uid", models.CharField(default="", max_length=16)),
                ("key", models.CharField(max_length=16)),
                ("at_ns", models.BigIntegerField()),
                ("wanted", models.TextField(default="")),
                ("body", models.TextField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="FeedReceiver",
            fields=[
                ID,
                ("node", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=64)),
                ("position", models.BigIntegerField(default=0)),
                ("settled", models.TextField(default="[]")),
                ("queued", models.BigIntegerField(default=0)),
                ("sent", models.BigIntegerField(default=0)),
                ("dead", models.BigIntegerField(default=0)),
                ("evicted", models.BigIntegerField(default=0)),
                ("failures", models.BigIntegerField(default=0)),
                ("failing_ns", models.BigIntegerField(default=0)),
                ("error", models.TextField(default="")),
                ("sent_ns", models.BigIntegerField(default=0)),
                ("at_ns", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name": "feed",
                "default_permissions": ("view",),
                "constraints": [models.UniqueConstraint(fields=("node", "name"), name="receiver_once")],
            },
        ),
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                ID,
                ("node", models.CharField(max_length=64)),
                ("receiver", models.CharField(max_length=64)),
                ("revision", models.BigIntegerField()),
                ("event", models.CharField(max_length=16)),
                ("uid", models.CharField(default="", max_length=16)),
                ("body", models.TextField()),
                ("tries", models.IntegerField()),
                ("first_ns", models.BigIntegerField()),
                ("at_ns", models.BigIntegerField()),
                ("error", models.TextField()),
                ("again", models.BooleanField(default=False)),
            ],
            options={
                "default_permissions": ("view", "change", "delete"),
                "indexes": [models.Index(condition=models.Q(("again", True)), fields=["node"], name="dead_again")],
                "constraints": [models.UniqueConstraint(fields=("receiver", "node", "revision"), name="dead_once")],
            },
        ),
    ]
