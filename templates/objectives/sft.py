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

**How much data.** 50–100 good rows can change style and format; a label set wants some tens of rows
per label; consistency counts more than volume (Zhou et al. 2023, *LIMA*, arXiv 2305.11206).

**Source.** Ouyang et al. 2022, arXiv 2203.02155, step 1.
"""

from templates.spec import Objective, TrainingParams


class SftParams(TrainingParams):
    """Arguments of `trl.SFTConfig`, under the same names."""


SPEC = Objective(
    title="Learn input → output",
    summary="Supervised fine-tuning: learns to answer as your rows do.",
    params=SftParams,
    row_shapes=("prompt_completion", "messages", "classification", "preference"),
    mixes=True,
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
)
