"""`python -m dashboard.terminal`, which is how the launcher starts `./dialtap dlg`. Knows only its entry."""

import sys

from dashboard.terminal.main import main

sys.exit(main(sys.argv[1:]))
