"""Making a model smaller, or learning from a larger one.

A *teacher*, which is a larger or better model, shows a *student*, the model that you train, what to say. The student
then does the task nearly as well, for less memory and time. The ways differ in what the student learns of the teacher.
"""

from templates.spec import Goal

SPEC = Goal(
    title="Make it smaller, or learn from a larger model",
    summary="Distillation: a small student learns what a larger teacher would say.",
    advised="distill_logits",
    methods=("fewer_layers",),
    hint="For a smaller model, choose a small student, or choose the teacher itself as the student and the method “A "
    "smaller copy of the base”.",
)
