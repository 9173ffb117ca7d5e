"""Make the virtual environment on the first start. Standard library only, and syntax that any Python 3 parses.

Rules: too old a Python is one clear line; inside any virtual environment no other is made, missing packages are
installed into it; otherwise `.venv` beside app.py is made and app.py starts again in it. A stamp with the hash of the
requirements says whether there is anything to install, so the next start costs nothing. What the way into `.venv`
does not need is imported late: every start takes that way.
`REJOINDER_NO_BOOTSTRAP=1` turns all of this off.
"""

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List

if TYPE_CHECKING:
    import subprocess

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
# A third of all code: the few modules of it that are ever used are compiled when they first are.
SELDOM_IMPORTED = r"[\\/]site-packages[\\/](pip|setuptools|pkg_resources|stripe|mypy|mypyc|pygments)[\\/]"


def ensure_environment(for_tests: bool = False) -> None:
    """Return inside an environment that has the pinned packages, or exit with one line that says what is missing."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit("Rejoinder needs Python 3.11 or newer; this is Python %s." % found)
    if os.environ.get("REJOINDER_NO_BOOTSTRAP") == "1":
        return
    requirements = [ROOT / "requirements.txt"] + ([ROOT / "requirements-dev.txt"] if for_tests else [])
    if sys.prefix != sys.base_prefix:
        _install_into_this(requirements, for_tests)
        return
    python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print("Making the environment in .venv (once, about half a minute) …", flush=True)
        _run([sys.executable, "-m", "venv", str(ROOT / ".venv")], "The environment .venv could not be made")
    os.environ["REJOINDER_OWN_VENV"] = "1"
    sys.stdout.flush()
    os.execv(str(python), [str(python), *sys.argv])


def _install_into_this(requirements: List[Path], for_tests: bool) -> None:
    """Install what the stamp in this environment does not cover."""
    import hashlib

    digest = hashlib.sha256(b"".join(path.read_bytes() for path in requirements)).hexdigest()
    stamp = Path(sys.prefix) / (".rejoinder-test-packages" if for_tests else ".rejoinder-packages")
    if stamp.exists() and stamp.read_text() == digest:
        return
    if not os.environ.get("REJOINDER_OWN_VENV") and _present(requirements):
        return
    print("Installing the pinned packages (once) …", flush=True)
    _install(_pins(requirements))
    try:
        stamp.write_text(digest)
    except OSError:
        pass  # a read-only environment that already has everything is fine; the check repeats next time


def _pins(requirements: List[Path]) -> List[str]:
    """Every line that names a package, once."""
    lines = {line.strip() for path in requirements for line in path.read_text().splitlines()}
    return sorted(line for line in lines if line and not line.startswith("#"))


def _install(pins: List[str]) -> None:
    """Install two halves at once, then compile on all processors nearly everything: pip alone keeps to one.

    The pins name every package that another one needs (tests/house/test_packages.py), so nothing is left to find out.
    """
    import sysconfig

    sentence = "The packages could not be installed into %s" % sys.prefix
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-compile"]
    halves = [_begin(pip + half, sentence) for half in (pins[::2], pins[1::2])]
    said = [(half, half.communicate()[1]) for half in halves]  # both end before either is complained of
    for half, words in said:
        _check(half, words, sentence)
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    compiling = [sys.executable, "-m", "compileall", "-q", "-j", "0", "-x", SELDOM_IMPORTED]
    _begin(compiling + list(folders), sentence).communicate()


def _present(requirements: List[Path]) -> bool:
    """Whether every package named in the requirements is installed here, whatever its version.

    An environment that somebody else keeps (uv, a container image) is taken as it is.
    """
    from importlib import metadata

    for path in requirements:
        for line in path.read_text().splitlines():
            name, _, rest = line.partition("==")
            if not name or line.startswith("#") or ";" in rest:
                continue
            try:
                metadata.version(name.split("[")[0])
            except metadata.PackageNotFoundError:
                return False
    return True


def _run(command: List[str], sentence: str) -> None:
    running = _begin(command, sentence)
    _check(running, running.communicate()[1], sentence)


def _begin(command: List[str], sentence: str) -> "subprocess.Popen[str]":
    import subprocess

    try:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        sys.exit("%s: %s." % (sentence, error.strerror or error))


def _check(done: "subprocess.Popen[str]", words: str, sentence: str) -> None:
    if done.returncode != 0:
        lines = [line for line in words.strip().splitlines() if line.strip()]
        sys.exit("%s: %s" % (sentence, lines[-1] if lines else "no reason was given"))


METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the name is the library's


def leave_when_told() -> None:
    """A start that is told to end (`SIGTERM`) before there is a server ends as an ended server does."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))


def count_together() -> None:
    """Let the processes that come from this one count in one folder: call before anything is imported that counts."""
    import shutil
    import tempfile

    folder, owner = tempfile.mkdtemp(prefix="rejoinder-metrics-"), os.getpid()
    os.environ[METRICS_FOLDER] = folder

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
