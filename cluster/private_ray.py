"""A Ray cluster of our own on this machine: nobody else's is touched, and nothing of it stays."""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from ray._private.worker import BaseContext as RayContext

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_CHILD_SUBREAPER = 36
_LOOPBACK = "127.0.0.1,localhost"


class StartError(Exception):
    """Something did not start; the message is for the user."""


@dataclass(frozen=True)
class PrivateRay:
    """`dashboard`: its URL. `token`: the file with the key that the cluster asks for. `folder`: its logs."""

    dashboard: str
    token: Path
    folder: Path

    def wait(self) -> None:
        """Return when a process has ended without which the cluster is dead; a signal handler may raise."""
        core = {
            child.pid for child in psutil.Process().children() if child.name() in ("gcs_server", "raylet")
        }
        while len(core) == 2:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED)
            core -= {ended.si_pid} if ended else core


@contextmanager
def private_ray() -> Iterator[PrivateRay]:
    """Start a cluster, connect this process to it, and stop it on the way out, whatever the way.

    Stop signals are ignored while it stops. The logs stay where an exception other than an interrupt ends it.
    """
    keep = False
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    # In /tmp whatever TMPDIR says: Ray makes sockets below it, whose paths may have 107 characters.
    folder = Path("/tmp") / f"hugginggpt-{secrets.token_hex(4)}"  # noqa: S108 (private, and refused where it exists)
    try:
        folder.mkdir(mode=0o700)
        token = folder / "token"
        token.touch(mode=0o600)  # Ray opens the folder to everyone
        token.write_text(secrets.token_hex(32))
        _environment(token)
        # Orphans among what is started become children of this process, so that none is lost from sight.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            context = _init(folder)
        except Exception as error:
            raise StartError(f"Ray did not start: {error}\nlogs: {folder}") from error
        for number, handler in handlers.items():
            signal.signal(number, handler)  # Ray has put one of its own
        yield PrivateRay(f"http://{context.dashboard_url}", token, folder)
    except Exception:
        keep = True
        raise
    finally:
        _stop()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _environment(token: Path) -> None:
    """Settings that every process of the cluster inherits."""
    # Ray's ports are open to the network and run any code, so they ask for a key that only this run knows.
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Between proxy and controller gRPC takes about 2 ms less per request; the largest file fits into a
        # message. Calls of experts keep passing references.
        "RAY_SERVE_PROXY_USE_GRPC": "1",
        "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(256 * 2**20),
    }
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN"):
        os.environ.pop(name, None)
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _LOOPBACK)))


def _init(folder: Path) -> RayContext:
    # Imported here, for it takes a second. Where it was imported before, it has read the environment before.
    import ray
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    # What is started inherits this: a terminal that closes must not kill it before it is stopped in order.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        return ray.init(
            address="local",
            include_dashboard=True,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def _stop() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    import ray

    with suppress(Exception):  # the rest is killed below
        ray.shutdown(wait_for_processes=True)
    this = psutil.Process()
    while children := this.children(recursive=True):
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=5)
