"""The commands; importing this registers them all."""

from dialogs.rpc.commands import acting, foreign, ims, listings, profiles, server, settings, statistics

__all__ = ["acting", "foreign", "ims", "listings", "profiles", "server", "settings", "statistics"]
