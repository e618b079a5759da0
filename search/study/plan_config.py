"""The ``[plan]`` section of a study: named networks to train instead of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from results.storage.records import PlannedTraining
from space.core.errors import shown
from space.networks.load import read_spec

Item = TypeVar("Item")


class PlanConfig(BaseModel):
    """The ``[plan]`` section: each of ``networks`` is trained from each of ``seeds``.

    A study with a plan trains only these networks, without a search. The input takes references or notations;
    the section stores canonical notations. ``recipes`` holds keys of ``[train]`` that differ for single networks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    networks: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63, strict=True)], ...] = Field(min_length=1)
    recipes: dict[str, dict[str, int | float | str | bool]] = Field(default={})

    @field_validator("networks")
    @classmethod
    def _are_canonical(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once("network", [read_spec(text).canonical().notation for text in networks])

    @field_validator("seeds")
    @classmethod
    def _are_different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _each_once("seed", seeds)

    @property
    def trainings(self) -> tuple[PlannedTraining, ...]:
        """All trainings, ordered by network, then by seed."""
        return tuple(PlannedTraining(network, seed) for network in self.networks for seed in self.seeds)


def _each_once(what: str, values: Sequence[Item]) -> tuple[Item, ...]:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"each {what} is named once, but got {shown(value)} twice")
    return tuple(values)
