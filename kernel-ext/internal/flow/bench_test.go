package flow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

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
}
