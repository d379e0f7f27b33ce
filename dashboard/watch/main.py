"""What may be typed after `./dialtap watch`, and what is needed for it. Knows arguments; knows no screen."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard.terminal.errors import Failure, Usage
from dashboard.terminal.output import note
from dashboard.watch.sources import Http, Local, Source

TOKEN = "DIALTAP_TOKEN"  # noqa: S105 -- the variable's name
NEEDED = "the terminal screen is an extra that is not installed here: .venv/bin/pip install textual; ./dialtap dlg watch needs none"
EPILOG = (
    "Without --url the calls of this machine's database are shown, and ended with the right to the ingest's socket, as by dlg end. "
    f"With --url another machine's, by its API; the token stands in {TOKEN} or a file. F1 lists the keys."
)


def main(argv: Sequence[str]) -> int:
    """Show the calls until q; returns an exit code (`dashboard.terminal.errors`)."""
    parser = argparse.ArgumentParser(prog="dialtap watch", description="The live calls on the whole screen, with sngrep's keys.", epilog=EPILOG)
    parser.add_argument("query", nargs="*", metavar="QUERY", help="which calls: plain words or a query, as in the live page's search box")
    parser.add_argument("--url", metavar="URL", help="where Dialtap's pages are: https://dialtap.example.net")
    parser.add_argument("--token-file", metavar="FILE", help="a file with an API token (./dialtap token add NAME --scope control)")
    parser.add_argument("--config", metavar="FILE", help="dialtap.toml, of this machine's calls")
    asked = parser.parse_args(argv)
    try:
        source = source_of(asked)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise Usage("watch needs a terminal; in a pipe, ask with dlg list, ask live or ask live-stream")
        return show(source, " ".join(asked.query))
    except Failure as failure:
        note(f"dialtap watch: {failure}")
        return failure.code


def source_of(asked: argparse.Namespace) -> Source:
    """Return whom to ask. Raises Usage."""
    if asked.config:
        os.environ["DIALTAP_CONFIG"] = asked.config
    if not asked.url:
        return Local()
    if not asked.url.startswith(("http://", "https://")):
        raise Usage(f"--url begins with http:// or https://, got {asked.url!r}")
    return Http(asked.url, token_of(asked.token_file))


def token_of(file: str | None) -> str:
    """Return the token of a file or of the environment, "" for none. Raises Usage."""
    if not file:
        return os.environ.get(TOKEN, "").strip()
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"--token-file {file}: {error}") from error


def show(source: Source, query: str) -> int:
    """Draw until q. Raises Usage where the extra is not installed."""
    try:
        from dashboard.watch.app import Watch  # noqa: PLC0415 -- an extra: it may not be there
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise Usage(NEEDED) from error
    watch = Watch(source, query)
    watch.run(mouse=False)  # what is on the screen can be marked and copied, as everywhere over ssh
    return watch.return_code or 0
