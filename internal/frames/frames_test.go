package frames_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/frames"
)

// line returns the number of the line that calls it, and that n lines below.
func line(n int) int {
	_, _, l, _ := runtime.Caller(1)
	return l + n
}

type layer struct{ at int }

func (l *layer) apply(x *graph.Node) *graph.Node {
	l.at = line(1)
	return graph.Tanh(x)
}

func apply[T any](fn func(*graph.Node) T, x *graph.Node) T { return fn(x) }

// Every way in which code of the user's may call Quire: the node knows the user's own line.
func TestTheLineOfCallers(t *testing.T) {
	l := &layer{}
	for _, c := range []struct {
		name string
		call func(x *graph.Node) (made *graph.Node, want int)
	}{
		{"a function of a test", func(x *graph.Node) (*graph.Node, int) { return graph.Tanh(x), line(0) }},
		{"a method", func(x *graph.Node) (*graph.Node, int) { n := l.apply(x); return n, l.at }},
		{"a method value", func(x *graph.Node) (*graph.Node, int) { f := l.apply; n := f(x); return n, l.at }},
		{"a method expression", func(x *graph.Node) (*graph.Node, int) { n := (*layer).apply(l, x); return n, l.at }},
		{"a closure", func(x *graph.Node) (*graph.Node, int) {
			at := 0
			f := func() *graph.Node { at = line(0); return func() *graph.Node { return graph.Tanh(x) }() }
			n := f()
			return n, at
		}},
		{"a deferred closure", func(x *graph.Node) (n *graph.Node, at int) {
			defer func() { n, at = graph.Tanh(x), line(0) }()
			return nil, 0
		}},
		{"a goroutine", func(x *graph.Node) (n *graph.Node, at int) {
			var wg sync.WaitGroup
			wg.Go(func() { n, at = graph.Tanh(x), line(0) })
			wg.Wait()
			return n, at
		}},
		{"a goroutine of Quire's function alone", func(x *graph.Node) (*graph.Node, int) {
			done := make(chan *graph.Node)
			go func() { done <- graph.Tanh(x) }()
			return <-done, line(-1)
		}},
		{"reflection calls the user's function", func(x *graph.Node) (*graph.Node, int) {
			out := reflect.ValueOf(l.apply).Call([]reflect.Value{reflect.ValueOf(x)})
			return out[0].Interface().(*graph.Node), l.at
		}},
		{"reflection calls Quire's function", func(x *graph.Node) (*graph.Node, int) {
			out := reflect.ValueOf(graph.Tanh).Call([]reflect.Value{reflect.ValueOf(x)})
			return out[0].Interface().(*graph.Node), line(-1)
		}},
		{"sync.OnceValue calls Quire's function", func(x *graph.Node) (n *graph.Node, at int) {
			n = sync.OnceValue(x.Graph().LastNode)()
			n = slices.Collect(iter.Seq[*graph.Node](func(yield func(*graph.Node) bool) { at = line(0); yield(graph.Tanh(n)) }))[0]
			return n, at
		}},
		{"slices calls Quire's function", func(x *graph.Node) (*graph.Node, int) {
			var made *graph.Node
			slices.SortFunc([]*graph.Node{x, x}, func(a, b *graph.Node) int { made = graph.Add(a, b); return 0 })
			return made, line(-1)
		}},
		{"a generic function", func(x *graph.Node) (*graph.Node, int) {
			return apply(func(x *graph.Node) *graph.Node { return graph.Tanh(x) }, x), line(0)
		}},
		{"a generic function of the user's that calls Quire's", func(x *graph.Node) (*graph.Node, int) {
			return apply(graph.Tanh, x), applyLine
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.NewGraph(nil, "g")
			n, want := c.call(graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2)))
			p := n.Position()
			require.Equal(t, "frames_test.go", filepath.Base(p.File), "%+v", p)
			require.Equal(t, want, p.Line, "%+v", p)
		})
	}
}

var applyLine = func() int {
	text, err := os.ReadFile("frames_test.go")
	if err != nil {
		panic(err)
	}
	before, _, _ := strings.Cut(string(text), "func apply[T any]")
	return 1 + strings.Count(before, "\n")
}()

// An Example is a user's code too.
func Example() {
	before := graph.Here()
	after := graph.Here()
	fmt.Println(filepath.Base(before.File), after.Line-before.Line)
	// Output: frames_test.go 1
}

// Frames of callers that cannot be in this test.
func TestIsUser(t *testing.T) {
	root := standardRoot(t)
	if root == "" {
		t.Skip("built with -trimpath: see TestStandardWithoutPaths")
	}
	const m = frames.Module
	for _, c := range []struct {
		name string
		f    runtime.Frame
		want bool
	}{
		{"a user's program", runtime.Frame{Function: "main.main", File: "/home/me/main.go"}, true},
		{"a user's package", runtime.Frame{Function: "example.com/me/net.(*Net).Forward", File: "/home/me/net/net.go"}, true},
		{"a user's package in a module without a dot", runtime.Frame{Function: "mynets/net.Forward", File: "/home/me/net/net.go"}, true},
		{"a user's package named like a standard one", runtime.Frame{Function: "sort.Forward", File: "/home/me/sort/sort.go"}, true},
		{"a user's module beside Quire's", runtime.Frame{Function: "github.com/quire-ml/quire-zoo/net.Forward", File: "/x/net.go"}, true},
		{"a user's test", runtime.Frame{Function: "example.com/me/net.TestForward", File: "/home/me/net/net_test.go"}, true},
		{"a closure in a cell", runtime.Frame{Function: "main.model.func1", File: "/tmp/gonb_1/main.go"}, true},
		{"a library of others", runtime.Frame{Function: "golang.org/x/sync/errgroup.(*Group).Go.func1", File: "/go/pkg/mod/golang.org/x/sync/errgroup.go"}, true},
		{"a tutorial", runtime.Frame{Function: m + "tutorials.Forward", File: "/quire/tutorials/a.go"}, true},
		{"a package of a tutorial", runtime.Frame{Function: m + "tutorials/engine.(*Engine).Run", File: "/quire/tutorials/engine/a.go"}, true},
		{"a program of a tutorial", runtime.Frame{Function: "main.main", File: "/quire/tutorials/engine/main.go"}, true},
		{"a test of Quire's", runtime.Frame{Function: m + "graph_test.TestAdd", File: "/quire/graph/add_test.go"}, true},
		{"an Example of Quire's", runtime.Frame{Function: m + "graph_test.ExampleAdd.func1", File: "/quire/graph/example_test.go"}, true},
		{"an op", runtime.Frame{Function: m + "graph.Add", File: "/quire/graph/arithmetic.go"}, false},
		{"a closure of a layer", runtime.Frame{Function: m + "ml/layers.(*DenseBuilder).Done.func1", File: "/quire/ml/layers/dense.go"}, false},
		{"a generic function of Quire's", runtime.Frame{Function: m + "graph.Call[...]", File: "/quire/graph/exec.go"}, false},
		{"a folder that only begins like tutorials", runtime.Frame{Function: m + "tutorialsx.F", File: "/quire/tutorialsx/a.go"}, false},
		{"reflection", runtime.Frame{Function: "reflect.Value.Call", File: root + "reflect/value.go"}, false},
		{"the runtime", runtime.Frame{Function: "runtime.goexit", File: root + "runtime/asm_amd64.s"}, false},
		{"the test's runner", runtime.Frame{Function: "testing.tRunner", File: root + "testing/testing.go"}, false},
		{"an iterator", runtime.Frame{Function: "slices.Values[...].func1", File: root + "slices/iter.go"}, false},
		{"a template", runtime.Frame{Function: "text/template.safeCall", File: root + "text/template/funcs.go"}, false},
		{"no name", runtime.Frame{File: "/home/me/main.go"}, false},
		{"no file", runtime.Frame{Function: "main.main"}, false},
	} {
		assert.Equal(t, c.want, frames.IsUser(c.f), c.name)
	}
}

func standardRoot(t *testing.T) string {
	t.Helper()
	fn := runtime.FuncForPC(reflect.ValueOf(strings.TrimSpace).Pointer())
	file, _ := fn.FileLine(fn.Entry())
	root, ok := strings.CutSuffix(file, "strings/strings.go")
	require.True(t, ok, file)
	return root
}

// Without paths of the machine it was built on (-trimpath), a program tells the standard library by its packages' names.
func TestStandardWithoutPaths(t *testing.T) {
	for name, want := range map[string]bool{
		"sort.Slice": true, "reflect.Value.Call": true, "text/template.safeCall": true, "internal/runtime/maps.f": true,
		"main.main": false, "main.T.f": false, "example.com/me/net.Forward": false, "github.com/quire-ml/quire/graph.Add": false,
	} {
		assert.Equal(t, want, frames.Standard(runtime.Frame{Function: name, File: "x.go"}, ""), name)
	}
}

// A folder that is named in the rule and is not there is a rule about nothing.
func TestTeachingFoldersAreThere(t *testing.T) {
	for _, folder := range frames.Teaching {
		info, err := os.Stat(filepath.Join("..", "..", folder))
		require.NoError(t, err)
		require.True(t, info.IsDir())
	}
}

func TestIn(t *testing.T) {
	assert.True(t, frames.In(runtime.Frame{Function: frames.Module + "graph.Add", File: "/quire/graph/arithmetic.go"}, "graph"))
	assert.False(t, frames.In(runtime.Frame{Function: frames.Module + "graph/tensors.F", File: "/quire/graph/tensors/f.go"}, "graph"))
	assert.False(t, frames.In(runtime.Frame{Function: frames.Module + "graph.TestAdd", File: "/quire/graph/add_test.go"}, "graph"))
	assert.False(t, frames.In(runtime.Frame{Function: "main.Add", File: "/x/main.go"}, "graph"))
}

// Calls leaves out what the standard library does between the user's calls.
func TestCalls(t *testing.T) {
	var pcs [32]uintptr
	var n int
	reflect.ValueOf(func() { n = runtime.Callers(1, pcs[:]) }).Call(nil)
	var names []string
	for _, f := range frames.Calls(pcs[:n]) {
		names = append(names, f.Function[strings.LastIndexByte(f.Function, '/')+1:])
	}
	require.Equal(t, []string{"frames_test.TestCalls.func1", "frames_test.TestCalls"}, names)
	require.Empty(t, frames.Of(nil))
	_, ok := frames.User(nil)
	require.False(t, ok)
}
