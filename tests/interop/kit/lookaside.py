"""The processes under test: `lookaside serve` and `lookaside backend`."""

import re
import signal

from kit.inspect import Inspect

# A start includes reading the registry; this machine may be busy compiling.
_START_SECONDS = 20

_LISTENING = re.compile(r"listening (\S+)(?: admin (\S+))?")


def _listening(process):
    line = process.line(_START_SECONDS)
    match = _LISTENING.fullmatch(line)
    if not match:
        raise AssertionError(f"{process.name} printed {line!r}, not `listening ADDR [admin ADDR]`")
    return match.groups()


class Balancer:
    """A `lookaside serve` that can be killed and started again at its address."""

    def __init__(self, processes, program, registry, listen="127.0.0.1:0", name="balancer"):
        self._processes, self._program, self._registry = processes, program, registry
        self._listen, self._name = listen, name
        self._process = None
        self.address = None

    def start(self):
        self._process = self._processes.start(
            self._name,
            [
                self._program,
                "serve",
                f"--listen={self._listen}",
                "--admin=127.0.0.1:0",
                f"--registry={self._registry}",
            ],
            # The shortest that every stock client honours: C-core makes less into 1 s.
            env={"LOOKASIDE_LISTS_REPORT_INTERVAL": "1s"},
        )
        self.address, admin = _listening(self._process)
        self.admin = admin
        self.inspect = Inspect(admin)
        return self

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def kill(self):
        """Dies without a word: the sockets are closed by the kernel."""
        self.inspect.close()
        self._process.kill()

    def terminate(self):
        """Asks it to drain and end."""
        self._process.signal(signal.SIGTERM)

    def wait(self):
        self.inspect.close()
        return self._process.wait()


class Backend:
    """A `lookaside backend`: answers Echo with its name and the token it was given."""

    def __init__(self, processes, program, name, listen="127.0.0.1:0", register=()):
        self._processes, self._program = processes, program
        self._listen, self._register = listen, register
        self.name = name
        self._process = None
        self.address = None

    def start(self):
        self._process = self._processes.start(
            f"backend-{self.name}",
            [
                self._program,
                "backend",
                f"--listen={self._listen}",
                f"--name={self.name}",
                *self._register,
            ],
        )
        self.address, _ = _listening(self._process)
        return self

    def kill(self):
        self._process.kill()

    def drain(self):
        """Asks it to leave and waits until it has; its exit code."""
        self._process.signal(signal.SIGTERM)
        return self._process.wait()
