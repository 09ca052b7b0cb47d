package optimizers_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inverseSqrt is a schedule as somebody writes it outside of the package: √(start / max(start, step)).
type inverseSqrt struct{ start float64 }

func (s inverseSqrt) Graph(step *Node) *Node {
	return Sqrt(Div(ConstAs(step, s.start), MaxScalar(step, s.start)))
}

func (s inverseSqrt) Value(step float64) float64 { return math.Sqrt(s.start / math.Max(s.start, step)) }

// entryOfSchedule is a schedule with known factors of some steps.
type entryOfSchedule struct {
	name     string
	schedule optimizers.Schedule
	known    map[float64]float64
}

// schedules holds each function that makes a schedule, alone and combined.
var schedules = []entryOfSchedule{
	{"Constant", optimizers.Constant(), map[float64]float64{0: 1, 99: 1}},
	{"Cosine", optimizers.Cosine(10), map[float64]float64{0: 1, 5: 0.5, 10: 0, 99: 0}},
	{"Linear", optimizers.Linear(10), map[float64]float64{0: 1, 4: 0.6, 10: 0, 99: 0}},
	{"Polynomial", optimizers.Polynomial(10, 2), map[float64]float64{0: 1, 5: 0.25, 10: 0, 99: 0}},
	{"Polynomial of power 1/2", optimizers.Polynomial(4, 0.5), map[float64]float64{0: 1, 3: 0.5, 4: 0}},
	{"Exponential", optimizers.Exponential(4, 0.25), map[float64]float64{0: 1, 2: 0.5, 4: 0.25, 8: 0.0625}},
	{"Step", optimizers.Step(3, 0.5), map[float64]float64{2: 1, 3: 0.5, 8: 0.25}},
	{"Step to nothing", optimizers.Step(5, 0), map[float64]float64{4: 1, 5: 0, 99: 0}},
	{"StepAt", optimizers.StepAt(0.5, 3, 5), map[float64]float64{0: 1, 2: 1, 3: 0.5, 4: 0.5, 5: 0.25, 99: 0.25}},
	{"OneCycle", optimizers.OneCycle(10), map[float64]float64{0: 0.04, 1: 0.52, 2: 1, 9: 4e-6, 99: 4e-6}},
	{"InverseSqrt", optimizers.InverseSqrt(4), map[float64]float64{0: 0.25, 3: 1, 15: 0.5}},
	{"WSD", optimizers.WSD(4, 4, 4), map[float64]float64{0: 0.2, 4: 1, 8: 1, 9: 0.5, 12: 0, 99: 0}},
	{"CosineRestarts", optimizers.CosineRestarts(4, 2), map[float64]float64{0: 1, 2: 0.5, 4: 1, 8: 0.5, 12: 1, 20: 0.5, 28: 1}},
	{"CosineRestarts of one length", optimizers.CosineRestarts(4, 1), map[float64]float64{0: 1, 2: 0.5, 4: 1, 6: 0.5, 12: 1}},
	{"WarmUp", optimizers.WarmUp(3, optimizers.DownTo(0.1, optimizers.Cosine(10))), map[float64]float64{0: 0.25, 2: 0.75, 3: 1, 8: 0.55, 13: 0.1, 99: 0.1}},
	{"WarmUp before nil", optimizers.WarmUp(4, nil), map[float64]float64{0: 0.2, 3: 0.8, 4: 1}},
	{"WarmUp of no steps", optimizers.WarmUp(-1, optimizers.Linear(2)), map[float64]float64{0: 1, 1: 0.5}},
	{"WarmUp before Step", optimizers.WarmUp(2, optimizers.Step(3, 0)), map[float64]float64{0: 1. / 3, 4: 1, 5: 0}},
	{"Then", optimizers.Then(4, optimizers.Linear(8), optimizers.Step(2, 0.5)), map[float64]float64{0: 1, 3: 0.625, 4: 1, 6: 0.5}},
	{"Repeat", optimizers.Repeat(4, optimizers.Cosine(4)), map[float64]float64{0: 1, 2: 0.5, 4: 1, 6: 0.5, 12: 1}},
	{"DownTo", optimizers.DownTo(0.2, optimizers.Linear(10)), map[float64]float64{0: 1, 5: 0.6, 10: 0.2, 99: 0.2}},
	{"all together", optimizers.WarmUp(2, optimizers.DownTo(0.5, optimizers.Repeat(4, optimizers.Linear(4)))), map[float64]float64{0: 1. / 3, 2: 1, 4: 0.75, 6: 1, 7: 0.875}},
	{"one's own", inverseSqrt{4}, map[float64]float64{0: 1, 4: 1, 16: 0.5}},
	{"one's own, warm", optimizers.WarmUp(4, inverseSqrt{1}), map[float64]float64{0: 0.2, 4: 1, 8: 0.5}},
	{"the old form", optimizers.Cosine(10).WarmUp(3).Final(0.1), map[float64]float64{0: 0.25, 2: 0.75, 3: 1, 8: 0.55, 13: 0.1, 99: 0.1}},
	{"the old form, linear", optimizers.Linear(10).Final(0.2), map[float64]float64{0: 1, 5: 0.6, 10: 0.2}},
	{"a zero ScheduleConfig", new(optimizers.ScheduleConfig), map[float64]float64{0: 1, 5: 1}},
}

// TestSchedulesAreTheSameOnBothSides: the graph and the host have the same factor at every step, and the known one.
func TestSchedulesAreTheSameOnBothSides(t *testing.T) {
	for name, signature := range testenv.Functions(t, ".") {
		if strings.HasSuffix(signature, " Schedule") || strings.HasSuffix(signature, "*ScheduleConfig") {
			assert.Contains(t, names(), name, "%s makes a schedule: give it an entry in schedules", name)
		}
	}
	for _, c := range schedules {
		exec := MustNewExec1(graphtest.Reference(), c.schedule.Graph)
		for step := range 40 {
			got := float64(exec.MustCall(float32(step)).Value().(float32))
			assert.InDelta(t, c.schedule.Value(float64(step)), got, 1e-6, "%s, step %d", c.name, step)
		}
		for step, want := range c.known {
			assert.InDelta(t, want, c.schedule.Value(step), 1e-12, "%s, step %v", c.name, step)
		}
	}
}

// TestSchedulesAreThoseOfPyTorch, or of a formula written from the paper, see testdata/make.py.
func TestSchedulesAreThoseOfPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/schedules.json")
	require.NoError(t, err)
	var all []struct {
		Name, Source string
		Factors      []float64
	}
	require.NoError(t, json.Unmarshal(text, &all))
	require.Greater(t, len(all), 12)
	for _, v := range all {
		at := slices.IndexFunc(schedules, func(e entryOfSchedule) bool { return e.name == v.Name })
		require.GreaterOrEqual(t, at, 0, "%s: the vector has no entry in schedules", v.Name)
		for step, want := range v.Factors {
			assert.InDelta(t, want, schedules[at].schedule.Value(float64(step)), 1e-9, "%s of %s, step %d", v.Name, v.Source, step)
		}
	}
}

func names() (all []string) {
	for _, c := range schedules {
		all = append(all, c.name)
	}
	return all
}

// TestOptimizersFollowSchedules, those of one's own too: a step of SGD against a gradient of 1 is the factor.
func TestOptimizersFollowSchedules(t *testing.T) {
	for _, c := range schedules {
		store, want := model.NewStore(), 0.0
		exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, g *Node) []*Node {
			w := scope.VariableWithValue("w", 0.0)
			optimizers.Minimize(optimizers.SGD().LearningRate(1).Schedule(c.schedule).Done(), scope.Store(), Mul(w.NodeValue(g), g))
			return nil
		})
		for step := range 8 {
			_, err := exec.Call(1.0)
			require.NoError(t, err)
			want -= c.schedule.Value(float64(step))
			require.InDelta(t, want, store.GetVariable("/w").MustValue().Value(), 1e-5, "%s, step %d", c.name, step)
		}
	}
}

func TestSchedulesThatMakeNoSense(t *testing.T) {
	for want, s := range map[string]optimizers.Schedule{
		"Cosine: 0 steps, want 1 or more":              optimizers.Cosine(0),
		"Linear: -3 steps, want 1 or more":             optimizers.WarmUp(2, optimizers.Linear(-3)),
		"Step: 0 steps, want 1 or more":                optimizers.Step(0, 0.5),
		"Polynomial: the power is 0, want more than 0": optimizers.Polynomial(3, 0),
		"Exponential: gamma is 0, want more than 0":    optimizers.Exponential(3, 0),
		"Exponential: gamma is NaN, want more than 0":  optimizers.Exponential(3, math.NaN()),
		"Repeat: every 0 steps, want 1 or more":        optimizers.Repeat(0, nil),
		"OneCycle: 1 steps, want 2 or more":            optimizers.OneCycle(1),
		"InverseSqrt: 0 steps, want 1 or more":         optimizers.InverseSqrt(0),
		"WSD: 0 steps, want 1 or more":                 optimizers.WSD(3, 3, 0),
		"CosineRestarts: 0 steps, want 1 or more":      optimizers.CosineRestarts(4, 0),
		"StepAt: step 3 stands behind step 5":          optimizers.StepAt(0.1, 5, 3),
		"Cosine: -1 steps, want 1 or more":             optimizers.DownTo(0.5, optimizers.Cosine(-1)),
	} {
		err := Catch(func() { s.Graph(Scalar(NewGraph(graphtest.Reference(), "schedule"), dtypes.Float32, 0)) })
		assert.ErrorContains(t, err, want)
	}
}

// TestANilScheduleIsConstant, also one with a type.
func TestANilScheduleIsConstant(t *testing.T) {
	var none *optimizers.ScheduleConfig
	for _, s := range []optimizers.Schedule{none, optimizers.Then(2, none, nil), optimizers.Repeat(3, none)} {
		out, err := CallOnce(graphtest.Reference(), s.Graph, float32(4))
		require.NoError(t, err)
		require.Equal(t, float32(1), out.Value())
		require.Equal(t, 1.0, s.Value(4))
	}
}
