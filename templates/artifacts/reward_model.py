"""A few weights that go on top of an untouched base model and a head that gives a score, in PEFT's layout."""

from templates.artifact_kind import ArtifactKind, ModelFacts

SPEC = ArtifactKind(
    title="reward model",
    summary="A few weights and a score head on top of an untouched base model; it scores answers.",
    facts=ModelFacts,
    scores=True,
    texts=("reward_model.md.jinja", "score_me.py.jinja"),
    on_base=True,
)
