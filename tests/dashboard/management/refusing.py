"""Many command lines, one after another, each in a copy of one process that has Django loaded: `python -m tests.dashboard.management.refusing JSON`.

Takes {name: arguments}, prints {name: [exit code, stderr]}. Starting Python and Django for each takes a hundred times as long as the answer.
"""

import json
import os
import sys
import tempfile
import traceback

import django

import manage


def answer(arguments: list[str]) -> tuple[int, str]:
    """Run one command in a copy of this process; return its exit code and what it said."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), sys.stderr.fileno())
            run(arguments)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return code, said.read()


def run(arguments: list[str]) -> None:
    """End this process as the command does."""
    code: object = 0
    try:
        manage.main(["manage.py", *arguments])
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 -- as Python ends
        traceback.print_exc()
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    django.setup()
    print(json.dumps({name: answer(arguments) for name, arguments in json.loads(sys.argv[1]).items()}))
