"""Which images the nodes of managed groups boot."""

AL2023_RELEASE = "v20260930"  # that this was made with


def al2023_release(version: str, release: str, *, gpus: bool) -> str:
    """Return a reference to the name that EKS has for a dated release, like v20260930, of Amazon Linux 2023.

    The name, like 1.35.2-20260930, holds the patch version of Kubernetes, which only AWS knows: it is read from a
    public parameter when the stack is deployed. The image for GPUs brings NVIDIA's driver and container toolkit.
    """
    variant = "nvidia" if gpus else "standard"
    name = f"amazon-eks-node-al2023-x86_64-{variant}-{version}-{release}"
    path = f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/{variant}/{name}/release_version"
    return parameter(path)


def parameter(path: str) -> str:
    """Return a reference to a public parameter, which is read when the stack is deployed."""
    return f"{{{{resolve:ssm:{path}}}}}"
