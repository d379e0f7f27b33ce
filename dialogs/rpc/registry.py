"""The one registry of RPC commands: names, typed parameters, permission, help, and how given parameters are read. Knows no command and no transport.

A command is a function of a Host and its parameters. Their annotations are the schema:

- `int`: Kamailio's `d`. JSON-RPC reads 0 out of what is no number, as the original does; BINRPC insists.
- `str`: Kamailio's `S`, a string on the wire.
- `Loose`: Kamailio's `.S`, a string or a number made one.

A parameter with a default is optional (`*`). The first line of the docstring is the help, in Kamailio's words where it has some.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, NewType, get_args, get_type_hints

from dialogs.rpc.errors import Fault, ScanFault, UnknownCommand
from dialogs.rpc.host import Host

Value = Any
"""One value of a reply: int, float, str, None ("<null string>" in BINRPC), dict (struct), list (array); a tuple is an array of one-member structs
whose members BINRPC writes without the structs around them."""

Loose = NewType("Loose", str)

PAUSE = object()
"Comes between the values of a long answer: nothing is to be shown, the caller may look after something else."


class Gradual(NamedTuple):
    """A value that is too long to be made at once: a struct whose last member is an array, with PAUSE between the array's values."""

    head: dict[str, Value]
    "The members before it."

    name: str
    values: Iterator[Value]

    def whole(self) -> dict[str, Value]:
        """Return it as a value like others."""
        return self.head | {self.name: tuple(value for value in self.values if value is not PAUSE)}


END = "end of packet encountered"
MISFIT = "record doesn't match type"
FLOAT_BUG = "bug -- internal error"
"What Kamailio 5.6 says to a float where a string or a number made one is wanted."


class Parameter(NamedTuple):
    """One parameter of a command."""

    name: str
    kind: str
    "Kamailio's letter: d, S or .S."

    default: Any = inspect.Parameter.empty
    many: bool = False
    "Takes all that follow."

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty and not self.many

    def __str__(self) -> str:
        shown = f"{self.name} ..." if self.many else self.name
        return shown if self.required else f"[{shown}]"


class Command(NamedTuple):
    """What can be called."""

    name: str
    parameters: tuple[Parameter, ...]
    permission: str
    '"read" or "control".'

    help: str
    run: Callable[..., Iterator[Value] | Value]
    array: bool = False
    "JSON-RPC shows all its values as an array, not the last one."

    lists: bool = False
    "Its values are dialogs."

    flavour: str = ""
    'Only with this `[dialog] flavour`; "" for any.'

    need: Fault | None = None
    "Its own fault for parameters that are too few or do not fit."

    insists: bool = False
    "A missing parameter is a fault if nothing else comes of the call, though it has a default."

    @property
    def required(self) -> int:
        """How many parameters must be given."""
        return sum(parameter.required for parameter in self.parameters)

    def result(self, values: list[Value]) -> Value:
        """Return what JSON-RPC shows of the values: all of an array command, else the last one, {} when there is none."""
        if self.array:
            return values
        return values[-1] if values else {}


COMMANDS: dict[str, Command] = {}
"In order of registration."

KINDS = {int: "d", str: "S", Loose: ".S"}
WANTED = {"d": "integer", "S": "string", ".S": "any"}


def command[Run: Callable[..., Any]](name: str, *, permission: str, **more: Any) -> Callable[[Run], Run]:
    """Register the decorated function under a name; `more` are fields of Command."""

    def register(run: Run) -> Run:
        lines = inspect.getdoc(run) or ""
        COMMANDS[name] = Command(name, _parameters(run), permission, lines.partition("\n")[0].rstrip("."), run, **more)
        return run

    return register


def _parameters(run: Callable[..., Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(run)
    found = []
    for given in list(inspect.signature(run).parameters.values())[1:]:
        hint = hints[given.name]
        kind = next(KINDS[part] for part in (hint, *get_args(hint)) if part in KINDS)
        found.append(Parameter(given.name, kind, given.default, given.kind is inspect.Parameter.VAR_POSITIONAL))
    return tuple(found)


def available(host: Host) -> list[Command]:
    """Return the commands that this host's flavour has, by name."""
    flavour = host.config.dialog.flavour
    return sorted((held for held in COMMANDS.values() if held.flavour in ("", flavour)), key=lambda held: held.name)


def find(host: Host, name: str) -> Command:
    """Return a command by its name. Raises UnknownCommand."""
    found = COMMANDS.get(name)
    if found is None or found.flavour not in ("", host.config.dialog.flavour):
        raise UnknownCommand(name)
    return found


def call(host: Host, name: str, params: Sequence[Any] | Mapping[str, Any] = (), *, strict: bool = False, control: bool = True) -> Iterator[Value]:
    """Yield the reply's top-level values; Fault says why there are none.

    `strict`: parameters as BINRPC reads them, else as JSON-RPC does. `control`: whether the caller may do more than look.
    """
    given = (value for value in steps(host, find(host, name), params, strict=strict, control=control) if value is not PAUSE)
    return (value.whole() if isinstance(value, Gradual) else value for value in given)


def steps(host: Host, held: Command, params: Sequence[Any] | Mapping[str, Any], *, strict: bool = False, control: bool = True) -> Iterator[Value]:
    """Yield as `call` does, with PAUSE wherever a long answer can stop for breath. Raises Fault."""
    if held.permission == "control" and not control:
        raise Fault(403, f"{held.name} needs the permission to control calls")
    arguments, misfit = scan(held, positional(held, params, exact=host.config.dialog.kamailio_exact), strict=strict)
    if misfit is not None and len(arguments) < held.required and not held.insists:
        raise held.need or misfit
    done = held.run(host, *arguments)
    silent = True
    for value in _values(done):
        silent = silent and value is PAUSE
        yield value
    if silent and misfit is not None:
        raise misfit


def _values(done: Any) -> Iterator[Value]:
    if isinstance(done, Iterator):
        yield from done
    elif done is not None:
        yield done


def result(name: str, values: list[Value]) -> Value:
    """Return what JSON-RPC shows of a command's values."""
    return COMMANDS[name].result(values)


def positional(held: Command, params: Sequence[Any] | Mapping[str, Any], *, exact: bool) -> Sequence[Any]:
    """Return parameters in their order. Those given by name are taken in the order they stand, as the original does, or else by their names."""
    if not isinstance(params, Mapping):
        return params
    if exact:
        return list(params.values())
    names = [parameter.name for parameter in held.parameters]
    if not params.keys() <= set(names):
        raise Fault(-32602, "Invalid Parameters")
    filled = [params.get(name) for name in names]
    while filled and filled[-1] is None:
        filled.pop()
    return filled


def scan(held: Command, given: Sequence[Any], *, strict: bool) -> tuple[list[Any], ScanFault | None]:
    """Return the parameters up to the first that is missing or does not fit, and the fault that this one would be (Kamailio: rpc->scan)."""
    found: list[Any] = []
    for parameter in held.parameters:
        wanted = given[len(found) :] if parameter.many else given[len(found) : len(found) + 1]
        if not wanted:
            missing = parameter.required or held.insists
            return found, ScanFault(len(found), WANTED[parameter.kind], END) if missing else None
        for value in wanted:
            read = _strict(parameter.kind, value, len(found)) if strict else _lax(parameter.kind, value, len(found))
            if isinstance(read, ScanFault):
                return found, read
            found.append(read)
    return found, None


def _strict(kind: str, value: Any, number: int) -> Any:
    if kind == "d":
        return value if isinstance(value, int) else ScanFault(number, "integer", MISFIT)
    if isinstance(value, str):
        return value
    if kind == ".S" and isinstance(value, int):
        return str(value)
    if kind == ".S" and isinstance(value, float):
        return ScanFault(number, "float", FLOAT_BUG)
    return ScanFault(number, WANTED[kind], MISFIT)


def _lax(kind: str, value: Any, number: int) -> Any:
    whole = int(value) if isinstance(value, int | float) and isfinite(value) else None
    if kind == "d":
        return whole or 0
    if isinstance(value, str):
        return value
    if kind == ".S" and whole is not None and not isinstance(value, bool):
        return str(whole)
    return ScanFault(number, WANTED[kind], MISFIT)
