"""What a judgement takes, before it starts: answers of both models, and what the judge is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass

from storage.data import datasets
from storage.judging import reward_models, voted
from storage.models import User
from storage.planning import evaluations
from storage.planning.detectable import FEWEST_GROUPS
from templates.errors import refuse
from templates.quantities import plural


@dataclass(frozen=True)
class Cost:
    """How much is to be answered and judged; equal answers need no judge, so it may be less."""

    n_prompts: int
    """Held-out prompts that both models answer."""
    n_votes: int
    """Votes between the two whose answers are judged, too."""
    n_voted_prompts: int
    """Different prompts among them."""
    n_learned: int
    """Votes left out, because the reward model learned their prompts."""
    is_service: bool
    max_new_tokens: int
    cautions: tuple[str, ...] = ()
    """Why the judge's choice could be worth less than it seems."""

    @property
    def n_judged(self) -> int:
        """Requests to a service, or answers that a reward model scores: two of each pair."""
        return 2 * (self.n_prompts + self.n_votes)

    @property
    def sentences(self) -> list[str]:
        """In words, for people who are about to start it."""
        said = []
        if self.n_prompts:
            answers, each = f"{2 * self.n_prompts:,} answers", f"at most {self.max_new_tokens:,} tokens"
            said.append(f"Both models answer {plural(self.n_prompts, 'held-out prompt')}: {answers} of {each}.")
        pairs = [f"{plural(self.n_prompts, 'prompt')}"] if self.n_prompts else []
        pairs += [f"{plural(self.n_votes, 'vote')} of yours"] if self.n_votes else []
        if pairs:
            does = "The service gets up to {n} requests" if self.is_service else "The reward model scores {n} answers"
            why = "in both orders" if self.is_service else "both of each pair, on this studio’s machine"
            said.append(f"{does.format(n=f'{self.n_judged:,}')}, {why}, for {' and '.join(pairs)}.")
        if self.n_learned:
            said.append(f"It learned the prompts of {plural(self.n_learned, 'vote')} of yours, which are left out.")
        return [*said, *self.cautions, self._trust]

    @property
    def _trust(self) -> str:
        if not self.n_prompts and not self.n_votes:
            first = "vote on other prompts first" if self.n_learned else "vote on these two first"
            return f"Nothing to judge yet: choose a dataset, or {first}."
        if self.n_voted_prompts < FEWEST_GROUPS:
            kind = "other prompt" if self.n_learned else "prompt"
            without = "no votes on other prompts" if self.n_learned else "no votes"
            n = f"votes on only {plural(self.n_voted_prompts, kind)}" if self.n_votes else without
            return (
                f"With {n} between these two, the result is the judge’s opinion and no verdict: vote on at least "
                f"{FEWEST_GROUPS} {kind}s first."
            )
        if not self.n_prompts:
            return "Without a dataset, the judge adds nothing to your votes: you only see how far it agrees."
        return f"Your {plural(self.n_votes, 'vote')} correct the judge."


def of(
    user: User,
    first: str,
    second: str,
    *,
    dataset: str | None,
    reward_model: str | None,
    most_prompts: int,
    max_new_tokens: int,
) -> Cost:
    """The cost of a judgement of these two by the reward model, or by a service without one.

    Raises `NotFound` and `BadInput` for what the user doesn't have.
    """
    pair = evaluations.find_model(user, first), evaluations.find_model(user, second)
    data = datasets.get(user, dataset) if dataset else None
    counted, cautions = (found := voted.of(user, *pair)), tuple[str, ...]()
    if reward_model:
        judge, problems = reward_models.wanted(user, reward_model)
        refuse(problems)
        if judge:
            cautions = tuple(
                reward_models.REWARDED.format(model=one, judge=judge.name)
                for one in reward_models.rewarded(judge, pair)
            )
            counted = voted.of(user, *pair, reward_models.learned(judge)) if found else found
    return Cost(
        n_prompts=min(data.n_held_out, most_prompts) if data else 0,
        n_votes=len(counted),
        n_voted_prompts=len({json.dumps(one.turns, sort_keys=True) for one in counted}),
        n_learned=len(found) - len(counted),
        is_service=not reward_model,
        max_new_tokens=max_new_tokens,
        cautions=cautions,
    )
