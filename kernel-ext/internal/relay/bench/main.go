// Command bench prints how long a front end waits for a kernel: for the relay as quire kernel start runs it, and beside it,
// in turns, for gonb alone with its own settings (stock), and for gonb as the relay starts it (guarded): with the guard of
// cells, which names their lines, and the settings that make cells link faster. What the relay itself costs is the
// difference to that.
//
//	go run ./kernel-ext/internal/relay/bench [-rounds N]
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
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
	slow  bool          // a tenth of the rounds
	once  bool          // as people have it only once; it is asked until gopls answers
	after time.Duration // how long after what was before
	alone bool          // gonb by itself has nothing like it: it waits 12 s before it first asks gopls, and gopls is left out of it here
	begin string
	run   func(context.Context, *subject) error
}

var trips = []trip{
	{name: "first hover, 15 s after start", once: true, after: 15 * time.Second, alone: true, run: hover},
	{name: "hover, edited cell", alone: true, run: hover},
	{name: "completion, edited cell", alone: true, run: asked(jupyter.CompleteRequest, "graph.MatM")},
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

// hover asks what graph.MatMul is in a cell that was edited since.
var hover = asked(jupyter.InspectRequest, "graph.MatMul")

// asked asks something of gopls behind a text in a cell that was edited since.
func asked(kind, at string) func(context.Context, *subject) error {
	return func(ctx context.Context, s *subject) error {
		s.edits++
		code := fmt.Sprintf("import \"github.com/quire-ml/quire/graph\"\n\nfunc product%d(x, y *graph.Node) *graph.Node {\n\treturn %s", s.edits, at)
		reply, err := s.Ask(ctx, kind, map[string]any{"code": code + "(x, y)\n}", "cursor_pos": len(code), "detail_level": 0})
		if err == nil && !bytes.Contains(reply.Content, []byte("MatMul")) {
			err = fmt.Errorf("%s: %s of %q: %s", s.name, kind, at, reply.Content)
		}
		return err
	}
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
	tools, err := ws.Build(ctx, nil, append(workspace.Headless(), workspace.Gopls)...)
	if err != nil {
		return err
	}
	relay, err := studio.Start(ctx, studio.Options{Workspace: ws, Tools: maps.Clone(tools)})
	if err != nil {
		return err
	}
	defer relay.Close()
	delete(tools, workspace.Gopls)
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
		of := subjects
		if t.alone {
			of = subjects[:1]
		}
		if err := t.measure(ctx, of, n); err != nil {
			return err
		}
	}
	return nil
}

// measure measures one kind of round trip, of both in turns.
func (t trip) measure(ctx context.Context, subjects []*subject, rounds int) error {
	took := make([][]float64, len(subjects))
	first := -1 // which is for caches
	if t.once {
		first, rounds = 0, 1
	}
	for round := first; round < rounds; round++ {
		for i, s := range subjects {
			if round < 0 && t.begin != "" {
				if err := cell(t.begin)(ctx, s); err != nil {
					return err
				}
			}
			time.Sleep(t.after)
			began := time.Now()
			err := t.run(ctx, s)
			for t.once && err != nil && time.Since(began) < time.Minute { // gopls is still reading the workspace
				err = t.run(ctx, s)
			}
			if err != nil {
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
