"""`python -m dashboard.watch`, which is how the launcher starts `./dialtap watch`. Knows only its entry."""

import sys

from dashboard.watch.main import main

sys.exit(main(sys.argv[1:]))
