"""Brings what was fetched into Hugging Face layout: a GGUF file, or a zip of a folder."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from storage import disk, fork_server, programs
from storage.bases import base_model_checks as checks
from storage.bases.checkpoint_headers import INDEX
from storage.data.intake.office import zip_files
from templates.errors import BadInput, Problem
from workers.downloading import Interrupted

PROGRAM = "workers.gguf_conversion"
LOOK_S = 0.2
CHUNK_BYTES = 4 * 1024**2
ORIGINAL = "Download the file again, or add the original model that it was made from."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Converted:
    """What a GGUF file says about itself."""

    made_from: str
    """Its quantization; empty if its weights are plain."""
    license: str | None


def from_gguf(file: Path, name: str, folder: Path, threads: int, stopped: Callable[[], bool]) -> Converted:
    """Write the model in the file into the folder. Raises `BadInput`, and `Interrupted` once `stopped()`."""
    folder.mkdir(parents=True)
    environment = {key: os.environ[key] for key in fork_server.INHERITED if key in os.environ}
    environment |= {"PYTHONPATH": str(fork_server.PACKAGES), "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as said:
        command = programs.program(PROGRAM, str(file), str(folder))
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=said) as process:
            while process.poll() is None:
                if stopped():
                    process.kill()
                    raise Interrupted
                _wait(process)
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").splitlines()
    if process.returncode or not lines:
        log.warning("converting %s: exit %s", name, process.returncode)
        what = "can't be read as a model within the limits of memory and time."
        raise BadInput(Problem(what, file=name, remedy=ORIGINAL), code="bad_gguf")
    found = json.loads(lines[-1])
    if "wrong" in found:
        raise BadInput(
            Problem(f"can't be read as a model: {found['wrong']}.", file=name, remedy=ORIGINAL), code="bad_gguf"
        )
    return Converted(str(found["made_from"]), found["license"])


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        pass  # it is still at work


def member(archive: Path, name: str, target: Path, stopped: Callable[[], bool]) -> None:
    """Unpack one part of a zip whose hash is known. Raises `Interrupted` once `stopped()`."""
    import zipfile

    with zipfile.ZipFile(archive) as opened, opened.open(name) as part, target.open("wb") as file:
        while chunk := part.read(CHUNK_BYTES):
            if stopped():
                raise Interrupted
            file.write(chunk)


def from_zip(archive: Path, name: str, folder: Path, stopped: Callable[[], bool]) -> None:
    """Unpack the files of a model's folder, and no others. Raises `BadInput`, and `Interrupted` once `stopped()`."""
    folder.mkdir(parents=True)
    most = disk.free_bytes(folder)
    try:
        with zip_files.opened(archive, most_bytes=most) as opened:
            inside = _folder_inside([part.filename for part in opened.infolist()], name)
            for part in opened.infolist():
                path = PurePosixPath(part.filename)
                if part.is_dir() or path.parent != inside or not _is_wanted(path.name):
                    continue
                with opened.open(part) as source, (folder / path.name).open("wb") as file:
                    while chunk := source.read(CHUNK_BYTES):
                        if stopped():
                            raise Interrupted
                        file.write(chunk)
    except zip_files.Unusable as error:
        shutil.rmtree(folder)
        raise BadInput(Problem(error.message, file=name, remedy=error.remedy), code="bad_zip") from error


def _is_wanted(name: str) -> bool:
    return name in (*checks.CONFIG_FILES, *checks.PAPERS, INDEX) or name.endswith(".safetensors")


def _folder_inside(names: list[str], archive: str) -> PurePosixPath:
    """The folder in the zip that holds the model: the one with `config.json`, nearest to the top."""
    configs = sorted(
        (path for path in map(PurePosixPath, names) if path.name == "config.json"), key=lambda p: len(p.parts)
    )
    if not configs:
        what = "holds no config.json, so it is not a zip of a model's folder."
        raise BadInput(Problem(what, file=archive, remedy=checks.WANTED), code="bad_zip")
    return configs[0].parent
