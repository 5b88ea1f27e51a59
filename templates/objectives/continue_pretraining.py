"""Continued pretraining.

**What is learned.** The language of your texts: every token of every text is predicted from those
before it.

**When to use it.** You have raw text of a domain or language that the base knows badly, and no
questions and answers yet. **When not:** to teach behaviour (use *supervised fine-tuning*) or facts
that change. It makes models forget: keep the learning rate low and passes few (Gururangan et al.
2020, *Don't stop pretraining*, arXiv 2004.10964).

**Long texts** are cut into consecutive pieces of the longest row's length; nothing is lost.
"""

from templates.spec import Objective, TrainingParams


class ContinuePretrainingParams(TrainingParams):
    """`trl.SFTConfig`'s arguments for plain text, under its names."""


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
)
