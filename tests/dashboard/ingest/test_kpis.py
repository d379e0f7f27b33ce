"""Samples: one a period, at its end, of what changed in it."""

import msgspec
import pytest

from dashboard.history.retention import SAMPLES_DAYS, prune_samples
from dashboard.history.segments import DAY_NS
from dashboard.ingest.figures import write_figures
from dashboard.ingest.kpis import PERIOD_NS, Sampling
from dashboard.models import KpiSample
from dialogs.insight.kpi import Figures
from tests.dashboard.history.calls import NOW, call, change

pytestmark = pytest.mark.django_db
BEGIN = NOW // PERIOD_NS * PERIOD_NS


def test_sample_is_made_when_its_period_is_over():
    sampling = Sampling("n1", BEGIN)
    ticks = [sampling.take(changes, BEGIN + at) for changes, at in (([change(call(1))], 1), ([], PERIOD_NS - 1), ([], PERIOD_NS + 5), ([], PERIOD_NS + 9))]
    (made,) = ticks[2]
    figures = msgspec.json.decode(made.figures, type=Figures)
    assert ([len(tick) for tick in ticks], made.at_ns, figures.begun, figures.live) == ([0, 0, 1, 0], BEGIN + PERIOD_NS, 1, [0, 0, 0, 1])


def test_same_period_is_stored_once():
    sampling = Sampling("n1", BEGIN)
    samples = sampling.take([], BEGIN + PERIOD_NS)
    again = Sampling("n1", BEGIN).take([], BEGIN + PERIOD_NS)  # after a restart within the period
    write_figures(samples)
    write_figures(again)
    assert KpiSample.objects.count() == 1


@pytest.mark.parametrize(("days", "left"), [(0, 2), (90, 2), (3, 1)])
def test_old_samples_go(days, left):
    for before in (1, 5, SAMPLES_DAYS + 1):
        KpiSample.objects.create(node="n1", at_ns=NOW - before * DAY_NS, figures="{}")
    prune_samples(NOW, days, batch=1)
    assert KpiSample.objects.count() == left
