"""The server of `python3 app.py`: processes, connections, what is answered at once, live streams, the way to Flask."""

from commands.server.front import LiveFront, WebFront
from commands.server.processes import Server, check_port

__all__ = ["LiveFront", "Server", "WebFront", "check_port"]
