"""The child: `python -m workers.run`. Read it from top to bottom.

It imports what training needs, reports that it is ready, waits for one order on stdin, carries it out,
reports how it ended, and exits. It needs no database, network or secrets. The end of stdin means that
its worker is dead: the child then exits at once and publishes nothing.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import pkgutil
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import IO

from storage import disk
from templates.errors import StudioError
from workers import orders, programs
from workers.protocol import Failed, Order, Ready, Report, Stop, Stopped, write

ORPHANED = 3
"""Exit status of a child whose worker is gone."""
SMALLER = (
    "Use fewer rows per step (per_device_train_batch_size) or a smaller maximum row length (max_length), "
    "turn on gradient_checkpointing, or train on a quantized base (nf4)."
)
log = logging.getLogger("studio.child")


class Channel:
    """The child's ends of the two pipes to its worker."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]):
        self._incoming = incoming
        self._outgoing = outgoing
        self._writing = threading.Lock()
        self._orders: queue.Queue[Order] = queue.Queue()
        self.stop: Stop | None = None
        """The worker's last request, if any."""

    def listen(self) -> None:
        """Start reading stdin in a separate thread."""
        threading.Thread(target=self._listen, name="stdin", daemon=True).start()

    def _listen(self) -> None:
        try:
            for line in self._incoming:
                if "stop" in json.loads(line):
                    self.stop = Stop.model_validate_json(line)
                else:
                    self._orders.put(orders.read(line))
        finally:  # stdin ended or sent nonsense: either way the worker is gone
            os._exit(ORPHANED)

    def order(self) -> Order:
        """Wait for the order."""
        return self._orders.get()

    def send(self, report: Report) -> None:
        """Send the worker a message."""
        try:
            with self._writing:
                write(self._outgoing, report)
        except BrokenPipeError:
            os._exit(ORPHANED)

    @property
    def abandoned(self) -> bool:
        """Whether the worker no longer wants a result: its `Stop` says `discard` or `drain`."""
        return self.stop is not None and self.stop.stop != "keep"


def warm() -> None:
    """Do all slow imports now, so that an order starts at once."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM, LlamaForCausalLM, Trainer, TrainingArguments

    for module in pkgutil.iter_modules(programs.__path__):
        importlib.import_module(f"workers.programs.{module.name}")
    loaded = (peft.PeftModel, AutoModelForCausalLM, LlamaForCausalLM, Trainer, TrainingArguments)  # lazy until touched
    log.info("ready with torch %s and %d classes", torch.__version__, len(loaded))


def attempt(order: Order, channel: Channel) -> Report:
    """Carry out the order; returns the final report."""
    try:
        last: Report = importlib.import_module(f"workers.programs.{order.kind}").run(order, channel)
        return last
    except Exception as error:
        if channel.stop is not None and channel.stop.stop != "keep":
            log.info("interrupted (%s)", type(error).__name__)
            return Stopped(why=channel.stop.stop)
        log.exception("The attempt ended with an error")
        return failure(error)


def failure(error: Exception) -> Failed:
    """Turn an exception into a cause and a remedy; the traceback stays in the log."""
    import torch

    if isinstance(error, StudioError):
        remedy = next((problem.remedy for problem in error.problems if problem.remedy), None)
        return Failed(code=error.code, message="\n".join(p.message for p in error.problems), remedy=remedy)
    if isinstance(error, torch.OutOfMemoryError):
        return Failed(code="gpu_out_of_memory", message="The GPU's memory is full.", remedy=SMALLER)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return Failed(code="out_of_memory", message="The machine's memory is full.", remedy=SMALLER)
    if disk.is_full(error):
        remedy = "Delete artifacts or files that you don't need, then retry the job."
        return Failed(code="disk_full", message=disk.full(None, Path.cwd()).problems[0].message, remedy=remedy)
    return Failed(
        code="internal",
        message=f"Something went wrong inside the studio ({type(error).__name__}).",
        remedy="The job's log has the details; please report them.",
    )


def _log_to(file: str) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def main() -> None:
    """The whole life of a child."""
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # output of libraries must not mix with the messages
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    channel.listen()
    warm()
    channel.send(Ready())
    order = channel.order()
    _log_to(order.log_file)
    log.info("%s “%s”, attempt %d", order.kind, order.name, order.attempt)
    end = attempt(order, channel)
    log.info("ended: %s", end.type)
    logging.shutdown()
    channel.send(end)
    os._exit(0)  # the worker closes stdin now, which would race with a normal interpreter exit


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
