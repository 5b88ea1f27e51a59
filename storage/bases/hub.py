"""Asks the Hugging Face hub, or the server in `HF_ENDPOINT`, about models; `workers.downloading` fetches them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from storage import credentials, users
from storage.bases import base_model_checks as checks
from storage.bases.checkpoint_headers import INDEX, WEIGHTS
from storage.bases.sources import HubFile, HubSource
from storage.models import User
from templates.errors import BadInput, Problem, StudioError, Unavailable, refuse

T = TypeVar("T")
ID = r"[\w.-]+/[\w.-]+"
REVISION = r"[\w./-]+"
PUBLIC = "https://huggingface.co"
TIMEOUT_S = 20.0
MOST_FOUND = 20
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
SMALL_BYTES = 20_000_000
"""Larger configs are not read when a download is submitted."""
TOKEN_REMEDY = (
    "Accept its terms on the hub, then store that account's token: on the page Models, or `studio models token`."
)


@dataclass(frozen=True)
class Found:
    """A model that a search found."""

    id: str
    downloads: int
    likes: int
    is_gated: bool
    license: str | None


def endpoint() -> str:
    """The hub's address."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")


def is_id(text: str) -> bool:
    """Whether `text` has the form of a hub id, perhaps with `@` and a revision."""
    form = rf"{ID}(@{REVISION})?"
    return len(text) <= 300 and re.fullmatch(form, text, re.ASCII) is not None and not text.startswith((".", "-"))


def file_url(source: HubSource, name: str) -> str:
    """The address of one of its files."""
    return f"{endpoint()}/{source.id}/resolve/{source.revision}/{quote(name)}"


def token_of(user: User) -> SecretStr | None:
    """The user's token for the hub; without accounts also the one in `HF_TOKEN`. Raises `StudioError`."""
    own = credentials.token(user.id, credentials.HUB)
    if own is not None or users.any_accounts():
        return own
    return SecretStr(os.environ["HF_TOKEN"]) if os.environ.get("HF_TOKEN") else None


def search(user: User, text: str, most: int = MOST_FOUND) -> list[Found]:
    """Text-generation models whose names contain the text, the most used first. Raises `Unavailable`.

    huggingface_hub would try for half a minute when nothing answers, while somebody waits.
    """
    wanted = {"search": text, "filter": "text-generation", "sort": "downloads", "direction": "-1", "limit": str(most)}
    shown = [("expand[]", name) for name in ("downloads", "likes", "gated", "tags")]
    try:
        answer = httpx.get(
            f"{endpoint()}/api/models",
            params=[*wanted.items(), *shown],
            headers=_authorization(token_of(user)),
            timeout=TIMEOUT_S,
            follow_redirects=True,
        )
        answer.raise_for_status()
        return [_found(model) for model in answer.json()]
    except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
        raise unavailable("", error) from error


def _found(model: dict[str, Any]) -> Found:
    tags = model.get("tags") or ()
    return Found(
        id=str(model["id"]),
        downloads=int(model.get("downloads") or 0),
        likes=int(model.get("likes") or 0),
        is_gated=bool(model.get("gated")),
        license=next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None),
    )


def _authorization(token: SecretStr | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def pin(user: User, asked: str) -> HubSource:
    """The model `owner/name[@revision]` at its present commit, with the files that a base model may need.

    Raises `BadInput` for a model that does not exist or can't be a base, `Unavailable` if the hub does not respond.
    """
    hub_id, _, revision = asked.partition("@")

    def ask(api: Any) -> Any:
        return api.model_info(
            hub_id, revision=revision or None, files_metadata=True, timeout=TIMEOUT_S, token=_given(user)
        )

    info = _asked(hub_id, ask, revision)
    files = [_file(file) for file in info.siblings or [] if "/" not in file.rfilename]
    refuse(checks.weights_problems({file.name for file in files}))
    card = info.card_data
    return HubSource(
        title=f"{hub_id} from the hub",
        id=hub_id,
        revision=str(info.sha),
        files=tuple(_wanted(files)),
        license=_text(getattr(card, "license", None)),
        languages=_codes(getattr(card, "language", None)),
    )


def _file(file: Any) -> HubFile:
    lfs = file.lfs
    return HubFile(
        name=file.rfilename, size_bytes=file.size or 0, sha256=lfs.sha256 if lfs else None, git_oid=file.blob_id
    )


def _wanted(files: list[HubFile]) -> list[HubFile]:
    """The small files, and the weights in the one layout that is loaded; some models have them in two."""
    names = {file.name for file in files}
    small = [file for file in files if file.name in (*checks.CONFIG_FILES, *checks.PAPERS, INDEX)]
    is_sharded = INDEX in names
    weights = [file for file in files if (SHARD.fullmatch(file.name) if is_sharded else file.name == WEIGHTS)]
    if is_sharded and not weights:  # shards with names of their own
        weights = [file for file in files if file.name.endswith(".safetensors")]
    return [*small, *weights]


def fetch_config(user: User, source: HubSource, folder: Path) -> None:
    """Fetch its config and chat template, so that they can be checked before the job. Raises like `pin`."""
    token = token_of(user)
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT_S, headers=_authorization(token)) as client:
        for file in source.files:
            if file.name not in checks.ANNOUNCING or file.size_bytes > SMALL_BYTES:
                continue
            try:
                answer = client.get(file_url(source, file.name))
            except httpx.HTTPError as error:
                raise unavailable(source.id, error) from error
            if answer.status_code in (401, 403):
                raise gated(source.id, token is not None)
            if answer.status_code != 200:
                raise unavailable(source.id, httpx.HTTPError(f"status {answer.status_code}"))
            (folder / file.name).write_bytes(answer.content)


def _given(user: User) -> str | bool:
    """The token as huggingface_hub takes it; False keeps it from looking for one on this machine."""
    token = token_of(user)
    return token.get_secret_value() if token else False


def _asked(hub_id: str, ask: Callable[[Any], T], revision: str = "", noun: str = "model") -> T:
    from huggingface_hub import HfApi  # needed late: slow to import

    try:
        return ask(HfApi(endpoint=endpoint()))
    except StudioError:
        raise
    except Exception as error:
        raise _in_words(hub_id, error, revision, noun) from error


def dataset_commit(user: User, hub_id: str, revision: str) -> str:
    """The present commit of a dataset, or that of its `revision` if not empty. Raises like `pin`."""

    def ask(api: Any) -> str:
        info = api.dataset_info(hub_id, revision=revision or None, timeout=TIMEOUT_S, token=_given(user))
        return str(info.sha)

    return _asked(hub_id, ask, revision, "dataset")


def _in_words(hub_id: str, error: Exception, revision: str, noun: str) -> StudioError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return gated(hub_id, False)
    if isinstance(error, errors.RevisionNotFoundError):
        remedy = "Give a branch, a tag or a commit that it has, or leave the revision out."
        return BadInput(Problem(f"“{hub_id}” has no revision “{revision}”.", field="source", remedy=remedy))
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        remedy = "Check the spelling. For a private one, store a token of an account that may read it."
        return BadInput(Problem(f"The hub has no {noun} “{hub_id}”.", field="source", remedy=remedy))
    return unavailable(hub_id, error, noun)


def gated(hub_id: str, with_token: bool) -> BadInput:
    """The refusal of a model whose owner lets only some accounts in."""
    who = "the account of your token isn't one of them" if with_token else "you have stored no token"
    message = f"“{hub_id}” is gated: its owner lets only some accounts in, and {who}."
    return BadInput(Problem(message, field="source", remedy=TOKEN_REMEDY), code="gated")


def unavailable(hub_id: str, error: Exception, noun: str = "model") -> Unavailable:
    """The error for a hub that does not answer as it should."""
    kind = "" if noun == "model" else f" --repo-type {noun}"
    what = "that folder" if noun == "model" else "its files"
    other = f", or download it elsewhere (`hf download {hub_id}{kind} --local-dir FOLDER`) and add {what}"
    return Unavailable(
        f"The Hugging Face hub does not respond ({type(error).__name__}).",
        remedy=f"Try again{other if hub_id else ''}.",
    )


def _text(stated: Any) -> str | None:
    return str(stated) if isinstance(stated, str) and stated else None


def _codes(stated: Any) -> tuple[str, ...]:
    listed = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
    return tuple(str(code)[:12] for code in listed[:50])
