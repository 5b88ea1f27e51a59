"""A few weights that go on top of an untouched base model, in PEFT's layout."""

from templates.artifact_kind import ArtifactKind, ModelFacts

SPEC = ArtifactKind(
    title="adapter",
    summary="A few weights on top of an untouched base model.",
    facts=ModelFacts,
    answers=True,
    on_base=True,
)
