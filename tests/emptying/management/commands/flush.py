"""Django's `flush` for the tests: what it leaves in the tables is written back rather than worked out anew. Every test that commits ends with one."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.core.management.sql import sql_flush
from django.db import connections, transaction

_LEFT: dict[str, list[tuple[str, list[tuple[Any, ...]]]]] = {}
"By database: the rows of each table after Django's own flush, which makes content types, permissions and roles: 20 times the work."


class Command(flush.Command):
    """The first time Django's own, then the same state again."""

    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.alias not in _LEFT:
            super().handle(**options)
            _LEFT[connection.alias] = self._left(connection)
            return
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            connection.ops.execute_sql_flush(sql_flush(self.style, connection, options.get("reset_sequences", True), options.get("allow_cascade", False)))
            for statement, rows in _LEFT[connection.alias]:
                cursor.executemany(statement, rows)
        ContentType.objects.clear_cache()

    def _left(self, connection: Any) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return what to insert, as (statement, rows)."""
        found = []
        with connection.cursor() as cursor:
            for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 -- a model's own table
                if rows := cursor.fetchall():
                    columns = ", ".join(connection.ops.quote_name(column[0]) for column in cursor.description)
                    places = ", ".join(["%s"] * len(cursor.description))
                    found.append((f"INSERT INTO {connection.ops.quote_name(table)} ({columns}) VALUES ({places})", rows))  # noqa: S608 -- as above
        return found
