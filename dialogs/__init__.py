"""SIP dialogs from captured packets: parser, dialog engine, taps, controllers. Knows no Django, no settings file of a site, no database."""

__version__ = "0.1.0"
