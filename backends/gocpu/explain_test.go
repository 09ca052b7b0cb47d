package gocpu

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/stretchr/testify/assert"
)

// explained is a step that has all that an explanation tells of: a group, a transpose, a choice, a branch, what is donated.
func explained(t *testing.T) *executable {
	rng := rand.New(rand.NewPCG(1, 1))
	_, _, fused := Fusions(Options{Workers: 1})
	in := []*tensors.Tensor{floats(rng, 8, 8), floats(rng, 8, 8), tensors.FromValue(true)}
	return &executable{code: compileAs(t, fused, func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		w, x, big := in[0], in[1], in[2]
		y := graph.Tanh(graph.AddScalar(graph.Transpose(x, 0, 1), 1))
		next := graph.Sub(w, graph.MulScalar(graph.Square(y), 0.1))
		step := graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.ReduceAllSum(y)} })
		none := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Const(g, float32(0))} })
		loss := graph.If(big, step, none)[0]
		return []*graph.Node{graph.Where(graph.IsFinite(graph.ReduceAllMean(next)), next, w), loss, graph.Neg(x)}
	}, in)}
}

func TestExplain(t *testing.T) {
	text := capability.Explain(explained(t))
	text = regexp.MustCompile(`\.go:\d+`).ReplaceAllString(text, ".go:0")
	text = regexp.MustCompile(`values within a run [^,]+`).ReplaceAllString(text, "values within a run …") // products on other processors want other scratch
	golden.Check(t, "testdata/explain.txt", text)
}

func TestTheMemoryPlanIsKnownBeforeARun(t *testing.T) {
	m, ok := capability.MemoryPlan(explained(t))
	assert.True(t, ok)
	assert.Equal(t, 2*256+1, m.Arguments)
	assert.Equal(t, 2*256+4, m.Results)
	assert.Equal(t, 256, m.Donatable)
	assert.Positive(t, m.Temporary)
	assert.Equal(t, 3*4, m.Constants)
}
