"""Supervised fine-tuning (SFT).

**What is learned.** To give the answers in your rows: the next-token loss covers the answers' tokens
only; the model reads the prompts but does not learn them. In pairs of a chosen and a rejected answer,
it learns the chosen answer and ignores the rejected one.

**When to use it.** You have pairs of input and wanted output: questions and answers, messages and
labels, whole conversations. **When not:** you only have raw text (use *continued pretraining*), the
knowledge changes weekly (look it up at answer time instead), or something acts on labels and has to know
how sure they are (use *classification*).

**Several datasets at once.** Name more than one, with weights if you like (`--data tickets:0.7 --data moods:0.3`).
Each keeps its own instruction and its own held-out rows, and has its own verdict.

**Keeping what it knew.** A model that learns one thing forgets others. Rows replayed beside yours (`--replay`, “Keep
what it knew”) limit this: general conversations, or prompts that the base wrote and answered itself (`studio replay`).
With `kl_coef` above 0, replayed rows are not learned as they stand; instead, the model is held near the base's own
probabilities at each token of their answers (the Kullback–Leibler divergence from base to model). This tells it more
than one answer does, and learns nothing from rows that the base would not have written. The base is read with the
adapter switched off, so the method must be an adapter; it takes no second model in memory, and one more forward pass
over the replayed rows. The chart shows the distance.

**Dynamic fine-tuning.** `loss_type = "dft"` multiplies each token's loss by the probability that the model gives the
token. Plain fine-tuning pulls hardest where the model is most surprised, which Wu et al. 2025 (arXiv 2508.05629) hold
responsible for its poor generalisation. Try it where answers are long and could be worded in many ways, such as
reasoning or code. Where the answer is a label or a fact that the model would not have given, it hardly learns.

**How much data.** 50–100 good rows can change style and format; a label set wants some tens of rows
per label; consistency counts more than volume (Zhou et al. 2023, *LIMA*, arXiv 2305.11206).

**Source.** Ouyang et al. 2022, arXiv 2203.02155, step 1.
"""

from typing import Literal

from templates.next_token import KL_METRIC, NEAR_BASE, OWN_LOSS, NextTokenParams, loss_means
from templates.spec import Objective, setting


class SftParams(NextTokenParams):
    """Arguments of `trl.SFTConfig`, under the same names."""

    loss_type: Literal["nll", "dft"] = setting("nll", "Loss of a token (loss_type)")
    """`nll` is the usual one. `dft` weights each token by its probability: for long answers that could be worded in
    many ways, not for labels or new facts."""

    @property
    def is_dynamic(self) -> bool:
        """Whether each token's loss is weighted by its probability."""
        return self.loss_type == "dft"


SPEC = Objective(
    title="Learn input → output",
    summary="Supervised fine-tuning: learns to answer as your rows do.",
    params=SftParams,
    row_shapes=("prompt_completion", "messages", "classification", "preference"),
    mixes=True,
    needs=(NEAR_BASE, OWN_LOSS),
    loss_means=loss_means,
    metrics=(KL_METRIC,),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
)
