#!/usr/bin/env python3
"""Makes beacons_v1.json from docs/PROTOCOL.md ("LAN beacon") alone; nothing of ours is in it.

Run: python3 tests/golden/beacons/beacons.py > tests/golden/beacons/beacons_v1.json, for a new
version of the format only.
"""

import hashlib
import json
import struct

SLOTS = 12
PERIOD_MS = 600_000


def blake2b(message, key=b""):
    return hashlib.blake2b(message, digest_size=32, key=key).digest()


def slot(workspace, device, port, now_ms, nonce):
    key = blake2b(b"coterie beacon v1" + workspace)
    when = struct.pack(">Q", now_ms // PERIOD_MS) + nonce
    place = device[:8] + struct.pack(">H", port)
    mask = blake2b(b"coterie beacon mask v1" + when, key)
    tag = blake2b(b"coterie beacon tag v1" + when + device + struct.pack(">H", port), key)
    return tag[:16] + bytes(a ^ b for a, b in zip(place, mask))


def beacon(now_ms, device, port, workspaces):
    random = bytes((7 * i + len(workspaces)) % 256 for i in range(4 + 16 + SLOTS * 26))
    nonce = random[4:20]
    made = b"CoB1" + nonce
    made += b"".join(slot(one, device, port, now_ms, nonce) for one in workspaces)
    made += random[len(made):]
    return {"now_ms": now_ms, "device": device.hex(), "port": port,
            "slots": [one.hex() for one in workspaces], "random": random.hex(),
            "beacon": made.hex()}


def filled(first):
    return bytes((first + i) % 256 for i in range(32))


if __name__ == "__main__":
    print(json.dumps({
        "made_by": "tests/golden/beacons/beacons.py",
        "beacons": [
            beacon(1_800_000_123_456, filled(1), 7430, [filled(100)]),
            beacon(1_800_000_000_000 // PERIOD_MS * PERIOD_MS, filled(64), 65535,
                   [filled(101), filled(102), filled(103)]),
            beacon(1_800_000_000_000 // PERIOD_MS * PERIOD_MS - 1, filled(200), 1,
                   [filled(i) for i in range(SLOTS)]),
        ],
    }, indent=1))
