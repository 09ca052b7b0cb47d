package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
	"github.com/quire-ml/quire/kernel-ext/internal/studio"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

type kernelFlags struct {
	prefix string
	user   bool
}

func prefixFlags(f *flag.FlagSet, env *environment) {
	f.StringVar(&env.kern.prefix, "prefix", "", "into `DIR`/share/jupyter, as for a virtual environment or /usr/local")
	f.BoolVar(&env.kern.user, "user", false, "into the user's Jupyter folder (the default)")
}

var kernelInstall = &command{
	name:  "kernel install",
	short: "make the kernel known to an existing Jupyter",
	long: `
Writes the kernelspec "quire" (kernel.json and logos) where Jupyter looks for kernels, after building what
it needs. Cells import the module that kernel doctor names: a checkout, whose folder has to stay, or the version that was installed.`,
	run:   runInstall,
	flags: prefixFlags,
}

var kernelUninstall = &command{
	name:  "kernel uninstall",
	short: "remove what kernel install wrote",
	long: `
Removes the files that kernel install wrote and nothing else. Built tools stay in quire's cache directory,
which quire kernel doctor names; it may be deleted at any time.`,
	run:   runUninstall,
	flags: prefixFlags,
}

// dataDir returns the Jupyter data directory that the flags name.
func (k kernelFlags) dataDir() (string, error) {
	if k.prefix != "" && k.user {
		return "", usageError{"-prefix and -user are two answers to one question: give one"}
	}
	if k.prefix != "" {
		prefix, err := filepath.Abs(k.prefix)
		return kernelspec.PrefixData(prefix), err
	}
	return kernelspec.UserData()
}

func runInstall(ctx context.Context, env *environment, args []string) error {
	if len(args) > 0 {
		return usageError{"kernel install takes no arguments: see quire help kernel install"}
	}
	data, err := env.kern.dataDir()
	if err != nil {
		return err
	}
	line := statusline.New(env.stderr)
	defer line.Close()
	ws, err := openWorkspace(ctx, line)
	if err != nil {
		return err
	}
	spec, err := prepare(ctx, ws, line.Note)
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Interactive()...)
	}
	if err != nil {
		return labError(ctx, err)
	}
	line.Close()
	dir, err := kernelspec.Install(data, spec)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "installed the kernel %q in %s\n", kernelspec.DisplayName, dir)
	return nil
}

func runUninstall(_ context.Context, env *environment, args []string) error {
	if len(args) > 0 {
		return usageError{"kernel uninstall takes no arguments: see quire help kernel uninstall"}
	}
	data, err := env.kern.dataDir()
	if err != nil {
		return err
	}
	dir, err := kernelspec.Uninstall(data)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "removed the kernel from %s\n", dir)
	return nil
}

// kernelStart is what the kernelspec names; people do not call it.
var kernelStart = &command{
	name: "kernel start",
	args: "CONNECTION_FILE",
	long: "Starts the kernel for a front end; the kernelspec calls this.",
	run:  runStart,
}

// connectionID is the kernel's id in the name of a connection file.
var connectionID = regexp.MustCompile(`kernel-([0-9a-fA-F-]+)\.json$`)

// runStart runs a kernel for a front end until it is asked to end, or the front end does.
func runStart(ctx context.Context, env *environment, args []string) error {
	if len(args) != 1 {
		return usageError{"kernel start needs a connection file"}
	}
	signal.Ignore(os.Interrupt) // Ctrl-C in the terminal is for the server; cells are interrupted by message
	parent := os.Getppid()
	conn, err := jupyter.ReadConnection(args[0])
	if err != nil {
		return err
	}
	studio.Sweep()
	ws, err := workspace.Open(ctx, workspace.Options{Note: func(s string) { fmt.Fprintln(env.stderr, s) }})
	if err != nil {
		return err
	}
	tools, ready := ws.Built(workspace.Interactive()...)
	if !ready { // a kernel without completion now is better than one with it in a minute
		if tools, err = ws.Build(ctx, nil, workspace.Headless()...); err != nil {
			return err
		}
		go buildGopls(ctx, ws, func(s string) { fmt.Fprintln(env.stderr, s) })
	}
	opts := studio.Options{
		Workspace: ws, Tools: tools, Front: &conn,
		Note: func(s string) { fmt.Fprintln(env.stderr, "quire:", s) },
	}
	if os.Getenv("QUIRE_LOG") != "" { // gonb is talkative, and its words would stand among Jupyter's
		opts.Log = env.stderr
	}
	if m := connectionID.FindStringSubmatch(args[0]); m != nil {
		opts.ID = m[1]
	}
	kernel, err := studio.Start(ctx, opts)
	if err != nil {
		return err
	}
	defer kernel.Close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-kernel.Done():
			return kernel.Err() // a front end starts a kernel that failed again
		case <-tick.C:
			if os.Getppid() != parent {
				return errors.New("the front end is gone")
			}
		}
	}
}
