"""All weights of a model whose head gives a score, in transformers' layout; it needs no base model beside it."""

from templates.artifact_kind import ArtifactKind, ModelFacts

SPEC = ArtifactKind(
    title="full reward model",
    summary="All weights of a model with a score head; it scores answers.",
    facts=ModelFacts,
    scores=True,
    texts=("reward_model.md.jinja", "score_me.py.jinja"),
)
