"""The system on one screen: the settings of a blueprint, made into stacks."""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks

import config
from operations import prices
from rapids_eks.grafana_dashboards.cluster import Prices
from stacks.cluster import ClusterStack
from stacks.gpu_dashboard import GpuDashboardStack
from stacks.image import ImageStack
from stacks.network import NetworkStack
from stacks.observability import ObservabilityStack
from stacks.pipeline import PipelineStack
from stacks.teams import TeamsStack

HERE = Path(__file__).parent
BLUEPRINT, CODE = HERE / "blueprint.yaml", HERE / "jobs/xgboost_pipeline"
IMAGE, EXPORTER = HERE / "docker/spark-rapids", HERE / "docker/dcgm-cloudwatch"


def build(blueprint: config.Blueprint, app: cdk.App) -> cdk.App:
    """Add the stacks of a blueprint to an app; return it."""
    env = cdk.Environment(account=blueprint.account, region=blueprint.region)
    network = NetworkStack(app, "Network", name=blueprint.name, network=blueprint.network, env=env)
    cluster = ClusterStack(
        app,
        "Cluster",
        name=blueprint.name,
        vpc=network.vpc,
        subnets=network.private_subnets,
        node_subnets=network.node_subnets,
        cluster=blueprint.cluster,
        capacity=blueprint.capacity,
        tags=blueprint.tags,
        env=env,
    )
    teams = TeamsStack(
        app,
        "Teams",
        name=blueprint.name,
        cluster=cluster.cluster,
        teams=blueprint.teams,
        data=blueprint.data,
        max_gpus=blueprint.capacity.gpu.max_gpus,
        log_retention_days=blueprint.emr.log_retention_days,
        env=env,
    )
    _metrics(blueprint, app, cluster.cluster, env)
    if blueprint.pipeline and blueprint.pipeline_team:
        PipelineStack(
            app,
            "Pipeline",
            name=blueprint.name,
            team=teams.teams[blueprint.pipeline_team.name],
            job=blueprint.job(blueprint.pipeline_team, _image(blueprint, app, env)),
            code=CODE,
            pipeline=blueprint.pipeline,
            spot=blueprint.capacity.gpu.spot,
            log_retention_days=blueprint.emr.log_retention_days,
            tags=blueprint.tags,
            env=env,
        )
    for key, value in blueprint.tags.items():
        cdk.Tags.of(app).add(key, value)
    return app


def _metrics(blueprint: config.Blueprint, app: cdk.App, cluster: eks.ICluster, env: cdk.Environment) -> None:
    """Add the stacks that show the GPUs, in Grafana and in CloudWatch."""
    names = [team.name for team in blueprint.teams]
    observability = blueprint.observability and ObservabilityStack(
        app,
        "Observability",
        name=blueprint.name,
        cluster=cluster,
        settings=blueprint.cluster,
        capacity=blueprint.capacity,
        teams=names,
        prices=_prices(blueprint),
        observability=blueprint.observability,
        env=env,
    )
    if blueprint.gpu_dashboard:
        GpuDashboardStack(
            app,
            "GpuDashboard",
            name=blueprint.name,
            cluster=cluster,
            teams=names,
            gpus=blueprint.capacity.gpu,
            program=EXPORTER,
            settings=blueprint.gpu_dashboard,
            topic=observability.topic if observability else None,
            env=env,
        )


def _image(blueprint: config.Blueprint, app: cdk.App, env: cdk.Environment) -> str:
    """Return the URI of the image: the blueprint's own, or that of a stack which builds it."""
    if blueprint.image.uri:
        return blueprint.image.uri
    stack = ImageStack(
        app,
        "Image",
        name=blueprint.name,
        context=IMAGE,
        image=blueprint.image,
        release=blueprint.emr.release,
        log_retention_days=blueprint.emr.log_retention_days,
        env=env,
    )
    return stack.uri


def _prices(blueprint: config.Blueprint) -> Prices:
    """Return what an hour of each type of node costs, as far as that is known of the region."""
    if blueprint.region not in prices.REGIONS:
        return Prices()
    kinds = (blueprint.cluster.core_nodes, blueprint.capacity.driver, blueprint.capacity.gpu)
    known = {name: prices.on_demand(name) for kind in kinds for name in kind.instance_types}
    source = f"{blueprint.region}, {prices.AS_OF}"
    return Prices({name: price for name, price in known.items() if price is not None}, source)


def main() -> None:
    """Synthesize `blueprint.yaml`, or the file that `-c config=FILE` names."""
    app = cdk.App(stack_traces=False)  # they would hold paths of this machine
    try:
        blueprint = config.load(app.node.try_get_context("config") or BLUEPRINT)
        build(blueprint, app)
    except (config.ConfigError, ValueError) as error:
        sys.exit(f"error: {error}")
    app.synth()


if __name__ == "__main__":
    main()
