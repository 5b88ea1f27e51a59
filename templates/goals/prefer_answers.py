"""Preferring these answers to those.

Your rows say which answers are better: two answers to a prompt, the better and the worse one, or single answers with
a judgement. The model learns to give answers like the good ones: a tone, a habit, a length, when to refuse. The ways
differ in what they compare with and in the rows that they take.
"""

from templates.spec import Goal

SPEC = Goal(
    title="Prefer these answers to those",
    summary="Learns from answers that people judged: chosen and rejected ones, or good and bad ones.",
    advised="orpo",
    hint="Start with the advised way. Preferences change habits; they teach no facts.",
)
