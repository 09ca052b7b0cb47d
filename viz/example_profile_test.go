package viz_test

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/viz"
)

func transposed(x *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) }

func ExampleProfile() {
	backend := gocpu.New()
	defer backend.Close()
	view := viz.Profile(graph.MustNewExec(backend, transposed), [][]float32{{1, 2, 3}, {4, 5, 6}})
	parts := strings.Split(view.Text(), "\n\n") // the run, by op, by line, memory; times are different each time
	fmt.Println(parts[3])
	// Output:
	// Memory at its peak
	// value     shape         bytes  of it  made by    line
	// ───────────────────────────────────────────────────────────────────────────
	// argument  float32[2 3]   24 B   50 %
	// result    float32[3 2]   24 B   50 %  Transpose  example_profile_test.go:12
	// total                    48 B
	// while Transpose runs, example_profile_test.go:12
}
