#!/usr/bin/env python3
"""Reads a recorded session of the peerbridge protocol, version 2, written from docs/PROTOCOL.md alone.

Usage: protocol_reader.py VECTORS-FOLDER

It derives every key from the secret and the two scalars in session.txt, compares each value there with
its own, opens every frame of recording.txt, and prints a line for each. It ends with 0 only if
everything is as the page says. Needs Python 3.9 or newer, and 7zz for parts compressed with zstd.
"""

import hashlib
import hmac
import os
import struct
import subprocess
import sys
import tempfile
import zlib


class Wrong(Exception):
    """Something is not as the page says."""


def must(holds, what):
    if not holds:
        raise Wrong(what)


# --- ristretto255 (RFC 9496) -------------------------------------------------------------------------

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def is_negative(x):
    return x % P & 1


def absolute(x):
    return -x % P if is_negative(x) else x % P


def sqrt_ratio(u, v):
    """Section 4.2: whether u/v is a square, and its root, or that of SQRT_M1 * u/v."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    square = check == u % P
    flipped = check == -u % P
    if flipped or check == -u * SQRT_M1 % P:
        r = r * SQRT_M1 % P
    return square or flipped, absolute(r)


def root_of(value, example):
    """The root that the RFC prints, told by its lowest digits."""
    root = sqrt_ratio(value, 1)[1]
    return root if root % 1000 == example else P - root


SQRT_AD_MINUS_ONE = root_of(-D - 1, 235)
INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]
must(SQRT_AD_MINUS_ONE % 1000 == 235 and SQRT_AD_MINUS_ONE**2 % P == (-D - 1) % P, "a constant")
must(INVSQRT_A_MINUS_D % 1000 == 578, "a constant")


def add(a, b):
    """Points in extended coordinates of the curve -x^2 + y^2 = 1 + d x^2 y^2."""
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    m, n = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return (e * f % P, g * h % P, f * g % P, e * h % P)


IDENTITY = (0, 1, 1, 0)


def multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decode(data):
    """Section 4.3.1."""
    s = int.from_bytes(data, "little")
    must(len(data) == 32 and s < P and not is_negative(s), "a share is not canonical")
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    square, inverse = sqrt_ratio(1, v * u2 * u2)
    x = absolute(2 * s * inverse * u2)
    y = u1 * inverse * inverse * u2 * v % P
    must(square and not is_negative(x * y) and y, "a share is no element")
    return (x, y, 1, x * y % P)


def encode(point):
    """Section 4.3.2."""
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    inverse = sqrt_ratio(1, u1 * u2 * u2)[1]
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * t % P
    if is_negative(t * z_inverse):
        x, y = y * SQRT_M1 % P, x * SQRT_M1 % P
        den2 = den1 * INVSQRT_A_MINUS_D % P
    if is_negative(x * z_inverse):
        y = -y % P
    return absolute(den2 * (z - y)).to_bytes(32, "little")


def derive_element(wide):
    """Section 4.3.4, from 64 bytes."""

    def map_to_curve(half):
        t = int.from_bytes(half, "little") % 2**255 % P
        r = SQRT_M1 * t * t % P
        u = (r + 1) * (1 - D * D) % P
        v = (-1 - r * D) * (r + D) % P
        square, s = sqrt_ratio(u, v)
        if square:
            c = -1
        else:
            s, c = -absolute(s * t) % P, r
        n = (c * (r - 1) * (D - 1) ** 2 - v) % P
        w0, w1 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P
        w2, w3 = (1 - s * s) % P, (1 + s * s) % P
        return (w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)

    return add(map_to_curve(wide[:32]), map_to_curve(wide[32:]))


# --- AES-256 (FIPS 197) in WinZip's counter mode -----------------------------------------------------


def _tables():
    box, inverse = [0] * 256, {}
    power = 1
    powers = []
    for _ in range(255):
        powers.append(power)
        power ^= (power << 1) ^ (0x11B if power & 0x80 else 0)
    for i, value in enumerate(powers):
        inverse[value] = powers[-i % 255]
    for value in range(256):
        x = inverse.get(value, 0)
        for shift in range(1, 5):
            x ^= (inverse.get(value, 0) << shift | inverse.get(value, 0) >> (8 - shift)) & 0xFF
        box[value] = x ^ 0x63
    return box


SBOX = _tables()
DOUBLE = [(x << 1) ^ (0x11B if x & 0x80 else 0) for x in range(256)]


def expand_aes_key(key):
    words = [list(key[i : i + 4]) for i in range(0, 32, 4)]
    round_constant = 1
    for i in range(8, 60):
        word = words[i - 1]
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= round_constant
            round_constant = DOUBLE[round_constant]
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i : i + 4], []) for i in range(0, 60, 4)]


def encrypt_block(round_keys, block):
    state = [a ^ b for a, b in zip(block, round_keys[0])]
    for number, round_key in enumerate(round_keys[1:], 1):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            mixed = []
            for i in range(0, 16, 4):
                a = state[i : i + 4]
                every = a[0] ^ a[1] ^ a[2] ^ a[3]
                mixed += [a[j] ^ every ^ DOUBLE[a[j] ^ a[(j + 1) % 4]] for j in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, round_key)]
    return bytes(state)


def aes_counter(key, data):
    round_keys = expand_aes_key(key)
    out = bytearray()
    for number in range(0, len(data), 16):
        counter = (number // 16 + 1).to_bytes(16, "little")
        stream = encrypt_block(round_keys, counter)
        out += bytes(a ^ b for a, b in zip(data[number : number + 16], stream))
    return bytes(out)


must(
    encrypt_block(expand_aes_key(bytes(range(32))), bytes.fromhex("00112233445566778899aabbccddeeff"))
    == bytes.fromhex("8ea2b7ca516745bfeafc49904b496089"),
    "AES-256 of FIPS 197, appendix C.3",
)

# --- Sections 1, 3 and 4: notation, handshake, keys ---------------------------------------------------

MAGIC = b"PEERBRDG"


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = mac(key, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:length]


def with_length(data):
    length, prefix = len(data), b""
    while length >= 128:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    return prefix + bytes([length]) + data


def lv_cat(*pieces):
    return b"".join(map(with_length, pieces))


class Fields:
    """Fields of a body, one after the other."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        must(len(self.data) >= count, "fields end early")
        head, self.data = self.data[:count], self.data[count:]
        return head

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def counted(self, most, item):
        count = self.number(4)
        must(count <= most, "a list is too long")
        return [item() for _ in range(count)]

    def finish(self):
        must(not self.data, "bytes are left over")


def cpace_generator(secret, channel_identifier, session_id):
    domain = b"CPaceRistretto255"
    padding = bytes(max(0, 127 - len(with_length(secret)) - len(with_length(domain))))
    text = lv_cat(domain, secret, padding, channel_identifier, session_id)
    return derive_element(hashlib.sha512(text).digest())


class Keys:
    """Everything of section 4, from the two Hello bodies and the CPace key."""

    def __init__(self, shared_key, dialler_hello, listener_hello):
        label = b"peerbridge/1 transcript"
        text = bytes([len(label)]) + label
        for body in (dialler_hello, listener_hello):
            text += struct.pack(">I", len(body)) + body
        self.transcript = hashlib.sha256(text).digest()
        self.key = mac(self.transcript, shared_key)
        self.session_id = self.of("session id", 16)

    def of(self, purpose, length=32):
        label = b"peerbridge/1 " + purpose.encode()
        return expand(self.key, bytes([len(label)]) + label, length)

    def confirm(self, who):
        return mac(self.of("confirm " + who), self.transcript)

    def join_proof(self, who, claim):
        return mac(self.of("join"), bytes([len(who)]) + who.encode() + claim)


def shared_key(vectors, dialler_hello, listener_hello):
    """CPace as both sides run it, from their private values."""
    sid = vectors["dialler_nonce"]
    channel = lv_cat(b"peerbridge/1", dialler_hello[10:11])
    must(channel == vectors["channel_identifier"], "the channel identifier")
    generator = cpace_generator(vectors["secret"], channel, sid)
    dialler = int.from_bytes(vectors["dialler_scalar"], "little")
    listener = int.from_bytes(vectors["listener_scalar"], "little")
    share_a, share_b = dialler_hello[-32:], listener_hello[-32:]
    must(encode(multiply(dialler, generator)) == share_a, "the dialler's share")
    must(encode(multiply(listener, generator)) == share_b, "the listener's share")
    product = multiply(dialler, decode(share_b))
    must(encode(product) == encode(multiply(listener, decode(share_a))), "the two products")
    must(encode(product) != bytes(32), "the product is the identity")
    text = lv_cat(b"CPaceRistretto255_ISK", sid, encode(product))
    text += lv_cat(share_a, dialler_hello) + lv_cat(share_b, listener_hello)
    return hashlib.sha512(text).digest()


def check_hellos(vectors, dialler_hello, listener_hello):
    fields = Fields(dialler_hello)
    must(fields.take(8) == MAGIC, "magic")
    versions = fields.take(fields.number(1))
    must(2 in versions, "version 2 is not spoken")
    role, nonce, tag = fields.number(1), fields.take(32), fields.take(16)
    fields.take(32)
    fields.finish()
    must(nonce == vectors["dialler_nonce"], "the dialler's nonce")
    must(tag == mac(nonce, vectors["name"])[:16], "the name tag")
    fields = Fields(listener_hello)
    must(fields.take(8) == MAGIC and fields.number(1) == 2, "magic and version")
    must({role, fields.number(1)} == {1, 2}, "the roles")
    must(fields.take(32) == vectors["listener_nonce"], "the listener's nonce")
    fields.take(32)
    fields.finish()


# --- Section 5: sealing ------------------------------------------------------------------------------


def position_keys(direction_key, position):
    derived = expand(direction_key, b"\x04seal" + position, 64)
    return derived[:32].hex(), derived[32:]


def expected_archive(archive, method, raw_length):
    """Section 5.2: all but salt, verifier, ciphertext and tag is fixed."""
    c = len(archive) - 172
    name = b"part"
    aes = bytes.fromhex("0199 0700 0200 4145 03") + struct.pack("<H", method)
    entry_length, raw = struct.pack("<I", c + 28), struct.pack("<I", raw_length)
    return b"".join(
        [
            bytes.fromhex("504b0304 3300 0900 6300 0000 2100 00000000 00000000 00000000 0400 0b00"),
            name + aes,
            archive[45 : 73 + c],
            bytes.fromhex("504b0708 00000000") + entry_length + raw,
            bytes.fromhex("504b0102 3303 3300 0900 6300 0000 2100 00000000") + entry_length + raw,
            bytes.fromhex("0400 0b00 0000 0000 0000 0000a481 00000000"),
            name + aes,
            bytes.fromhex("504b0506 0000 0000 0100 0100 3d000000"),
            struct.pack("<I", 89 + c) + b"\0\0",
        ]
    )


def open_sealed(direction_key, position, sealed, most):
    fields = Fields(sealed)
    head, found = fields.take(9), fields.take(32)
    raw_length, method, sealed_length = struct.unpack(">IBI", head)
    archive = fields.data
    must(raw_length <= most, "the contents are too long")
    must(method in (0, 93), "the method")
    must(sealed_length == len(archive), "the length of the archive")
    stored = raw_length + 172
    must(sealed_length == stored if method == 0 else 172 <= sealed_length < stored, "the lengths")
    password, mac_key = position_keys(direction_key, position)
    covered = archive if method else archive[:63] + archive[-109:]
    must(hmac.compare_digest(mac(mac_key, position + head + covered), found), "an envelope's MAC")
    must(archive == expected_archive(archive, method, raw_length), "the form of an archive")
    ciphertext, tag = archive[63:-109], archive[-109:-99]
    keys = hashlib.pbkdf2_hmac("sha1", password.encode(), archive[45:61], 1000, 66)
    must(keys[64:] == archive[61:63], "a password verifier")
    must(hmac.new(keys[32:64], ciphertext, "sha1").digest()[:10] == tag, "an archive's tag")
    if method == 0:
        raw = aes_counter(keys[:32], ciphertext)
    else:
        raw = open_with_7zip(archive, password)
    must(len(raw) == raw_length, "the length of the contents")
    return raw


def open_with_7zip(archive, password):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "part.zip")
        with open(path, "wb") as file:
            file.write(archive)
        command = ["7zz", "x", "-so", "-p" + password, path]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        must(run.returncode == 0, "7zz does not open an archive: " + run.stderr.decode(errors="replace"))
        return run.stdout


# --- Sections 7 and 8: messages and manifests ---------------------------------------------------------


def read_manifest(chunk, count):
    """The entries, and the transfer id."""
    fields, entries, previous = Fields(chunk), [], b""
    identity = hashlib.sha256(b"peerbridge/1 manifest")
    while fields.data:
        kind, shared = fields.number(1), fields.number(2)
        must(kind in (1, 2, 3, 4) and shared <= len(previous), "an entry")
        path = previous[:shared] + fields.take(fields.number(2))
        rest = fields.data
        size = fields.number(8) if kind == 1 else 0
        target = fields.take(fields.number(2)) if kind == 4 else None
        mtime = struct.unpack(">qI", fields.take(12))
        must(mtime[1] < 1_000_000_000, "nanoseconds")
        mode = fields.number(2) if kind != 4 else 0
        must(mode <= 0o777, "mode bits")
        rest = rest[: len(rest) - len(fields.data)]
        identity.update(struct.pack(">BHH", kind, 0, len(path)) + path + rest)
        for component in path.split(b"/"):
            must(0 < len(component) <= 255 and component not in (b".", b".."), "a path")
        entries.append({"kind": kind, "path": path, "size": size, "target": target, "mode": mode})
        previous = path
    must(len(entries) == count, "the number of entries")
    return entries, identity.digest()[:16]


def parts_of(ranges):
    return {index for start, length in ranges for index in range(start, start + length)}


def read_message(raw):
    """A message as its name and its fields."""
    fields = Fields(raw)
    kind, found = fields.number(1), {}

    def text():
        length = fields.number(2)
        must(length <= 1024, "a text is too long")
        return fields.take(length).decode("utf-8")

    def ranges():
        return fields.counted(8192, lambda: (fields.number(8), fields.number(8)))

    def checks():
        return fields.counted(16384, lambda: (fields.number(8), fields.number(4)))

    def failures():
        return fields.counted(1024, lambda: (fields.number(4), fields.number(1)))

    def part_size():
        size = fields.number(4)
        must(65536 <= size <= 8388608, "the part size")
        return size

    names = (
        "Ready Offer Entries Accept Decline StreamEnd RoundEnd Checks SourceFailed Missing Done Next Bye"
        " Ping Pong Abort Confirmed Digests Differs CodeWanted Code"
    ).split()
    must(1 <= kind <= len(names), "an unknown kind of message")
    name = names[kind - 1]
    if name == "Offer":
        found["transfer"], found["run"], found["part_size"] = fields.number(4), fields.take(16), part_size()
        found["streams"], found["flags"] = fields.number(2), fields.number(1)
        must(1 <= found["streams"] <= 64 and found["flags"] <= 15, "streams or flags")
        must(found["flags"] & 10 != 10, "a question that brings contents")
        count = fields.number(4)
        found["entries"], found["id"] = read_manifest(fields.take(fields.number(4)), count)
        found["early"] = (fields.number(4), failures()) if found["flags"] & 2 else None
    elif name == "Entries":
        found["entries"] = fields.take(fields.number(4))
    elif name == "Accept":
        found["part_size"], found["streams"] = part_size(), fields.number(2)
        found["have"], found["claims"] = ranges(), ranges()
        must(len(found["have"]) + len(found["claims"]) <= 8192, "too many ranges")
        must(not parts_of(found["have"]) & parts_of(found["claims"]), "parts both there and claimed")
    elif name == "Decline":
        found["reason"], found["text"] = fields.number(1), text()
    elif name == "StreamEnd":
        found["round"] = fields.number(4)
    elif name == "RoundEnd":
        found["round"] = fields.number(4)
        has_total = fields.number(1)
        must(has_total <= 1, "neither with nor without a total")
        found["total"] = fields.number(8) if has_total else None
        found["streams"] = fields.counted(64, lambda: fields.number(2))
        found["checks"] = checks()
    elif name == "Checks":
        found["checks"] = checks()
    elif name == "SourceFailed":
        found["failures"] = failures()
    elif name == "Missing":
        found["round"], found["ranges"] = fields.number(4), ranges()
    elif name == "Done":
        for figure in ("files", "bytes", "same", "skipped", "held"):
            found[figure] = fields.number(8)
        found["failed"], found["failures"] = fields.number(8), failures()
        found["skips"] = fields.counted(1024, lambda: fields.number(4))
        found["new_names"] = fields.counted(512, lambda: (fields.number(4), fields.take(fields.number(2))))
        must(len(found["failures"]) <= found["failed"], "more failures than there are")
        must(len(found["skips"]) <= found["skipped"], "more skipped entries than there are")
        for _, new in found["new_names"]:
            must(1 <= len(new) <= 255 and b"/" not in new and b"\0" not in new, "a new name")
    elif name == "Digests":
        found["digests"] = fields.counted(16000, lambda: fields.take(16))
        must(found["digests"], "a list without digests")
    elif name == "Differs":
        found["ranges"] = ranges()
    elif name == "Ping":
        found["token"], found["answer_padding"] = fields.number(8), fields.number(4)
        found["padding"] = fields.take(fields.number(4))
    elif name == "Pong":
        found["token"], found["padding"] = fields.number(8), fields.take(fields.number(4))
    elif name == "Abort":
        found["code"], found["text"] = fields.number(1), text()
    elif name == "Code":
        found["code"] = fields.take(6)
        must(found["code"].isdigit(), "a code that is not of digits")
    fields.finish()
    return name, found


# --- Sections 2, 6 and 9: a recorded session ---------------------------------------------------------

PEER = {"dialler": "listener", "listener": "dialler"}
KINDS = {1: "Hello", 2: "Join", 3: "Refuse", 4: "Confirm", 5: "Message", 6: "Part"}


class Session:
    """What the frames reveal to an observer that has the secret and the scalars."""

    def __init__(self, vectors):
        self.vectors = vectors
        self.hellos, self.keys = {}, None
        self.proven = {}
        self.joins, self.sequences = {}, {}
        self.transfer = None
        self.delivered = {}

    def frame(self, who, stream, data):
        length, number = struct.unpack(">IB", data[:5])
        body, kind = data[5:], KINDS.get(number)
        must(length == len(body) and kind, "a frame")
        if kind in ("Hello", "Join", "Refuse", "Confirm"):
            must(length <= 512 and not self.proven.get((who, stream)), "a frame of the handshake")
            return kind + self.handshake(kind, who, stream, body)
        must(length <= 8389632 and self.proven.get((who, stream)), "a frame before the proof")
        if kind == "Part":
            return "Part " + self.part(who, stream, body)
        sequence = self.sequences.get((who, stream), 0)
        self.sequences[who, stream] = sequence + 1
        key = self.keys.of("messages " + who)
        name, found = read_message(
            open_sealed(key, struct.pack(">HQ", stream, sequence), body, 262144)
        )
        self.message(who, stream, name, found)
        return name + "".join(f" {key}={value}" for key, value in found.items())

    def handshake(self, kind, who, stream, body):
        if kind == "Hello":
            must(stream == 0 and who not in self.hellos, "a Hello")
            self.hellos[who] = body
            if who == "listener":
                both = self.hellos["dialler"], body
                check_hellos(self.vectors, *both)
                self.shared_key = shared_key(self.vectors, *both)
                self.keys = Keys(self.shared_key, *both)
        elif kind == "Confirm":
            must(stream == 0 and self.keys, "a Confirm")
            must(who == "dialler" or self.proven.get(("dialler", 0)), "the listener proves first")
            must(hmac.compare_digest(body, self.keys.confirm(who)), "a confirmation")
            self.proven[who, 0] = True
        elif kind == "Join":
            self.join(who, stream, Fields(body))
        else:
            raise Wrong("a Refuse")
        return ""

    def join(self, who, stream, fields):
        if who == "dialler":
            must(fields.take(8) == MAGIC, "magic")
            claim = fields.take(16 + 2 + 32)
            must(claim[:16] == self.keys.session_id, "the session id")
            must(int.from_bytes(claim[16:18], "big") == stream > 0, "the stream's number")
            must(stream not in self.joins, "a number is used twice")
            self.joins[stream] = claim
        else:
            claim = self.joins[stream] + fields.take(32)
        must(fields.take(32) == self.keys.join_proof(who, claim), "the proof of a Join")
        fields.finish()
        self.proven[who, stream] = True

    def part(self, who, stream, body):
        fields = Fields(body)
        number, index = fields.number(4), fields.number(8)
        must(number == self.transfer["round"], "the round of a part")
        position = struct.pack(">IIQ", self.transfer["transfer"], number, index)
        size = self.transfer["part_size"]
        raw = open_sealed(self.keys.of("parts " + who), position, fields.data, size)
        must(index not in self.transfer["claimed"], "a part that was claimed and does not differ")
        must(len(raw) == min(size, self.transfer["total"] - index * size), "the length of a part")
        self.transfer["parts"][index] = raw
        self.transfer["sent"].add(index)
        if self.transfer["early"] is not None:
            must(index == 0 and zlib.crc32(raw) == self.transfer["early"][0], "the early part")
            self.transfer["early"], self.transfer["sent"] = None, set()
        return f"round={number} index={index} bytes={len(raw)}"

    def message(self, who, stream, name, found):
        must(stream == 0 or name in ("StreamEnd", "SourceFailed"), "a message on a joined stream")
        must(name == "Ping" or (who == "listener") == (name in ("Accept", "Missing", "Differs", "Done")), "a side")
        must(name in ("Offer", "Ping") or self.transfer["early"] is None, "something before the early part")
        if name == "Offer":
            total = sum(entry["size"] for entry in found["entries"])
            number = 0 if self.transfer is None else self.transfer["transfer"] + 1
            must(found["transfer"] == number, "the number of a transfer")
            self.transfer = dict(found, total=total, parts={}, sent=set(), ended=set(), round=0)
            self.transfer.update(claimed=set(), digests=[], held=0, comparing=False)
        elif name == "Accept":
            must(1 <= found["streams"] <= self.transfer["streams"], "the number of streams")
            self.transfer["part_size"] = found["part_size"]
            must(found["part_size"] * found["streams"] <= 134217728, "parts of all streams together")
            self.transfer["claimed"] = parts_of(found["claims"])
            self.transfer["digests"] = self.digests_of(sorted(self.transfer["claimed"]))
            self.transfer["comparing"] = bool(self.transfer["claimed"])
        elif name == "Digests":
            due = self.transfer["digests"][: len(found["digests"])]
            must(self.transfer["round"] == 0 and due == found["digests"], "the digests")
            del self.transfer["digests"][: len(due)]
        elif name == "Differs":
            must(self.transfer["comparing"], "a difference behind the comparison")
            must(parts_of(found["ranges"]) <= self.transfer["claimed"], "parts that were not claimed")
            self.transfer["comparing"] = bool(found["ranges"])
            self.transfer["claimed"] -= parts_of(found["ranges"])
        elif name == "StreamEnd":
            must(found["round"] == self.transfer["round"], "the number of a round")
            self.transfer["ended"].add(stream)
        elif name == "RoundEnd":
            must(found["round"] == self.transfer["round"], "the number of a round")
            must(self.transfer["ended"] == set(found["streams"]), "the streams of a round")
            must(not self.transfer["digests"], "a digest is missing")
            must(not self.transfer["comparing"], "the end of a round before that of the comparison")
            must({index for index, _ in found["checks"]} == self.transfer["sent"], "the checks")
            for index, crc in found["checks"]:
                must(zlib.crc32(self.transfer["parts"][index]) == crc, "a CRC-32")
            self.transfer["ended"], self.transfer["sent"] = set(), set()
        elif name == "Missing":
            self.transfer["round"] += 1
            must(found["round"] == self.transfer["round"], "the number of a round")
        elif name == "Done":
            must(not self.transfer["sent"], "a verdict before the end of a round")
            must(found["bytes"] == self.transfer["total"], "the bytes that were delivered")
            self.take_what_held(found["held"])
            self.delivered[self.transfer["id"]] = self.contents()

    def digests_of(self, claimed):
        """The digests of claimed pieces, whose contents are known from an earlier transfer."""
        found, key = [], self.keys.of("digests")
        for index in claimed:
            start = index * self.transfer["part_size"]
            end, begin = min(start + self.transfer["part_size"], self.transfer["total"]), 0
            for number, entry in enumerate(self.transfer["entries"]):
                low, high = max(start, begin), min(end, begin + entry["size"])
                if low < high:
                    piece = self.delivered[self.transfer["id"]][low:high]
                    place = struct.pack(">IIQI", self.transfer["transfer"], number, low - begin, high - low)
                    found.append(mac(key, place + hashlib.sha256(piece).digest())[:16])
                begin += entry["size"]
        return found

    def take_what_held(self, held):
        size, known = self.transfer["part_size"], self.delivered.get(self.transfer["id"])
        for index in self.transfer["claimed"]:
            self.transfer["parts"][index] = known[index * size : (index + 1) * size]
            held -= len(self.transfer["parts"][index])
        must(held == 0, "the bytes that held")

    def contents(self):
        parts = self.transfer["parts"]
        return b"".join(parts[index] for index in sorted(parts))


# --- The vectors --------------------------------------------------------------------------------------


def read_vectors(path):
    vectors = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            if " = " in line:
                name, value = line.rstrip("\n").split(" = ", 1)
                vectors[name] = value if name.endswith("_text") else bytes.fromhex(value)
    return vectors


def check_vectors(vectors, words):
    """Each value of session.txt, computed from secret, name, nonces and scalars."""
    hellos = vectors["dialler_hello"], vectors["listener_hello"]
    check_hellos(vectors, *hellos)
    shared = shared_key(vectors, *hellos)
    keys = Keys(shared, *hellos)
    claim = keys.session_id + struct.pack(">H", 1) + b"\xd2" * 32
    answer = b"\x12" * 32
    message, part = struct.pack(">HQ", 0, 0), struct.pack(">IIQ", 0, 0, 0)
    message_keys = position_keys(keys.of("messages dialler"), message)
    part_keys = position_keys(keys.of("parts dialler"), part)
    phrase = keys.of("phrase", 8)
    numbers = struct.unpack(">4H", phrase)
    expected = {
        "shared_key": shared,
        "transcript_hash": keys.transcript,
        "join_key": keys.of("join"),
        "session_id": keys.session_id,
        "digests_key": keys.of("digests"),
        "return_key": keys.of("return"),
        "return_name_key": keys.of("return name"),
        "phrase_bytes": phrase,
        "phrase_text": "-".join(words[number % 512] for number in numbers),
        "dialler_hello_frame": struct.pack(">IB", len(hellos[0]), 1) + hellos[0],
        "dialler_join": MAGIC + claim + keys.join_proof("dialler", claim),
        "listener_join": answer + keys.join_proof("listener", claim + answer),
        "message_password_text": message_keys[0],
        "message_mac_key": message_keys[1],
        "part_password_text": part_keys[0],
        "part_mac_key": part_keys[1],
    }
    for who in PEER:
        expected[who + "_confirm"] = keys.confirm(who)
        for purpose in ("confirm", "messages", "parts"):
            expected[f"{purpose}_{who}_key"] = keys.of(f"{purpose} {who}")
    raw = open_sealed(keys.of("messages dialler"), message, vectors["message_frame"][5:], 262144)
    expected["message_raw"] = raw
    expected["transfer_id"] = read_message(raw)[1]["id"]
    fields = Fields(vectors["part_frame"][5:])
    must(fields.number(4) == fields.number(8) == 0, "the round and index of the part")
    expected["part_raw"] = open_sealed(keys.of("parts dialler"), part, fields.data, 65536)
    piece = struct.pack(">IIQI", 0, 1, 0, len(expected["part_raw"]))
    piece += hashlib.sha256(expected["part_raw"]).digest()
    expected["digest"] = mac(keys.of("digests"), piece)[:16]
    for name, value in expected.items():
        must(vectors[name] == value, "the vector " + name)
    given = {"secret", "name", "channel_identifier", "message_frame", "part_frame"}
    given |= {f"{who}_{what}" for who in PEER for what in ("nonce", "scalar", "hello")}
    must(set(vectors) == set(expected) | given, "a vector that is not known")


def read_recording(path, vectors):
    session, contents = Session(vectors), []
    with open(path, encoding="ascii") as file:
        lines = [line.split() for line in file if not line.startswith("#")]
    must(lines, "an empty recording")
    for number, (who, stream, data) in enumerate(lines, 1):
        try:
            must(who in PEER, "who speaks")
            said = session.frame(who, int(stream), bytes.fromhex(data))
        except (Wrong, ValueError, KeyError, TypeError, AttributeError, struct.error) as fault:
            raise Wrong(f"frame {number}: {fault!r}") from fault
        print(f"{who} {stream} {said}")
        if said.startswith("Done "):
            contents.append(session.contents())
    must(said == "Bye", "the session does not end")
    must(contents == [b"hello, peer\n" * 10000, b"one more", b"hello, peer\n" * 10000], "the contents")
    return len(lines)


def main(folder):
    def path(name):
        return os.path.join(folder, name)

    with open(path("words.txt"), encoding="ascii") as file:
        words = file.read().split()
    vectors = read_vectors(path("session.txt"))
    check_vectors(vectors, words)
    count = read_recording(path("recording.txt"), vectors)
    print(f"{len(vectors)} vectors and {count} frames are as the page says")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as fault:
        sys.exit(f"protocol_reader: {fault}")
