"""Where webhooks may go: addresses, names, redirects, certificates; real servers on loopback."""

import asyncio
import socket
from ipaddress import ip_address

import httpx
import pytest

from dashboard.feeds.guard import Denied, Guard, GuardedTransport, is_public
from dashboard.feeds.webhook import context_of
from dialogs.configfeeds import Webhook
from tests.dashboard.feeds.receiver import Receiver, certificates

ADDRESSES = {
    "93.184.216.34": True,
    "2606:2800:220:1::1": True,
    "127.0.0.1": False,
    "127.8.9.1": False,
    "10.0.0.1": False,
    "172.16.3.4": False,
    "192.168.1.1": False,
    "169.254.169.254": False,
    "100.64.0.1": False,
    "0.0.0.0": False,
    "224.0.0.1": False,
    "239.255.255.250": False,
    "240.0.0.1": False,
    "255.255.255.255": False,
    "192.0.2.1": False,
    "::": False,
    "::1": False,
    "fe80::1": False,
    "fc00::1": False,
    "fd12:3456::1": False,
    "ff02::1": False,
    "::ffff:127.0.0.1": False,
    "::ffff:10.0.0.1": False,
    "::ffff:93.184.216.34": True,
    "::7f00:1": False,
    "64:ff9b::7f00:1": False,
    "64:ff9b::a00:1": False,
    "64:ff9b:1::a9fe:a9fe": False,
    "2002:7f00:1::": False,
    "2002:a00:1::1": False,
    "2001:db8::1": False,
}


@pytest.mark.parametrize(("address", "expected"), ADDRESSES.items())
def test_only_public_addresses_are_public(address, expected):
    assert is_public(ip_address(address)) is expected


@pytest.mark.parametrize(
    ("allow", "addresses", "chosen"),
    [
        ((), ["10.0.0.1", "93.184.216.34"], "93.184.216.34"),
        (("10.0.0.0/8",), ["10.0.0.1", "93.184.216.34"], "10.0.0.1"),
        (("10.0.0.0/24",), ["10.0.1.1"], None),
        (("127.0.0.1",), ["::ffff:127.0.0.1"], "::ffff:127.0.0.1"),
        (("fe80::/10",), ["fe80::1%eth0"], None),
        ((), [], None),
    ],
)
def test_first_address_that_is_allowed_is_taken(allow, addresses, chosen):
    guard = Guard(allow)
    if chosen is None:
        with pytest.raises(Denied, match="not a public address"):
            guard.choose("noc.example.net", addresses)
    else:
        assert guard.choose("noc.example.net", addresses) == chosen


def client_of(**given) -> httpx.AsyncClient:
    hook = Webhook(name="noc", url="", secret_file="-", **given)
    return httpx.AsyncClient(transport=GuardedTransport(Guard(hook.allow), context_of(hook), 4), timeout=30, trust_env=False)


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://localhost:{}", "http://127.1:{}", "http://[::ffff:127.0.0.1]:{}", "http://2130706433:{}"])
async def test_loopback_is_denied_however_it_is_written(url):
    with Receiver() as receiver:
        async with client_of() as client:
            with pytest.raises(Denied):
                await client.post(url.format(receiver.port), content=b"{}")
        assert receiver.connections == 0


@pytest.mark.asyncio
async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{receiver.port}")
        async with client_of() as client:
            with pytest.raises(httpx.ConnectError):
                await client.post("http://10.255.255.1:9", content=b"{}")
        assert receiver.connections == 0


@pytest.mark.asyncio
async def test_redirect_is_an_answer_and_not_followed():
    with Receiver() as inner, Receiver() as receiver:
        receiver.answer = lambda _event: (302, {"Location": f"http://127.0.0.1:{inner.port}/"})
        async with client_of(allow=("127.0.0.1",)) as client:
            answer = await client.post(receiver.url, content=b"{}")
        assert (answer.status_code, inner.connections) == (302, 0)


@pytest.mark.asyncio
async def test_name_that_changes_its_address_leads_nowhere_else(monkeypatch):
    """A name that is public when it is looked at and ours when it is connected to: it is looked up once, and that address is used."""
    loop, answers = asyncio.get_running_loop(), []
    with Receiver() as allowed, Receiver(host="127.0.0.2", port=allowed.port) as inner:

        async def rebinding(host, port, **_given):
            if host != "rebind.example":
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
            answers.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (("127.0.0.1", "127.0.0.2")[(len(answers) - 1) % 2], port))]

        monkeypatch.setattr(loop, "getaddrinfo", rebinding)
        async with client_of(allow=("127.0.0.1",)) as client:
            answer = await client.post(f"http://rebind.example:{allowed.port}/", content=b"{}", headers={"Connection": "close"})
            assert (answer.status_code, answers, allowed.hosts) == (204, ["rebind.example"], [f"rebind.example:{allowed.port}"])
            with pytest.raises(Denied):
                await client.post(f"http://rebind.example:{allowed.port}/", content=b"{}")
        assert inner.connections == 0


@pytest.mark.asyncio
async def test_certificate_is_checked_against_the_name(tmp_path):
    ours = certificates(tmp_path / "ours", "localhost")
    others = certificates(tmp_path / "others", "elsewhere.example")
    given = {"allow": ("127.0.0.1", "::1"), "ca_file": str(ours.authority)}
    with Receiver(tls=ours) as receiver, Receiver(tls=others) as wrong:
        async with client_of(**given) as client:
            assert (await client.post(f"https://localhost:{receiver.port}/", content=b"{}")).status_code == 204
        async with client_of(**given) as client:  # a client is for one webhook: it keeps connections by address
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):  # the name is not in it
                await client.post(f"https://127.0.0.1:{receiver.port}/", content=b"{}")
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):  # nobody that we trust has signed it
                await client.post(f"https://localhost:{wrong.port}/", content=b"{}")
        async with client_of(allow=("127.0.0.1", "::1")) as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.post(f"https://localhost:{receiver.port}/", content=b"{}")
