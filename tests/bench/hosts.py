"""Hosts of their own on one machine: network namespaces on a bridge, each with an address, a network to lose, and a power
switch. PostgreSQL and Redis run on one of them. Needs root, `ip`, `redis-server` and PostgreSQL's programs.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import create_engine, text

NETWORK = "10.77.0"
HERE = 1  # this machine's own number in the network
DATABASE_PORT, REDIS_PORT = 5432, 6379
START_SECONDS = 60.0
END_SECONDS = 40.0


class Host:
    """One namespace with one address, and what runs there."""

    def __init__(self, mark: str, name: str, number: int) -> None:
        self.name, self.space = name, f"{mark}-{name}"
        self.address = f"{NETWORK}.{number}"
        self._cable = f"{mark}v{number}"
        self._begun: dict[str, Callable[[], subprocess.Popen[bytes]]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        _ip("netns", "add", self.space)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        _ip("link", "set", self._cable, "master", f"{mark}br", "up")
        for command in (("addr", "add", f"{self.address}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                        ("link", "set", "lo", "up")):  # fmt: skip
            _ip("-n", self.space, *command)

    def begin(self, what: str, command: list[str], settings: Mapping[str, str], log: Path, folder: Path | None = None) -> None:
        """Run a program here, in a group of its own, so that the whole host can be switched off."""

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as file:
                return subprocess.Popen(
                    ["ip", "netns", "exec", self.space, *command], env=dict(settings), cwd=folder, stdout=file,
                    stderr=file, start_new_session=True,
                )  # fmt: skip

        self._begun[what], self._running[what] = start, start()

    def kill(self) -> None:
        """Switch the host off: everything on it is gone at once."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def again(self) -> None:
        """Switch it on: everything that ran here is begun anew."""
        self._running = {what: start() for what, start in self._begun.items()}

    def cut(self) -> None:
        """Pull the cable: nothing arrives here or leaves, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _ip("link", "set", self._cable, "up")

    def end(self) -> None:
        """End what runs here as an operator would."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
        self.kill()

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.space], check=False, stderr=subprocess.DEVNULL)


class Hosts:
    """All of them, and the network between."""

    def __init__(self) -> None:
        self.mark = f"rj{secrets.token_hex(2)}"
        self._all: list[Host] = []
        _ip("link", "add", f"{self.mark}br", "type", "bridge")
        _ip("addr", "add", f"{NETWORK}.{HERE}/24", "dev", f"{self.mark}br")
        _ip("link", "set", f"{self.mark}br", "up")

    def add(self, name: str) -> Host:
        host = Host(self.mark, name, len(self._all) + HERE + 1)
        self._all.append(host)
        return host

    def remove(self) -> None:
        """End everything and take the network away."""
        for host in reversed(self._all):  # what others rest on was begun first
            host.end()
            host.remove()
        subprocess.run(["ip", "link", "del", f"{self.mark}br"], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def hosts() -> Iterator[Hosts]:
    """A network without hosts; everything in it is gone afterwards. Raises RuntimeError where there can be none."""
    missing = [name for name in ("ip", "redis-server", "nginx") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing or _programs() is None:
        raise RuntimeError(f"Hosts need root, PostgreSQL's programs and {', '.join(missing) or 'network namespaces'}.")
    made = Hosts()
    try:
        yield made
    finally:
        made.remove()


def begin_data(host: Host, folder: Path) -> tuple[str, str]:
    """PostgreSQL with an empty database, and Redis; returns their addresses as settings."""
    programs = _programs()
    assert programs is not None
    home = folder / "postgresql"
    home.mkdir()
    shutil.chown(home, "postgres")
    as_owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    subprocess.run(
        [*as_owner, str(programs / "initdb"), "--auth=trust", "--username=rejoinder", "--encoding=UTF8",
         "--locale=C.UTF-8", "--pgdata", str(home / "data")], check=True, stdout=subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    with (home / "data" / "pg_hba.conf").open("a") as file:
        file.write(f"host all all {NETWORK}.0/24 trust\n")
    settings = {"PATH": os.environ["PATH"]}
    host.begin("postgresql", [
        *as_owner, str(programs / "postgres"), "-D", str(home / "data"), "-c", f"listen_addresses={host.address}",
        "-c", f"port={DATABASE_PORT}", "-c", f"unix_socket_directories={home}", "-c", "max_connections=200",
    ], settings, folder / "postgresql.log", home)  # fmt: skip
    host.begin("redis", [
        "redis-server", "--bind", host.address, "--port", str(REDIS_PORT), "--save", "", "--protected-mode", "no",
    ], settings, folder / "redis.log", folder)  # fmt: skip
    url = f"postgresql://rejoinder@{host.address}:{DATABASE_PORT}"
    engine = create_engine(f"{url}/postgres".replace(":", "+psycopg:", 1), isolation_level="AUTOCOMMIT")
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("CREATE DATABASE rejoinder"))
            break
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    engine.dispose()
    return f"{url}/rejoinder", f"redis://{host.address}:{REDIS_PORT}/0"


def _programs() -> Path | None:
    """Where initdb and postgres are: Debian keeps them out of the way."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
