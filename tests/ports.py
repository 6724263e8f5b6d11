"""Ports for servers that a test starts."""

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """A port that nobody has, outside the range from which the system gives Ray its own."""
    for port in random.sample(range(21_000, 29_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
