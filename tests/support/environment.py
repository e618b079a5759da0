"""The environment of all tests and of their processes; imported before torch is.

Importing this module changes the environment, which ``tests/conftest.py`` needs before it imports anything else.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile

# Tests run side by side, and several threads each would get in each other's way.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Many tests start processes that import torch, which takes twice as long without compiled modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The calibration of this machine belongs to the tests, not to the user who runs them.
# A process of pytest-xdist has a folder inside that of the process that started it, which removes them all.
parent = os.environ["XDG_CACHE_HOME"] if "PYTEST_XDIST_WORKER" in os.environ else None
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="mgnas-tests-", dir=parent)
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script's background jobs ignore Ctrl-C, and the processes of the tests would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
