#!/usr/bin/env python3
"""Makes the vectors of key boxes and key chains in vectors.json, from the specifications alone:
RFC 7748 (X25519), Bernstein's papers (Salsa20, XSalsa20), RFC 8439 and draft-irtf-cfrg-xchacha-03.

Run: python3 tests/golden/crypto/key_boxes.py. Prints the two sections as JSON. No libsodium in it.
"""

import hashlib
import json
import struct

P = 2**255 - 19


def x25519(secret, point):
    k = bytearray(secret)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    scalar = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = (scalar >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % P, b * b % P
        e, da, cb = aa - bb, (x3 - z3) * a, (x3 + z3) * b
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASE = (9).to_bytes(32, "little")


def ed25519_public(seed):
    """(public key, X25519 public key) of a seed: RFC 8032, 5.1.5, and the birational map."""
    d = -121665 * pow(121666, P - 2, P) % P
    by = 4 * pow(5, P - 2, P) % P
    xx = (by * by - 1) * pow(d * by * by + 1, P - 2, P) % P
    bx = pow(xx, (P + 3) // 8, P)
    if (bx * bx - xx) % P:
        bx = bx * pow(2, (P - 1) // 4, P) % P
    if bx & 1:
        bx = P - bx

    def add(p, q):
        t = d * p[0] * q[0] * p[1] * q[1] % P
        x = (p[0] * q[1] + q[0] * p[1]) * pow(1 + t, P - 2, P) % P
        y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - t, P - 2, P) % P
        return x, y

    h = bytearray(hashlib.sha512(seed).digest()[:32])
    h[0] &= 248
    h[31] = (h[31] & 127) | 64
    scalar, result, power = int.from_bytes(h, "little"), (0, 1), (bx, by)
    while scalar:
        if scalar & 1:
            result = add(result, power)
        power = add(power, power)
        scalar >>= 1
    x, y = result
    public = (y | ((x & 1) << 255)).to_bytes(32, "little")
    return public, ((1 + y) * pow(1 - y, P - 2, P) % P).to_bytes(32, "little")


def rotl(value, count):
    return ((value << count) | (value >> (32 - count))) & 0xFFFFFFFF


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def salsa_rounds(x):
    def quarter(a, b, c, d):
        x[b] ^= rotl((x[a] + x[d]) & 0xFFFFFFFF, 7)
        x[c] ^= rotl((x[b] + x[a]) & 0xFFFFFFFF, 9)
        x[d] ^= rotl((x[c] + x[b]) & 0xFFFFFFFF, 13)
        x[a] ^= rotl((x[d] + x[c]) & 0xFFFFFFFF, 18)

    for _ in range(10):
        for column in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            quarter(*column)
        for row in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(*row)


def salsa_state(key, block):
    k, b = struct.unpack("<8I", key), struct.unpack("<4I", block)
    return [SIGMA[0], *k[:4], SIGMA[1], *b, SIGMA[2], *k[4:], SIGMA[3]]


def hsalsa20(key, block):
    x = salsa_state(key, block)
    salsa_rounds(x)
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def salsa20(key, nonce, length):
    out = b""
    for count in range((length + 63) // 64):
        start = salsa_state(key, nonce + struct.pack("<Q", count))
        x = list(start)
        salsa_rounds(x)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(x, start)))
    return out[:length]


def chacha_rounds(x):
    def quarter(a, b, c, d):
        for at, frm, into, count in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[at] = (x[at] + x[frm]) & 0xFFFFFFFF
            x[into] = rotl(x[into] ^ x[at], count)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)


def hchacha20(key, block):
    x = list(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", block))
    chacha_rounds(x)
    return struct.pack("<8I", *x[:4], *x[12:])


def chacha20(key, nonce, count, length):
    out = b""
    for i in range((length + 63) // 64):
        start = SIGMA + struct.unpack("<8I", key) + (count + i,) + struct.unpack("<3I", nonce)
        x = list(start)
        chacha_rounds(x)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(x, start)))
    return out[:length]


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at:at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def secretbox(key, nonce, clear):
    """XSalsa20-Poly1305: ciphertext with the tag in front, as crypto_box_easy() lays it out."""
    stream = salsa20(hsalsa20(key, nonce[:16]), nonce[16:], 32 + len(clear))
    sealed = xor(clear, stream[32:])
    return poly1305(stream[:32], sealed) + sealed


def xchacha20poly1305(key, nonce, associated, clear):
    subkey, inner = hchacha20(key, nonce[:16]), b"\0" * 4 + nonce[16:]
    sealed = xor(clear, chacha20(subkey, inner, 1, len(clear)))
    pad = lambda data: data + b"\0" * (-len(data) % 16)
    lengths = struct.pack("<QQ", len(associated), len(sealed))
    return sealed + poly1305(chacha20(subkey, inner, 0, 32), pad(associated) + pad(sealed) + lengths)


def blake2b(message, size=32, key=b""):
    return hashlib.blake2b(message, digest_size=size, key=key).digest()


def key_boxes(ephemeral, key, seeds):
    shown = x25519(ephemeral, BASE)
    boxes = []
    for seed in seeds:
        device, curve = ed25519_public(seed)
        shared = hsalsa20(x25519(ephemeral, curve), b"\0" * 16)
        box = secretbox(shared, blake2b(shown + curve, 24), key)
        boxes.append({"seed": seed.hex(), "device": device.hex(), "box": box.hex()})
    return {"ephemeral_secret": ephemeral.hex(), "ephemeral": shown.hex(), "key": key.hex(),
            "to": boxes}


def key_chain(newer, older):
    name = blake2b(b"coterie key commitment v1", key=older)
    under = blake2b(b"coterie key chain v1", key=newer)
    return {"newer": newer.hex(), "older": older.hex(), "older_commitment": name.hex(),
            "box": xchacha20poly1305(under, name[:24], name, older).hex()}


def filled(first):
    return bytes((first + i) % 256 for i in range(32))


if __name__ == "__main__":
    sections = {
        "key_boxes": [key_boxes(filled(1), filled(64), [filled(100), filled(133), filled(166)])],
        "key_chain": [key_chain(filled(7), filled(64)), key_chain(filled(8), filled(7))],
    }
    print(json.dumps(sections, indent=1))
