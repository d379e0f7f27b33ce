"""How a command can fail, one class an exit code. Knows no command.

0 is success, 1 `Refused`, 2 `Usage`, 3 `NoIngest`.
"""


class Failure(Exception):
    """Base: the text is one line for people."""

    code = 1


class Refused(Failure):
    """The ingest said no (a fault), or there is no such call."""


class Usage(Failure):
    """What was typed, or the configuration, cannot be used."""

    code = 2


class NoIngest(Failure):
    """Nobody answers at the socket, or not with an answer."""

    code = 3
