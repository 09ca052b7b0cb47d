// Command pluginget installs a plugin from a package index. It does the work of "quire plugin install" in a
// program of its own, so that the other commands are built without net/http.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall"
	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall/pypi"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	to := flag.String("to", "", "the folder of plugins")
	flag.Parse()
	if err := get(ctx, plugininstall.Pins(), flag.Arg(0), *to, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "quire:", err)
		os.Exit(1)
	}
}

func get(ctx context.Context, table []plugininstall.Pin, name, to string, stdout, stderr io.Writer) error {
	pin, err := plugininstall.PinOf(table, name, runtime.GOOS+"/"+runtime.GOARCH)
	if err != nil {
		return err
	}
	config, err := pypi.ReadConfig()
	if err != nil {
		return err
	}
	index, err := pypi.New(config, fmt.Sprintf("bring the wheels from elsewhere and use quire plugin install %s -from DIR", name))
	if err != nil {
		return err
	}
	return plugininstall.Tell(ctx, pin, index, to, stdout, stderr)
}
