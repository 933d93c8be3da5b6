#!/usr/bin/env python3
"""Joins two hosts (network namespaces) by a tunnel, as a VPN does: an interface `vpn0` on each,
point-to-point; what one sends the other gets. Says "ready" when both are there; ends when killed.

    tunnel.py HOST HOST
"""

import ctypes
import fcntl
import os
import selectors
import struct
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x1, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    with open(path) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")


def open_tunnel(host):
    enter(f"/run/netns/{host}")
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"vpn0", IFF_TUN | IFF_NO_PI))
    return end


a, b = (open_tunnel(host) for host in sys.argv[1:3])
print("ready", flush=True)
selector = selectors.DefaultSelector()
selector.register(a, selectors.EVENT_READ, b)
selector.register(b, selectors.EVENT_READ, a)
while True:
    for key, _ in selector.select():
        try:
            os.write(key.data, os.read(key.fd, 65536))
        except OSError:
            pass  # The other end is down, or full: the packet is lost.
