package viz_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aProfile is a run of a layer as a clock tells it that nothing disturbs: a product, its bias and activation fused, a loop's body
// that ran eight times, and a copy without a line.
func aProfile() *capability.Profile {
	at := func(line int) ir.Place { return ir.Place{File: "/home/a/model.go", Line: line} }
	call := func(op *ir.Op, line int, flops float64) capability.StepCall {
		return capability.StepCall{Op: op, Place: at(line), FLOPs: flops}
	}
	product, bias, tanh := call(ops.DotGeneral, 10, 2*32*784*512), call(ops.Add, 10, 32*512), call(ops.Tanh, 11, 3*32*512)
	shape := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	return &capability.Profile{Program: "layer", Runs: 12, Took: 1500 * time.Microsecond,
		Steps: []capability.Step{
			{Calls: []capability.StepCall{product}, Count: 1, Took: 900 * time.Microsecond, Bytes: 4 * (32*784 + 784*512 + 32*512)},
			{Calls: []capability.StepCall{bias, tanh}, Count: 1, Took: 80 * time.Microsecond, Bytes: 4 * 2 * 32 * 512},
			{Calls: []capability.StepCall{call(ops.CumSum, 14, 8*32*512)}, Count: 8, Took: 400 * time.Microsecond, Bytes: 8 * 4 * 2 * 32 * 512},
			{Calls: []capability.StepCall{{Op: &ir.Op{Name: "copy of a result"}}}, Count: 1, Took: 20 * time.Microsecond, Bytes: 4 * 2 * 32 * 512},
		},
		Memory: capability.Peak{Bytes: 4 * (784*512 + 32*784 + 32*512), Step: &product, Live: []capability.Live{
			{Kind: capability.LiveArgument, Shape: shape(784, 512), Bytes: 4 * 784 * 512}, {Kind: capability.LiveArgument, Shape: shape(32, 784), Bytes: 4 * 32 * 784},
			{Kind: capability.LiveResult, Shape: shape(32, 512), Bytes: 4 * 32 * 512, Made: product},
		}}}
}

// measured says what the machine can do at most.
func measured(p *capability.Profile) *capability.Profile {
	p.Limits = capability.Peaks{FLOPs: 100e9, Bytes: 20e9}
	return p
}

// stepOf is a line of a table of a profile: its name and how many steps it has.
func stepOf(t *testing.T, text, name string) (steps int) {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			_, err := fmt.Sscan(rest, &steps)
			require.NoError(t, err, "%q", line)
			return steps
		}
	}
	require.Fail(t, "no line for "+name, "%s", text)
	return 0
}

func TestProfileOfACall(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for name, exec := range map[string]viz.Callable{
		"Exec":  graph.MustNewExec(backend, func(x, y *graph.Node) *graph.Node { return graph.CumSum(graph.MatMul(x, y), 0) }),
		"Exec1": graph.MustNewExec1(backend, func(x, y *graph.Node) *graph.Node { return graph.CumSum(graph.MatMul(x, y), 0) }),
		"model": model.MustNewExec(backend, model.NewStore(), func(_ *model.Scope, x, y *graph.Node) *graph.Node {
			return graph.CumSum(graph.MatMul(x, y), 0)
		}),
	} {
		text := viz.Text(viz.Profile(exec, wave(8, 16), wave(16, 4)))
		assert.Equal(t, 1, stepOf(t, text, "DotGeneral"), name)
		assert.Equal(t, 1, stepOf(t, text, "CumSum"), name)
		assert.Equal(t, 2, stepOf(t, text, place(t, text)), "both stand in one line")
		assert.Contains(t, text, "roofline", name)
		assert.Contains(t, text, "the machine's limits", name)
		assert.Contains(t, text, "float32[16 4]", name)
	}
}

// place returns the line of this file that the text names.
func place(t *testing.T, text string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "profile_test.go:")
	require.True(t, ok, text)
	number, _, _ := strings.Cut(rest, " ")
	return "profile_test.go:" + number
}

func TestProfileOfTrainingSteps(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	trainer := train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope, x, true, 3)
	}, losses.MeanSquaredError, optimizers.Adam().Done())
	batch := data.Batch{Inputs: []*tensors.Tensor{wave(8, 16)}, Labels: []*tensors.Tensor{wave(8, 3)}}
	text := viz.Text(viz.Profile(trainer, batch))
	assert.GreaterOrEqual(t, stepOf(t, text, "DotGeneral"), 2, "forward, and the gradient of the weights")
	assert.Greater(t, trainer.GlobalStep(), int64(3))
}

func TestMistakesInProfile(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	exec := graph.MustNewExec(backend, func(x *graph.Node) *graph.Node { return graph.Neg(x) })
	for _, c := range []struct {
		name string
		x    any
		args []any
		want string
	}{
		{"nothing", nil, nil, "viz.Profile: want an Exec or a Trainer, not nil"},
		{"a nil Exec", (*graph.Exec)(nil), nil, "not nil"},
		{"a number", 3, nil, "want an Exec or a Trainer, not a int"},
		{"a trainer without a batch", realTrainer(), nil, "one data.Batch"},
		{"a call that does not fit", exec, nil, "takes 1 inputs, got 0"},
		{"an engine that cannot tell", quietExec{exec}, []any{wave(3)}, "this engine (viz_test.quietExecutable) does not tell"},
		{"what runs nothing", nothing{exec}, nil, "nothing was run"},
	} {
		assert.Contains(t, viz.Text(viz.Profile(c.x, c.args...)), c.want, c.name)
	}
}

// quietExec runs on an engine that is no capability.Profiler.
type quietExec struct{ *graph.Exec }

func (quietExec) CallContext(ctx context.Context, _ ...any) ([]*tensors.Tensor, error) {
	_, _, err := capability.ProfileRun(ctx, quietExecutable{}, nil, nil)
	return nil, err
}

type quietExecutable struct{ ir.Executable }

// nothing calls without running anything.
type nothing struct{ *graph.Exec }

func (nothing) CallContext(context.Context, ...any) ([]*tensors.Tensor, error) { return nil, nil }

// clocked is the engine go with a clock of its own: a step takes 100 µs and a run 1 ms, but in every third run ten times as long.
type clocked struct{ ir.Backend }

func (b clocked) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	e, err := b.Backend.Compile(ctx, p)
	return &clockedExecutable{Executable: e}, err
}

type clockedExecutable struct {
	ir.Executable
	runs int
}

func (e *clockedExecutable) Profile(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, *capability.Profile, error) {
	results, p, err := capability.ProfileRun(ctx, e.Executable, inputs, donate)
	e.runs++
	factor := time.Duration(1)
	if e.runs%3 == 0 {
		factor = 10
	}
	p.Took = factor * time.Millisecond
	for i := range p.Steps {
		p.Steps[i].Took = factor * 100 * time.Microsecond
	}
	return results, p, err
}

func TestProfilesAreMedians(t *testing.T) {
	backend := clocked{gocpu.New()}
	defer backend.Close()
	exec := graph.MustNewExec(backend, func(x *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) })
	text := viz.Text(viz.Profile(exec, wave(10, 20)))
	assert.Contains(t, text, "\"exec\": 1 ms a run, 0 FLOPs, 1.6 kB read and written (1.6 MB/s); medians of")
	assert.Contains(t, text, "Transpose          1  100 µs   10 %")
	assert.Contains(t, text, "between steps         900 µs   90 %")
	assert.NotContains(t, text, "roofline", "nobody has measured the machine")
}
