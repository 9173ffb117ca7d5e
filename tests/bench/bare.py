"""The yardstick: a Flask application with one route, served by gunicorn's threads.

Run as `python -m tests.bench.bare PORT PROCESSES THREADS`.
"""

import sys

from flask import Flask
from gunicorn.app.base import BaseApplication

bare = Flask(__name__)


@bare.get("/")
def hello() -> str:
    return "Hello"


class BareServer(BaseApplication):
    """gunicorn with threads, as most Flask applications are served."""

    def __init__(self, port: int, processes: int, threads: int) -> None:
        self.values = {
            "bind": f"127.0.0.1:{port}", "workers": processes, "worker_class": "gthread", "threads": threads,
            "keepalive": 5, "loglevel": "warning", "preload_app": True, "control_socket_disable": True,
        }  # fmt: skip
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return bare


def main() -> None:
    port, processes, threads = map(int, sys.argv[1:])
    BareServer(port, processes, threads).run()


if __name__ == "__main__":
    main()
