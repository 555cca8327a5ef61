"""A small TURN client (RFC 8656, long-term credentials of RFC 8489) for tests, over UDP or TCP.

It sends one request at a time and returns the server's answer as it is, error or not, so that a test can
ask for exactly the code it expects.
"""

import base64
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
import time
from dataclasses import dataclass, field

MAGIC_COOKIE = 0x2112A442
HEADER_BYTES = 20

ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION = 0x003, 0x004, 0x006, 0x007, 0x008
INDICATION, SUCCESS, ERROR = 0x010, 0x100, 0x110

USERNAME, MESSAGE_INTEGRITY, ERROR_CODE = 0x0006, 0x0008, 0x0009
LIFETIME, XOR_PEER_ADDRESS, DATA_ATTRIBUTE, REALM, NONCE = 0x000D, 0x0012, 0x0013, 0x0014, 0x0015
XOR_RELAYED_ADDRESS, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT = 0x0016, 0x0017, 0x0019
UDP_TRANSPORT = bytes([17, 0, 0, 0])
FAMILY = {4: 1, 6: 2}


@dataclass(frozen=True)
class Credentials:
    """What `GET /api/iceservers` hands out for one TURN entry."""

    username: str
    password: str


def ephemeral(secret: str, user_id: str, ttl_seconds: int) -> Credentials:
    """Credentials as the API makes them: `<unix expiry>:<userId>` and base64 of its HMAC-SHA1."""
    username = f"{int(time.time()) + ttl_seconds}:{user_id}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credentials(username, base64.b64encode(digest).decode())


@dataclass
class Message:
    """One STUN message: its 14-bit type (method and class) and its attributes, in order."""

    kind: int
    transaction: bytes
    attributes: list[tuple[int, bytes]] = field(default_factory=list)

    def get(self, attribute: int) -> bytes | None:
        return next((value for name, value in self.attributes if name == attribute), None)

    @property
    def code(self) -> int:
        """200 for a success, otherwise the error's number."""
        if self.kind & ERROR == SUCCESS:
            return 200
        value = self.get(ERROR_CODE)
        assert value is not None, f"neither a success nor an error: {self}"
        return value[2] * 100 + value[3]


def encode_address(host: str, port: int, transaction: bytes) -> bytes:
    """An XOR-...-ADDRESS value. An IPv4-mapped IPv6 address stays IPv6, as an attacker would send it."""
    address = ipaddress.ip_address(host)
    mask = struct.pack("!I", MAGIC_COOKIE) + transaction
    packed = bytes(byte ^ mask[at] for at, byte in enumerate(address.packed))
    return struct.pack("!BBH", 0, FAMILY[address.version], port ^ (MAGIC_COOKIE >> 16)) + packed


def decode_address(value: bytes, transaction: bytes) -> tuple[str, int]:
    port = struct.unpack("!H", value[2:4])[0] ^ (MAGIC_COOKIE >> 16)
    mask = struct.pack("!I", MAGIC_COOKIE) + transaction
    packed = bytes(byte ^ mask[at] for at, byte in enumerate(value[4:]))
    return str(ipaddress.ip_address(packed)), port


def encode(message: Message, key: bytes | None) -> bytes:
    """The message's bytes, with MESSAGE-INTEGRITY last when there is a key."""
    body = b"".join(
        struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in message.attributes
    )
    integrity_bytes = 24 if key else 0
    header = struct.pack("!HHI", message.kind, len(body) + integrity_bytes, MAGIC_COOKIE) + message.transaction
    if key is None:
        return header + body
    digest = hmac.new(key, header + body, hashlib.sha1).digest()
    return header + body + struct.pack("!HH", MESSAGE_INTEGRITY, len(digest)) + digest


def decode(packet: bytes) -> Message:
    kind, length, cookie = struct.unpack("!HHI", packet[:8])
    assert cookie == MAGIC_COOKIE, "not a STUN message"
    message = Message(kind, packet[8:HEADER_BYTES])
    at, end = HEADER_BYTES, HEADER_BYTES + length
    while at < end:
        name, size = struct.unpack("!HH", packet[at : at + 4])
        message.attributes.append((name, packet[at + 4 : at + 4 + size]))
        at += 4 + size + (-size % 4)
    return message


class Client:
    """One connection to a TURN server at `host:port` with one set of credentials.

    `transport` is "udp" or "tcp". Every receive ends after `timeout` seconds with TimeoutError.
    """

    def __init__(self, host: str, port: int, transport: str, credentials: Credentials, timeout: float = 5):
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.stream = transport == "tcp"
        self.credentials = credentials
        self.challenge: list[tuple[int, bytes]] = []

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def allocate(self, ip_version: int = 4) -> Message:
        """Asks for a relay address: first unauthenticated, as the protocol wants it, then with credentials."""
        wanted = [
            (REQUESTED_TRANSPORT, UDP_TRANSPORT),
            (REQUESTED_ADDRESS_FAMILY, bytes([FAMILY[ip_version], 0, 0, 0])),
        ]
        challenge = self.request(ALLOCATE, wanted)
        assert challenge.code == 401, f"an allocation without credentials was answered {challenge.code}"
        self.challenge = [(name, challenge.get(name)) for name in (REALM, NONCE)]
        return self.request(ALLOCATE, wanted)

    def relayed(self, ip_version: int = 4) -> tuple[str, int]:
        """The address of a new allocation."""
        answer = self.allocate(ip_version)
        assert answer.code == 200, f"the allocation was answered {answer.code}"
        return decode_address(answer.get(XOR_RELAYED_ADDRESS), answer.transaction)

    def permit(self, peer: str, port: int = 9) -> Message:
        """Asks for the permission to exchange datagrams with a peer. Nothing is sent to that peer."""
        transaction = os.urandom(12)
        return self.request(CREATE_PERMISSION, [(XOR_PEER_ADDRESS, encode_address(peer, port, transaction))], transaction)

    def release(self) -> Message:
        """Ends the allocation at once."""
        return self.request(REFRESH, [(LIFETIME, bytes(4))])

    def send(self, peer: tuple[str, int], payload: bytes) -> None:
        transaction = os.urandom(12)
        address = (XOR_PEER_ADDRESS, encode_address(*peer, transaction))
        self.write(encode(Message(SEND | INDICATION, transaction, [address, (DATA_ATTRIBUTE, payload)]), None))

    def receive(self) -> bytes:
        """The payload of the next datagram that a peer sent to the relay address."""
        message = self.read()
        assert message.kind == DATA | INDICATION, f"expected data, got a message of type {message.kind:#x}"
        return message.get(DATA_ATTRIBUTE)

    def request(self, method: int, attributes: list[tuple[int, bytes]], transaction: bytes | None = None) -> Message:
        transaction = transaction or os.urandom(12)
        key, signed = None, list(attributes)
        if self.challenge:
            realm = dict(self.challenge)[REALM]
            signed += [(USERNAME, self.credentials.username.encode()), *self.challenge]
            key = hashlib.md5(
                b":".join([self.credentials.username.encode(), realm, self.credentials.password.encode()])
            ).digest()
        self.write(encode(Message(method, transaction, signed), key))
        answer = self.read()
        assert answer.transaction == transaction, "an answer to another request"
        return answer

    def write(self, packet: bytes) -> None:
        self.socket.sendall(packet)

    def read(self) -> Message:
        if not self.stream:
            return decode(self.socket.recv(65536))
        header = self.exactly(HEADER_BYTES)
        return decode(header + self.exactly(struct.unpack("!H", header[2:4])[0]))

    def exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self.socket.recv(count - len(received))
            if not part:
                raise ConnectionError("the TURN server closed the connection")
            received += part
        return received
