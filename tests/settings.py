"""Settings of the tests: the product's own, away from the checkout's configuration and `var/`."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_VAR = Path(tempfile.mkdtemp(prefix="dialtap-tests-"))
atexit.register(shutil.rmtree, _VAR, ignore_errors=True)
os.environ.update(DIALTAP_VAR=str(_VAR), DIALTAP_CONFIG=os.devnull, DIALTAP_SECRET_KEY="only-for-tests")
for _name in ("DIALTAP_DATABASE_URL", "DIALTAP_REDIS_URL", "DIALTAP_HTTPS", "DIALTAP_DEBUG"):
    os.environ.pop(_name, None)

from dashboard.settings import *  # noqa: E402, F403 -- after the environment it reads

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast
if _elsewhere := os.environ.get("DIALTAP_TEST_DATABASE_URL"):  # a server that the tests may make databases on
    DATABASES["default"] = database(_elsewhere, _VAR)  # noqa: F405
else:
    DATABASES["default"]["TEST"] = {"NAME": _VAR / "test.sqlite3"}  # noqa: F405 -- a file, as in life: threads see each other's commits
INSTALLED_APPS = [*INSTALLED_APPS, "tests.emptying"]  # noqa: F405
