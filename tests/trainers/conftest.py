"""What several tests of trainings share."""

from __future__ import annotations

import pytest

from tests.trainers.stripes import striped_data
from trainers.device_data import ResidentData


@pytest.fixture(scope="session")
def data() -> ResidentData:
    return striped_data()
