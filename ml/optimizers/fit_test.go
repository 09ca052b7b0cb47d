package optimizers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fitLosses are those of run_fit in testdata/make.py.
var fitLosses = map[string]func(p *Node) *Node{
	"rosenbrock": func(p *Node) *Node {
		n := p.Dim(0)
		first, last := SliceAxis(p, 0, AxisRange(0, n-1)), SliceAxis(p, 0, AxisRange(1, n))
		return ReduceAllSum(Add(MulScalar(Square(Sub(last, Square(first))), 100), Square(OneMinus(first))))
	},
	"quartic": func(p *Node) *Node { return referenceLoss("LBFGS", p) },
	"steep": func(p *Node) *Node {
		at := func(i int) *Node { return Squeeze(SliceAxis(p, 0, AxisElem(i)), 0) }
		sum := Sub(ReduceAllSum(Exp(MulScalar(p, 3))), MulScalar(ReduceAllSum(p), 2))
		return Add(sum, Add(MulScalar(Sin(Mul(at(0), at(1))), 10), ReduceAllSum(Square(p))))
	},
}

// TestFitsAreThoseOfPyTorch after each number of iterations, with as many evaluations, and end where SciPy does.
func TestFitsAreThoseOfPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/fit.json")
	require.NoError(t, err)
	var cases []struct {
		Name, Source            string
		Start                   []float64
		History                 int
		Rate, Minimum           float64
		Iterations, Evaluations []int
		Values                  [][]float64
		Losses                  []float64
	}
	require.NoError(t, json.Unmarshal(text, &cases))
	require.GreaterOrEqual(t, len(cases), 4)
	for _, c := range cases {
		name := c.Name
		if name == "rosenbrock, short" {
			name = "rosenbrock"
		}
		for i, most := range c.Iterations {
			store := model.NewStore()
			result, err := optimizers.FitLBFGS(context.Background(), graphtest.Reference(), store, func(scope *model.Scope, in []*Node) *Node {
				return fitLosses[name](Mul(scope.VariableWithValue("w", slices.Clone(c.Start)).NodeValue(in[0]), in[0]))
			}, optimizers.FitOptions{Iterations: most, Evaluations: 1000, History: c.History, LearningRate: c.Rate}, 1.0)
			require.NoError(t, err)
			got := tensors.MustCopyFlatData[float64](store.GetVariable("/w").MustValue())
			at := fmt.Sprintf("%s of %s, %d iterations: %+v", c.Name, c.Source, most, result)
			if i+1 < len(c.Iterations) { // a difference in the last place grows from iteration to iteration
				require.InDeltaSlice(t, c.Values[i], got, 1e-6, at)
				require.Equal(t, c.Evaluations[i], result.Evaluations, at)
				require.InDelta(t, c.Losses[i], result.Loss, 1e-6*(1+math.Abs(c.Losses[i])), at)
				continue
			}
			require.True(t, result.Converged || result.Iterations == most, at)
			require.InDelta(t, c.Minimum, result.Loss, 1e-5, at)
		}
	}
}

// A fit of narrow variables, of several, and of those that are trainable alone.
func TestFitsOfModels(t *testing.T) {
	x, y := make([]float32, 32), make([]float32, 32)
	for i := range x {
		x[i] = float32(i)/16 - 1
		y[i] = float32(2*math.Sin(3*float64(x[i])) + 0.5)
	}
	for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
		store := model.NewStore()
		result, err := optimizers.FitLBFGS(context.Background(), graphtest.Reference(), store, func(scope *model.Scope, in []*Node) *Node {
			x, y := ConvertDType(in[0], dtype), ConvertDType(in[1], dtype)
			value := func(name string, v float64) *Node {
				t, _ := tensors.FromScalar(v).ConvertDType(dtype)
				return scope.VariableWithValue(name, t).NodeValue(x)
			}
			a, b, c := value("a", 1), value("b", 2), value("c", 0)
			scope.Store().GetVariable("/c").SetTrainable(false)
			return ReduceAllMean(Square(Sub(Add(Mul(a, Sin(Mul(b, x))), AddScalar(c, 0.5)), y)))
		}, optimizers.FitOptions{}, x, y)
		require.NoError(t, err)
		assert.True(t, result.Converged, "%+v", result)
		assert.Less(t, result.Loss, 1e-9)
		assert.InDelta(t, 2, store.GetVariable("/a").MustValue().Float64At(0), 1e-4, dtype)
		assert.InDelta(t, 3, store.GetVariable("/b").MustValue().Float64At(0), 1e-4, dtype)
		assert.Equal(t, 0.0, store.GetVariable("/c").MustValue().Float64At(0))
		assert.Equal(t, dtype, store.GetVariable("/a").DType())
	}
}

// Where a step leads to no number, the search looks nearer; what ends a fit early leaves the best that was found.
func TestFitsThatMeetNoNumbers(t *testing.T) {
	fit := func(ctx context.Context, start float64, loss func(w *Node) *Node, o optimizers.FitOptions) (optimizers.FitResult, float64, error) {
		store := model.NewStore()
		r, err := optimizers.FitLBFGS(ctx, graphtest.Reference(), store, func(scope *model.Scope, in []*Node) *Node {
			return loss(Mul(scope.VariableWithValue("w", start).NodeValue(in[0]), in[0]))
		}, o, 1.0)
		w := math.NaN()
		if v := store.GetVariable("/w"); v != nil {
			w = v.MustValue().Float64At(0)
		}
		return r, w, err
	}
	barrier := func(w *Node) *Node { return Sub(MulScalar(w, 30), Log(w)) } // no number below 0; lowest at 1/30
	r, w, err := fit(context.Background(), 1, barrier, optimizers.FitOptions{LearningRate: 50})
	require.NoError(t, err)
	assert.InDelta(t, 1./30, w, 1e-5, "%+v", r)

	_, w, err = fit(context.Background(), -1, barrier, optimizers.FitOptions{})
	require.ErrorContains(t, err, "optimizers.FitLBFGS: the loss is NaN at the beginning, or its gradient is no number: there is no way down from there")
	assert.Equal(t, -1.0, w)

	r, _, err = fit(context.Background(), 1, func(w *Node) *Node { return Square(w) }, optimizers.FitOptions{Iterations: 1})
	require.NoError(t, err)
	assert.Contains(t, []string{"the limit of 1 iterations was reached", "the gradient is within the tolerance"}, r.Reason)
	r, _, err = fit(context.Background(), 0, func(w *Node) *Node { return Square(w) }, optimizers.FitOptions{})
	require.NoError(t, err)
	assert.Equal(t, optimizers.FitResult{Evaluations: 1, Converged: true, Reason: "the gradient was within the tolerance at the beginning"}, r)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err = fit(ctx, 1, barrier, optimizers.FitOptions{})
	require.ErrorIs(t, err, context.Canceled)
	for want, call := range map[string]func() error{
		"the context is nil": func() error { _, _, err := fit(nil, 1, barrier, optimizers.FitOptions{}); return err }, //nolint:staticcheck // what the error is for
		"a history of -1": func() error {
			_, _, err := fit(context.Background(), 1, barrier, optimizers.FitOptions{History: -1})
			return err
		},
		"the loss is float64[2], want a float scalar: ReduceAllMean makes one": func() error {
			_, _, err := fit(context.Background(), 1, func(w *Node) *Node { return Stack([]*Node{w, w}, 0) }, optimizers.FitOptions{})
			return err
		},
		"the model has no trainable variables": func() error {
			_, err := optimizers.FitLBFGS(context.Background(), graphtest.Reference(), model.NewStore(), func(_ *model.Scope, in []*Node) *Node { return in[0] }, optimizers.FitOptions{}, 1.0)
			return err
		},
		"backend, store or loss is nil": func() error {
			_, err := optimizers.FitLBFGS(context.Background(), graphtest.Reference(), nil, nil, optimizers.FitOptions{}, 1.0)
			return err
		},
		"no inputs": func() error {
			_, err := optimizers.FitLBFGS(context.Background(), graphtest.Reference(), model.NewStore(), func(*model.Scope, []*Node) *Node { return nil }, optimizers.FitOptions{})
			return err
		},
	} {
		assert.ErrorContains(t, call(), want, want)
	}
}

func ExampleFitLBFGS() {
	store := model.NewStore()
	x, y := []float32{0, 1, 2, 3}, []float32{1, 3, 5, 7}
	result, err := optimizers.FitLBFGS(context.Background(), graphtest.Reference(), store, func(scope *model.Scope, in []*Node) *Node {
		slope := scope.VariableWithValue("slope", float32(0)).NodeValue(in[0])
		offset := scope.VariableWithValue("offset", float32(0)).NodeValue(in[0])
		return ReduceAllMean(Square(Sub(Add(Mul(slope, in[0]), offset), in[1])))
	}, optimizers.FitOptions{}, x, y)
	fmt.Printf("%v %.3f %v\n", result.Converged, result.Loss, err)
	fmt.Printf("%.3f %.3f\n", store.GetVariable("/slope").MustValue().Value(), store.GetVariable("/offset").MustValue().Value())
	// Output:
	// true 0.000 <nil>
	// 2.000 1.000
}

// TestGaussNewtonIsTheCurvatureOfALinearModel: for logits x·w the diagonal of Gauss and Newton is the mean over examples of x² · p · (1-p).
func TestGaussNewtonIsTheCurvatureOfALinearModel(t *testing.T) {
	x := [][]float64{{1, 0.5}, {-2, 1}, {0.3, -1}}
	w := [][]float64{{0.2, -0.4, 1}, {0.5, 0.1, -0.7}}
	const steps = 1200
	store := model.NewStore()
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, in, labels *Node) []*Node {
		logits := MatMul(in, scope.VariableWithValue("w", w).NodeValue(in))
		loss := ReduceAllMean(SoftmaxCrossEntropy(logits, labels))
		optimizers.Minimize(optimizers.Sophia().LearningRate(0).Every(1).Betas(0.9, 0.999).GaussNewton(func(g *Graph) *Node {
			return logits
		}).Done(), scope.Store(), loss)
		return nil
	})
	for range steps {
		_, err := exec.Call(x, []int32{0, 2, 1})
		require.NoError(t, err)
	}
	h := store.GetVariable("/optimizers/sophia/h/w").MustValue().Value().([][]float64)
	total, wanted := 0.0, 0.0
	for d := range 2 {
		for c := range 3 {
			want := 0.0
			for _, row := range x {
				sum, own := 0.0, 0.0
				for k := range 3 {
					e := math.Exp(row[0]*w[0][k] + row[1]*w[1][k])
					if sum += e; k == c {
						own = e
					}
				}
				want += row[d] * row[d] * own / sum * (1 - own/sum) / float64(len(x))
			}
			got := h[d][c] / (1 - math.Pow(0.999, steps))
			assert.InDelta(t, want, got, 0.25*want, "row %d, class %d", d, c)
			total, wanted = total+got, wanted+want
		}
	}
	assert.InDelta(t, wanted, total, 0.1*wanted)

	for _, bad := range []func(*Graph) *Node{func(*Graph) *Node { return nil }, func(g *Graph) *Node { return Scalar(g, dtypes.Float32, 1) }} {
		_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, in *Node) []*Node {
			optimizers.Minimize(optimizers.Sophia().GaussNewton(bad).Done(), scope.Store(), Square(scope.VariableWithValue("w", 1.0).NodeValue(in)))
			return nil
		}, 1.0)
		require.ErrorContains(t, err, "sophia: the logits are ")
	}
}

// Sophia differentiates a second time only in the steps that look at the curvature.
func TestSophiaLooksAtTheCurvatureNowAndThen(t *testing.T) {
	for name, sophia := range map[string]*optimizers.SophiaConfig{
		"Hutchinson": optimizers.Sophia(),
		"Gauss and Newton": optimizers.Sophia().GaussNewton(func(g *Graph) *Node {
			return g.GetNodeByAlias("logits")
		}),
	} {
		backend := gocpu.New()
		store := model.NewStore()
		step := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) *Node {
			store.SetTraining(x.Graph(), true)
			for i := range 3 {
				x = Tanh(MatMul(x, scope.VariableWithShape(fmt.Sprint("w", i), shapes.Make(dtypes.Float32, 32, 32)).NodeValue(x)))
			}
			x = x.WithAlias("logits")
			loss := ReduceAllMean(SoftmaxCrossEntropy(x, Const(x.Graph(), make([]int32, 8))))
			optimizers.Minimize(sophia.Every(3).LearningRate(0.1).Done(), store, loss)
			return loss
		})
		x := make([][]float32, 8)
		for i := range x {
			x[i] = make([]float32, 32)
			x[i][i] = 1
		}
		var work []float64
		var states []any
		for range 7 {
			flops := 0.0
			_, err := step.CallContext(WithProfile(t.Context(), func(p *capability.Profile) {
				for _, s := range p.Steps {
					for _, c := range s.Calls {
						flops += c.FLOPs * float64(s.Count)
					}
				}
			}), x)
			require.NoError(t, err, name)
			work, states = append(work, flops), append(states, store.GetVariable(model.RNGStatePath).MustValue().Value())
		}
		for i := range work {
			if i%3 == 0 {
				require.Greater(t, work[i], 1.3*work[1], "%s: step %d", name, i)
				continue
			}
			require.Less(t, work[i], 1.1*work[1], "%s: step %d", name, i)
		}
		require.NotEqual(t, states[2], states[3], name)
		require.NoError(t, backend.Close())
	}
}
