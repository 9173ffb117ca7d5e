"""Whose turn it is to write to a SQLite file: one writer at a time, threads by a lock, processes by a lock on a file.

SQLite's own way is to sleep and look again, ever longer; here the next one is woken. Whoever takes no turn (a shell, a
backup) still meets SQLite's lock, and so does everybody where the file system has no locks.
"""

import fcntl
import os
import threading


class Turns:
    """The turns of this process's threads. One thread holds at most one."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a child process must: a lock on a file that was open before belongs to both."""
        self._threads = threading.Lock()
        self._files: dict[str, int] = {}
        self._mine = threading.local()

    def take(self, path: str | None) -> None:
        """Wait for the turn to write to the database in this file. A second call by the same thread changes nothing."""
        if path is None or getattr(self._mine, "path", None) is not None:
            return
        self._threads.acquire()
        self._lock(path, fcntl.LOCK_EX)
        self._mine.path = path

    def give_back(self) -> None:
        """End this thread's turn, if it has one."""
        path = getattr(self._mine, "path", None)
        if path is not None:
            self._mine.path = None
            self._lock(path, fcntl.LOCK_UN)
            self._threads.release()

    def _lock(self, path: str, how: int) -> None:
        try:
            if path not in self._files:
                self._files[path] = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._files[path], how)
        except OSError:  # SQLite's own lock is still there
            return


turns = Turns()
os.register_at_fork(after_in_child=turns.forget)
