"""What a run needs beyond Python: found, built, or named as missing."""

import hashlib
import os
import shutil
from pathlib import Path

from kit.paths import BIN, CARGO_TARGET, INTEROP, REPO, WORK
from kit.processes import run

# grpcurl is a program of its own, so no go.mod of ours pins it.
_GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"

# What go and Maven say when it was the download that failed, not the program.
_DOWNLOAD_FAILED = (
    "dial tcp",
    "no such host",
    "proxy.golang.org",
    "requires go >=",
    "Could not resolve",
    "Could not transfer",
    "Could not find artifact",
)


class Missing(Exception):
    """Something that this machine does not have; the text says what."""


class Broken(Exception):
    """Something of ours that does not build; the text says why."""


def _need(program, hint):
    found = shutil.which(program)
    if not found:
        raise Missing(f"{program} is not in PATH; {hint}")
    return found


def _build(what, argv, cwd, env=None):
    result = run(argv, cwd, {**os.environ, **(env or {})}, within=1200)
    if result.returncode != 0:
        said = (result.stdout + result.stderr).strip()
        kind = Missing if any(sign in said for sign in _DOWNLOAD_FAILED) else Broken
        raise kind(f"{what}: {' '.join(map(str, argv))} failed:\n{said}")


def etcd():
    """The etcd server: `LOOKASIDE_ETCD`, else the one in PATH."""
    given = os.environ.get("LOOKASIDE_ETCD")
    if given:
        return given
    return _need("etcd", "on Debian: apt-get install etcd-server; or set LOOKASIDE_ETCD")


def lookaside():
    """The binary under test: `LOOKASIDE_BIN`, else built from this repository."""
    given = os.environ.get("LOOKASIDE_BIN")
    if given:
        return Path(given).resolve()
    _need("cargo", "install Rust, or set LOOKASIDE_BIN to a built lookaside")
    _build("the lookaside binary", ["cargo", "build", "--locked", "-p", "lookaside"], REPO)
    return CARGO_TARGET.resolve() / "debug" / "lookaside"


def c_core():
    """Nothing more: the virtual environment has it."""


def go():
    """Builds the grpc-go client."""
    _need("go", "install Go 1.26 or newer from https://go.dev/dl")
    _build("the Go client", ["go", "build", "-o", BIN / "go-client", "."], INTEROP / "go")


def java():
    """Builds the grpc-java client and gathers its libraries, unless they are there."""
    _need("javac", "on Debian: apt-get install openjdk-17-jdk-headless")
    _need("mvn", "on Debian: apt-get install maven")
    project, output = INTEROP / "java", WORK / "java"
    sources = [project / "pom.xml", *sorted(project.rglob("*.java"))]
    stamp = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    written = output / "stamp"
    if written.exists() and written.read_text() == stamp:
        return
    shutil.rmtree(output, ignore_errors=True)
    _build("the Java client", ["mvn", "-q", "-B", f"-Dinterop.output={output}", "compile"], project)
    written.write_text(stamp)


def grpcurl():
    """Installs grpcurl, unless this very version is there."""
    _need("go", "it installs grpcurl; install Go from https://go.dev/dl")
    stamp = BIN / "grpcurl.version"
    if not (stamp.exists() and stamp.read_text() == _GRPCURL):
        _build("grpcurl", ["go", "install", _GRPCURL], REPO, {"GOBIN": str(BIN)})
        stamp.write_text(_GRPCURL)


# By the name given on the command line.
CLIENTS = {"c-core": c_core, "go": go, "java": java, "grpcurl": grpcurl}
