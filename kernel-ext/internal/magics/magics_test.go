package magics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/untrusted"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// evil is what a name or a value may be.
const evil = "<script>alert(1)</script> & \"x\"\n\ttab \x00"

type fakeSession struct {
	variables []Variable
	stale     []StaleCell
	program   string
	err       error
}

func (f fakeSession) Variables() []Variable { return f.variables }
func (f fakeSession) Stale() []StaleCell    { return f.stale }
func (f fakeSession) Export(w io.Writer) error {
	if f.err != nil {
		return f.err
	}
	_, err := io.WriteString(w, f.program)
	return err
}

func full() fakeSession {
	return fakeSession{
		variables: []Variable{
			{Name: "pictures", Type: "*tensors.Tensor", Summary: "float32[60000 28 28]", Bytes: 188_160_000, Cell: 3},
			{Name: "err", Type: "error", Summary: "nil", Bytes: 1, Cell: 3, Passing: true},
			{Name: "names", Type: "[]string", Summary: "10 elements", Bytes: 320, Cell: 12, Stale: "In[3] has changed"},
			{Name: "done", Type: "chan bool", Cell: 4, Why: "channels do not flow"},
		},
		stale: []StaleCell{{12, "names := classes(labels)", "it reads labels of In[3], which has changed"}, {14, evil, evil}},
	}
}

type fakeKeeper struct {
	list    []Kept
	dropped []string
}

func (f *fakeKeeper) List() ([]Kept, error) { return f.list, nil }
func (f *fakeKeeper) Drop(name string) error {
	if name == "none" {
		return fmt.Errorf("nothing is kept under the name %q", name)
	}
	f.dropped = append(f.dropped, name)
	return nil
}

type fakeJobs struct {
	list    []Job
	stopped []string

	attached []string
}

func (f *fakeJobs) List() ([]Job, error) { return f.list, nil }
func (f *fakeJobs) Stop(name string) error {
	f.stopped = append(f.stopped, name)
	return nil
}

func (f *fakeJobs) Attach(_ context.Context, _ *relay.Call, name string) error {
	f.attached = append(f.attached, name)
	return nil
}

type fakeKernel struct {
	pins []string
	set  map[string]string
	err  error
}

func (f *fakeKernel) Require(_ context.Context, pin string) error {
	f.pins = append(f.pins, pin)
	return f.err
}

func (f *fakeKernel) Setenv(_ context.Context, set map[string]string) error {
	f.set = set
	return f.err
}

// views are all tables, full and empty.
func views(t *testing.T) map[string]View {
	t.Helper()
	whoIs := func(list []Variable, names []string, all bool) View {
		v, err := whoView(list, names, all)
		require.NoError(t, err)
		return v
	}
	return map[string]View{
		"1 who":        whoIs(full().variables, nil, false),
		"2 who -a":     whoIs(full().variables, nil, true),
		"3 who names":  whoIs(full().variables, []string{"names"}, false),
		"4 who, evil":  whoIs([]Variable{{Name: evil, Type: evil, Summary: evil, Stale: evil, Bytes: -1}}, nil, false),
		"5 who, none":  whoIs(nil, nil, false),
		"6 stale":      staleView(full().stale),
		"7 stale none": staleView(nil),
		"8 keep": keptView([]Kept{
			{Name: "mnist/train", Type: "*data.InMemoryDataset", Summary: "60,000 examples", Bytes: 47_000_000, Written: noon.Add(-90 * time.Second)},
			{Name: "embedding", Type: "*model.Store", Summary: "2 variables", Bytes: 4096, Written: noon.Add(-73 * time.Hour), Stale: "its function has changed"},
		}, noon),
		"9 keep, one":  keptView([]Kept{{Name: "x", Type: "int", Summary: "3", Bytes: 8, Written: noon.Add(time.Minute)}}, noon),
		"91 keep none": keptView(nil, noon),
		"92 jobs": jobsView([]Job{
			{Name: "lm", State: "running", Began: noon, Took: 3 * time.Hour, Last: "epoch 3 · loss 0.41"},
			{Name: "old", State: "died: exit status 2", Began: noon.Add(-time.Hour), Took: 20 * time.Second, Last: evil},
		}),
		"93 jobs none": jobsView(nil),
	}
}

func TestViewsAreTheGoldenOnes(t *testing.T) {
	all := views(t)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "==== %s\n%s\n\n", name, all[name].Text())
	}
	golden.Check(t, "testdata/views.golden", b.String())
}

func TestViewsSurviveAnUntrustedNotebook(t *testing.T) {
	for name, v := range views(t) {
		assert.Nil(t, untrusted.Lost(v.HTML()), name)
		for _, row := range v.Rows {
			assert.Len(t, row, len(v.Head), name)
		}
	}
}

func all() []relay.Magic {
	return New(Options{Session: full(), Keeper: &fakeKeeper{}, Jobs: &fakeJobs{}})
}

func TestHelpNamesEachWithItsTwin(t *testing.T) {
	list := all()
	for _, m := range list {
		assert.NotEmpty(t, m.Short, m.Name)
		assert.NotEmpty(t, m.Twin, m.Name)
		assert.True(t, (m.Run == nil) != (m.Go == nil), "%s is done here, or by Go", m.Name)
	}
	golden.Check(t, "testdata/help.golden", Help(list))
	assert.Equal(t, []string{"timeit", "require", "backend"}, Names(New(Options{})), "without the other parts")
}

func TestTimeitBecomesGo(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"f(x)", "viz.Show(viz.Time(func() { f(x) }))"},
		{"x.Method().Next()", "viz.Show(viz.Time(func() { x.Method().Next() }))"},
		{"a + b", "viz.Show(viz.Time(func() { _ = a + b }))"},
		{"len(x)", "viz.Show(viz.Time(func() { _ = len(x) }))"},
		{"copy(a, b)", "viz.Show(viz.Time(func() { copy(a, b) }))"},
		{"string(b)", "viz.Show(viz.Time(func() { _ = string(b) }))"},
		{"[]byte(s)", "viz.Show(viz.Time(func() { _ = []byte(s) }))"},
		{"<-c", "viz.Show(viz.Time(func() { <-c }))"},
		{"x := f(); g(x)", "viz.Show(viz.Time(func() { x := f(); g(x) }))"},
		{"for i := range 10 { f(i) }", "viz.Show(viz.Time(func() { for i := range 10 { f(i) } }))"},
	} {
		got, err := timeit().Go(c.args)
		require.NoError(t, err, c.args)
		assert.Equal(t, c.want, got)
	}
	for _, args := range []string{"", "f(x", "f(x) // with a comment", "}", "func f() {}"} {
		_, err := timeit().Go(args)
		assert.Error(t, err, args)
	}
}

func FuzzTimeit(f *testing.F) {
	for _, seed := range []string{"f(x)", "x := 1; _ = x", "}})", "`", "//", "/*", "_ = func() { }"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, args string) {
		code, err := timeit().Go(args)
		if err == nil && !strings.HasPrefix(code, "viz.Show(viz.Time(func() {") {
			t.Errorf("%q became %q", args, code)
		}
	})
}

func TestAttachBecomesGo(t *testing.T) {
	f := &fakeJobs{}
	m := attach(Options{Jobs: f})
	require.NoError(t, m.Run(context.Background(), &relay.Call{Args: " lm "}))
	assert.Equal(t, []string{"lm"}, f.attached)
	for args, want := range map[string]string{"": "no cell runs: %attach NAME shows a job, and %jobs lists them", "a b": "want: %attach [NAME]"} {
		assert.EqualError(t, m.Run(context.Background(), &relay.Call{Args: args}), want)
	}
}

func TestRequireAsksForEachModule(t *testing.T) {
	ctx := context.Background()
	k := &fakeKernel{}
	require.NoError(t, pinAll(ctx, k, "a.org/b@v1.0.0 c.org/d@v2.0.0"))
	assert.Equal(t, []string{"a.org/b@v1.0.0", "c.org/d@v2.0.0"}, k.pins)
	assert.EqualError(t, pinAll(ctx, k, " "), "want: %require MODULE@VERSION…")
	assert.EqualError(t, usage("stale", ""), "%stale takes nothing behind its name")
	k = &fakeKernel{err: errors.New("no")}
	require.Error(t, pinAll(ctx, k, "a.org/b@v1.0.0 c.org/d@v2.0.0"))
	assert.Len(t, k.pins, 1, "the next one is still tried")
}

func TestBackendIsShownAndSet(t *testing.T) {
	ctx := context.Background()
	k := &fakeKernel{}
	e := &engine{opts: Options{
		Check: func(name string) error {
			if name == "gpu" {
				return errors.New(`backend "gpu" is unknown`)
			}
			return nil
		},
		Links: func(name string) map[string]string { return map[string]string{"LINKED": name} },
	}}
	for _, c := range []struct {
		args, want, err string
		set             map[string]string
	}{
		{args: "", want: "cells run on the default engine (go)"},
		{args: "mine:a", want: "cells run on the engine mine:a from now on, which is none of Quire's (go, session, xla): a cell has to register it", set: map[string]string{"QUIRE_BACKEND": "mine:a", "LINKED": "mine:a"}},
		{args: "xla:cpu", want: "cells run on the engine xla:cpu from now on", set: map[string]string{"QUIRE_BACKEND": "xla:cpu", "LINKED": "xla:cpu"}},
		{args: "", want: "cells run on the engine xla:cpu"},
		{args: "gpu", err: `backend "gpu" is unknown`},
		{args: "a b", err: "want: %backend [ENGINE]"},
		{args: "", want: "cells run on the engine xla:cpu"},
		{args: "-", want: "cells run on the default engine (go) from now on", set: map[string]string{"QUIRE_BACKEND": "", "LINKED": ""}},
	} {
		k.set = nil
		said, err := e.run(ctx, k, c.args)
		if c.err != "" {
			require.EqualError(t, err, c.err)
		} else {
			require.NoError(t, err)
		}
		assert.Equal(t, c.want, said)
		assert.Equal(t, c.set, k.set)
	}
	k.err = errors.New("the kernel ended")
	_, err := e.run(ctx, k, "session:go")
	require.Error(t, err)
	said, err := e.run(ctx, &fakeKernel{}, "")
	require.NoError(t, err)
	assert.Equal(t, "cells run on the default engine (go)", said, "what failed is taken for done")
}

func TestWhoOfANameThatNobodySet(t *testing.T) {
	_, err := whoView(full().variables, []string{"names", "nobody"}, false)
	assert.EqualError(t, err, "no cell has set nobody: %who -a lists what there is")
}

func TestExportNeverOverwritesAnotherFile(t *testing.T) {
	dir := t.TempDir()
	s := full()
	s.program = "package main\n\nfunc main() {}\n"
	path := filepath.Join(dir, "main.go")
	for range 2 { // the second time it replaces its own
		n, err := writeProgram(s, path)
		require.NoError(t, err)
		assert.Equal(t, 5, n)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, exported+"\n"+s.program, string(text))

	mine := filepath.Join(dir, "mine.go")
	require.NoError(t, os.WriteFile(mine, []byte("package mine\n"), 0o644))
	_, err = writeProgram(s, mine)
	assert.ErrorContains(t, err, "no export wrote it")
	_, err = writeProgram(s, filepath.Join(dir, "main.txt"))
	assert.ErrorContains(t, err, "whose name ends with .go")
	_, err = writeProgram(s, filepath.Join(dir, "none", "main.go"))
	assert.EqualError(t, err, "there is no folder "+filepath.Join(dir, "none")+": !mkdir -p makes one")
	s.err = errors.New("In[3] does not compile")
	_, err = writeProgram(s, path)
	require.EqualError(t, err, "In[3] does not compile")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(kept), "an export that failed has changed the file")
}
