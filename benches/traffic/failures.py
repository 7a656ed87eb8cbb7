#!/usr/bin/env python3
"""Connections that fail: failures.py TLS12-HOST TLS13-HOST COUNT, so many of each of four kinds."""
import contextlib
import socket
import ssl
import sys

tls12, tls13, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def client(verify=False, ciphers=None):
    """A client of TLS 1.2 at most."""
    context = ssl.create_default_context() if verify else ssl._create_unverified_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if ciphers:
        context.set_ciphers(ciphers)
    return context


KINDS = [
    (tls12, 8443, None, "closed"),  # nothing listens
    (tls12, 443, client(verify=True), "untrusted"),  # the client does not know who issued the certificate
    (tls13, 443, client(), "old"),  # no version in common
    (tls12, 443, client(ciphers="AES128-SHA"), "cipher"),  # key exchange by RSA, and an ECDSA certificate
]
for i in range(count):
    for host, port, context, name in KINDS:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as plain:
            if context:
                context.wrap_socket(plain, server_hostname=f"{name}-{i}.example").close()
