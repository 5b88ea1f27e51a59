"""Continued pretraining.

**What is learned.** The language of your texts: the model predicts every token from those before it.

**When to use it.** You have raw text in a domain or language that the base knows badly, and no
questions and answers yet. **When not:** to teach behaviour (use *supervised fine-tuning*) or facts
that change. It makes models forget: keep the learning rate low and the passes few (Gururangan et al.
2020, *Don't stop pretraining*, arXiv 2004.10964).

**Replay.** Learn a share of general text, or of rows that the base wrote itself, beside yours (`--replay general:0.3`,
“Keep what it knew”): a few per cent already help. The learning rate rises again at the start (`warmup_steps`) and
falls to 0 by the end (`lr_scheduler_type` linear or cosine), as it did when the base was made (Ibrahim et al. 2024,
*Simple and scalable strategies to continually pre-train large language models*, arXiv 2403.08763). Of replayed
conversations, only the answers are learned. With `kl_coef` above 0, replayed rows hold the model near the base's own
probabilities instead of being learned (see supervised fine-tuning).

**Long texts** are split into consecutive pieces of at most the maximum row length; nothing is lost.
"""

from templates.next_token import KL_METRIC, NEAR_BASE, OWN_LOSS, NextTokenParams, loss_means
from templates.spec import Objective


class ContinuePretrainingParams(NextTokenParams):
    """Arguments of `trl.SFTConfig` for plain text, under the same names."""


SPEC = Objective(
    title="Learn the language of these texts",
    summary="Continued pretraining: predicts every token of your raw text.",
    params=ContinuePretrainingParams,
    row_shapes=("text",),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 4.0},
    },
    trains_prompt=True,
    mixes=True,
    needs=(NEAR_BASE, OWN_LOSS),
    loss_means=loss_means,
    metrics=(KL_METRIC,),
)
