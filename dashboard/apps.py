"""The Django application. Knows only what must be imported once the registry is ready."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Everything Django of Dialtap is one application."""

    name = "dashboard"
    verbose_name = "Dialtap"

    def ready(self) -> None:
        """Register the system checks, the roles and what the database is told."""
        from dashboard import checks, planner, roles  # noqa: F401, PLC0415 -- app ready

        roles.connect(self)
        planner.connect(self)
