"""Classification: an answer that is always one of your labels, with its probability.

**What is learned.** To answer each text with its label: the next-token loss over the label's tokens, as in supervised
fine-tuning. What differs is how the model is asked. For each text the studio computes the probability of every label of
your training rows, and the likeliest one is the answer. So an answer is never a misspelt or invented label, and it
comes with a probability.

**The probabilities.** A label's score is the sum of the log probabilities of its tokens and of the token that ends the
answer, so a longer label competes fairly with a shorter one that it begins with. The scores, divided by the
temperature, go through a softmax: the probabilities of all labels add up to 1, given that one of them is right.

**What you get.** Accuracy and macro-F1 beside the base model, which chooses among the same labels with the same
instruction; precision and recall of each label; which labels are confused; how far you can trust the probabilities
(calibration), before and after one temperature has been fitted; and a threshold. Below it, the model says “don't know”.
Temperature and threshold are chosen on a tenth of the training rows, set aside for this; the verdict then shows on
held-out rows what they achieve.

**When to use it.** Your rows have a fixed set of labels, and programs or people act on the answers: sorting messages,
choosing a queue, flagging. **When not:** the labels change often, or other answers must stay possible (use supervised
fine-tuning, which also takes several datasets, and replayed rows to keep what the model knew); there are more than
1,000 labels, as each one is scored for every text.

**How much data.** A few dozen rows per label, and 100 or more rows to choose a threshold well, so about 1,000 rows in
all. A label that no training row has can't be answered.

**Cost.** Training costs the same as supervised fine-tuning. Scoring reads each text once, and all labels behind it in
the same pass: with 77 labels, a few hundred tokens for each row.

**Source.** Guo et al. 2017, arXiv 1706.04599 (temperature scaling); Naeini et al. 2015 (expected calibration error);
El-Yaniv and Wiener 2010 (answering only when sure).
"""

from templates.spec import Objective, TrainingParams, setting


class ClassificationParams(TrainingParams):
    """Arguments of `trl.SFTConfig`, under the same names, and the accuracy to choose a threshold for."""

    wanted_accuracy: float = setting(0.95, "Wanted accuracy of sure answers", ge=0.5, le=0.999)
    """The model says “don't know” below a probability that is chosen so that, on the rows set aside, at least this
    share of its other answers is right."""

    @property
    def sets_apart(self) -> bool:
        """Temperature and threshold are always chosen on rows that the model has not learned."""
        return True


SPEC = Objective(
    title="Choose one of your labels",
    summary="Classification: every answer is one of your labels, with its probability, or “don't know”.",
    params=ClassificationParams,
    row_shapes=("classification",),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 6.0},
        "thorough": {"num_train_epochs": 10.0},
    },
    most_labels=1_000,
)
