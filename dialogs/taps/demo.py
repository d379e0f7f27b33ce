"""Where the demo's recording and its configuration lie. Knows file names only."""

from pathlib import Path

DEMO = Path(__file__).with_name("demo.pcap.zst")
DEMO_CONFIG = Path(__file__).with_name("demo.toml")
