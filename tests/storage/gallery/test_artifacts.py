"""The gallery: ownership, names, what leaves in a zip."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from storage import db, files, users
from storage.gallery import artifacts, downloads
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, JobInput, JobState, User
from storage.settings import settings
from templates.errors import BadInput, Conflict, NotFound, StudioError

SHIPPED = {
    "adapter_config.json": b"{}",
    "adapter_model.safetensors": b"w" * 3_000_000,
    "README.md": b"# card",
    "base/config.json": b"{}",
    "base/model.safetensors": b"base",
}
KEPT = {
    "evaluation/answers.jsonl": b'{"prompt": "private"}',
    "teacher_answers/rows.parquet": b"private",
    "training_args.bin": b"token",
    "base/deeper/config.json": b"{}",
}


@pytest.fixture
def parents(studio: User) -> tuple[str, str]:
    """Rows that an artifact refers to: a base model and a dataset."""
    base = BaseModelRow(
        name="studio-nano", source="bundled", origin="studio-nano", revision="r", license="Apache-2.0",
        location="studio-nano", facts={}, size_bytes=1, created_at=0,
    )  # fmt: skip
    data = Dataset(
        owner_id=studio.id, name="rows", shape="text", source_filename="rows.txt", sha256="s", mapping={},
        n_rows=1, n_held_out=0, split_seed=1, created_at=0,
    )  # fmt: skip
    with db.writing() as session:
        session.add(base)
        session.add(data)
    return base.id, data.id


def publish(user: User, parents: tuple[str, str], name: str) -> Artifact:
    inputs = [JobInput(role="base", base_model_id=parents[0]), JobInput(role="training", dataset_id=parents[1])]
    job = jobs.submit(user, name=name, kind="train", spec={"n": name}, inputs=inputs)
    location = f"artifacts/{job.id}/1"
    folder = settings().files / location
    for inside, content in {**SHIPPED, **KEPT}.items():
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_bytes(content)
    with db.writing() as session:
        artifact = Artifact(
            owner_id=user.id, name=artifacts.free_name(session, user.id, name), job_id=job.id, attempt=1,
            kind="adapter", facts={"recipe": {}, "weights_sha256": "w", "verdict": {}}, location=location,
            manifest_sha256=files.seal(folder), size_bytes=7, duration_s=1.0,
            created_at=db.clock(session),
        )  # fmt: skip
        session.add(artifact)
        session.get_one(Job, job.id).state = JobState.SUCCEEDED
    return artifact


def test_found_by_name_and_id_by_its_owner_only(studio: User, parents: tuple[str, str]) -> None:
    made = publish(studio, parents, "tone")
    stranger = users.add("mallory", "a long password")
    assert artifacts.get(studio, "tone").id == artifacts.get(studio, made.id).id == made.id
    assert [a.id for a in artifacts.of_user(studio)] == [made.id]
    assert artifacts.of_user(stranger) == []
    for name in ("tone", made.id):
        with pytest.raises(NotFound):
            artifacts.get(stranger, name)


def test_zip_holds_the_allow_list_and_matching_checksums(studio: User, parents: tuple[str, str]) -> None:
    publish(studio, parents, "tone")
    chunks, filename = downloads.zip_stream(studio, "tone")
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.testzip() is None
        content = {name.removeprefix("tone/"): archive.read(name) for name in archive.namelist()}
    assert filename == "tone.zip"
    sums = dict(reversed(line.split("  ")) for line in content.pop("SHA256SUMS").decode().splitlines())
    assert content == SHIPPED
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in SHIPPED.items()}


def test_a_damaged_artifact_is_not_handed_out(studio: User, parents: tuple[str, str]) -> None:
    made = publish(studio, parents, "tone")
    (artifacts.folder(made) / "adapter_model.safetensors").write_bytes(b"x")
    with pytest.raises(StudioError, match="checksum"):
        downloads.zip_stream(studio, "tone")


def test_export_to_a_folder_or_a_zip_and_never_over_something(
    studio: User, parents: tuple[str, str], tmp_path: Path
) -> None:
    publish(studio, parents, "tone")
    out = downloads.export(studio, "tone", tmp_path / "a" / "out")
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {*SHIPPED, "SHA256SUMS"}
    assert zipfile.is_zipfile(downloads.export(studio, "tone", tmp_path / "out.zip"))
    for taken in (out, tmp_path / "out.zip"):
        with pytest.raises(BadInput, match="not empty"):
            downloads.export(studio, "tone", taken)


def test_names_stay_distinct(studio: User, parents: tuple[str, str]) -> None:
    publish(studio, parents, "tone")
    second = publish(studio, parents, "tone")
    assert second.name == "tone-2"
    for taken in ("tone", "studio-nano"):
        with pytest.raises(Conflict, match="already the name"):
            artifacts.rename(studio, "tone-2", taken)
    assert artifacts.rename(studio, "tone-2", " 语气-v2 ").name == "语气-v2"
    assert artifacts.rename(studio, "语气-v2", "语气-v2").name == "语气-v2"


@pytest.mark.parametrize("name", ["", " ", "../up", "a/b", ".hidden", "-flag", "x" * 65, "a\nb", "<b>"])
def test_unusable_names_are_refused(studio: User, parents: tuple[str, str], name: str) -> None:
    publish(studio, parents, "tone")
    with pytest.raises(BadInput):
        artifacts.rename(studio, "tone", name)


def test_notes_and_deletion(studio: User, parents: tuple[str, str]) -> None:
    made = publish(studio, parents, "tone")
    assert artifacts.annotate(studio, "tone", "for support").note == "for support"
    with pytest.raises(BadInput):
        artifacts.annotate(studio, "tone", "x" * 10_001)
    assert artifacts.total_bytes(studio) == 7
    artifacts.delete(studio, "tone")
    with pytest.raises(NotFound):
        artifacts.get(studio, made.id)
    assert publish(studio, parents, "tone").name == "tone"
    assert artifacts.folder(made).is_dir()
