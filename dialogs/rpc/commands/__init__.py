"""The commands; importing this registers them all."""

from dialogs.rpc.commands import acting, asking, foreign, ims, listings, profiles, server, settings, statistics

__all__ = ["acting", "asking", "foreign", "ims", "listings", "profiles", "server", "settings", "statistics"]
