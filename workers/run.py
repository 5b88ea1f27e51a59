"""The child: `python -m workers.run`. Read it from top to bottom.

It imports what training needs, says that it is ready, waits for one order on stdin, does it, says
how it ended, and exits. It opens no database and needs no network and no secret. The end of stdin
means that its worker is dead: it then exits at once, whatever it is doing, and publishes nothing.
"""

from __future__ import annotations

import errno
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

from templates.errors import StudioError
from workers import orders, programs
from workers.protocol import Failed, Order, Ready, Report, Stop, Stopped, write

ORPHANED = 3
"""Exit status of a child whose worker is gone."""
SMALLER = (
    "Use fewer rows per step (per_device_train_batch_size) or a shorter longest row (max_length), "
    "switch gradient_checkpointing on, or train on a quantized base (nf4)."
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
        """What the worker asked for last, if anything."""

    def listen(self) -> None:
        """Read stdin from now on, in a thread of its own."""
        threading.Thread(target=self._listen, name="stdin", daemon=True).start()

    def _listen(self) -> None:
        try:
            for line in self._incoming:
                if "stop" in json.loads(line):
                    self.stop = Stop.model_validate_json(line)
                else:
                    self._orders.put(orders.read(line))
        finally:  # stdin ended, or what came makes no sense: either way nobody is in charge any more
            os._exit(ORPHANED)

    def order(self) -> Order:
        """Wait for the order."""
        return self._orders.get()

    def send(self, report: Report) -> None:
        """Tell the worker something."""
        try:
            with self._writing:
                write(self._outgoing, report)
        except BrokenPipeError:
            os._exit(ORPHANED)

    @property
    def abandoned(self) -> bool:
        """The worker wants no result of this attempt: its `Stop` says `discard` or `drain`."""
        return self.stop is not None and self.stop.stop != "keep"


def warm() -> None:
    """Import everything slow now, so that an order starts at once."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM, LlamaForCausalLM, Trainer, TrainingArguments

    for module in pkgutil.iter_modules(programs.__path__):
        importlib.import_module(f"workers.programs.{module.name}")
    loaded = (peft.PeftModel, AutoModelForCausalLM, LlamaForCausalLM, Trainer, TrainingArguments)  # lazy until touched
    log.info("ready with torch %s and %d classes", torch.__version__, len(loaded))


def attempt(order: Order, channel: Channel) -> Report:
    """Do the order; the returned report is its end."""
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
    """An exception as a plain cause and what to do about it; the traceback stays in the log."""
    import torch

    if isinstance(error, StudioError):
        remedy = next((problem.remedy for problem in error.problems if problem.remedy), None)
        return Failed(code=error.code, message="\n".join(p.message for p in error.problems), remedy=remedy)
    if isinstance(error, torch.OutOfMemoryError):
        return Failed(code="gpu_out_of_memory", message="The GPU's memory is full.", remedy=SMALLER)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return Failed(code="out_of_memory", message="The machine's memory is full.", remedy=SMALLER)
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
        remedy = "Delete artifacts or files that are not needed, then retry the job."
        return Failed(code="disk_full", message="The disk is full.", remedy=remedy)
    return Failed(
        code="internal",
        message=f"Something went wrong inside the studio ({type(error).__name__}).",
        remedy="The job's log has the particulars; please report them.",
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
    os.dup2(2, 1)  # whatever a library prints must not get between our messages
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
    os._exit(0)  # the worker closes our stdin now; an orderly interpreter exit would race with that


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
