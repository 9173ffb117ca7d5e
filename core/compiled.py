"""What templates were compiled to, kept beside them, as Python keeps what modules were compiled to."""

import hashlib
import sys
from contextlib import suppress
from pathlib import Path

from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "__pycache__"


class KeptTemplates(FileSystemBytecodeCache):
    """Templates as they were compiled, for as long as their text and `how` they are compiled stay the same.

    Where nothing can be kept, and where what was kept cannot be read, they are compiled as if there were no folder.
    """

    def __init__(self, folder: Path, how: bytes) -> None:
        super().__init__(str(folder), "%s.bin")
        self._folder = folder
        self._how = hashlib.sha256(how).hexdigest()

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(self._how + source)

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:  # half a file, or none of ours: whatever unpickling says of it
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


def kept_templates(how: Path) -> BytecodeCache | None:
    """Where templates are kept, or None where Python is told to keep no bytecode. `how` sets up what compiles them."""
    return None if sys.dont_write_bytecode else KeptTemplates(FOLDER, how.read_bytes())
