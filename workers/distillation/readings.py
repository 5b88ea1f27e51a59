"""What a teacher says about rows, kept in sealed shards: read once, and found again by every later job.

A folder's name is a hash of all that its content depends on. A killed job's shards stay, and the next attempt, or
another job with the same teacher and rows, goes on after them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from storage import files, teacher_readings
from templates.errors import StudioError
from templates.quantities import plural
from workers import sharing
from workers.distillation import kept_forms
from workers.distillation.divergences import Targets
from workers.distillation.kept_forms import Arrays, Form
from workers.evaluation.generation import Interrupted
from workers.evaluation.losses import LOGITS_AT_ONCE, ROWS_AT_ONCE, TOKENS_AT_ONCE
from workers.evaluation.predictions import Piece, first_counted, forward_arguments, predicted
from workers.evaluation.shared_prefix import shared_prefix
from workers.stages import Watch
from workers.training.batches import Example

FORM = 1
"""Raised when the same teacher and rows would give other files."""
SHARD_TOKENS = 16_384
"""Tokens that are read for one shard; a kill loses at most these."""
SHARD_BYTES = 128 * 1024 * 1024
WAIT_S = 0.5
LOCK = "lock"
Teacher = Callable[[], Any]
"""Loads the teacher, in eval mode, or returns it if it is in memory already."""


@dataclass(frozen=True)
class Asked:
    """Everything that a reading depends on."""

    teacher: tuple[str, ...]
    """Hashes of the teacher's weights, and the precision in which it reads."""
    name: str
    """The teacher's name, for lists."""
    vocab_size: int
    """The tokens that both teacher and student have; the others are left out of the distributions."""
    temperature: float
    form: Form
    seed: int

    def key(self, digests: Sequence[str]) -> str:
        """The hash of it all with the rows."""
        parts = [FORM, self.teacher, self.vocab_size, self.temperature, repr(self.form), self.seed, digests]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


class Reading:
    """The teacher's distributions at the learned tokens of examples, in the order of the examples given."""

    def __init__(self, home: Path, examples: Sequence[Example], asked: Asked, job_id: str = ""):
        digests = [_digest(example) for example in examples]
        ordered = sorted(dict(zip(digests, examples, strict=True)).items(), key=_order)
        self._examples = [example for _, example in ordered]
        places = {digest: place for place, (digest, _) in enumerate(ordered)}
        self._places = [places[digest] for digest in digests]
        self._asked, self._job_id = asked, job_id
        self.folder = home / asked.key([digest for digest, _ in ordered])
        self._shards = list(_shards(self._examples, asked))
        self._shard_of = {place: number for number, shard in enumerate(self._shards) for place in shard}
        self._opened: dict[int, Arrays] = {}

    @property
    def n_tokens(self) -> int:
        """Learned tokens about which the teacher is asked."""
        return sum(example.n_trained for example in self._examples)

    @cached_property
    def size_bytes(self) -> int:
        """The size of its files once it is complete."""
        return sum(path.stat().st_size for path in self.folder.glob("shard-*/*.npy"))

    def complete(self, teacher: Teacher, watch: Watch) -> int:
        """Let the teacher read what is missing; returns the number of tokens that were read now.

        Raises `Interrupted` once told to stop.
        """
        with _alone(self.folder, watch):
            teacher_readings.mark_used(self.folder, self._job_id or "bench")
            missing = [number for number in range(len(self._shards)) if files.flaw(self._path(number))]
            self._write_facts(complete=not missing)
            if not missing:
                return 0
            reader = _Reader(teacher(), self._asked, self._examples)
            of = sum(len(example.ids) for example in self._examples)
            done = of - sum(self._n_tokens(number) for number in missing)
            for number in missing:
                n_tokens = self._n_tokens(number)
                part = watch.of(done / of, (done + n_tokens) / of)
                self._seal(number, reader.read(self._shards[number], self._asked.seed + number, part))
                part.tell(1.0, told(self._asked), kept=True)
                done += n_tokens
            self._write_facts(complete=True)
            return sum(self._n_tokens(number) for number in missing)

    def targets(self, numbers: Sequence[int]) -> Targets:
        """The distributions at the learned tokens of these examples, one after another."""
        found = [self._of(self._places[number]) for number in numbers]
        return kept_forms.joined([self._asked.form.targets(arrays, [place]) for arrays, place in found])

    def _of(self, place: int) -> tuple[Arrays, slice]:
        number = self._shard_of[place]
        if number not in self._opened:
            folder = self._path(number)
            arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
            starts = np.cumsum([0, *(self._examples[each].n_trained for each in self._shards[number])])
            self._opened[number] = {**arrays, STARTS: starts}
        arrays = self._opened[number]
        within = place - self._shards[number].start
        return arrays, slice(int(arrays[STARTS][within]), int(arrays[STARTS][within + 1]))

    def _n_tokens(self, number: int) -> int:
        return sum(len(self._examples[place].ids) for place in self._shards[number])

    def _path(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}"

    def _seal(self, number: int, arrays: Arrays) -> None:
        draft = self.folder / f".draft-{number:05d}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, array in arrays.items():
            np.save(draft / f"{name}.npy", array)
        files.seal(draft)
        files.move_folder(draft, self._path(number))

    def _write_facts(self, *, complete: bool) -> None:
        facts = {
            "teacher": self._asked.name,
            "kind": repr(self._asked.form),
            "n_tokens": self.n_tokens,
            "complete": complete,
        }
        with files.atomic_file(self.folder / teacher_readings.FACTS) as file:
            file.write(json.dumps(facts).encode())


STARTS = "starts"


class _Reader:
    """Reads examples with the teacher, a shard at a time."""

    def __init__(self, model: Any, asked: Asked, examples: Sequence[Example]):
        self._model, self._asked, self._examples = model, asked, examples
        self._takes, self._device = forward_arguments(model), next(model.parameters()).device
        vocabulary = int(model.config.get_text_config().vocab_size)
        self._tokens_at_once = min(TOKENS_AT_ONCE, max(1, LOGITS_AT_ONCE // vocabulary))
        self._rows_at_once = ROWS_AT_ONCE if sharing.may_share(model) else 1

    @torch.inference_mode()
    def read(self, shard: range, seed: int, watch: Watch) -> Arrays:
        """The arrays of one shard."""
        pieces = [(one.ids, one.trained) for one in (self._examples[place] for place in shard)]
        prefix = shared_prefix(self._model, [piece[0][: first_counted(piece[1])] for piece in pieces])
        generator = torch.Generator(self._device).manual_seed(seed)
        found: list[Arrays] = []
        done, of = 0, sum(len(ids) for ids, _ in pieces)
        for some in self._batches(pieces):
            if watch.stopped:
                raise Interrupted
            watch.tell(done / of, told(self._asked))
            done += sum(len(ids) for ids, _ in some)
            logits, _, counted = predicted(self._model, some, prefix, self._takes, self._device)
            own = logits[..., : self._asked.vocab_size][counted] / self._asked.temperature
            if not bool(own.isfinite().all()):
                raise StudioError(
                    f"The probabilities of the teacher “{self._asked.name}” are not numbers on some rows.",
                    code="not_a_number",
                    remedy="Choose another teacher, or let it read in full precision (teacher_quantization).",
                )
            found.append(self._asked.form.kept(own.log_softmax(-1), generator))
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    def _batches(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """The pieces in their order, the longest first, as many as fit together."""
        batch: list[Piece] = []
        for piece in pieces:
            longest = len((batch or [piece])[0][0])
            if len(batch) >= self._rows_at_once or longest * (len(batch) + 1) > max(longest, self._tokens_at_once):
                yield batch
                batch = []
            batch.append(piece)
        yield batch


def _digest(example: Example) -> str:
    told = np.asarray(example.ids, np.int64).tobytes() + np.asarray(example.trained, np.bool_).tobytes()
    return hashlib.sha256(told).hexdigest()


def _order(item: tuple[str, Example]) -> tuple[int, str]:
    """The longest first, so that a lack of memory shows at once; the order of the rows plays no part."""
    return -len(item[1].ids), item[0]


def _shards(examples: Sequence[Example], asked: Asked) -> Iterator[range]:
    """Ranges of examples of about the same number of tokens."""
    start, n_read, n_bytes = 0, 0, 0.0
    widest = 2.0 * asked.vocab_size if isinstance(asked.form, kept_forms.Full) else 1024.0
    for place, example in enumerate(examples):
        n_read += len(example.ids)
        n_bytes += widest * example.n_trained
        if n_read >= SHARD_TOKENS or n_bytes >= SHARD_BYTES:
            yield range(start, place + 1)
            start, n_read, n_bytes = place + 1, 0, 0.0
    if start < len(examples):
        yield range(start, len(examples))


@contextmanager
def _alone(folder: Path, watch: Watch) -> Iterator[None]:
    """While inside, no other job fills the folder. Raises `Interrupted` if told to stop while waiting."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _locked(descriptor):
            if watch.stopped:
                raise Interrupted
            watch.tell(0.0, "another job reads the same rows with the same teacher; waiting for it")
            time.sleep(WAIT_S)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def told(asked: Asked) -> str:
    """What the teacher is doing, for the job's page."""
    return f"“{asked.name}” reads the rows"


def words(reading: Reading, n_read: int) -> str:
    """A sentence on what is kept and whether it was there already."""
    each = reading.size_bytes / max(1, reading.n_tokens)
    kept = f"{plural(reading.n_tokens, 'learned token')} at {each:,.1f} bytes each"
    return f"{kept}, {'read now' if n_read else 'found from an earlier job'}"
