"""A private network: one namespace that holds nothing but a loopback interface. Knows the kernel; knows no SIP.

Inside it no port clashes with other work, every fixed port is free, and no packet can leave. The calling *thread* enters (network
namespaces belong to threads), so sockets it opens and processes and threads it starts while inside live there too, and stay there
when the thread has left. Needs root.
"""

import fcntl
import os
import socket
import struct
import subprocess
from types import TracebackType

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 0x1


class Namespace:
    """A context manager: makes the network on first entry, returns to the thread's own network on exit."""

    def __init__(self, networks: tuple[str, ...] = (), *, mtu: int = 0) -> None:
        """`networks` ("192.0.2.0/24") are answered by the loopback interface, beside 127.0.0.0/8. `mtu`: of it, instead of 65,536 bytes."""
        self._networks = networks
        self._mtu = mtu
        self._inside = -1
        self._outside = -1

    def __enter__(self) -> "Namespace":
        self._outside = _current()
        if self._inside >= 0:
            os.setns(self._inside, os.CLONE_NEWNET)
            return self
        os.unshare(os.CLONE_NEWNET)
        self._inside = _current()
        _raise_loopback()
        if self._mtu:
            subprocess.run(["ip", "link", "set", "lo", "mtu", str(self._mtu)], check=True)
        for network in self._networks:
            subprocess.run(["ip", "route", "add", "local", network, "dev", "lo"], check=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.setns(self._outside, os.CLONE_NEWNET)
        os.close(self._outside)
        self._outside = -1

    def close(self) -> None:
        """Let the network go; the kernel removes it with its last process and socket."""
        if self._inside >= 0:
            os.close(self._inside)
            self._inside = -1


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
