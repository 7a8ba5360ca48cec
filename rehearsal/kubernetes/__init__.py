"""The rehearsal's Kubernetes: a real control plane, and stand-ins for the machines, the kubelets and Karpenter."""
