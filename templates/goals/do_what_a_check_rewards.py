"""Doing what a check rewards.

You can't, or need not, write the perfect answer, but a check can tell a good one: the right number, JSON of a certain
form, one of the labels, a length. The model answers each prompt several times, and answers that pass become likelier
than those that fail. The checks are picked from a list and compare texts; nothing that you type is run. Where no check
can tell, a reward model made from people's judgements can score the answers instead.
"""

from templates.spec import Goal

SPEC = Goal(
    title="Do what a check rewards",
    summary="Reinforcement learning: the model tries several answers, and those that pass your checks, or that a "
    "reward model likes, become likelier.",
    advised="grpo",
    hint="The base must already pass now and then: what never passes is never rewarded. If it hardly ever does, first "
    "fine-tune on examples.",
)
