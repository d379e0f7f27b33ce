"""Which pages may open the WebSocket."""

import pytest

from dashboard.live.origin import same_origin


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("noc.example:8000", "http://noc.example:8000", True),
        ("NOC.example:8000", "http://noc.EXAMPLE:8000", True),
        ("noc.example", "https://noc.example", True),
        ("noc.example:443", "https://noc.example", True),
        ("[::1]:8000", "http://[::1]:8000", True),
        ("noc.example:8000", "http://noc.example:8001", False),
        ("noc.example:8000", "http://evil.example:8000", False),
        ("noc.example", "http://noc.example.evil.example", False),
        ("noc.example", "http://evil.example/?noc.example", False),
        ("noc.example", "null", False),
        ("noc.example", "file://noc.example", False),
        ("noc.example", "", False),
        ("noc.example", None, False),
        ("", "", False),
    ],
)
def test_origin_must_be_the_very_host(host, origin, expected):
    headers = [(b"host", host.encode()), *([(b"Origin", origin.encode())] if origin is not None else [])]
    assert same_origin(headers) is expected
