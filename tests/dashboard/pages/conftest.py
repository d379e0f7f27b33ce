"""Who looks at the pages."""

import pytest
from django.test import Client

from tests.dashboard.live.people import person


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(person("operator"))
    return client


@pytest.fixture
def viewer() -> Client:
    client = Client()
    client.force_login(person("viewer"))
    return client
