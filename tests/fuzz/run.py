"""One target under atheris, for as long as asked: `python -m tests.fuzz.run TARGET [libFuzzer's options] [corpus folder]`. Knows the fuzzer.

A crash ends it with a code other than 0 and leaves the input behind (libFuzzer's -artifact_prefix says where).
"""

import os
import sys

import atheris
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
with atheris.instrument_imports(include=["dialogs", "dashboard.rpc"]):
    django.setup()
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Hand the target to libFuzzer."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
