package calibration_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers/calibration"
	"github.com/quire-ml/quire/ml/model"
)

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

// Evenly from 0 to 1 at first, between the first and the last keypoint.
func ExamplePiecewiseLinear() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), func(s *model.Scope, x *graph.Node) *graph.Node {
		return calibration.PiecewiseLinear(s, x, []float64{0, 10, 100}).Done()
	}, [][]float64{{-5}, {5}, {55}, {200}})
	fmt.Println(y.Value())
	// Output:
	// [[0] [0.25] [0.75] [1]]
}
