"""A small mail server that keeps what it is given. Speaks as much SMTP as smtplib asks for."""

import socket
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType


@dataclass
class Received:
    sender: str
    recipients: list[str]
    message: EmailMessage


@dataclass
class MailServer:
    """Listens on a free port while the `with` lasts."""

    host: str = "127.0.0.1"
    certificate: tuple[str, str] | None = None
    refuse_recipients: bool = False
    received: list[Received] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)

    def __enter__(self) -> "MailServer":
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            self._converse(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        sender, recipients, encrypted = "", [], False
        connection.sendall(b"220 here\r\n")
        reader = connection.makefile("rb")
        while line := reader.readline():
            verb = line.decode().split(" ")[0].split(":")[0].strip().upper()
            self.verbs.append(verb)
            if verb == "EHLO":
                offers = b"250-STARTTLS\r\n" if self.certificate and not encrypted else b""
                connection.sendall(b"250-here\r\n" + offers + b"250-AUTH PLAIN\r\n250 8BITMIME\r\n")
            elif verb == "STARTTLS" and self.certificate:
                connection.sendall(b"220 go on\r\n")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.certificate)
                connection = context.wrap_socket(connection, server_side=True)
                reader, encrypted = connection.makefile("rb"), True
            elif verb == "AUTH":
                connection.sendall(b"235 welcome\r\n")
            elif verb == "MAIL":
                sender = line.decode().split("<")[1].split(">")[0]
                connection.sendall(b"250 fine\r\n")
            elif verb == "RCPT":
                recipients.append(line.decode().split("<")[1].split(">")[0])
                connection.sendall(b"550 nobody here\r\n" if self.refuse_recipients else b"250 fine\r\n")
            elif verb == "DATA":
                connection.sendall(b"354 go on\r\n")
                raw = b""
                while (part := reader.readline()) != b".\r\n":
                    raw += part[1:] if part.startswith(b"..") else part
                message = message_from_bytes(raw, policy=policy.default)
                self.received.append(Received(sender, recipients, message))
                connection.sendall(b"250 taken\r\n")
            elif verb == "QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 fine\r\n")
