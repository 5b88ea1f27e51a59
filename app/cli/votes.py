"""`studio votes`: the votes of blind comparisons, their tally, and preference data made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.output import After, Json, Limit
from storage.page_limits import LIMIT

if TYPE_CHECKING:
    from storage.votes.tallies import Tally

group = typer.Typer(help="Votes of blind comparisons, and what they say.", no_args_is_help=True)
Models = Annotated[list[str] | None, typer.Option("--model", help="Only votes between these models; name two or more.")]
COLUMNS = ("voted", "choice", "preferred", "left", "right", "source", "prompt", "id")
LONGEST = 40


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="votes")


@group.command("list")
def listed(limit: Limit = LIMIT, after: After = None, as_json: Json = False) -> None:
    """Your votes, newest first."""
    from app.api import vote_documents
    from app.cli import acting
    from storage.listing import Place
    from storage.votes import votes
    from templates.shortened import shortened

    page = votes.page(acting.user(), Place(limit, after))
    documents = [vote_documents.of_vote(vote) for vote in page.rows]
    rows = [
        {
            **one,
            "voted": output.when(one["voted_at"]),
            "left": one["left"]["model"]["name"],
            "right": one["right"]["model"]["name"],
            "prompt": shortened(one["messages"][-1]["content"], LONGEST),
        }
        for one in documents
    ]
    lines = output.table(rows, COLUMNS) if rows else ["No votes yet. The page Compare leads to blind votes."]
    output.emit(documents, lines, as_json)
    output.tell_of_more(page.after)


@group.command("tally")
def tally(
    model: Models = None,
    source: Annotated[
        str, typer.Option(help="Only votes on these prompts: typed, training, selection or held_out.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Which model is preferred, and how many votes it still takes to know."""
    from app.api import vote_documents
    from app.cli import acting
    from storage.votes import questions, tallies

    user = acting.user()
    found = tallies.of(user, models=model or [], source=source)
    output.emit(vote_documents.of_tally(found, questions.n_without_vote(user)), _lines(found), as_json)


@group.command("dataset")
def dataset(
    name: Annotated[str, typer.Option(help="Name of the new dataset.")] = "",
    model: Models = None,
    as_json: Json = False,
) -> None:
    """Make preference data of your votes: a chosen and a rejected answer in each row."""
    from app.api import vote_documents
    from app.cli import acting
    from storage.votes import preference_data

    user, models = acting.user(), model or []
    settled = preference_data.preview(user, models)
    made = preference_data.make(user, name=name, models=models)
    lines = [f"Made the dataset “{made.name}”.", *settled.sentences]
    output.emit(vote_documents.of_made(made, settled), lines, as_json)


def _lines(found: Tally) -> list[str]:
    from app import vote_words

    if not found.n:
        return ["No votes yet."]
    lines = [vote_words.outcome(one, found.names) for one in found.pairs]
    for one in found.ranked:
        lines.append(f"  {found.names[one.model.key]}: preferred to the others with {vote_words.share(one.share)}")
    return [*lines, vote_words.side(found.side), vote_words.sources(found.by_source)]
