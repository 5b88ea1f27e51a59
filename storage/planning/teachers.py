"""The model that a training learns from: found, and checked against what the objective needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.planning import evaluations, figures
from storage.rendering.limited import Model
from storage.rendering.vocabularies import FILE, Differs
from templates import registry
from templates.errors import NotFound, Problem
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import BaseFacts

FIELD = "teacher"
SMALL_BYTES = 1_000_000
"""Tokenizers that are compared in an instant."""


@dataclass(frozen=True)
class Found:
    """A teacher, or what is wrong with it."""

    model: BaseModelRow | Artifact | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def root(self) -> BaseModelRow | None:
        """The base model at its root."""
        return artifacts.base_of(self.model) if isinstance(self.model, Artifact) else self.model

    @property
    def facts(self) -> BaseFacts | None:
        """Facts about its base; None without a teacher."""
        return base_models.facts(self.root) if self.root else None


def needed(objective: str) -> bool:
    """Whether the objective learns from a teacher."""
    known = registry.objectives().get(objective)
    return known is not None and Role.TEACHER in known.roles


def find(user: User, objective: str, name: str | None) -> Found:
    """The base model or result with this name, if the objective needs a teacher; else the problem."""
    if not needed(objective):
        return Found(problems=(_not_needed(objective),)) if name else Found()
    if not name:
        what = f"{objective} learns from a teacher, and none is given."
        return Found(problems=(Problem(what, field=FIELD, remedy="Name a base model or a result."),))
    try:
        return Found(evaluations.find_model(user, name))
    except NotFound as error:
        return Found(problems=tuple(Problem(p.message, field=FIELD, remedy=p.remedy) for p in error.problems))


def problems(
    found: Found, base: BaseModelRow | Artifact, recipe: Recipe, dataset: Dataset, *, patient: bool
) -> list[Problem]:
    """The reasons why this recipe can't teach `base` these rows with the teacher found.

    Raises `figures.Counting` unless `patient` while two large tokenizers are being compared.
    """
    teacher = found.model
    if teacher is None:
        return []
    if teacher.id == base.id and not registry.method(recipe.method).starts_anew:
        return [_itself(teacher.name)]
    learned, reads = registry.objective(recipe.objective), found.facts.context_length if found.facts else 0
    written = learned.written(recipe.training(), registry.shape(dataset.shape))
    wrong = _too_long_to_write(teacher.name, reads, written.max_new_tokens, learned.learns_written)
    if not learned.same_vocabulary:
        return wrong
    if recipe.training().max_length > reads:
        what = f"The teacher “{teacher.name}” can't read rows of {recipe.training().max_length:,} tokens."
        wrong.append(Problem(what, field="max_length", remedy=f"Use at most {reads:,}, or choose another teacher."))
    differs = _difference(_files(base), _files(teacher), patient=patient)
    return [*wrong, _other_tokens(base.name, teacher.name, differs)] if differs else wrong


def _itself(teacher: str) -> Problem:
    anew = [method.key for method in registry.methods().values() if method.starts_anew]
    remedy = f"Choose another teacher, a smaller base model, or a method that starts anew ({' or '.join(anew)})."
    return Problem(f"“{teacher}” would learn from itself.", field=FIELD, remedy=remedy)


def _too_long_to_write(teacher: str, reads: int, longest: int, is_learned: bool) -> list[Problem]:
    if longest < reads:
        return []
    what = f"The teacher “{teacher}” has {reads:,} tokens for prompt and answer together."
    remedy = f"Use far fewer than {reads:,}, or choose another teacher."
    return [Problem(what, field="max_new_tokens" if is_learned else "max_completion_length", remedy=remedy)]


def _not_needed(objective: str) -> Problem:
    able = [key for key in registry.objectives() if needed(key)]
    instead = f"Leave it out, or choose the objective {' or '.join(able)}." if able else "Leave it out."
    return Problem(f"{objective} learns from the rows alone and takes no teacher.", field=FIELD, remedy=instead)


def _other_tokens(base: str, teacher: str, differs: str) -> Problem:
    return Problem(
        f"“{teacher}” and “{base}” don't have the same tokens, so the teacher's probabilities can't be compared with "
        f"the student's: {differs}.",
        field=FIELD,
        remedy=f"Choose a teacher of the same family, or an objective whose teacher may have other tokens: "
        f"{' or '.join(_of_any_tokens())}. Or only let it write answers (studio generate).",
    )


def _of_any_tokens() -> list[str]:
    """The objectives whose teacher may have other tokens than the student."""
    known = registry.objectives().items()
    return [f"{key} ({one.title})" for key, one in known if needed(key) and not one.same_vocabulary]


def _files(model: BaseModelRow | Artifact) -> Model:
    """The model's base as rendering needs it."""
    return base_models.model(artifacts.base_of(model) if isinstance(model, Artifact) else model)


def _difference(one: Model, other: Model, *, patient: bool) -> str | None:
    if one.key == other.key:
        return None
    question = Differs(one, other)
    asked = other if one.bundled else one
    is_small = all((Path(model.folder) / FILE).stat().st_size <= SMALL_BYTES for model in (one, other))
    return figures.of(asked, question, question.depends_on, is_small=is_small, patient=patient)
