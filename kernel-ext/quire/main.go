// Command quire is the notebook environment: it executes notebooks, opens JupyterLab on them, and
// installs the kernel.
//
//	go install github.com/quire-ml/quire/kernel-ext/quire@latest
//	quire tutorials
//	quire run tutorials/00-start.ipynb
//	quire lab
//
// In a checkout of the repository, "go run ./kernel-ext/quire" is the same with what is there.
//
// "quire help" lists the commands and "quire help COMMAND" explains one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// command is one subcommand.
type command struct {
	name  string // may be of two words
	args  string // after the flags
	short string // one line
	long  string // the help text, after the usage line
	run   func(ctx context.Context, env *environment, args []string) error
	flags func(*flag.FlagSet, *environment)
}

// environment is what a command works with.
type environment struct {
	stdout, stderr io.Writer
	flags          *flag.FlagSet

	run    runFlags
	lab    labFlags
	kern   kernelFlags
	plug   pluginFlags
	assets assetFlags

	session sessionFlags
}

func commands() []*command {
	return []*command{runCommand, labCommand, kernelInstall, kernelUninstall, kernelDoctor, kernelStart, tutorialsCommand, dataGet,
		pluginInstall, pluginList, pluginRemove, assetsInstall, sessionStatus, sessionStop, sessionBuild, versionCommand}
}

// usageError is a mistake in the command line: exit status 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// exitError ends the program with a status; what was wrong has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals // a second Ctrl-C: at once; watchdogs end what was started
		os.Exit(130)
	}()
	os.Exit(realMain(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// realMain runs a command line and returns the exit status.
func realMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	var exit exitError
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "quire:", err)
		return 2
	}
	fmt.Fprintln(stderr, "quire:", err)
	return 1
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		overview(stderr)
		return exitError(2)
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		if len(args) == 1 {
			overview(stdout)
			return nil
		}
		c, _, err := find(args[1:])
		if err != nil {
			return err
		}
		help(stdout, c, newEnvironment(c, stdout, stderr).flags)
		return nil
	}
	if args[0] == "-version" || args[0] == "--version" || args[0] == "-v" {
		args[0] = "version"
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	env := newEnvironment(c, stdout, stderr)
	var own []string // flags may stand before and after the arguments; "--" ends them
	for len(rest) > 0 {
		if err := env.flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				help(stdout, c, env.flags)
				return err
			}
			return flagMistake(err, c, env.flags)
		}
		left := env.flags.Args()
		if n := len(rest) - len(left); n > 0 && rest[n-1] == "--" {
			own = append(append(own, "--"), left...)
			break
		}
		if len(left) == 0 {
			break
		}
		own, rest = append(own, left[0]), left[1:]
	}
	return c.run(ctx, env, own)
}

// find returns the command that args begin with, and the rest of args.
func find(args []string) (*command, []string, error) {
	var group []string
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return c, args[len(words):], nil
		}
		if words[0] == args[0] && c.short != "" {
			group = append(group, words[1])
		}
	}
	if len(group) > 0 {
		if len(args) > 1 {
			return nil, nil, usageError{fmt.Sprintf("there is no command %q: the words after %s are %s", strings.Join(args[:2], " "), args[0], strings.Join(group, ", "))}
		}
		return nil, nil, usageError{fmt.Sprintf("quire %s needs one of: %s", args[0], strings.Join(group, ", "))}
	}
	return nil, nil, unknownCommand(args[0])
}

func newEnvironment(c *command, stdout, stderr io.Writer) *environment {
	env := &environment{stdout: stdout, stderr: stderr, flags: flag.NewFlagSet("quire "+c.name, flag.ContinueOnError)}
	env.flags.SetOutput(io.Discard) // errors and help are written here, in one form
	env.flags.Usage = func() {}
	if c.flags != nil {
		c.flags(env.flags, env)
	}
	return env
}

func overview(w io.Writer) {
	fmt.Fprint(w, "quire is machine learning in Go, made for notebooks. This command runs the notebooks.\n\nUsage: quire COMMAND [flags] [arguments]\n\n")
	for _, c := range commands() {
		if c.short != "" {
			fmt.Fprintf(w, "  %-18s %s\n", c.name, c.short)
		}
	}
	fmt.Fprint(w, "\nquire help COMMAND explains a command and its flags.\n")
}

func help(w io.Writer, c *command, flags *flag.FlagSet) {
	fmt.Fprintf(w, "Usage: quire %s\n\n%s\n", usage(c, flags), strings.TrimSpace(c.long))
	any := false
	flags.VisitAll(func(f *flag.Flag) {
		if !any {
			fmt.Fprint(w, "\nFlags:\n")
			any = true
		}
		name, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  -%s\n        %s\n", strings.TrimSpace(f.Name+" "+name), usage)
	})
}

// usage returns the form of a command line.
func usage(c *command, flags *flag.FlagSet) string {
	line := c.name
	any := false
	flags.VisitAll(func(*flag.Flag) { any = true })
	if any {
		line += " [flags]"
	}
	if c.args != "" {
		line += " " + c.args
	}
	return line
}
