"""Pretraining.

**What is learned.** A language, from raw text: the model predicts every token from those before it.
Together with the method *from scratch* this makes a new model; on an existing base, *continued
pretraining* is gentler.

**When to use it.** You want a small model of your own and have tens of megabytes of text. **When
not:** to adapt a base to a task; that takes a thousandth of the data.

**Conversations.** In a text written in the base's chat markup, the model learns the answers whole,
and only a share of all other tokens (`prompt_loss_share`): prompts are full of names that nothing
predicts, and their noise would drown the rest. Texts without markup are learned whole.

**How.** Matrices are updated by Muon (Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982), which
orthogonalises each update; embeddings, output head and norms by AdamW. The learning rate stays level
and falls at the end (warmup-stable-decay, Hu et al. 2024, arXiv 2404.06395). Batches hold rows of
similar length, so there is little padding.
"""

from typing import Literal

from templates.spec import RECAST, Objective, TrainingParams, setting


class PretrainParams(TrainingParams):
    """Named as in `transformers.TrainingArguments` where it has such a setting."""

    num_train_epochs: float = setting(1.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each text. Once is best if there is enough text."""
    learning_rate: float = setting(0.02, "Learning rate of matrices (Muon)", shown=True, gt=0, le=1)
    """Size of each update of the projection matrices."""
    adam_learning_rate: float = setting(4e-3, "Learning rate of the rest (AdamW)", gt=0, le=1)
    """Size of each update of embeddings, output head and norms."""
    tokens_per_batch: int = setting(4096, "Tokens per step", shown=True, unit="tokens", ge=64, le=4_194_304)
    """Tokens per batch, padding included; a batch takes rows until it is full."""
    per_device_train_batch_size: int = setting(256, "Maximum rows per step", ge=1, le=4096)
    """A batch never holds more rows than this, however short they are."""
    gradient_accumulation_steps: int = setting(2, "Steps per update", ge=1, le=4096)
    """Steps whose gradients are added up before the weights change, so that an update sees several lengths."""
    max_length: int = setting(1024, "Maximum row length", shown=True, unit="tokens", ge=8, le=1_048_576)
    """Longer texts are split into consecutive pieces of this length; nothing is lost."""
    prompt_loss_share: float = setting(0.1, "Share of prompt tokens learned", ge=0, le=1)
    """The share of the tokens outside answers that are learned, in texts written in chat markup."""
    keep_order: bool = setting(False, "Keep the order of the file")
    """Treat the texts as a curriculum: take them in the order of the file and shuffle only among neighbours."""
    lr_scheduler_type: Literal["warmup_stable_decay", "linear", "cosine", "constant"] = setting(  # type: ignore[assignment]
        "warmup_stable_decay", "Learning-rate schedule"
    )
    """How the learning rate falls during the run."""
    decay_share: float = setting(0.55, "Share of the run with a falling rate", gt=0, le=1)
    """Used by the schedule warmup_stable_decay only."""
    warmup_steps: float = setting(0.02, "Warm-up", ge=0, le=1_000_000)
    """Updates with a rising learning rate; below 1 it is a share of the run."""
    weight_decay: float = setting(0.05, "Weight decay", ge=0, le=1)
    """How strongly the matrices are pulled towards zero."""
    bf16: bool = setting(True, "Multiply in bfloat16")
    """At least twice as fast; weights stay in 32 bits. On a processor without bfloat16 instructions it would be
    far slower, so the job computes in 32 bits there and says so in its log."""
    torch_compile: bool = setting(False, "Compile the model first")
    """Takes a minute at the start and about halves the time of each step; needs a C++ compiler."""
    eval_steps: float = setting(0.05, "Held-out loss every", gt=0, le=1_000_000)
    """Updates between two measurements on held-out rows; below 1 it is a share of the run."""
    save_steps: float = setting(0.02, "Checkpoint every", gt=0, le=1_000_000)
    """Updates between two checkpoints, from which a killed job resumes; below 1 it is a share of the run."""
    logging_steps: int = setting(10, "Chart point every", unit="updates", ge=1, le=100_000)
    """Updates between two points of the training-loss chart."""

    def rows_at_once(self, n_tokens: float) -> int:
        """As many rows as fit into `tokens_per_batch`: at least one, at most `per_device_train_batch_size`."""
        return max(1, min(self.per_device_train_batch_size, int(self.tokens_per_batch / max(n_tokens, 1.0))))


SPEC = Objective(
    title="Learn a language from the beginning",
    summary="Pretraining: predicts every token of much raw text; with “from scratch” it makes a new model.",
    params=PretrainParams,
    needs=(RECAST,),
    row_shapes=("text",),
    advised_method="from_scratch",
    presets={
        "quick": {"num_train_epochs": 0.1},
        "balanced": {"num_train_epochs": 1.0},
        "thorough": {"num_train_epochs": 2.0},
    },
    trains_prompt=True,
)
