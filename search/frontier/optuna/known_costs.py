"""Known costs of a point, from a function of the user."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from search.frontier.observation import is_usable_number
from search.frontier.optuna.trials import signs_of
from search.frontier.points import Params, params_key
from space.core.errors import reason_of

Costs = Callable[[Params], "float | Sequence[float | None] | None"]
MAX_DIFFERENCE = 1e-3
"""Relative difference up to which a known cost agrees with the result of its trial."""


class KnownCosts:
    """Calls the user's function once for each point and checks what it returns."""

    def __init__(self, function: Costs | None) -> None:
        """Take the user's function.

        Raises:
            TypeError: It cannot be called.
        """
        if function is not None and not callable(function):
            raise TypeError(f"costs must be a function of the parameters of a trial, but got {function!r}")
        self.function = function
        self._known: dict[Any, tuple[float, ...] | None] = {}
        self._missing: dict[Any, str] = {}
        self._warned: set[str] = set()
        self._warned_of_difference = False

    def __call__(self, study: optuna.Study, params: Params) -> tuple[float, ...] | None:
        """Return the costs, to be minimised, NaN where unknown; None if all are unknown.

        A study with one objective has no costs, so all of them are known.

        Raises:
            ValueError: the function returns too few or too many values.
            TypeError: the function returns something other than numbers and None.
        """
        if self.function is None:
            return None if len(study.directions) > 1 else ()
        key = params_key(params)
        if key not in self._known:
            self._known[key] = self._called(params, len(study.directions) - 1)
        costs = self._known[key]
        if costs is None:
            return None
        return tuple(sign * value for sign, value in zip(signs_of(study)[1:], costs, strict=True))

    def _called(self, params: Params, num_costs: int) -> tuple[float, ...] | None:
        assert self.function is not None
        try:
            found: Any = self.function(_StrictParams(params))
        except _MissingParameterError as error:
            self._missing[params_key(params)] = error.args[0]
            return None
        except (ArithmeticError, ValueError) as error:  # perhaps at a point that is never evaluated
            self._warn_of_failure(params, error)
            return None
        if found is None:
            return None
        values = tuple(found) if np.ndim(found) else (found,)
        if len(values) != num_costs and not num_costs:
            raise ValueError(f"the study has one objective and thus no costs, but costs returned {found!r}")
        if len(values) != num_costs:
            raise ValueError(
                f"costs must return a value for each objective but the first, {num_costs} of them, or None, "
                f"but got {len(values)} for {dict(params)}"
            )
        try:
            known = [math.nan if value is None else float(value) for value in values]
        except OverflowError as error:
            self._warn_of_failure(params, error)
            return None
        except (TypeError, ValueError):
            raise TypeError(f"costs must return numbers or None, but got {found!r}") from None
        return tuple(value if is_usable_number(value) else math.nan for value in known)

    def _warn_of_failure(self, params: Params, error: ArithmeticError | ValueError) -> None:
        if "" not in self._warned:
            self._warned.add("")
            warnings.warn(
                f"costs fails for {params}: {reason_of(error)}; they count as unknown there", stacklevel=2
            )

    def warn_of_missing(self, trials: Sequence[FrozenTrial]) -> None:
        """Warn once for each parameter that ``costs`` needs and a trial lacks.

        The trials must have suggested all their parameters.
        """
        for trial in trials if self._missing else ():
            name = self._missing.get(params_key(trial.params))
            if name is not None and name not in self._warned:
                self._warned.add(name)
                warnings.warn(
                    f"costs needs the parameter {name!r}, which trial {trial.number} does not have; the cost "
                    "is taken from the result of the trial or predicted",
                    stacklevel=2,
                )

    def warn_of_difference(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
        """Warn once if the result of a complete trial differs from its known costs."""
        if self.function is None or self._warned_of_difference:
            return
        for trial in trials:
            known = self._known.get(params_key(trial.params))
            for index, (cost, told) in enumerate(zip(known or (), trial.values[1:], strict=False), 1):
                if is_usable_number(told) and abs(cost - told) > MAX_DIFFERENCE * max(abs(cost), abs(told)):
                    self._warned_of_difference = True
                    warnings.warn(
                        f"costs gives {cost:g} for trial {trial.number}, but its values[{index}] is {told:g}; costs "
                        "must have the sign and unit of the objective",
                        stacklevel=2,
                    )
                    return


class _MissingParameterError(KeyError):
    """A point lacks a parameter."""


class _StrictParams(dict[str, Any]):
    """Parameters of a point; a missing one raises an error of its own."""

    def __missing__(self, name: str) -> Any:
        raise _MissingParameterError(name)
