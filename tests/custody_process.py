"""A custodian's server as a process, for tests: `custody_process.py STATE SOCKET`."""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path

from faceward.core.clock import SystemClock
from faceward.custody.custodian import Custodian
from faceward.custody.keyring import Keyring
from faceward.custody.server import CustodyServer
from faceward.custody.state import State


def main() -> None:
    spec = importlib.util.spec_from_file_location("custody_kit", Path(__file__).with_name("custody_kit.py"))
    assert spec is not None
    assert spec.loader is not None
    kit = importlib.util.module_from_spec(spec)
    sys.modules["custody_kit"] = kit
    spec.loader.exec_module(kit)
    state = State.open(Path(sys.argv[1]), kit.MASTER)
    custodian = Custodian(state, Keyring(kit.MASTER), SystemClock(), separate=True, load_terms=kit.load)
    with CustodyServer(custodian, Path(sys.argv[2])) as server:
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()
    custodian.close()


if __name__ == "__main__":
    main()
