"""An edge that keeps making requests: HTTPS by s2n-tls under the policy that it has for CloudFront, and plain HTTP.

    edge.py ORIGIN NAME CA.pem SECONDS_BETWEEN

s2n-tls is the one inside of the package awscrt (`pip install awscrt`), by its C interface. A line for each request says
what came of it: `https 200`, `http closed`. It goes on until it is ended.
"""

import ctypes
import itertools
import select
import socket
import struct
import sys
import threading
import time

import _awscrt

POLICY = b"CloudFront-Upstream-TLS-1-2-2025"
PATIENCE = 5
# A connection is kept for so many requests.
KEPT = 4

S2N = ctypes.CDLL(_awscrt.__file__)
for name in ("s2n_config_new", "s2n_connection_new"):
    getattr(S2N, name).restype = ctypes.c_void_p
for name in ("s2n_send", "s2n_recv"):
    getattr(S2N, name).restype = ctypes.c_ssize_t
S2N.s2n_strerror_name.restype = ctypes.c_char_p
S2N.s2n_errno_location.restype = ctypes.POINTER(ctypes.c_int)
CLIENT, SELF_SERVICE_BLINDING = 1, 1


class Failed(Exception):
    """What the edge saw."""


def check(result, what):
    if result is None or result < 0:
        code = S2N.s2n_errno_location().contents.value
        raise Failed(f"{what}: {S2N.s2n_strerror_name(code).decode()}")
    return result


def s2n_config(ca):
    S2N.s2n_init()
    config = ctypes.c_void_p(check(S2N.s2n_config_new(), "config"))
    check(S2N.s2n_config_set_cipher_preferences(config, POLICY), "policy")
    check(S2N.s2n_config_wipe_trust_store(config), "trust")
    with open(ca, "rb") as pem:
        check(S2N.s2n_config_add_pem_to_trust_store(config, pem.read()), "trust")
    check(S2N.s2n_config_set_status_request_type(config, 1), "staple")
    return config


def connect(origin, port):
    stream = socket.create_connection((origin, port), timeout=PATIENCE)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # s2n-tls reads and writes the descriptor itself: it has to block, and not for ever.
    stream.setblocking(True)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        stream.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE, 0))
    return stream


class Plain:
    def __init__(self, origin):
        self.stream = connect(origin, 80)

    def send(self, data):
        self.stream.sendall(data)

    def recv(self):
        return self.stream.recv(65536)

    def close(self):
        self.stream.close()


class Tls:
    def __init__(self, origin, name, config):
        self.stream = connect(origin, 443)
        self.connection = ctypes.c_void_p(S2N.s2n_connection_new(CLIENT))
        self.blocked = ctypes.c_int()
        try:
            check(S2N.s2n_connection_set_config(self.connection, config), "config")
            check(S2N.s2n_set_server_name(self.connection, name.encode()), "name")
            check(S2N.s2n_connection_set_blinding(self.connection, SELF_SERVICE_BLINDING), "blinding")
            check(S2N.s2n_connection_set_fd(self.connection, self.stream.fileno()), "socket")
            check(S2N.s2n_negotiate(self.connection, ctypes.byref(self.blocked)), "handshake")
        except Failed:
            self.close()
            raise

    def send(self, data):
        check(S2N.s2n_send(self.connection, data, ctypes.c_ssize_t(len(data)), ctypes.byref(self.blocked)), "send")

    def recv(self):
        buffer = ctypes.create_string_buffer(65536)
        length = S2N.s2n_recv(self.connection, buffer, ctypes.c_ssize_t(len(buffer)), ctypes.byref(self.blocked))
        return buffer.raw[: check(length, "recv")]

    def close(self):
        S2N.s2n_connection_free(self.connection)
        self.stream.close()


def ask(connection, path, name, number):
    """One request; its status."""
    connection.send(
        f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: Amazon CloudFront\r\n"
        f"Via: 1.1 5a.cloudfront.net (CloudFront)\r\nX-Amz-Cf-Id: edge-{path[1:]}-{number}\r\n"
        "Connection: Keep-Alive\r\n\r\n".encode()
    )
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv()
        if not more:
            raise Failed("closed")
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(headers[b"content-length"])
    while len(body) < length:
        more = connection.recv()
        if not more:
            raise Failed("cut short")
        body += more
    return head.split(b" ")[1].decode(), headers.get(b"connection") != b"close"


def is_over(connection):
    """Whether the origin has ended it while it was idle."""
    return bool(select.select([connection.stream], [], [], 0)[0])


def go_on(kind, begin, path, name, pause):
    connection, left = None, 0
    for number in itertools.count():
        if connection is not None and is_over(connection):
            connection.close()
            connection = None
        try:
            if connection is None:
                connection, left = begin(), KEPT
            told, keep = ask(connection, path, name, number)
            left -= 1
        except (Failed, OSError) as error:
            told, keep = str(error), False
        if connection is not None and (not keep or left == 0):
            connection.close()
            connection = None
        print(kind, told, flush=True)
        time.sleep(pause)


def main():
    origin, name, ca, pause = sys.argv[1:]
    config = s2n_config(ca)
    begin = {"https": lambda: Tls(origin, name, config), "http": lambda: Plain(origin)}
    for kind, path in (("https", "/ok"), ("http", "/app")):
        threading.Thread(target=go_on, args=(kind, begin[kind], path, name, float(pause)), daemon=True).start()
    threading.Event().wait()


main()
