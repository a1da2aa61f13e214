"""grpcurl, run as a person at a terminal would."""

import json

from kit.paths import BIN
from kit.poll import eventually
from kit.processes import clean_environment, run

PROGRAM = BIN / "grpcurl"

# grpcurl exits with 64 plus the status code of the call.
_EXIT_OFFSET = 64
OK, INVALID_ARGUMENT, NOT_FOUND = 0, 3, 5

_TIMEOUT_SECONDS = 10


class Ran:
    """What it printed, and how it ended."""

    def __init__(self, code, output, errors):
        self.status = code - _EXIT_OFFSET if code >= _EXIT_OFFSET else code
        self.output, self.errors = output, errors

    @property
    def messages(self):
        """The messages it printed, one JSON object after the other."""
        return list(documents(self.output))

    def __repr__(self):
        return f"status {self.status}\n{self.output}{self.errors}"


def documents(text):
    """The JSON objects in a text, which may end within one."""
    decoder = json.JSONDecoder()
    rest = text.lstrip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except json.JSONDecodeError:
            return
        yield value
        rest = rest[end:].lstrip()


def grpcurl(*arguments, data=None):
    """Runs it to its end."""
    argv = [PROGRAM, "-plaintext", f"-max-time={_TIMEOUT_SECONDS}"]
    if data is not None:
        argv.append(f"-d={json.dumps(data)}")
    result = run([*argv, *arguments], env=clean_environment(), within=_TIMEOUT_SECONDS + 10)
    return Ran(result.returncode, result.stdout, result.stderr)


class Watching:
    """A server-streaming call that is still going on."""

    def __init__(self, processes, address, method, data):
        self._process = processes.start(
            "grpcurl", [PROGRAM, "-plaintext", f"-d={json.dumps(data)}", address, method]
        )
        self._text = ""

    def messages(self):
        """Every message so far."""
        self._text += "".join(line + "\n" for line in self._process.lines_so_far())
        return list(documents(self._text))

    def until(self, what, holds):
        """Waits for a newest message that looks as it should; that message."""
        return eventually(
            what, lambda: self.messages()[-1:], lambda newest: newest and holds(newest[0])
        )[0]
