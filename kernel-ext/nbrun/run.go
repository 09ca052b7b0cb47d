package nbrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/nbhtml"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/studio"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// startTimeout bounds the start of gonb once it is built: 0.3 s when the machine is idle.
const startTimeout = 60 * time.Second

// Run executes a notebook. It stops at the first cell that fails and returns a *CellError, or an error
// that wraps ErrInterrupted when ctx is cancelled: the running cell is then interrupted and has five
// seconds to end. What there is by then is written to opts.Output and opts.HTML in every case in which
// at least the kernel started.
func Run(ctx context.Context, opts Options) (*Result, error) {
	began := time.Now()
	nb, err := notebook.Read(opts.Notebook)
	if err != nil {
		return nil, err
	}
	if lang := nb.Language(); lang != "" && !strings.EqualFold(lang, "go") {
		return nil, fmt.Errorf("notebook %s: it is written in %s, not in Go", opts.Notebook, lang)
	}
	for _, path := range []string{opts.Output, opts.HTML} {
		if err := writable(path); err != nil {
			return nil, err
		}
	}
	r := &runner{opts: opts, nb: nb, result: &Result{Notebook: nb}}
	for _, c := range nb.Cells {
		r.result.Cells = append(r.result.Cells, Cell{Cell: c})
	}
	defer func() { r.result.Elapsed = time.Since(began) }()
	if err := r.start(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w while starting", ErrInterrupted)
		}
		return nil, err
	}
	r.result.Setup = time.Since(began)
	r.tell(Event{Kind: Started, Elapsed: r.result.Setup})
	err = r.cells(ctx)
	r.stop()
	return r.result, errors.Join(err, r.write())
}

// runner is one run.
type runner struct {
	opts    Options
	nb      *notebook.Notebook
	result  *Result
	kernel  *relay.Relay
	client  *kernel.Client
	collect *collector

	telling sync.Mutex
	asked   chan jupyter.Input // an input_request came
}

func (r *runner) tell(e Event) {
	if r.opts.Progress == nil {
		return
	}
	r.telling.Lock()
	defer r.telling.Unlock()
	r.opts.Progress(e)
}

// start builds what is missing, starts the kernel, and compiles the imports meanwhile.
func (r *runner) start(ctx context.Context) error {
	path, err := filepath.Abs(r.opts.Notebook)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	studio.Sweep()
	ws, err := workspace.Open(ctx, workspace.Options{
		From: []string{dir}, Online: r.opts.Online,
		Note:     func(s string) { r.tell(Event{Kind: Note, Text: s}) },
		Progress: func(p workspace.Progress) { r.tell(Event{Kind: Preparing, Text: p.String()}) },
	})
	if err != nil {
		return err
	}
	r.result.Made = madeWith(ctx, ws, r.nb, r.opts.Env)
	if err := r.compared(r.result.Made); err != nil {
		return err
	}
	needs := imports(r.nb)
	tools, err := ws.Build(ctx, ws.Relative(needs), workspace.Headless()...)
	if err != nil {
		return err
	}
	warmed := make(chan struct{})
	go func() {
		defer close(warmed)
		_ = ws.Warm(ctx, append(needs, ws.Beside()...), false) // what is wrong with an import, its cell says better
	}()
	// The kernel lives longer than ctx: the cell that runs when it ends is interrupted.
	r.kernel, err = studio.Start(context.WithoutCancel(ctx), studio.Options{Workspace: ws, Tools: tools, Dir: dir, Env: r.opts.Env, Log: r.opts.Log})
	if err != nil {
		<-warmed
		return err
	}
	r.collect = newCollector(func(string) {})
	if err := r.connect(ctx); err != nil {
		r.kernel.Close()
		<-warmed
		return err
	}
	<-warmed
	return nil
}

func (r *runner) connect(ctx context.Context) error {
	r.asked = make(chan jupyter.Input, 1)
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	r.client, err = kernel.Connect(starting, r.kernel.Connection(), r.kernel.Done(), kernel.Handlers{
		IOPub: func(m jupyter.Message) { r.collect.handle(m) },
		Input: func(in jupyter.Input) {
			select {
			case r.asked <- in:
			default:
			}
		},
	})
	if err == nil { // gonb is behind it: what keeps it from starting is said now
		_, err = r.client.Run(starting, jupyter.Execute{Silent: true, Code: "%noautoget"})
	}
	if ended := r.kernel.Err(); err != nil && ended != nil {
		err = ended
	}
	if err != nil && r.client != nil {
		r.client.Close()
	}
	return err
}

// cells runs the code cells in order.
func (r *runner) cells(ctx context.Context) error {
	var run []int
	for i, c := range r.nb.Cells {
		if c.Kind == notebook.Code && strings.TrimSpace(c.Source) != "" && !slices.Contains(c.Tags(), "skip-execution") {
			run = append(run, i)
		}
	}
	for k, i := range run {
		c := &r.result.Cells[i]
		r.tell(Event{Kind: CellBegun, Cell: k + 1, Cells: len(run), Text: firstLine(c.Source)})
		r.collect.mu.Lock()
		r.collect.shows = func(text string) {
			r.tell(Event{Kind: CellShows, Cell: k + 1, Cells: len(run), Text: text})
		}
		r.collect.mu.Unlock()
		began := time.Now()
		err := r.cell(ctx, i)
		c.Ran, c.Elapsed = true, time.Since(began)
		r.tell(Event{Kind: CellEnded, Cell: k + 1, Cells: len(run), Text: firstLine(c.Source), Elapsed: c.Elapsed, Err: err})
		if err != nil {
			return err
		}
	}
	return nil
}

// cell runs one cell and returns its error, nil if it did what its tags say.
func (r *runner) cell(ctx context.Context, i int) error {
	c := r.nb.Cells[i]
	fail := func(err error, format string, args ...any) error {
		return &CellError{Notebook: r.opts.Notebook, Cell: i + 1, Line: firstLine(c.Source), Value: fmt.Sprintf(format, args...), Err: err}
	}
	if ctx.Err() != nil {
		return fail(ErrInterrupted, "interrupted before it began")
	}
	c.Outputs, c.ExecutionCount = nil, 0 // only now: what is not executed stays as it was
	expected := slices.Contains(c.Tags(), "raises-exception")
	e, err := r.client.Execute(jupyter.Execute{Code: c.Source, StoreHistory: true, StopOnError: true},
		func(id string) { r.collect.begin(id, c) })
	if err != nil {
		return fail(err, "the kernel does not take it: %v", err)
	}
	reply, why := r.wait(ctx, e)
	switch {
	case reply == nil: // there is no kernel any more
		r.addError(c, why.Error())
		return fail(why, "%v", why)
	case why != nil && strings.Contains(reply.EValue, "took no notice"):
		why = fmt.Errorf("%w; it took no notice and was killed", why)
	}
	c.ExecutionCount = reply.ExecutionCount
	if why != nil {
		return fail(why, "%v", why)
	}
	switch {
	case reply.Status == "ok" && expected:
		return fail(nil, "it was meant to fail (tag raises-exception) and did not")
	case reply.Status == "ok" || expected:
		return nil
	}
	return r.cellError(i, jupyter.Failure{EName: reply.EName, EValue: reply.EValue, Traceback: reply.Traceback})
}

// wait waits for a cell. The error says why it was interrupted, or that the kernel is gone; the reply is
// nil if there was none.
func (r *runner) wait(ctx context.Context, e *kernel.Execution) (*jupyter.Reply, error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if t := r.opts.Timeout; t > 0 {
		timer := time.AfterFunc(t, func() { cancel(fmt.Errorf("it ran longer than %v", t)) })
		defer timer.Stop()
	}
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case in := <-r.asked:
			cancel(fmt.Errorf("it asks for input (%q), which a run without a screen cannot give", strings.TrimSpace(in.Prompt)))
		case <-over:
		}
	}()
	reply, err := e.Wait(within)
	if err == nil {
		return &reply, nil
	}
	if errors.Is(err, kernel.ErrGone) {
		return nil, r.gone()
	}
	why := context.Cause(within)
	if ctx.Err() != nil {
		why = ErrInterrupted
	}
	_ = r.client.Interrupt()
	if reply, err = e.Wait(context.WithoutCancel(ctx)); err != nil { // the kernel ends it, whatever it does
		return nil, r.gone()
	}
	return &reply, why
}

// gone says why there is no kernel any more.
func (r *runner) gone() error {
	<-r.kernel.Done() // the sockets end a moment before
	if err := r.kernel.Err(); err != nil {
		return err
	}
	return kernel.ErrGone
}

// addError puts an error output of ours into a cell.
func (r *runner) addError(c *notebook.Cell, text string) {
	r.collect.mu.Lock()
	defer r.collect.mu.Unlock()
	c.Outputs = append(c.Outputs, &notebook.Output{Kind: notebook.Error, EName: "ERROR", EValue: text, Traceback: []string{text}})
}

// stop ends the kernel. A kernel_info before it gives displays the time to arrive that came without
// gonbui.Sync.
func (r *runner) stop() {
	if r.kernel.Err() == nil {
		last, end := context.WithTimeout(context.Background(), time.Second)
		_, _ = r.client.Run(last, jupyter.Execute{Code: "%noautoget", Silent: true})
		end()
	}
	r.client.Close()
	r.kernel.Close()
	r.collect.finish()
}

// write writes the files that were asked for.
func (r *runner) write() error {
	r.nb.Metadata["kernelspec"] = map[string]any{"display_name": "Quire (Go)", "language": "go", "name": "quire"}
	var info map[string]any
	if json.Unmarshal(r.client.Info.LanguageInfo, &info) == nil && info != nil {
		for name, value := range info { // gonb leaves some empty, and nbconvert takes "" for a name
			if value == "" {
				delete(info, name)
			}
		}
		info["pygments_lexer"] = "go"
		r.nb.Metadata["language_info"] = info
	}
	errs := []error{r.nb.SetMade(r.result.Made)}
	if r.opts.Output != "" {
		errs = append(errs, r.nb.Write(r.opts.Output))
	}
	if r.opts.HTML != "" {
		title := r.nb.Title()
		if title == "" {
			title = filepath.Base(r.opts.Notebook)
		}
		page, err := nbhtml.Render(r.nb, title)
		if err == nil {
			err = notebook.WriteFile(r.opts.HTML, page)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// writable says before a long run, rather than after it, that a file cannot be written.
func writable(path string) error {
	if path == "" {
		return nil
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".quire-probe-")
	if err == nil {
		probe.Close()
		return os.Remove(probe.Name())
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}
