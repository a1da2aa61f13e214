"""Child processes: started with a log of their own, ended by pid."""

import os
import queue
import shutil
import signal
import subprocess
import threading

# Where util-linux has it: should this process be killed outright, the kernel ends
# the children that it could then not end itself.
_DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

# How long a process may take to end when asked. Draining takes a few seconds.
END_SECONDS = 20.0


def clean_environment(**extra):
    """This environment without the variables that would change what is tested."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("LOOKASIDE_", "GRPC_"))
    }
    return kept | extra


class Process:
    """One running child."""

    def __init__(self, name, argv, logs, env=None):
        self.name = name
        logs.mkdir(parents=True, exist_ok=True)
        self._log = open(logs / f"{name}.log", "ab")
        self._log.write(f"$ {' '.join(map(str, argv))}\n".encode())
        self._log.flush()
        self._child = subprocess.Popen(
            [*_DIE_WITH_PARENT, *map(str, argv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=clean_environment(**(env or {})),
            # Ctrl-C is for us; we end the children, in order.
            start_new_session=True,
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._child.stdout:
            self._lines.put(line.decode().rstrip("\n"))
        self._lines.put(None)

    def running(self):
        return self._child.poll() is None

    def line(self, within):
        """The next line of its standard output."""
        try:
            line = self._lines.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"{self.name} printed nothing for {within:g} s") from None
        if line is None:
            code = self._child.wait()
            raise AssertionError(f"{self.name} ended with {code}; its log has the reason")
        return line

    def lines_so_far(self):
        """What it has printed since it was last asked, without waiting."""
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        return [line for line in lines if line is not None]

    def rest_of_output(self):
        """Every further line of its standard output, until that ends."""
        return iter(self._lines.get, None)

    def write(self, line):
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()

    def close_input(self):
        self._child.stdin.close()

    def signal(self, number):
        self._child.send_signal(number)

    def kill(self):
        """Ends it without warning, as a crash would, and waits for the end."""
        if self.running():
            self._child.kill()
        self._child.wait()

    def wait(self, within=END_SECONDS):
        """Its exit code, once it has ended by itself."""
        try:
            return self._child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within:g} s") from None

    def end(self):
        """Asks it to end and makes sure that it did; for cleaning up."""
        if self.running():
            self._child.terminate()
            try:
                self._child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._log.close()


class Processes:
    """Everything started in one scope, ended with it, the newest first."""

    def __init__(self, logs):
        self.logs = logs
        self._started = []

    def start(self, name, argv, env=None):
        process = Process(name, argv, self.logs, env)
        self._started.append(process)
        return process

    def end_all(self):
        while self._started:
            self._started.pop().end()


def run(argv, cwd=None, env=None, within=600):
    """Runs a command to its end; returns the completed process, output as text."""
    return subprocess.run(
        list(map(str, argv)),
        cwd=cwd,
        env=env,
        timeout=within,
        capture_output=True,
        text=True,
        check=False,
    )


def interrupt_on_sigterm():
    """Makes SIGTERM unwind like Ctrl-C, so that every scope ends what it started."""

    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
