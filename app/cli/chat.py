"""`studio chat`: the same prompt to each model, side by side."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output
from app.cli.output import Json
from templates.at_strength import FULL, AtStrength
from templates.errors import BadInput, Problem, Unavailable

if TYPE_CHECKING:
    from app.chat_client import Answer
    from storage.models import User

STARTS_WITHIN_S = 120.0
MAX_MODELS = 8
SHOWN_LABELS = 5


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("chat")(chat)


def chat(
    prompt: str,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", help="A base model or artifact; repeat it. NAME@0.5: at strength 0.5."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="Share of a LoRA adapter's effect, above 0, at most 1, for every named result that has one."),
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The system text for every model; by default, the first adapted model's own.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed for every model; random by default.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0 always picks the likeliest token.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Give the same prompt to each model. Starts a temporary chat server if none is running."""
    from dataclasses import asdict

    from app import chat_opening
    from app.cli import acting

    if not models:
        raise BadInput(Problem("is missing.", field="--model", remedy="Name a base model or an artifact."))
    if len(models) > MAX_MODELS:
        raise BadInput(Problem(f"at most {MAX_MODELS} models at once.", field="--model"))
    user = acting.user()
    models = _at_strength(user, models, strength)
    instruction = chat_opening.instruction(user, models) if instruction is None else instruction
    seed = secrets.randbelow(2**31) if seed is None else seed
    with running_server():
        asked, labels_of = chat_opening.turns(instruction, prompt), chat_opening.labels_of(user, models)
        answers = _answers(models, asked, seed, max_new_tokens, temperature, labels_of)
    if instruction:
        output.note(f"instruction for every model: {instruction}")
    document = {
        "prompt": prompt,
        "instruction": instruction,
        "seed": seed,
        "temperature": temperature,
        "max_new_tokens": max_new_tokens,
        "answers": [{"text": answer.text, "reasoning": answer.reasoning, **asdict(answer.info)} for answer in answers],
    }
    output.emit(document, [line for answer in answers for line in _shown(answer)], as_json)


def _at_strength(user: User, models: list[str], strength: float | None) -> list[str]:
    """The models as they are asked: results at this strength, base models beside them as they are."""
    from storage.gallery import artifacts
    from templates import at_strength

    read = [at_strength.read(model) for model in models]
    if strength is None:
        return [str(one) for one in read]
    at_strength.checked(strength)
    weakened = {one.name for one in artifacts.models_of(user)} & {one.name for one in read}
    if not weakened:
        what = f"{strength:g} is given, but only base models are named, which have no strength."
        raise BadInput(Problem(what, field="--strength", remedy="Name a result of yours, or leave it out."))
    return [str(AtStrength(one.name, strength)) if one.name in weakened else str(one) for one in read]


def _answers(
    models: list[str],
    conversation: list[dict[str, str]],
    seed: int,
    max_new_tokens: int,
    temperature: float,
    labels_of: str | None,
) -> list[Answer]:
    """Ask all models at once, so that adapters of one base share its steps."""
    from concurrent.futures import ThreadPoolExecutor

    from app import chat_client
    from storage import users

    user = users.local()

    def ask(model: str) -> Answer:
        return chat_client.complete(
            model,
            conversation,
            user=user,
            seed=seed,
            temperature=temperature,
            max_new_tokens=max_new_tokens,
            labels_of=labels_of,
        )

    with ThreadPoolExecutor(len(models)) as threads:
        return list(threads.map(ask, models))


def _shown(answer: Answer) -> list[str]:
    info = answer.info
    marks = [(info.weights_sha256 or info.base_revision or "")[:12], info.finish_reason]
    thought = [f"(Reasoning: {len(answer.reasoning):,} characters; --json shows it.)"] if answer.reasoning else []
    text = answer.text or ("(No answer: the model was cut off in its reasoning.)" if thought else "")
    name = AtStrength(info.model, info.strength or FULL).words
    return [f"── {name} ({', '.join(mark for mark in marks if mark)})", *thought, text, *_labels(info.labels), ""]


def _labels(told: Mapping[str, Any] | None) -> list[str]:
    """The likeliest labels, and whether the model is sure enough; nothing for a free answer."""
    if not told:
        return []
    unsure = f"(Don't know: below {told['threshold']:.1%}.)" if told["is_sure"] is False else ""
    lines = [f"  {one['probability']:6.1%}  {one['label']}" for one in told["probabilities"][:SHOWN_LABELS]]
    return [*([unsure] if unsure else []), *lines]


@contextmanager
def running_server() -> Iterator[None]:
    """The running chat server, or a temporary one on a free port."""
    from app import chat_client, supervise
    from storage import programs
    from storage.settings import settings

    try:
        chat_client.health()
    except Unavailable:
        if settings().chat_url:
            raise
    else:
        yield
        return
    port = str(supervise.free_port())
    log = programs.log_path("chat")
    output.note(f"No chat server is running; starting a temporary one. Its log: {log}")
    with programs.for_the_duration(
        "chat", programs.CHAT, STUDIO_CHAT_HOST="127.0.0.1", STUDIO_CHAT_PORT=port
    ) as process:
        os.environ |= {"STUDIO_CHAT_HOST": "127.0.0.1", "STUDIO_CHAT_PORT": port}
        settings.cache_clear()
        supervise.wait_until_answers(f"{settings().chat}/healthz", process, log, STARTS_WITHIN_S)
        yield
