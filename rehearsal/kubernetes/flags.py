"""Command lines of the control plane's parts, set as EKS sets them where a user can tell."""

from dataclasses import dataclass
from pathlib import Path

SERVICE_NETWORK = "172.20.0.0/16"  # what EKS takes for a VPC in 10.0.0.0/8


@dataclass(frozen=True)
class Ports:
    """Loopback ports of the parts that listen."""

    api: int
    etcd: int
    etcd_peer: int


def _line(options: dict[str, object]) -> list[str]:
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options.items()]


def _etcd(ports: Ports, data: Path) -> list[str]:
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return _line(
        {
            "data-dir": data,
            "name": "kubebox",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"kubebox={peer}",
            "unsafe-no-fsync": True,  # the data need not survive a power cut
            "log-level": "warn",
        }
    )


def _api_server(ports: Ports, directory: Path, *, review: bool) -> list[str]:
    options: dict[str, object] = {
        "etcd-servers": f"http://127.0.0.1:{ports.etcd}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": ports.api,
        "endpoint-reconciler-type": "none",  # a loopback address cannot be an endpoint
        "service-cluster-ip-range": SERVICE_NETWORK,
        "cert-dir": directory,
        "tls-cert-file": directory / "server.crt",
        "tls-private-key-file": directory / "server.key",
        "token-auth-file": directory / "tokens.csv",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": directory / "accounts.pub",
        "service-account-signing-key-file": directory / "accounts.key",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction,ExtendedResourceToleration",
        "allow-privileged": True,
        "profiling": False,
    }
    if review:
        options["authentication-token-webhook-config-file"] = directory / "token-review.kubeconfig"
        options["authentication-token-webhook-version"] = "v1"
        options["authentication-token-webhook-cache-ttl"] = "1s"
    return _line(options)


def _component(kubeconfig: Path) -> dict[str, object]:
    return {
        "kubeconfig": kubeconfig,
        "secure-port": 0,  # nothing here asks for their health or metrics
        "leader-elect": False,
        "kube-api-qps": 500,  # the default of 20 makes the default service account take 5 s
        "kube-api-burst": 1000,
    }


def _controller_manager(directory: Path) -> list[str]:
    return _line(
        _component(directory / "kube-controller-manager.kubeconfig")
        | {
            "use-service-account-credentials": True,
            "service-account-private-key-file": directory / "accounts.key",
            "root-ca-file": directory / "ca.crt",
            "allocate-node-cidrs": False,
            # No kubelet renews leases here: a node is Ready for as long as its Ready condition says so.
            "node-monitor-grace-period": "24h",
            "resource-quota-sync-period": "5s",
        }
    )


def of_parts(ports: Ports, directory: Path, data: Path, *, review: bool) -> dict[str, list[str]]:
    """Return the arguments of each part, in the order to start them."""
    return {
        "etcd": _etcd(ports, data),
        "kube-apiserver": _api_server(ports, directory, review=review),
        "kube-controller-manager": _controller_manager(directory),
        "kube-scheduler": _line(_component(directory / "kube-scheduler.kubeconfig")),
    }
