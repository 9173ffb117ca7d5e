"""Logs: one line an event, JSON in production, for people in the demo. No secret or personal text goes in."""

import logging
import sys
from typing import Any

import structlog

from core.config import Settings
from core.text import without_addresses


def configure_logs(settings: Settings) -> None:
    """Set the format once; a terminal gets colours, a file does not."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.production
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, _strike_addresses, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # What the libraries say goes the same way, one line each.
    handler = _OurLines()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info,
            _strike_addresses, renderer,
        ],
    ))  # fmt: skip
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept, _OurLines)]
    root.addHandler(handler)


def _strike_addresses(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An error may quote what a server or a database answered, addresses of people and all."""
    return {name: without_addresses(value) if isinstance(value, str) else value for name, value in event.items()}


class _OurLines(logging.StreamHandler[Any]):
    """To wherever this process's errors go at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)
