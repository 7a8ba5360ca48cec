"""What the estimates are made of, and that they guess nothing."""

import re
from math import isclose

import aws_cdk as cdk
import pytest

from config.instance_types import GPUS
from operations import prices
from operations.preflight import access, cost, quotas
from operations.preflight.cost import costs, emr, monthly
from rapids_eks.network_endpoints import SERVICES
from rehearsal.services.service_quotas import DEFAULTS
from tests.operations.fake_aws import blueprint, changed, question, ready


def test_every_gpu_type_that_a_blueprint_may_have_has_a_price_but_p5e_which_is_not_sold_on_demand() -> None:
    assert [name for name in GPUS if prices.on_demand(name) is None] == ["p5e.48xlarge"]


@pytest.mark.parametrize(("name", "price"), [("g5.2xlarge", 1.212), ("m5.xlarge", 0.192), ("r6i.24xlarge", 6.048)])
def test_prices_are_the_published_ones(name: str, price: float) -> None:
    assert isclose(prices.on_demand(name) or 0, price)


def test_a_larger_size_of_a_family_never_costs_less_for_its_gpus() -> None:
    for name, count in GPUS.items():
        price = prices.on_demand(name)
        assert price is None or price / count > 0.5, name


def test_the_idle_month_is_the_sum_of_its_parts() -> None:
    parts = monthly(question(ready())) or {}
    assert isclose(sum(parts.values()), 73.0 + 2 * 730 * 0.192 + 2 * 80 * 0.08 + 730 * 0.05 + 50 * 0.08 + 2)
    (idle, _) = costs(question(ready()))
    assert "about 409 USD a month" in idle.text


def test_gateways_and_endpoints_of_each_zone_are_counted_and_none_in_an_existing_vpc() -> None:
    parts = monthly(question(ready(), changed("network", nat="per-zone", interface_endpoints=True))) or {}
    assert isclose(parts["NAT"], 2 * 730 * 0.05)
    assert isclose(parts["interface endpoints"], 2 * len(SERVICES) * 7.3)
    assert (monthly(question(ready(), blueprint(name="existing"))) or {})["NAT"] == 0


def test_there_are_as_many_endpoints_as_the_network_makes() -> None:
    assert len(SERVICES) == cost.INTERFACE_ENDPOINTS


def test_emr_s_share_follows_from_what_the_job_s_pods_request() -> None:
    # 8 executors of 4 cores with 15 GiB of heap, 12 of overhead, half a GiB of the log shipper; the driver 2, 8, 2, 0.5
    expected = 0.01012 * (8 * 4 + 2) + 0.00111125 * (8 * 27.5 + 10.5)
    assert isclose(emr(question(ready())), expected)
    without = question(ready(), blueprint().model_copy(update={"pipeline": None}))
    assert isclose(emr(without), expected)


def test_a_run_is_told_on_demand_and_at_today_s_spot_price() -> None:
    (_, run) = costs(question(ready()))
    on_demand, spot = (float(text) for text in re.findall(r"(\d+\.\d\d) (?:USD|at)", run.text))
    assert isclose(on_demand - spot, 8 * (1.212 - 0.5), abs_tol=0.011)
    (_, run) = costs(question(ready(), changed("capacity.gpu", spot=False)))
    assert "Spot" not in run.text


def test_the_cheapest_type_for_each_gpu_is_reckoned_with() -> None:
    (_, run) = costs(question(ready(), changed("capacity.gpu", instance_types=("g5.2xlarge", "g6.2xlarge"))))
    assert "executors on g6.2xlarge" in run.text
    (_, run) = costs(question(ready(), changed("capacity.gpu", instance_types=("g5.2xlarge", "g6.12xlarge"))))
    assert "executors on g6.12xlarge" in run.text, "four GPUs for the price of less than four"


def test_of_an_unknown_region_or_type_nothing_is_guessed() -> None:
    (told,) = costs(question(ready(), blueprint().model_copy(update={"region": "eu-north-1"})))
    assert (told.level, "eu-north-1" in told.text, "USD" in told.text) == ("warning", True, False)
    (_, run) = costs(question(ready(), changed("capacity.gpu", instance_types=("p5e.48xlarge",))))
    assert (run.level, "p5e.48xlarge" in run.text, "USD" in run.text) == ("warning", True, False)


def test_the_quotas_are_those_that_the_rehearsal_knows() -> None:
    known = {(service, code) for service, codes in DEFAULTS.items() for code in codes}
    asked = [
        quotas.STANDARD,
        quotas.LARGE_BUILDS,
        quotas.SMALL_BUILDS,
        *quotas.SPOT.values(),
        *quotas.ON_DEMAND.values(),
    ]
    assert {(each.service, each.code) for each in asked} <= known


def test_the_bootstrap_s_version_is_the_one_that_the_pinned_cdk_asks_for() -> None:
    app = cdk.App()
    stack = cdk.Stack(app, "Any")
    made = app.synth().get_stack_by_name(stack.stack_name)
    assert made.requires_bootstrap_stack_version == access.BOOTSTRAP
    assert made.template["Parameters"]["BootstrapVersion"]["Default"] == access.PARAMETER
