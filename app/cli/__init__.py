"""The command `studio`: one function per command; exits 0 on success, 2 on bad input, 1 otherwise.

With `--json`, stdout holds exactly one JSON document, even after an error; progress and logs go to
stderr. Commands act as the local user.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from app import notify
from app.cli import (
    accounts,
    answers,
    artifacts,
    chat,
    data,
    endpoints,
    generate,
    jobs,
    judge,
    models,
    output,
    parts,
    replay,
    runs,
    score,
    strength,
    train,
    verifiers,
    votes,
)
from templates.errors import StudioError

INTERRUPTED = 130
"""The exit code that typer gives for Ctrl-C."""

app = typer.Typer(
    name="studio",
    help="Adapt a language model to your own data, and see whether it helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    parts, accounts, models, data, answers, train, generate, replay, judge, endpoints, jobs, runs, artifacts, strength,
    chat, score, votes, verifiers,
):  # fmt: skip
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        code = get_command(app).main(args=given, prog_name="studio", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return output.misused(error.format_message(), "--json" in given)
    except BrokenPipeError:  # the reader of stdout is gone (`studio jobs list | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return StudioError.exit_code
    except Exception as error:  # the command line's only catch-all
        if os.environ.get("STUDIO_DEBUG"):
            raise
        return output.failed(notify.told(error), "--json" in given)
    if code == INTERRUPTED:
        return output.failed(StudioError("Interrupted.", code="interrupted"), "--json" in given)
    return code if isinstance(code, int) else 0
