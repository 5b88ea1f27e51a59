"""Compares a model's tensors with those of its architecture, which only transformers knows, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
from pathlib import Path

from storage import fork_server, programs
from templates.errors import BadInput, Problem

PROGRAM = "workers.weight_check"
WITHIN_S = 300.0
REMEDY = "Add the model's original files."
WORDS = 2_000
log = logging.getLogger(__name__)


def refuse_misfits(folder: Path) -> None:
    """Raise `BadInput` naming the tensors if the weights in `folder` don't fit its config.

    Without transformers' torch in this environment, a worker refuses such weights when it first loads them.
    """
    if importlib.util.find_spec("torch") is None:
        log.warning("torch is not installed here: the weights in %s are compared when a worker loads them", folder)
        return
    wrong = compared(folder)
    if wrong:
        message = f"the model's weights don't fit its config.json: {wrong}."
        raise BadInput(Problem(message, field="path", remedy=REMEDY), code="weights_do_not_fit")


def compared(folder: Path) -> str:
    """What doesn't fit, in words; empty if everything does."""
    environment = {name: os.environ[name] for name in fork_server.INHERITED if name in os.environ}
    environment |= {"PYTHONPATH": str(fork_server.PACKAGES), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = programs.program(PROGRAM, str(folder))
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        return f"comparing them takes longer than {WITHIN_S:.0f} seconds"
    if ended.returncode:
        log.warning(
            "comparing weights: exit %d: %s", ended.returncode, ended.stderr[-WORDS:].decode("utf-8", "replace")
        )
        return "transformers can't build a model from them within the limits of memory and time"
    return str(json.loads(ended.stdout)["wrong"])
