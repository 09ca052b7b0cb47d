package flow_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/carry"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

// longNotebook returns a session after many cells, of which each declares a variable made from another one; every tenth declares a
// function and a type too.
func longNotebook(t testing.TB, cells, variables int) (s *flow.Session, run func(number int, source, sets string)) {
	dir, err := os.MkdirTemp("/dev/shm", "flow-") // as a kernel does where there is one
	if err != nil {
		dir = t.TempDir()
	}
	require.NoError(t, os.Chmod(dir, 0o700))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv(carry.DirEnv, dir)
	s = flow.New(flow.Options{Exports: exports(), Carry: dir})
	run = func(number int, source, sets string) {
		t.Helper()
		_, err := s.Prepare(context.Background(), flow.Cell{Number: number, Source: source})
		require.NoError(t, err)
		if sets != "" { // as its program would
			value := float64(number)
			carry.Begin(number)
			carry.Out(sets, &value)
		}
		s.Ended(number, true)
	}
	for i := range cells {
		name, from := fmt.Sprint("v", i%variables), "0.5"
		if i > 0 {
			from = fmt.Sprint("v", (i-1)%variables)
		}
		source := fmt.Sprintf("%s := %s + %d", name, from, i)
		if i%10 == 0 {
			source = fmt.Sprintf("type t%d struct{ X float64 }\nfunc f%[1]d(x float64) float64 {\n\treturn t%[1]d{x}.X * 2\n}\n", i) + source
		}
		run(i+1, source, name)
	}
	return s, run
}

// BenchmarkPrepare is what a relay adds to a cell: the first one of a kernel, which reads what packages export, later
// ones, and later ones of a notebook that has declared 200 functions.
func BenchmarkPrepare(b *testing.B) {
	const first = `import (
	"fmt"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/data/digits"
)
%%
store := model.NewStore()
train, test, err := digits.Datasets(64)
`
	prepare := func(b *testing.B, s *flow.Session, number int, source string) {
		_, err := s.Prepare(context.Background(), flow.Cell{Number: number, Source: source})
		require.NoError(b, err)
	}
	exports()
	usual := []string{"./graph/...", "./ml/...", "./viz/..."}
	for _, c := range []struct {
		name, source string
		warm         []string
	}{
		{"first cell", first, slices.Concat(usual, []string{"./kernel-ext/carry/...", "std"})},
		{"first cell, with net/http", "import \"net/http\"\n" + first, slices.Concat(usual, []string{"./kernel-ext/carry/...", "std"})},
		{"first cell, where codecs are not listed", first, usual},
		{"first cell, with net/http, which is not listed", "import \"net/http\"\n" + first, usual},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				e := flow.NewExports(root(), "go", env())
				require.NoError(b, e.Warm(context.Background(), c.warm...))
				s := flow.New(flow.Options{Exports: e, Carry: b.TempDir()})
				s.Compose("fmt.Println()")
				b.StartTimer()
				prepare(b, s, 1, c.source)
			}
		})
	}
	later := func(declared int) func(b *testing.B) {
		return func(b *testing.B) {
			s := flow.New(flow.Options{Exports: exports(), Carry: b.TempDir()})
			prepare(b, s, 1, first)
			s.Ended(1, true)
			var text strings.Builder
			for i := range declared {
				fmt.Fprintf(&text, "func f%d(x *graph.Node, n int) *graph.Node {\n\tfor range n {\n\t\tx = graph.Add(graph.Mul(x, x), graph.OnePlus(x))\n\t}\n\treturn x\n}\n\n", i)
			}
			if declared > 0 {
				prepare(b, s, 2, text.String())
				s.Ended(2, true)
			}
			number := 2
			b.ResetTimer()
			for b.Loop() {
				number++
				prepare(b, s, number, fmt.Sprintf("import \"github.com/quire-ml/quire/graph\"\nx := %d\nfor i := range 3 {\n\tx += i\n}\n_ = graph.Add\nfmt.Println(x)", number))
				s.Ended(number, true)
			}
		}
	}
	b.Run("later cell", later(0))
	b.Run("later cell, 200 functions", later(200))
	b.Run("later cell, 200 cells with 100 variables", func(b *testing.B) {
		s, _ := longNotebook(b, 200, 100)
		number := 200
		b.ResetTimer()
		for b.Loop() {
			number++
			prepare(b, s, number, fmt.Sprintf("w%d := v1 + v50 + %d\nv3 = f10(w%[1]d)\nfmt.Println(v3, v99)", number%100, number))
		}
	})
}
