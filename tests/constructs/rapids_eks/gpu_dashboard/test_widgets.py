"""Widgets before they are in a dashboard: what is left of them where metrics are missing."""

from rapids_eks.gpu_dashboard.widgets import Context, Metric, Widget, body

HERE = Context("gpu1", "us-west-2", 300)


def test_a_line_that_is_made_of_missing_ones_is_missing_too() -> None:
    widget = Widget(
        "one",
        12,
        6,
        metrics=[
            Metric(["S", "Power"], name="power", hidden=True),
            Metric(["S", "Count"], name="count", hidden=True),
            Metric("{power} * {count}", "all"),
            Metric("SELECT AVG(Heat) FROM S", "heat"),
        ],
    )
    assert [each.label for each in widget.without(["Power"]).metrics if not each.hidden] == ["heat"]
    assert [each.label for each in widget.without(["Heat"]).metrics if not each.hidden] == ["all"]
    assert not widget.without(["Power", "Heat"]).is_full


def test_names_in_expressions_become_ids_of_the_owner() -> None:
    widget = Widget("one", 12, 6, metrics=[Metric(["S", "M"], name="m", hidden=True), Metric("{m} * 2")])
    (made,) = body([[widget]], HERE)
    hidden, doubled = (line[-1] for line in made["properties"]["metrics"])
    assert (hidden["id"], doubled["id"]) == ("gpu1_one_0", "gpu1_one_1")
    assert doubled["expression"] == "gpu1_one_0 * 2"
    assert made["properties"]["period"] == 300


def test_rows_stand_below_one_another() -> None:
    rows = [[Widget("a", 6, 3, text="a"), Widget("b", 6, 5, text="b")], [], [Widget("c", 24, 1, text="c")]]
    assert [(each["x"], each["y"]) for each in body(rows, HERE)] == [(0, 0), (6, 0), (0, 5)]
