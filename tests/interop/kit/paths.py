"""Where things are."""

import os
from pathlib import Path

INTEROP = Path(__file__).resolve().parent.parent
REPO = INTEROP.parent.parent
PROTO = REPO / "proto"

# Everything that is made or downloaded, apart from cargo's own output.
WORK = REPO / "target" / "interop"
BIN = WORK / "bin"
LOGS = WORK / "logs"
DESCRIPTORS = WORK / "descriptors.pb"

CARGO_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target"))
