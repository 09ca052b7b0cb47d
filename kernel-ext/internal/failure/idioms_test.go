package failure_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// helpers are what people write to do something about errors, in the cells 1 and 2.
const helpers = `import (
	"errors"
	"fmt"
	"log"
	"os"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func checkf(what string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

func exitOn(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}

func panicOn(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

type checker struct{}

func (checker) must(err error) {
	if err != nil {
		log.Panic(err)
	}
}

// checkTwice is a helper that calls one.
func checkTwice(err error) { check(err) }`

const makers = `func load(name string) (int, error) { return 0, fmt.Errorf("no %s", name) }

func prepare(name string) error {
	_, err := load(name)
	return err
}

func step(name string) {
	fmt.Println("a step")
	check(prepare(name))
}

func fails() { panic("a reason") }`

// idioms are the ways in which a cell ends with an error: each names the line of the cell, or of the function of a cell, at which
// somebody would look first, whatever is called there.
var idioms = []struct {
	name, source string
	want         string // place and sentence; # stands for the cell itself
	called       string // who called, if that is told
}{
	{"log.Fatal", "_, err := load(\"a\")\nif err != nil {\n\tlog.Fatal(err)\n}", "#:3: no a (exit status 1)", ""},
	{"the second of several log.Fatal", "x, err := 1, error(nil)\nif err != nil {\n\tlog.Fatal(err)\n}\n_, err = load(\"b\")\nif err != nil {\n\tlog.Fatalf(\"%d: %v\", x, err)\n}", "#:7: 1: no b (exit status 1)", ""},
	{"log.Fatalln in a function without a name", "func() {\n\tlog.Fatalln(\"words\")\n}()", "#:2: words (exit status 1)", "#:3"},
	{"the method of a logger", "l := log.New(os.Stderr, \"\", 0)\nl.Fatal(\"words\")", "#:2: words (exit status 1)", ""},
	{"os.Exit among several", "if len(os.Args) > 100 {\n\tos.Exit(4)\n}\nfmt.Fprintln(os.Stderr, \"words\")\nos.Exit(5)", "#:5: words (exit status 5)", ""},
	{"panic(err)", "_, err := load(\"c\")\nif err != nil {\n\tpanic(err)\n}", "#:3: panic: no c", ""},
	{"log.Panic", "log.Panic(\"words\")", "#:1: panic: words", ""},
	{"check", "check(nil)\ncheck(prepare(\"d\"))\ncheck(nil)", "#:2: no d (exit status 1)", ""},
	{"check with words", "checkf(\"first\", nil)\ncheckf(\"second\", prepare(\"e\"))", "#:2: second: no e (exit status 1)", ""},
	{"check that calls check", "checkTwice(nil)\ncheckTwice(prepare(\"f\"))", "#:2: no f (exit status 1)", ""},
	{"check that exits", "exitOn(nil)\nexitOn(prepare(\"g\"))", "#:2: no g (exit status 3)", ""},
	{"check that panics", "panicOn(nil)\npanicOn(prepare(\"h\"))", "#:2: panic: no h", ""},
	{"must", "x := must(1, nil)\ny := must(load(\"i\"))\nfmt.Println(x, y)", "#:2: panic: no i", ""},
	{"a method", "var c checker\nc.must(nil)\nc.must(prepare(\"j\"))", "#:3: panic: no j", ""},
	{"check in the cell itself", "stop := func(err error) {\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n}\nstop(nil)\nstop(prepare(\"k\"))", "#:7: no k (exit status 1)", ""},
	{"check in a function of an earlier cell", "fmt.Println(\"begins\")\nstep(\"l\")", "In[2]:10: no l (exit status 1)", "#:2"},
	{"check in a goroutine", "done := make(chan bool)\ngo func() {\n\tcheck(prepare(\"m\"))\n\tclose(done)\n}()\n<-done", "#:3: no m (exit status 1)", ""},
	{"check in a deferred function", "defer func() {\n\tcheck(prepare(\"n\"))\n}()\nfmt.Println(1)", "#:2: no n (exit status 1)", "#:"},
	{"a panic that is no helper's", "fmt.Println(1)\nfails()", "In[2]:13: panic: a reason", "#:2"},
	{"an error that is joined", "check(errors.Join(prepare(\"o\"), nil))", "#:1: no o (exit status 1)", ""},
	{"values flow before it", "kept := 7\nfmt.Println(kept)\ncheck(prepare(\"p\"))", "#:3: no p (exit status 1)", ""},
	{"a value that was kept", "fmt.Println(kept)\ncheck(prepare(fmt.Sprint(kept)))", "#:2: no 7 (exit status 1)", ""},
}

// Whatever way a program ends by its own words, the error names the line that people look for, as an error of a graph does.
func TestIdiomsOfErrorsNameTheLine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	nb := notebook.New()
	for _, source := range []string{helpers, makers} {
		nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Code, Source: source})
	}
	for _, c := range idioms {
		nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Code, Source: c.source, Metadata: map[string]any{"tags": []any{"raises-exception"}}})
	}
	path := filepath.Join(t.TempDir(), "nb.ipynb")
	require.NoError(t, nb.Write(path))
	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: path})
	require.NoError(t, err)
	for i, c := range idioms {
		t.Run(c.name, func(t *testing.T) {
			cell := result.Cells[2+i]
			here := fmt.Sprintf("In[%d]", 3+i)
			found := false
			for _, o := range cell.Outputs {
				assert.NotContains(t, outputText(o), "ʹ")
				if o.Kind != notebook.Error {
					assert.NotContains(t, outputText(o), "goroutine ")
					continue
				}
				found = true
				assert.Equal(t, strings.Replace(c.want, "#", here, 1), o.EValue)
				trace := colours.ReplaceAllString(strings.Join(o.Traceback, "\n"), "")
				_, callers, _ := strings.Cut(trace, "called by")
				assert.Contains(t, callers, strings.Replace(c.called, "#", here, 1), trace)
				if c.called == "" {
					assert.Empty(t, callers, trace)
				}
			}
			assert.True(t, found, "the cell did not fail: %v", cell.Outputs)
		})
	}
}
