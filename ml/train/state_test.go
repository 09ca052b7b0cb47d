package train

import (
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the accumulators of the metrics know is saved, each field of it: one that is forgotten changes the means after a
// resume and nothing else.
func TestEveryFieldOfTheAccumulatorsIsSaved(t *testing.T) {
	for _, x := range []float64{0.25, 1.0 / 3, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64} {
		was, is := &Trainer{accumulate: 1}, &Trainer{accumulate: 1}
		was.ResetTrainMetrics()
		is.ResetTrainMetrics()
		fill(t, reflect.ValueOf(&was.moving[0]).Elem(), x)
		fill(t, reflect.ValueOf(&was.means[0]).Elem(), x)
		state, err := was.State()
		require.NoError(t, err)
		require.NoError(t, is.SetState(state))
		sameFields(t, reflect.ValueOf(was.moving[0]), reflect.ValueOf(is.moving[0]))
		sameFields(t, reflect.ValueOf(was.means[0]), reflect.ValueOf(is.means[0]))
	}
}

func fill(t *testing.T, v reflect.Value, x float64) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Float64:
			f.SetFloat(x)
		case reflect.Int64:
			f.SetInt(math.MaxInt64 - int64(i))
		case reflect.Bool:
			f.SetBool(true)
		default:
			t.Fatalf("%s.%s is a %s: tell this test how to fill it", v.Type(), v.Type().Field(i).Name, f.Kind())
		}
	}
}

func sameFields(t *testing.T, want, got reflect.Value) {
	t.Helper()
	for i := range want.NumField() {
		w, g := want.Field(i), got.Field(i)
		same := w.Equal(g)
		if w.Kind() == reflect.Float64 {
			same = math.Float64bits(w.Float()) == math.Float64bits(g.Float()) || math.IsNaN(w.Float()) && math.IsNaN(g.Float())
		}
		assert.True(t, same, "%s.%s: %v was saved, %v comes back", want.Type(), want.Type().Field(i).Name, w, g)
	}
}
