"""What an RPC command answers when it cannot do what was asked. Knows codes and words; knows no transport."""


class Fault(Exception):
    """A command's fault: Kamailio's number and words (400, 404, 500 ...)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text

    def forgetful(self) -> "Fault":
        """Return it without what raised it: a fault that stands in a module is raised again and again, and would keep every caller's frames for ever."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self


class UnknownCommand(Fault):
    """There is no command of this name; JSON-RPC has other words for it than BINRPC."""

    def __init__(self, name: str) -> None:
        super().__init__(500, f"command {name} not found")


class ScanFault(Fault):
    """Parameters that do not fit a command that says nothing about it itself.

    Kamailio's ctl prepares it and sends it when the command made no output; its jsonrpcs answers an empty result instead.
    """

    def __init__(self, number: int, wanted: str, reason: str) -> None:
        super().__init__(400, f"error at parameter {number}: expected {wanted} type but {reason}")


class Malformed(ValueError):
    """Bytes that are no frame of the protocol: there is nobody to answer."""
