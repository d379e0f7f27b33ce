"""Where the demo's recording and its configuration lie. Knows file names only."""

from pathlib import Path

DEMO = Path(__file__).with_name("demo.pcap.zst")
DEMO_CONFIG = Path(__file__).with_name("demo.toml")

ROUND_NS = 115 * 1_000_000_000
"When the recording is begun again: 8 s before its end, where its calls run out while those of the next round build up."
