"""`studio models` and `studio methods`: base models, and the ways to adapt them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output
from app.cli.output import After, Json, Limit
from app.cli.train import Key, Wait
from storage.page_limits import LIMIT

if TYPE_CHECKING:
    from storage.models import Job

COLUMNS = ("name", "source", "for", "parameters", "context", "license", "revision", "trainings that fit")
CATALOGUE_COLUMNS = ("name", "parameters", "context", "languages", "license", "consent", "source")
UNCHECKED = "What the models' makers state; --json says which facts were checked. Add one: studio models add NAME"
group = typer.Typer(help="Base models: the bundled ones and your own.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="models")
    app.command("methods")(methods)


@group.command("list")
def list_all(limit: Limit = LIMIT, after: After = None, as_json: Json = False) -> None:
    """List the base models, the bundled ones first, then the shared ones."""
    from app.api import model_documents
    from app.cli import acting
    from storage import listing
    from storage.bases import base_models

    page = listing.after_id(base_models.of_user(acting.user()), listing.Place(limit, after))
    rows = model_documents.of_base_models(page.rows)
    shown = [
        {
            **row,
            "for": "everybody" if row["shared"] or row["source"] == "bundled" else "you",
            "parameters": f"{row['facts']['n_parameters'] / 1e6:.1f} M",
            "context": row["facts"]["context_length"],
            "revision": row["revision"][:12],
            "trainings that fit": _in_a_word(row["fits"]),
        }
        for row in rows
    ]
    output.emit(rows, output.table(shown, COLUMNS), as_json)
    output.tell_of_more(page.after)


def _in_a_word(kinds: Sequence[Mapping[str, Any]]) -> str:
    """The ways of training that fit: `LoRA, QLoRA`, by kind of worker if there are several."""
    words = [", ".join(way["way"] for way in kind["ways"] if way["fits"]) or "none" for kind in kinds]
    return words[0] if len(kinds) == 1 else " · ".join(f"{k['on']}: {w}" for k, w in zip(kinds, words, strict=True))


@group.command("rename")
def rename(name: str, to: str, as_json: Json = False) -> None:
    """Rename a base model that you added or shared."""
    from app.api import documents
    from app.cli import acting
    from storage.bases import renames

    row = renames.rename(acting.user(), name, to)
    output.emit(documents.of_base_model(row), [f"Renamed {name} to {row.name}."], as_json)


@group.command("catalogue")
def catalogue(as_json: Json = False) -> None:
    """List the open models that you can add by name."""
    from storage.bases import catalogue as listed

    rows = [entry.as_dict() for entry in listed.entries()]
    shown = [
        {
            **row,
            "parameters": f"{row['n_parameters'] / 1e9:.2g} B",
            "context": row["context_length"],
            "languages": " ".join(row["languages"]),
            "consent": "needed" if row["must_accept"] else "",
        }
        for row in rows
    ]
    output.emit(rows, [*output.table(shown, CATALOGUE_COLUMNS), UNCHECKED], as_json)


@group.command("add")
def add(
    name: str,
    source: Annotated[
        str,
        typer.Argument(help="A name of the catalogue, hub id[@revision], folder, .gguf file or upload; default: NAME."),
    ] = "",
    chat_template: Annotated[
        str | None, typer.Option(help="One of the studio's chat templates, for a model without one.")
    ] = None,
    license: Annotated[str | None, typer.Option(help="The licence, if the model doesn't state it.")] = None,
    shared: Annotated[bool, typer.Option("--shared", help="Add it for everybody with an account.")] = False,
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Add a base model: a job fetches it, checks it and tries it."""
    from app.api import documents
    from app.cli import acting, waiting
    from storage.bases import base_models
    from storage.planning import additions

    user = acting.user()
    job = additions.submit(
        user,
        name,
        source,
        chat_template=chat_template,
        license=license,
        shared=shared,
        idempotency_key=idempotency_key,
    )
    output.note(f"job {job.id}")

    def added(job: Job) -> dict[str, Any]:
        made = base_models.made_by(user, job.id)
        return {"base_model": documents.of_base_model(made) if made else None}

    waiting.report(user, job, wait, as_json, added)


@group.command("token")
def token(
    forget: Annotated[bool, typer.Option("--forget", help="Delete the stored token.")] = False, as_json: Json = False
) -> None:
    """Store your token for the hub, which gated models need: prompts for it, or reads it from stdin."""
    from app.cli import acting
    from storage import credentials

    user, service = acting.user(), credentials.HUB
    if forget:
        was_there = credentials.forget(user.id, service)
        line = "Deleted your token for the hub." if was_there else "No token for the hub was stored."
    else:
        credentials.keep(user.id, service, output.secret("Token"))
        line = "Stored your token for the hub, encrypted."
    output.emit({"service": service, "stored": credentials.exists(user.id, service)}, [line], as_json)


@group.command("delete")
def delete(name: str, as_json: Json = False) -> None:
    """Delete a base model that you added or shared; names what was made from it."""
    from app.api import model_documents
    from app.cli import acting
    from storage import dependents
    from storage.bases import base_models, deletions

    user = acting.user()
    depends = dependents.of(user, base_models.get(user, name))
    n_results = deletions.delete(user, name)
    lines = [f"Deleted {name}.", *depends.sentences()]
    if n_results:
        lines.append("The model’s files stay until those results are deleted.")
    document = {"deleted": name, "results": n_results, "dependents": model_documents.of_dependents(depends)}
    output.emit(document, lines, as_json)


@group.command("readings")
def readings(
    delete: Annotated[str | None, typer.Option(metavar="KEY", help="Delete this one.")] = None, as_json: Json = False
) -> None:
    """List or delete what is kept of teachers for later distillations of the same rows."""
    from app.api import documents
    from app.cli import acting
    from storage import teacher_readings
    from templates.quantities import size

    user = acting.user()
    if delete is not None:
        teacher_readings.delete(user, delete)
        output.emit({"deleted": delete}, [f"Deleted {delete}."], as_json)
        return
    found = [documents.of_reading(one) for one in teacher_readings.of_user(user)]
    shown = [{**one, "key": one["key"][:12], "size": size(one["size_bytes"])} for one in found]
    output.emit(found, output.table(shown, ("key", "teacher", "kind", "n_tokens", "size", "complete")), as_json)


@group.command("build")
def build(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The models to build; by default all.")
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder that receives the models' folders.")] = Path("models"),
    documents: Annotated[
        int | None, typer.Option(help="Number of documents in the corpus; by default as shipped.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the corpus; by default as shipped.")] = None,
    as_json: Json = False,
) -> None:
    """Pretrain the bundled models again from a seed: an hour or two on two cores. Resumes if it was killed."""
    from app.cli import workshop

    workshop.run("build", names or (), {"to": to, "documents": documents, "seed": seed}, as_json)


def methods(as_json: Json = False) -> None:
    """List every objective and method with parameters and capabilities."""
    from app.api import declarations

    found = declarations.catalogue()
    lines = ["OBJECTIVES: what a model learns"]
    for objective in found["objectives"]:
        lines += [f"  {objective['key']}: {objective['summary']}", f"      takes {', '.join(objective['row_shapes'])}"]
    lines.append("METHODS: how weights change")
    for method in found["methods"]:
        lines += [f"  {method['key']}: {method['summary']}", f"      base in {', '.join(method['quantizations'])}"]
    refused = [cell for cell in found["capabilities"] if cell["why_not"]]
    lines.append("NOT SUPPORTED TOGETHER; all other pairs are")
    lines += [
        f"  {c['objective']} with {c['method']} ({c['quantization']}): {c['why_not']} {c['instead']}" for c in refused
    ]
    lines.append("PARAMETERS (--set name=value)")
    for owner in (*found["objectives"], *found["methods"]):
        lines.append(f"  {owner['key']}")
        lines += [f"      {p['name']} = {p.get('default')}: {p.get('title', '')}" for p in owner["parameters"]]
    output.emit(found, lines, as_json)
