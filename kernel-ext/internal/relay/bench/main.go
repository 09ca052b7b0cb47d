// Command bench prints how long a front end waits for a kernel: for the relay as quire kernel start runs it, and beside it,
// in turns, for gonb alone with its own settings (stock), and for gonb as the relay starts it (guarded): with the guard of
// cells, which names their lines, and the settings that make cells link faster. What the relay itself costs is the
// difference to that.
//
//	go run ./kernel-ext/internal/relay/bench [-rounds N]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/studio"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// subject is a kernel that is measured.
type subject struct {
	name string
	*kernel.Client
	edits int
	big   bool // a cell has made the large tensor
}

// trip is something that a front end waits for.
type trip struct {
	name  string
	slow  bool // a tenth of the rounds
	begin string
	run   func(context.Context, *subject) error
}

var trips = []trip{
	{name: "kernel_info", run: func(ctx context.Context, s *subject) error {
		_, err := s.Ask(ctx, jupyter.KernelInfoRequest, struct{}{})
		return err
	}},
	{name: "empty cell", run: cell("")},
	{name: "command of the shell", run: cell("!true")},
	{name: "cell, repeated", slow: true, run: cell("%%\nfmt.Println(1)")},
	{name: "cell, edited", slow: true, run: edited("%%%%\nfmt.Println(%d)")},
	{name: "framework, repeated", slow: true, begin: framework, run: cell("%%\nfmt.Println(shapes.Make(dtypes.Float32, 1))")},
	{name: "framework, edited", slow: true, run: edited("%%%%\nfmt.Println(shapes.Make(dtypes.Float32, %d), new(graph.Node) == nil)")},
	// gonb alone carries nothing: its cell has the packages without the tensor.
	{name: "framework, 100 MB carried in", slow: true, begin: tensors, run: carried(
		edited("%%%%\nfmt.Println(big.Shape(), tensors.FromScalar(int64(%d)), new(graph.Node) == nil)"),
		edited("%%%%\nfmt.Println(tensors.FromScalar(int64(%d)), new(graph.Node) == nil)"))},
}

const tensors = "import \"github.com/quire-ml/quire/graph/tensors\"\n"

// carried runs a cell that has a value of an earlier one, where values flow, and else one without it.
func carried(with, without func(context.Context, *subject) error) func(context.Context, *subject) error {
	return func(ctx context.Context, s *subject) error {
		if s.name != flowing {
			return without(ctx, s)
		}
		if !s.big {
			s.big = true
			if err := cell("big := tensors.FromShape(shapes.Make(dtypes.Float32, 5, 5, 1_000_000))")(ctx, s); err != nil {
				return err
			}
		}
		return with(ctx, s)
	}
}

// flowing is the name of the kernel in which variables flow from cell to cell.
const flowing = "relay"

const framework = "import (\n\t\"github.com/quire-ml/quire/graph\"\n\t\"github.com/quire-ml/quire/graph/dtypes\"\n" +
	"\t\"github.com/quire-ml/quire/graph/shapes\"\n)"

func cell(code string) func(context.Context, *subject) error {
	return func(ctx context.Context, s *subject) error {
		reply, err := s.Run(ctx, jupyter.Execute{Code: code, StoreHistory: true})
		if err == nil && reply.Status != "ok" {
			err = fmt.Errorf("%s: %q: %s", s.name, code, reply.EValue)
		}
		return err
	}
}

func edited(format string) func(context.Context, *subject) error {
	return func(ctx context.Context, s *subject) error {
		s.edits++
		return cell(fmt.Sprintf(format, s.edits))(ctx, s)
	}
}

func main() {
	rounds := flag.Int("rounds", 100, "round trips of each kind; a tenth of it where a cell is compiled")
	flag.Parse()
	if err := measure(context.Background(), max(10, *rounds)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, rounds int) error {
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err != nil {
		return err
	}
	tools, err := ws.Build(ctx, nil, workspace.Headless()...)
	if err != nil {
		return err
	}
	relay, err := studio.Start(ctx, studio.Options{Workspace: ws, Tools: tools})
	if err != nil {
		return err
	}
	defer relay.Close()
	stock, err := kernel.Start(kernel.Options{Workspace: ws, Tools: workspace.Tools{
		workspace.Gonb: tools[workspace.Gonb], workspace.Goimports: tools[workspace.Goimports],
	}, Env: []string{"GOFLAGS=-buildvcs=false"}})
	if err != nil {
		return err
	}
	defer stock.Close(0)
	guarded, err := kernel.Start(kernel.Options{Workspace: ws, Tools: tools, RawErrors: true})
	if err != nil {
		return err
	}
	defer guarded.Close(0)
	subjects := []*subject{{name: flowing}, {name: "guarded"}, {name: "stock"}}
	for i, conn := range []jupyter.Connection{relay.Connection(), guarded.Connection, stock.Connection} {
		if subjects[i].Client, err = kernel.Connect(ctx, conn, nil, kernel.Handlers{}); err != nil {
			return err
		}
		defer subjects[i].Close()
	}
	if err := cell("%noautoget")(ctx, subjects[1]); err != nil { // as the relay does
		return err
	}
	fmt.Printf("%-30s", "ms, least / median")
	for _, s := range subjects {
		fmt.Printf("%20s", s.name)
	}
	fmt.Println()
	for _, t := range trips {
		n := rounds
		if t.slow {
			n /= 10
		}
		if err := t.measure(ctx, subjects, n); err != nil {
			return err
		}
	}
	return nil
}

// measure measures one kind of round trip, of both in turns.
func (t trip) measure(ctx context.Context, subjects []*subject, rounds int) error {
	took := make([][]float64, len(subjects))
	for round := -1; round < rounds; round++ { // the first is for caches
		for i, s := range subjects {
			if round < 0 && t.begin != "" {
				if err := cell(t.begin)(ctx, s); err != nil {
					return err
				}
			}
			began := time.Now()
			if err := t.run(ctx, s); err != nil {
				return err
			}
			if round >= 0 {
				took[i] = append(took[i], time.Since(began).Seconds()*1e3)
			}
		}
	}
	fmt.Printf("%-30s", t.name)
	for _, list := range took {
		slices.Sort(list)
		fmt.Printf("%11.2f %8.2f", list[0], list[len(list)/2])
	}
	fmt.Println()
	return nil
}
