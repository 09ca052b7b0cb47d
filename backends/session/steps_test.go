//go:build linux || darwin

package session_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// trained trains for 30 steps, so many by one call, and returns the values of the store and the losses that were told.
func trained(t *testing.T, b ir.Backend, perCall int) (map[string]any, []float64) {
	x, y := make([][]float32, 48), make([][]float32, 48)
	for i := range x {
		p, q := float32(i%7)/3-1, float32(i%5)/2-1
		x[i], y[i] = []float32{p, q}, []float32{2*p - 3*q + 1}
	}
	ds, err := data.InMemory("line", x, y)
	require.NoError(t, err)
	trainer := train.NewTrainer(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Tanh(layers.Dense(scope.In("hidden"), x, true, 8))
		x = layers.BatchNorm(scope.In("norm"), x, -1).Done()
		return layers.Dense(scope.In("out"), layers.Dropout(scope.In("dropout"), x, 0.2), true, 1)
	}, losses.MeanSquaredError, optimizers.Adam().Done())
	require.NoError(t, trainer.StepsPerCall(perCall))
	loop := train.NewLoop(trainer)
	var told []float64
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step {
			told = append(told, train.Metrics(e.Metrics).Value("batch"))
		}
	})
	_, err = loop.RunSteps(ds.BatchSize(8, true).Infinite(true), 30)
	require.NoError(t, err)
	values := map[string]any{}
	for v := range trainer.Store().IterVariables() {
		values[v.Path()] = v.MustValue().Value()
	}
	require.NoError(t, trainer.Store().Close())
	return values, told
}

// Steps are the same to the last bit in process and in a worker, one by one and several by one call.
func TestStepsByOneCall(t *testing.T) {
	ground(t)
	want, wantTold := trained(t, open1(t, "go"), 1)
	for _, perCall := range []int{1, 4, 7} {
		got, gotTold := trained(t, open(t, "go"), perCall)
		require.Equal(t, want, got, fmt.Sprint(perCall, " by one call"))
		require.Equal(t, wantTold, gotTold, fmt.Sprint(perCall, " by one call"))
	}
}
