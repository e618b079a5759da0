from __future__ import annotations

import pytest

from results.plots.hypervolume_chart import hypervolume_chart
from space.core.errors import InvalidInputError
from tests.support.synthetic import searched, study


def test_epochs_end_at_the_epochs_of_the_study():
    made = study(searched(20))
    (trace,) = hypervolume_chart(made, "epochs").figure.data
    assert trace.x[-1] == made.num_epochs
    assert trace.y[-1] == pytest.approx(made.hypervolume)


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ("epoch", "against must be one of time, epochs, energy, but got 'epoch'; did you mean"),
        ("energy", "no training of this study has a recorded energy"),
    ],
)
def test_a_wrong_axis_is_refused(against, message):
    with pytest.raises(InvalidInputError, match=message):
        hypervolume_chart(study(searched(10)), against)
