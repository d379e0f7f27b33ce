"""Where measurements go: docs/figures/ when a soak run asks for it, the terminal always."""

import json
import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "figures"


def report(name: str, figures: dict[str, object]) -> None:
    """Print figures, and write docs/figures/NAME.json under DIALTAP_FIGURES=1 (`./dialtap soak` sets it)."""
    text = json.dumps(figures, indent=2)
    print(f"\n{name}: {text}")
    if os.environ.get("DIALTAP_FIGURES") == "1":
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{name}.json").write_text(text + "\n")
