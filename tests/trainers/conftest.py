"""What several tests of trainings share."""

from __future__ import annotations

import pytest

from tests.support.stripes import striped_data
from trainers.data.device_data import ResidentData


@pytest.fixture(scope="session")
def data() -> ResidentData:
    return striped_data()
