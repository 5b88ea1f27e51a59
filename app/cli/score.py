"""`studio score`: a reward model scores answers to a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.output import Json

if TYPE_CHECKING:
    from app.answer_scores import ScoredAnswer


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("score")(score)


def score(
    prompt: str,
    answers: Annotated[list[str], typer.Argument(help="One or more answers to the prompt.")],
    model: Annotated[str, typer.Option(help="A reward model: a result of the objective reward.")],
    as_json: Json = False,
) -> None:
    """Score answers with a reward model. Starts a temporary chat server if none is running."""
    from app import answer_scores
    from app.cli import acting, chat
    from storage.gallery import artifacts

    user = acting.user()
    artifacts.reward_model(user, model)  # before a server is started for nothing
    with chat.running_server():
        found = answer_scores.of(user, model, prompt, answers)
    ordered = sorted(found.answers, key=lambda one: -one.score)
    output.emit(found.as_dict(), [_line(one) for one in ordered], as_json)


def _line(one: ScoredAnswer) -> str:
    if one.above_chosen is None or one.above_rejected is None:
        return f"{one.score:+8.3f}  {one.answer}"
    places = f"above {one.above_chosen:.0%} of chosen, {one.above_rejected:.0%} of rejected held-out answers"
    return f"{one.score:+8.3f}  {one.answer}  ({places})"
