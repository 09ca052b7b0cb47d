package studio

import (
	"context"
	"crypto/rand"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/quire-ml/quire/kernel-ext/carry/place"
	"github.com/quire-ml/quire/kernel-ext/internal/failure"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/magics"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// Options of Start.
type Options struct {
	Workspace *workspace.Workspace
	Tools     workspace.Tools
	Dir       string   // where cells run; the notebook's directory
	Env       []string // further variables of cells, "name=value"
	// Front is where front ends connect; nil means Unix sockets that only this process knows.
	Front *jupyter.Connection
	ID    string       // the kernel's id, from the name of the front end's connection file; "" means any
	Log   io.Writer    // gets what gonb logs; may be nil
	Note  func(string) // told what happens to gonb; may be nil
}

// Start starts a kernel. It serves until ctx ends, a front end asks for its end, or its Close is called.
func Start(ctx context.Context, opts Options) (*relay.Relay, error) {
	own, err := scratch.New() // lasts as long as the kernel, whatever happens to gonb
	if err != nil {
		return nil, err
	}
	front := jupyter.Private(filepath.Join(own.Dir, "f"), rand.Text())
	if opts.Front != nil {
		front = *opts.Front
	}
	values, err := place.New()
	if err != nil {
		own.Close()
		return nil, err
	}
	forget := func() { values.Close(); own.Close() }
	own.Also(values.Dir)
	if values.Spill != "" {
		own.Also(values.Spill)
	}
	env := append(slices.Clone(opts.Env), values.Env()...)
	if opts.Front == nil { // without a front end there is no server whose end could be that of jobs
		env = append(env, scratch.LeaseEnv+"="+own.Dir)
	}
	exports := flow.NewExports(opts.Workspace.Module, opts.Workspace.Go, own.Env(opts.Workspace.Env(opts.Tools)))
	var running atomic.Pointer[relay.Relay]
	programs := func() string {
		if r := running.Load(); r != nil {
			return r.Programs()
		}
		return ""
	}
	exports.In(programs)
	stamps := filepath.Join(own.Dir, "stamps")
	exports.Stamps(stamps)
	env = append(env, stampsEnv(stamps))
	session := cells{flow.New(flow.Options{Exports: exports, Carry: values.Dir})}
	go func() {
		_ = exports.Warm(ctx, append(opts.Workspace.Usual(), opts.Workspace.Beside()...)...)
		session.Compose("fmt.Println()") // what the first cell or hover would wait for otherwise
		if opts.Front != nil {           // who runs a notebook knows what it imports
			_ = exports.Warm(ctx, "std")
		}
	}()
	commands := magics.New(magics.Options{Session: session, Keeper: kept{session, programs}, Jobs: background{}, Rerun: session.rerun, Engine: os.Getenv("QUIRE_BACKEND"), Dir: opts.Dir,
		Check: func(engine string) error { return opts.Workspace.BuildEngine(ctx, engine) }, Links: opts.Workspace.EngineEnv})
	shapes := filepath.Join(own.Dir, "s")
	inspector, end := inspecting(opts, session, commands, shapes, programs)
	commands = append(commands, inspector.Magic())
	env = append(env, tracesEnv(shapes))
	tools := maps.Clone(opts.Tools)
	delete(tools, workspace.Gopls) // gonb's hover is never asked
	sock, hear, err := listen(own.Dir, opts.Front != nil)
	if err != nil {
		end()
		forget()
		return nil, err
	}
	r, err := relay.Start(ctx, relay.Options{
		Front:     front,
		Version:   Version(),
		Note:      opts.Note,
		Ending:    sock.Close,
		Ended:     func() { end(); forget() },
		Cells:     heardCells{sock, seen{session, inspector}},
		Comms:     sock,
		Magics:    commands,
		Inspector: inspector,
		Failures: failure.New(failure.Options{
			Packages: opts.Workspace.Usual(), Module: workspace.ModulePath, Commands: magics.Names(commands),
		}),
		Kernel: kernel.Options{
			Workspace: opts.Workspace, Tools: tools, Dir: opts.Dir, Env: append(env, sock.Env()), ConnectionID: opts.ID, RawErrors: true, Log: opts.Log,
		},
	})
	running.Store(r)
	if err != nil {
		end()
		sock.Close()
		forget()
		return nil, err
	}
	hear(r)
	return r, nil
}

// Version returns the version of Quire that this program was built from, with the commit if that was a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "(development)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += " " + s.Value[:12]
		}
	}
	return version
}
