"""The dashboards are valid for Grafana."""

from itertools import pairwise
from typing import Any

import pytest

from tests.monitoring.dashboards import NAMES, document

COLUMNS = 24


def shown(name: str) -> list[dict[str, Any]]:
    """The panels that show data."""
    return [panel for panel in document(name)["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_has_a_recent_schema_and_a_data_source_variable(name: str) -> None:
    dashboard = document(name)
    assert dashboard["schemaVersion"] >= 39
    assert dashboard["uid"] == f"jubilee-{name}"
    (variable,) = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    for panel in shown(name):
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source["uid"] == "${datasource}" for source in sources)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_a_title_a_unit_and_legends(name: str) -> None:
    for panel in shown(name):
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["showLegend"]
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_panels_neither_overlap_nor_share_an_id(name: str) -> None:
    panels = document(name)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", NAMES)
def test_panels_are_in_reading_order(name: str) -> None:
    places = [(at["y"], at["x"]) for at in (p["gridPos"] for p in document(name)["panels"])]
    assert all(one < next_one for one, next_one in pairwise(places))


@pytest.mark.parametrize("name", NAMES)
def test_the_queries_of_a_panel_have_distinct_ids(name: str) -> None:
    for panel in shown(name):
        ids = [target["refId"] for target in panel["targets"]]
        assert len(set(ids)) == len(ids)
