"""Several proxies of a node, and orders that have one of them let go of a call. What was compared is compared anew: the table is made anew too."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dashboard", "0013_profile_minute")]

    operations: ClassVar = [
        migrations.DeleteModel("ProxyTable"),
        migrations.CreateModel(
            name="ProxyTable",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("node", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, default="", max_length=64)),
                ("at_ns", models.BigIntegerField()),
                ("proxy", models.TextField()),
                ("ours", models.IntegerField(default=0)),
                ("theirs", models.IntegerField(default=0)),
                ("error", models.TextField(default="")),
                ("since_ns", models.BigIntegerField(default=0)),
                ("detail", models.TextField(default="{}")),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("node", "name"), name="proxy_once")],
            },
        ),
        migrations.AlterField(
            model_name="order",
            name="kind",
            field=models.CharField(
                choices=[("end", "End"), ("transfer", "Transfer"), ("bridge", "Bridge"), ("join", "Join"), ("release", "Release")],
                default="end",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("both legs released", "Both Legs"),
                    ("one leg only: callee not confirmed", "Caller Only"),
                    ("one leg only: caller not confirmed", "Callee Only"),
                    ("caller released", "Caller Released"),
                    ("callee released", "Callee Released"),
                    ("cancelled while ringing", "Cancelled"),
                    ("not confirmed", "Not Confirmed"),
                    ("already ended", "Already Ended"),
                    ("connected", "Connected"),
                    ("refused by the phone", "Declined"),
                    ("no answer", "No Answer"),
                    ("hung up half-way", "Hung Up"),
                    ("stopped", "Stopped"),
                    ("let go by the proxy", "Let Go"),
                    ("refused", "Refused"),
                ],
                default="",
                max_length=64,
            ),
        ),
    ]
