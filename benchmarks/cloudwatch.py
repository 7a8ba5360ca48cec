"""Measures the exporter of GPU metrics against a plain script's way to CloudWatch: part of `make bench`.

The script asks Prometheus for the newest values and sends 20 data a request, one request after another, uncompressed.
Both deliver one minute of the same six metrics of each GPU to the same port, which takes `--latency` to answer. Beside
them stands what the exporter delivers unless it is told otherwise: all its metrics, of GPUs, nodes, teams and cluster.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.config import Config

from process_tree import Usage, measure
from xgboost_pipeline.progress import say

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "docker" / "dcgm-cloudwatch"
# DCGM's name -> CloudWatch's name and unit
SIX = {
    "DCGM_FI_DEV_GPU_UTIL": ("GPUUtilization", "Percent"),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("GPUMemoryUtilization", "Percent"),
    "DCGM_FI_DEV_GPU_TEMP": ("GPUTemperature", "None"),
    "DCGM_FI_DEV_POWER_USAGE": ("GPUPowerUsage", "None"),
    "DCGM_FI_DEV_FB_USED": ("GPUMemoryUsed", "Megabytes"),
    "DCGM_FI_DEV_FB_FREE": ("GPUMemoryFree", "Megabytes"),
}
# What only the exporter's own choice of metrics needs; the last is a counter, which is known from before the minute
MORE = ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL")
OURS, ALL, SCRIPT = "the exporter", "  by default", "a plain script"
OF_SCRIPT = 20  # data a request
PER_NODE, EVERY = 8, 15  # GPUs; seconds between two scrapes
REQUEST = 0.01 / 1000  # dollars: https://aws.amazon.com/cloudwatch/pricing/
MINUTES = 730 * 60  # of a month, as AWS reckons
MOST_SECONDS, MOST_BYTES = 20.0, 512 * 1024**2  # of 10,000 GPUs


@dataclass
class Sink:
    """Prometheus and CloudWatch on one port: answers of a fleet, and a count of what is sent."""

    gpus: int
    latency: float
    requests: int = 0
    sent: int = 0  # bytes
    minute: int = field(default_factory=lambda: int(time.time()) // 60 * 60 - 120)
    _bodies: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, body: bytes) -> bytes:
        """Return what either of the two would answer."""
        if path.startswith("/api/v1/query"):
            return self._prometheus(dict(urllib.parse.parse_qsl(body.decode())))
        with self._lock:
            self.requests += 1
            self.sent += len(body)
        time.sleep(self.latency)
        return b"{}"

    def prepare(self, kind: str) -> None:
        """Write the answers beforehand, as it is not Prometheus that is measured."""
        for name in (*SIX, *MORE):
            self._bodies[f"{name} {kind}"] = _answer(
                kind, [self._series(name, each, kind) for each in self._numbers(name)]
            )

    def _prometheus(self, asked: Mapping[str, str]) -> bytes:
        query = asked["query"]
        if query == "time()":
            return _answer("scalar", [0, str(self.minute + 60 + 50)])
        name = next((each for each in (*SIX, *MORE, "kube_node_info") if re.search(rf"\b{each}\b", query)), "")
        kind = "matrix" if query.endswith("]") else "vector"
        key = f"{name} {kind}"
        if key not in self._bodies:
            self._bodies[key] = _answer(kind, [self._series(name, number, kind) for number in self._numbers(name)])
        return self._bodies[key]

    def _numbers(self, name: str) -> range:
        return range(0, self.gpus, PER_NODE) if name == "kube_node_info" else range(self.gpus if name else 0)

    def _series(self, name: str, number: int, kind: str) -> dict[str, object]:
        node, gpu = divmod(number, PER_NODE)
        fixed = {MORE[0]: "0.5", MORE[2]: "0"}.get(name)
        begin = -14 if name == MORE[2] else 1
        samples = [[self.minute + at, fixed or str(number % 90 + at // EVERY)] for at in range(begin, 60, EVERY)]
        labels = {
            "__name__": name,
            "node": f"ip-10-{node // 250}-{node % 250}-7.us-west-2.compute.internal",
            "gpu": str(gpu),
            "UUID": f"GPU-{number * 2654435761 % 2**32:08x}-4a1c-9d2e-7b3f-0123456789ab",
            "device": f"nvidia{gpu}",
            "modelName": "NVIDIA L40S",
            "instance": f"10.{node // 250}.{node % 250}.7:9400",
            "provider_id": f"aws:///us-west-2a/i-{node:017x}",
            "DCGM_FI_DRIVER_VERSION": "580.95.05",
            "exported_namespace": f"team-{number % 5}",
            "exported_pod": f"rapids-exec-{number}",
        }
        return {"metric": labels, **({"values": samples} if kind == "matrix" else {"value": samples[-1]})}


def _answer(kind: str, result: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both for each size of a fleet and report; return 1 where ours is beyond what it promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, nargs="+", default=[16, 1000, 10_000], help="default: 16 1000 10000")
    parser.add_argument(
        "--latency", type=float, default=0.02, help="seconds of an answer of CloudWatch (default: 0.02)"
    )
    parser.add_argument("--script", metavar="URL", help=argparse.SUPPRESS)  # how this starts itself
    chosen = parser.parse_args(arguments)
    if chosen.script:
        return script(chosen.script)
    good = True
    say(f"one minute of six metrics of each GPU, CloudWatch answers in {chosen.latency * 1000:g} ms:")
    for gpus in chosen.gpus:
        rows = {name: row(gpus, chosen.latency, name) for name in (OURS, ALL, SCRIPT)}
        say(text(gpus, rows))
        used = rows[OURS][1]
        good = good and used.wall < MOST_SECONDS and used.peak_rss < MOST_BYTES
    say(f"the exporter stays below {MOST_SECONDS:g} s and {MOST_BYTES >> 20} MiB: {'yes' if good else 'NO'}")
    return int(not good)


def row(gpus: int, latency: float, name: str) -> tuple[Sink, Usage]:
    """Return what was sent, and what it took."""
    sink = Sink(gpus, latency)
    sink.prepare("vector" if name == SCRIPT else "matrix")
    with tempfile.TemporaryDirectory() as folder, _Port(sink) as url:
        environment = _environment(folder, url) | ({"AGGREGATION": "", "METRICS": ""} if name == ALL else {})
        own = [sys.executable, str(Path(__file__)), "--script", url]
        ours = [sys.executable, "-m", "dcgm_cloudwatch", "once"]
        command = own if name == SCRIPT else ours
        used = measure(command, Path(folder) / "log", environment)
        if used.status:
            raise SystemExit(f"error: {command} ended with {used.status}: {(Path(folder) / 'log').read_text()[-2000:]}")
    return sink, used


def _environment(folder: str, url: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PACKAGE), str(ROOT / "jobs")]),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "fake",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_REGION": "us-west-2",
        "PROMETHEUS_URL": url,
        "CLUSTER_NAME": "bench",
        "AGGREGATION": "gpu",
        "METRICS": ",".join(name for name, _ in SIX.values()),
        "WATERMARK": f"file:{folder}/watermark",
        "FIRST_BACKFILL": "110",
        "BACKLOG_REQUESTS": "500",
    }


def script(url: str) -> int:
    """Send the newest values as a plain script does."""
    client = boto3.client("cloudwatch", region_name="us-west-2", config=Config(disable_request_compression=True))
    for name, (metric, unit) in SIX.items():
        body = urllib.parse.urlencode({"query": name}).encode()
        with urllib.request.urlopen(f"{url}/api/v1/query", body) as answer:  # noqa: S310 - loopback
            series = json.load(answer)["data"]["result"]
        data = [
            {
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "InstanceId", "Value": each["metric"]["node"]},
                    {"Name": "GPU", "Value": each["metric"]["gpu"]},
                ],
                "Timestamp": time.time(),
                "Value": float(each["value"][1]),
                "Unit": unit,
            }
            for each in series
        ]
        for first in range(0, len(data), OF_SCRIPT):
            client.put_metric_data(Namespace="ParallelCluster/bench/GPU", MetricData=data[first : first + OF_SCRIPT])
    return 0


def text(gpus: int, rows: Mapping[str, tuple[Sink, Usage]]) -> str:
    """Return a table of both, and how many times as much the second needs."""
    lines = [f"{gpus} GPUs:"]
    for name, (sink, used) in rows.items():
        lines.append(
            f"  {name:<15}{sink.requests:>6} requests {sink.sent / 1000:>9.0f} kB {used.wall:>7.1f} s "
            f"{used.cpu:>6.1f} CPU-s {used.peak_rss / 1024**2:>5.0f} MiB ${sink.requests * MINUTES * REQUEST:>9,.2f} "
            "a month for requests"
        )
    return "\n".join([*lines, _times(*rows[OURS], *rows[SCRIPT])])


def _times(ours: Sink, used: Usage, script: Sink, script_used: Usage) -> str:
    """Return how many times as much the script needs of each; a request costs the same, whatever is in it."""
    each = {
        "requests and dollars": (script.requests, ours.requests),
        "bytes": (script.sent, ours.sent),
        "seconds": (script_used.wall, used.wall),
        "CPU": (script_used.cpu, used.cpu),
        "memory": (script_used.peak_rss, used.peak_rss),
    }
    return "  the script needs " + ", ".join(f"{a / max(b, 1e-9):.2g} x the {what}" for what, (a, b) in each.items())


class _Port:
    """Serves a sink on loopback while it is open."""

    def __init__(self, sink: Sink) -> None:
        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:  # noqa: N802 - http.server's name
                content = sink.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    sys.exit(main())
