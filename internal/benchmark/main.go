// Command benchmark measures the engine "go" through the public API: products, convolutions, functions, reductions, training
// steps of whole models.
//
//	go run ./internal/benchmark                               # a table
//	go run ./internal/benchmark -json > ours.jsonl            # a line of JSON for each case
//	go run ./internal/benchmark -peers peers.jsonl            # a table with ratios against other programs
//	go run ./internal/benchmark -filter xblock_fwd -threads 1 -cpuprofile cpu.prof
//
// internal/benchmark/peers has the same cases for PyTorch, JAX, NumPy and onnxruntime, and a script that runs all in turn.
//
// A case is called over and over for a sample; each round takes one sample of every case, so that what else the machine does
// disturbs all alike. The wall time is the median of the clean samples: those during which no thread of the process waited for a
// processor for more than 3 % of the time (on Linux; elsewhere all count as clean). The CPU time is the least of all samples,
// user and system, of all threads: a busy machine hardly moves it. The limits are the engine's own measurements of the machine, for
// a million operations or bytes; shares of the FMA peak are by CPU time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	settings
	filter, exclude      string
	peers, results       string
	json, list, markdown bool
	cpuProfile           string
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{settings: settings{log: stderr}}
	flags := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	flags.SetOutput(stderr)
	threads := flags.String("threads", defaultThreads(), "numbers of threads, a `list`: each case is measured at each of them")
	flags.StringVar(&o.filter, "filter", "", "measure only cases whose names contain one of these, a `list`")
	flags.StringVar(&o.exclude, "exclude", "", "leave out cases whose names contain one of these, a `list`")
	flags.IntVar(&o.rounds, "rounds", 7, "samples of each case")
	flags.DurationVar(&o.sample, "time", 30*time.Millisecond, "how long a sample takes, about")
	flags.StringVar(&o.system, "system", "quire", "what the lines call this program")
	flags.BoolVar(&o.json, "json", false, "print a line of JSON for each case, instead of the table")
	flags.BoolVar(&o.markdown, "markdown", false, "print the table in Markdown")
	flags.BoolVar(&o.list, "list", false, "print the names of the cases, and measure nothing")
	flags.StringVar(&o.peers, "peers", "", "`files` of other programs' lines, to compare with")
	flags.StringVar(&o.results, "results", "", "print the table of these `files` instead of measuring: ours are the lines that -system names, all others are peers")
	flags.StringVar(&o.cpuProfile, "cpuprofile", "", "write a profile of the samples to this `file`, for go tool pprof; see -filter")
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: go run ./internal/benchmark [flags]\n\nMeasures the engine through the public API, and prints a table. Lists are separated by commas.\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag: -filter chooses cases, -help tells all", flags.Arg(0))
	}
	for _, text := range strings.Split(*threads, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-threads %q: want numbers from 1, separated by commas", *threads)
		}
		o.threads = append(o.threads, n)
	}
	if o.rounds < 1 || o.sample <= 0 {
		return nil, fmt.Errorf("-rounds %d -time %v: want at least one round, and a time above 0", o.rounds, o.sample)
	}
	return o, nil
}

// defaultThreads is all processors, and one.
func defaultThreads() string {
	if n := runtime.NumCPU(); n > 1 {
		return fmt.Sprintf("%d,1", n)
	}
	return "1"
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.results != "" {
		return o.printResults(stdout)
	}
	list, err := o.chosen()
	if err != nil {
		return err
	}
	if o.list {
		for _, c := range list {
			fmt.Fprintln(stdout, c.name)
		}
		return nil
	}
	peers, err := o.readPeers()
	if err != nil {
		return err
	}
	stop, err := o.profile()
	if err != nil {
		return err
	}
	measured, failed := measure(ctx, list, o.settings)
	if err := stop(); err != nil {
		return err
	}
	var ours []result
	for _, m := range measured {
		if len(m.wall) > 0 {
			ours = append(ours, m.result(o.system))
		}
	}
	if o.json {
		err = writeJSON(stdout, ours)
	} else {
		writeTables(stdout, ours, peers, o.writer())
	}
	return errors.Join(failed, err)
}

// chosen returns the cases that the flags name.
func (o *options) chosen() ([]*benchCase, error) {
	contains := func(list, name string) bool {
		return list != "" && slices.ContainsFunc(strings.Split(list, ","), func(part string) bool { return strings.Contains(name, part) })
	}
	list := slices.DeleteFunc(cases(), func(c *benchCase) bool {
		return o.filter != "" && !contains(o.filter, c.name) || contains(o.exclude, c.name)
	})
	if len(list) == 0 {
		return nil, fmt.Errorf("-filter %q -exclude %q leave no case: -list prints all", o.filter, o.exclude)
	}
	return list, nil
}

func (o *options) readPeers() ([]result, error) {
	if o.peers == "" {
		return nil, nil
	}
	return readResults(strings.Split(o.peers, ","))
}

// printResults prints the table of lines that were written before.
func (o *options) printResults(stdout io.Writer) error {
	all, err := readResults(strings.Split(o.results, ","))
	if err != nil {
		return err
	}
	peers, err := o.readPeers()
	if err != nil {
		return err
	}
	var ours []result
	for _, r := range all {
		if r.System == o.system {
			ours = append(ours, r)
		} else {
			peers = append(peers, r)
		}
	}
	if len(ours) == 0 {
		return fmt.Errorf("-results %s has no line of the system %q: -system names ours", o.results, o.system)
	}
	writeTables(stdout, ours, peers, o.writer())
	return nil
}

// writer returns what writes the table.
func (o *options) writer() rowWriter {
	if o.markdown {
		return writeMarkdown
	}
	return writeAligned
}

// profile begins a profile, if one is wanted, and returns what ends it.
func (o *options) profile() (stop func() error, err error) {
	if o.cpuProfile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(o.cpuProfile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
