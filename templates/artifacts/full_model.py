"""All weights of an adapted model, in transformers' layout; it needs no base model beside it."""

from templates.artifact_kind import ArtifactKind, ModelFacts

SPEC = ArtifactKind(
    title="full model",
    summary="All weights of an adapted model.",
    facts=ModelFacts,
    answers=True,
)
