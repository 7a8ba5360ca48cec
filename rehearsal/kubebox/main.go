// Kubebox is a Kubernetes control plane in one binary: the first argument names the part that runs.
//
// A part ends when its standard input does: whoever started it holds the other end of that pipe, so no part can
// outlive its parent, however the parent ends. (Linux's parent death signal would fire with the parent's thread.)
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

var parts = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": manager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
}

func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	if scratch := os.Getenv("KUBEBOX_SCRATCH"); scratch != "" {
		_ = os.RemoveAll(scratch) // it lies in memory, and nobody else is left to remove it
	}
	os.Exit(1)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: kubebox etcd|kube-apiserver|kube-controller-manager|kube-scheduler [FLAGS]")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = os.Args[1:]
	go endWithParent()
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	part, known := parts[name]
	if !known {
		fmt.Fprintf(os.Stderr, "kubebox: no part is called %q; there are etcd, kube-apiserver, kube-controller-manager and kube-scheduler\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(part()))
}
