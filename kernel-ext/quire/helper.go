package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// openWorkspace opens the workspace and lets it tell what takes long.
func openWorkspace(ctx context.Context, line *statusline.Line, from ...string) (*workspace.Workspace, error) {
	return workspace.Open(ctx, workspace.Options{
		From: from, Note: line.Note, Progress: func(p workspace.Progress) { line.Show(p.String()) },
	})
}

// runHelper builds a command below kernel-ext/internal and runs it. What needs net/http is left to programs of their own:
// this one is what people wait for before the first notebook. It is not run by "go run", so that relative paths mean what
// they say; and it ends with this program.
func runHelper(ctx context.Context, env *environment, name, what string, args ...string) error {
	line := statusline.New(env.stderr)
	defer line.Close()
	ws, err := openWorkspace(ctx, line)
	if err != nil {
		return err
	}
	own, err := scratch.New()
	if err != nil {
		return err
	}
	defer own.Close()
	program := filepath.Join(own.Dir, name)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := ws.Helper(ctx, "building what "+what, "./kernel-ext/internal/"+name, program); err != nil {
		return labError(ctx, err)
	}
	line.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = own.Env(os.Environ())
	cmd.Stdout, cmd.Stderr = env.stdout, env.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err = own.Start(cmd); err == nil {
		err = cmd.Wait()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() { // it has said why
		return exitError(exit.ExitCode())
	}
	if err != nil {
		return fmt.Errorf("what %s has ended: %w", what, err)
	}
	return nil
}
