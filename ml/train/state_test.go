package train

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryFieldOfTheMeansIsState fills every field of the averages that a trainer keeps, also those that they may get
// one day.
func TestEveryFieldOfTheMeansIsState(t *testing.T) {
	n := 0.0
	fill := func(v any) {
		s := reflect.ValueOf(v).Elem()
		for i := range s.NumField() {
			n++
			switch f := s.Field(i); f.Kind() {
			case reflect.Float64:
				f.SetFloat(n / 7)
			case reflect.Int64:
				f.SetInt(int64(n))
			case reflect.Bool:
				f.SetBool(true)
			default:
				t.Fatalf("a field of kind %s", f.Kind())
			}
		}
	}
	from, to := &Trainer{accumulate: 1}, &Trainer{accumulate: 1}
	from.ResetTrainMetrics()
	fill(&from.moving[0])
	fill(&from.means[0])
	state, err := from.State()
	require.NoError(t, err)
	require.NoError(t, to.SetState(state))
	require.Equal(t, from.moving, to.moving)
	require.Equal(t, from.means, to.means)
}
