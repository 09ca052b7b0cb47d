package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

var tutorialsCommand = &command{
	name:  "tutorials",
	args:  "[DIR]",
	short: "copy the tutorials into a folder of yours",
	long: `
Copies the tutorials of this version into DIR (default: tutorials, in the current folder), where they can be edited, run and
saved. A file that is there already is left as it is.`,
	run: runTutorials,
}

func runTutorials(ctx context.Context, env *environment, args []string) error {
	if len(args) > 1 {
		return usageError{"tutorials takes one folder: see quire help tutorials"}
	}
	to := "tutorials"
	if len(args) == 1 {
		to = args[0]
	}
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err != nil {
		return err
	}
	notebooks, err := filepath.Glob(filepath.Join(ws.Module, "tutorials", "*.ipynb"))
	if err != nil || len(notebooks) == 0 {
		return fmt.Errorf("%s has no tutorials", ws.Module)
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	for _, from := range notebooks {
		path := filepath.Join(to, filepath.Base(from))
		what, err := copyNew(from, path)
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, path+what)
	}
	return nil
}

// copyNew copies a file to a path where there is none, and returns what is to be said otherwise.
func copyNew(from, to string) (said string, err error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return " is there already", nil
	}
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	return "", errors.Join(err, f.Close())
}
