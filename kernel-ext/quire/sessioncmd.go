package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
)

// sessionFlags are those of the commands about sessions.
type sessionFlags struct{ force bool }

var sessionStatus = &command{
	name:  "session status",
	short: "list the processes that hold engines for notebooks",
	long: `Cells stay pure Go. An engine that needs more, such as xla, is held by a worker process, one for each user and device, which cells reach
by a socket of this user's: QUIRE_BACKEND=session:xla:cpu, which "quire run -backend xla:cpu" and "quire lab -backend xla:cpu" choose. The worker is started by the first
cell that needs it, and ends with the last notebook that used it, or when no program has needed it for ten minutes.

The list has a line for each worker: what it holds, its process, the programs that it keeps compiled, the values that notebooks hold;
and below it the programs that use it at this moment.`,
	run: runSessionStatus,
}

var sessionStop = &command{
	name:  "session stop",
	args:  "[ENGINE]",
	short: "end such a process",
	long: `Ends the worker that holds ENGINE, such as xla:cpu, or all workers of this user. One that is in use is left alone: with -f it ends all the same, and what
cells hold in it is lost, which the next cell that asks for it says; so does one that does not answer.`,
	run: runSessionStop,
	flags: func(f *flag.FlagSet, env *environment) {
		f.BoolVar(&env.session.force, "f", false, "end it also if it is in use, or does not answer")
	},
}

var sessionBuild = &command{
	name:  "session build",
	args:  "ENGINE",
	short: "build the program that holds an engine, and print where it is",
	long: `For programs outside notebooks: export QUIRE_SESSION_WORKER="$(quire session build xla:cpu)" lets those with QUIRE_BACKEND=session:xla:cpu start the worker. Kernels of
notebooks do it by themselves.`,
	run: runSessionBuild,
}

func runSessionStatus(_ context.Context, env *environment, args []string) error {
	if len(args) > 0 {
		return usageError{"session status takes no arguments: see quire help session status"}
	}
	list, err := session.Workers()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(env.stdout, "no session")
	}
	for _, w := range list {
		showWorker(env.stdout, w)
	}
	return nil
}

func showWorker(out io.Writer, w session.Worker) {
	if w.Err != nil {
		name := ""
		if w.Device != "" {
			name = " (" + w.Device + ")"
		}
		fmt.Fprintf(out, "process %d%s: %v\n", w.PID, name, w.Err)
		return
	}
	fmt.Fprintf(out, "%s: process %d since %s, programs: %d, held: %d values of %s\n", w.Device, w.PID, w.Since.Local().Format(time.DateTime),
		w.Programs, w.Held, bytesize.Text(w.HeldBytes))
	for _, c := range w.Clients {
		doing := "waits"
		if c.Running > 0 {
			doing = fmt.Sprintf("runs %d", c.Running)
		}
		fmt.Fprintf(out, "  process %d: %s, %d values of %s\n", c.PID, doing, c.Values, bytesize.Text(c.Bytes))
	}
}

func runSessionStop(_ context.Context, env *environment, args []string) error {
	switch len(args) {
	case 0:
		return stopAll(env)
	case 1:
		there, err := session.Stop(args[0], env.session.force)
		if err == nil && !there {
			fmt.Fprintf(env.stdout, "no session of %s\n", args[0])
		}
		return err
	}
	return usageError{"session stop takes one engine at most: see quire help session stop"}
}

// stopAll ends all workers, and returns the error of the first that does not.
func stopAll(env *environment) (first error) {
	list, err := session.Workers()
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := w.Stop(env.session.force); err != nil && first == nil {
			first = fmt.Errorf("session:%s: %w", w.Device, err)
		}
	}
	return first
}

func runSessionBuild(ctx context.Context, env *environment, args []string) error {
	if len(args) != 1 {
		return usageError{"session build needs one engine, such as xla:cpu: see quire help session build"}
	}
	line := statusline.New(env.stderr)
	defer line.Close()
	ws, err := openWorkspace(ctx, line)
	if err != nil {
		return err
	}
	program, err := ws.BuildWorker(ctx, args[0])
	if err != nil {
		return err
	}
	line.Close()
	fmt.Fprintln(env.stdout, program)
	return nil
}
