"""The two servers that are compared, each as processes of their own on 127.0.0.1, and the CPU time they take."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")


class Served:
    """A running server and all its processes."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str], log: Path) -> None:
        self.port = port
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log, start_new_session=True
        )
        self._wait(log)

    def _wait(self, log: Path) -> None:
        try:
            wait_for_page(self._process, self.port, log, START_SECONDS)
        except RuntimeError:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server as an operator would, and the rest of its processes if that was not enough."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                for pid in [*self.processes(), self._process.pid]:
                    os.kill(pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()

    def cpu_seconds(self) -> float:
        """CPU time, user and system, of all the server's processes so far."""
        return sum(_cpu_of(pid) for pid in [self._process.pid, *self.processes()])

    def memory(self) -> float:
        """Kilobytes of memory of all the server's processes; what they share is counted once.

        Of what they wrote, the kernel divides each page by the processes that hold it. Of files (libraries, and SQLite's)
        each part counts whole, at the most that one process holds of it, even where programs of others hold it too.
        """
        written, files = 0, dict[tuple[str, str], int]()
        for pid in [self._process.pid, *self.processes()]:
            own, of_files = _memory_of(pid)
            written += own
            for part, size in of_files.items():
                files[part] = max(size, files.get(part, 0))
        return written + sum(files.values())

    def processes(self) -> list[int]:
        """The ids of the processes that answer, as they are now."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []


def wait_for_page(process: "subprocess.Popen[bytes]", port: int, log: Path, seconds: float) -> None:
    """Wait until the first page comes whole. Raises RuntimeError with the last words of who does not answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("GET", "/")
            line.getresponse().read()
            line.close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the server did not start; its last words: {log.read_text()[-600:]}")


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_of(pid: int) -> tuple[int, dict[tuple[str, str], int]]:
    """Kilobytes that a process wrote, each page divided by those that share it, and those of each part of a file."""
    written, files, part = 0, dict[tuple[str, str], int](), ("", "")
    try:
        lines = Path(f"/proc/{pid}/smaps").read_text().splitlines()
        rolled = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, {}
    for name, _, value in (line.partition(":") for line in rolled):
        if name in {"Pss_Anon", "Pss_Shmem", "SwapPss"}:
            written += int(value.split()[0])
    for line in lines:
        fields = line.split()
        if not fields[0].endswith(":"):
            part = (fields[5], fields[2]) if len(fields) > 5 and fields[5].startswith("/") else ("", "")
        elif part[0] and fields[0] in {"Rss:", "Anonymous:"}:
            sign = 1 if fields[0] == "Rss:" else -1
            files[part] = files.get(part, 0) + sign * int(fields[1])
    return written, files


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int, database_url: str, processes: int, threads: int) -> dict[str, str]:
    """The settings of a Rejoinder on a folder of its own; nothing of the caller's own settings reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return kept | {
        "DATA_DIR": str(data),
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "WEB_PROCESSES": str(processes),
        "WEB_THREADS": str(threads),
        "REJOINDER_NO_BOOTSTRAP": "1",
    }


def rejoinder(port: int, settings: dict[str, str], log: Path) -> Served:
    """Rejoinder as `python3 app.py` starts it."""
    return Served([sys.executable, "app.py"], port, settings, log)


def bare_flask(port: int, processes: int, threads: int, log: Path) -> Served:
    """One route of plain Flask on the same server."""
    command = [sys.executable, "-m", "tests.bench.bare", str(port), str(processes), str(threads)]
    return Served(command, port, dict(os.environ), log)


def run(arguments: list[str], settings: dict[str, str]) -> None:
    """Run a command of the application to its end."""
    subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, env=settings, check=True)
