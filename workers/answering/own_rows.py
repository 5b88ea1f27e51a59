"""A model's own prompts with its greedy answers, as the rows of a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import files
from storage.bases.checkpoint_headers import context_length
from storage.data import row_files, splits
from storage.data.rows.rows import Row
from storage.planning import apart
from storage.planning.apart import Judged
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import StudioError
from workers.evaluation import drawn_prompts, own_prompts
from workers.evaluation.drawn_prompts import NEAR, Drawing, Drawn
from workers.evaluation.generation import answers
from workers.orders.self_replay import SelfReplayOrder
from workers.protocol import MadeDataset

ROWS_FILE = "rows.parquet"
MOST_DRAWN = 8
"""Prompts drawn at most for each row that is wanted."""
TEXT, PAIR = "text", "prompt_completion"
SILENT, CUT_OFF = "without an answer", "with an answer that was cut off"
JUDGED = "like what shows forgetting"


@dataclass(frozen=True)
class OwnRows:
    """What a model wrote."""

    shape: str
    rows: Sequence[Mapping[str, Any]]
    n_drawn: int
    dropped: Mapping[str, int]
    """Unusable prompts by reason."""


def written(
    order: SelfReplayOrder, model: Any, renderer: Renderer, tell: Callable[[int], None], stopped: Callable[[], bool]
) -> OwnRows:
    """At most as many rows as wanted; `tell` gets their number now and then.

    A model without a chat template writes texts instead of prompts. Raises `Interrupted` once `stopped()` is true.
    """
    params, reads = order.params, context_length(Path(order.model.base_folder))
    of_user = renderer.opening().of_user
    drawing = Drawing(
        model,
        renderer,
        params.seed,
        params.prompt_tokens if of_user else params.max_new_tokens,
        params.max_new_tokens if of_user else 0,
        reads,
        whole=of_user,
        stopped=stopped,
    )
    judged = _judged(order, own_prompts.drawing_of(model, renderer, reads, stopped))
    found: dict[Drawn, str] = {}
    for group in drawing.groups(MOST_DRAWN * params.n_rows):
        fresh = _fresh(list(found), group, judged, drawing.dropped)
        found |= _answered(drawing, fresh) if of_user else dict.fromkeys(fresh, "")
        tell(min(len(found), params.n_rows))
        if len(found) >= params.n_rows:
            break
    kept = list(found.items())[: params.n_rows]
    rows = [{"prompt": one.text.strip(), "completion": said} if of_user else {"text": one.text} for one, said in kept]
    return OwnRows(
        PAIR if of_user else TEXT, rows, drawing.n_drawn, {why: n for why, n in drawing.dropped.items() if n}
    )


def _judged(order: SelfReplayOrder, verdicts: Drawing) -> list[Row]:
    """What shows forgetting: the suite's items, and the prompts that verdicts let the same model write."""
    asked = Judged((), order.suite, order.n_items).rows()
    n = order.own_prompts
    own = drawn_prompts.prompts(verdicts, n, own_prompts.MOST_DRAWN * n) if n else []
    return [*asked, *apart.of_prompts(one.text for one in own)]


def _fresh(known: Sequence[Drawn], group: Sequence[Drawn], judged: Sequence[Row], dropped: Counter[str]) -> list[Drawn]:
    """Those of the group that resemble neither each other, nor known ones, nor what is judged; counts the others."""
    already = set(known)
    unlike = [one for one in drawn_prompts.different([*known, *group]) if one not in already]
    dropped[NEAR] += len(group) - len(unlike)
    given_away = set(apart.places(TEXT, [{"text": one.text} for one in unlike], judged))
    dropped[JUDGED] += len(given_away)
    return [one for place, one in enumerate(unlike) if place not in given_away]


def _answered(drawing: Drawing, asked: Sequence[Drawn]) -> dict[Drawn, str]:
    """The greedy answers that came to an end."""
    given = answers(
        drawing.model,
        [one.prompt_ids for one in asked],
        eos_ids=drawing.renderer.eos_ids,
        max_new_tokens=drawing.answer_tokens,
        stopped=drawing.stopped,
    )
    found = {}
    for one, answer in zip(asked, given, strict=True):
        text = drawing.renderer.read(answer.ids, reasoned=True).answer
        if answer.ended and text:
            found[one] = text
        else:
            drawing.dropped[SILENT if answer.ended else CUT_OFF] += 1
    return found


def stage(order: SelfReplayOrder, made: OwnRows) -> tuple[MadeDataset, dict[str, Any]]:
    """Seal the rows in the staging folder; returns what was made, and the job's result."""
    name, folder = order.model.name, Path(order.staging)
    why = "; ".join(f"{n:,} {reason}" for reason, n in made.dropped.items())
    if not made.rows:
        raise StudioError(
            f"“{name}” wrote nothing usable in {made.n_drawn:,} tries ({why}).",
            code="no_rows",
            remedy="Allow longer prompts and answers, or replay a dataset of general texts instead.",
        )
    shape = registry.shape(made.shape)
    numbered = row_files.batches(shape, enumerate(made.rows, 1))
    row_files.write(folder / ROWS_FILE, shape, numbered, [False] * len(made.rows))
    dropped = f" {made.n_drawn:,} were drawn; not used: {why}." if why else ""
    few = "" if len(made.rows) >= order.params.n_rows else f", fewer than the {order.params.n_rows:,} asked for"
    what = "prompts and answered them" if made.shape == PAIR else "texts"
    result = {
        "sentence": f"“{name}” wrote {len(made.rows):,} {what}{few}.{dropped}",
        "n_rows": len(made.rows),
        "n_drawn": made.n_drawn,
        "n_dropped": sum(made.dropped.values()),
        "dropped": [{"outcome": reason, "count": n} for reason, n in made.dropped.items()],
        "teacher": order.model.as_teacher(order.license),
        "params": order.params.model_dump(mode="json"),
    }
    return (
        MadeDataset(
            manifest_sha256=files.seal(folder),
            file=ROWS_FILE,
            teacher=order.model.as_teacher(order.license),
            source=f"written by {name}",
            shape=made.shape,
            n_rows=len(made.rows),
            n_held_out=0,
            split_seed=splits.DRAWN.seed,
        ),
        result,
    )
