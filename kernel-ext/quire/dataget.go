package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

var dataGet = &command{
	name:  "data get",
	args:  "SET…",
	short: "download public data sets: mnist, text, tabular",
	long: `
Downloads data sets into the cache, where ml/data finds them: mnist (11 MB; Y. LeCun, C. Cortes,
C. Burges), text (tinyshakespeare and names), tabular (palmerpenguins). A download goes on where an earlier one
broke off and is checked against its SHA-256 sum. Where files lie elsewhere, set QUIRE_DATA to their folder
instead; QUIRE_CACHE moves the cache.`,
	run: runDataGet,
}

// runDataGet leaves the work to a program of its own: this one is built without net/http, because it is what
// people wait for before the first notebook.
func runDataGet(ctx context.Context, env *environment, args []string) error {
	if len(args) == 0 {
		return usageError{"data get needs the name of a set: mnist, text or tabular"}
	}
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, ws.Go, append([]string{"run", "./kernel-ext/internal/dataget"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ws.Module, env.stdout, env.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) { // it has said why
		return exitError(exit.ExitCode())
	}
	return err
}
