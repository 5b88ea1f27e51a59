"""Universal logit distillation: the distance between two models with different tokens, by TRL's `ULDLoss`.

TRL's `GOLDTrainer` renders, tokenises and batches by itself; here rows are those of the preview, and only its loss is
used. It gets the logits at the learned tokens alone, and merges tokens until both models end at the same place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import decoders
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel
from trl.experimental.gold.gold_trainer import ULDLoss
from trl.experimental.utils import is_byte_level_tokenizer

from storage.rendering import tokenizer_files
from storage.rendering.renderer import Renderer
from templates.objectives.distill_gold import DistillGoldParams
from workers import sharing
from workers.distillation.answers_in_two import InTwo, Side
from workers.evaluation.generation import Interrupted
from workers.evaluation.losses import Floats
from workers.evaluation.predictions import forward_arguments
from workers.training import batches
from workers.training.batches import IGNORED

END = "the end of an answer"
"""What the token that ends an answer is called in both vocabularies."""
UNKNOWN = "\ufffd"


@dataclass(frozen=True)
class Settings:
    """What `ULDLoss` reads of a `GOLDConfig`, which would be a whole set of training arguments."""

    uld_crossentropy_weight: float
    uld_distillation_weight: float
    uld_student_temperature: float
    uld_teacher_temperature: float
    uld_use_hybrid_loss: bool
    beta: float
    uld_hybrid_matched_weight: float | None = None
    uld_hybrid_unmatched_weight: float | None = None
    uld_skip_student_eos: bool = False
    uld_skip_teacher_eos: bool = False
    use_extended_uld: bool = True
    uld_token_merge_strategy: str = "bayesian"
    """As `observed`, TRL's default, takes the logits one place too late."""


@dataclass(frozen=True)
class Vocabulary:
    """A model's tokens by what they stand for, so that both models call the same piece of text the same."""

    renderer: Renderer
    end_id: int | None
    size: int
    """Of the model's head; tokens beyond it are never predicted."""

    def get_vocab(self) -> dict[str, int]:
        """Token → id, as `ULDLoss` asks for it."""
        tokenizer = tokenizer_files.tokenizer(self.renderer.folder)
        spelled = _bytes if is_byte_level_tokenizer(tokenizer) else _blanks
        found: dict[str, int] = {}
        for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
            if number < self.size:
                found.setdefault(END if number == self.end_id else spelled(token), number)
        return found


class Gold:
    """The distance of a student to its teacher on rows that each reads in its own tokens."""

    def __init__(
        self,
        params: DistillGoldParams,
        renderers: tuple[Renderer, Renderer],
        teacher: Callable[[], PreTrainedModel],
        rows: Sequence[InTwo],
    ):
        """`renderers` are the student's and the teacher's; `rows` show which tokens end answers."""
        self._params, self._renderers, self._teacher = params, renderers, teacher
        self._ends = _most_common([row.student for row in rows]), _most_common([row.teacher for row in rows])
        self._made: dict[tuple[float, torch.device], ULDLoss] = {}

    def loss(self, model: PreTrainedModel, rows: Sequence[InTwo], *, ce_share: float) -> Tensor:
        """The mean over rows, with this share of the rows' own answers."""
        student = self._read(model, [row.student for row in rows], self._renderers[0])
        with torch.no_grad():
            teacher = self._read(self._teacher(), [row.teacher for row in rows], self._renderers[1])
        teacher = teacher.to(student.logits.device)
        found: Tensor = self._uld(ce_share, student, teacher)(
            student_logits=student.logits,
            teacher_logits=teacher.logits,
            student_labels=student.labels,
            teacher_labels=teacher.labels,
            student_input_ids=student.labels,
            teacher_input_ids=teacher.labels,
            student_byte_offsets=student.offsets,
            teacher_byte_offsets=teacher.offsets,
        )
        return found

    @torch.no_grad()
    def of_rows(
        self,
        model: PreTrainedModel,
        rows: Sequence[InTwo],
        stopped: Callable[[], bool],
        *,
        ce_share: float = 0.0,
    ) -> Floats:
        """The loss on each of these rows, `(rows,)`. Raises `Interrupted` once told to stop."""
        found, was_training = np.zeros(len(rows)), model.training
        model.eval()
        try:
            for place, row in enumerate(rows):
                if stopped():
                    raise Interrupted
                found[place] = float(self.loss(model, [row], ce_share=ce_share))
        finally:
            model.train(was_training)
        return found

    def _uld(self, ce_share: float, student: Read, teacher: Read) -> ULDLoss:
        device = student.logits.device
        if (ce_share, device) not in self._made:
            params, sizes = self._params, (student.logits.shape[-1], teacher.logits.shape[-1])
            vocabularies = [Vocabulary(*one) for one in zip(self._renderers, self._ends, sizes, strict=True)]
            settings = Settings(
                uld_crossentropy_weight=ce_share,
                uld_distillation_weight=1 - ce_share,
                uld_student_temperature=params.temperature,
                uld_teacher_temperature=params.temperature,
                uld_use_hybrid_loss=params.uld_use_hybrid_loss,
                beta=params.beta,
            )
            self._made[ce_share, device] = ULDLoss(settings, *vocabularies, device=device)
        return self._made[ce_share, device]

    @staticmethod
    def _read(model: PreTrainedModel, sides: Sequence[Side], renderer: Renderer) -> Read:
        """What the model predicts at the learned tokens of these rows."""
        takes = forward_arguments(model)
        examples = [side.example for side in sides]
        batch = batches.padded(
            examples,
            renderer.eos_ids[0],
            answers_only="logits_to_keep" in takes,
            on_the_right=not sharing.may_share(model),
        )
        labels = batch.pop("labels")[:, 1:].to(model.device)
        given = {
            name: value.to(model.device) if isinstance(value, Tensor) else value
            for name, value in batch.items()
            if name in takes
        }
        logits, learned = model(**given).logits[:, :-1], labels != IGNORED
        counts = learned.sum(1).tolist()
        return Read.of(torch.split(logits[learned].float(), counts), torch.split(labels[learned], counts), sides)


@dataclass(frozen=True)
class Read:
    """Rows of learned tokens alone, in the form that `ULDLoss` takes: one place that is no answer, then the answer.

    `logits` `(rows, places, vocabulary)` predict the label one place to their right; `labels` `(rows, places)`; and
    `offsets` `(rows, places, 2)`, where each token begins and ends in the answers' text.
    """

    logits: Tensor
    labels: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, logits: Sequence[Tensor], labels: Sequence[Tensor], sides: Sequence[Side]) -> Read:
        """From each row's logits `(tokens, vocabulary)` and labels `(tokens,)`."""
        unlearned = labels[0].new_full((1,), IGNORED)
        spans = [torch.tensor([(0, 0), *zip([0, *side.ends], side.ends, strict=False)]) for side in sides]
        return cls(
            pad_sequence([torch.nn.functional.pad(one, (0, 0, 0, 1)) for one in logits], batch_first=True),
            pad_sequence([torch.cat([unlearned, one]) for one in labels], batch_first=True, padding_value=IGNORED),
            pad_sequence(spans, batch_first=True).to(labels[0].device),
        )

    def to(self, device: torch.device) -> Read:
        """The same on this device."""
        return Read(self.logits.to(device), self.labels.to(device), self.offsets.to(device))


def _most_common(sides: Sequence[Side]) -> int | None:
    ends = Counter(side.end_id for side in sides if side.end_id is not None)
    return ends.most_common(1)[0][0] if ends else None


_BYTES = decoders.ByteLevel()


def _bytes(token: str) -> str:
    """The text of a token of byte-level BPE; a part of a character keeps its own name."""
    text = str(_BYTES.decode([token]))
    return token if UNKNOWN in text else text


def _blanks(token: str) -> str:
    """The text of a token whose blanks are written as ▁."""
    return token.replace("▁", " ")
