package model_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"

	. "github.com/quire-ml/quire/graph"
)

// The numbers of an initializer are rounded for a float variable, and refused where its dtype does not hold them.
func TestInitialValuesFitOrAreRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		init  initializers.Initializer
		dtype dtypes.DType
		want  string
	}{
		{"whole numbers", initializers.ConstantFn(3), dtypes.Int32, ""},
		{"a float is rounded", initializers.ConstantFn(0.1), dtypes.Float16, ""},
		{"a broken number", initializers.ConstantFn(0.5), dtypes.Int32, "0.5 is not a value of int32"},
		{"too large", initializers.ConstantFn(300), dtypes.Uint8, "300 is not a value of uint8"},
		{"too large for a float", initializers.ConstantFn(70000), dtypes.Float16, "70000 is not a value of float16"},
		{"one of several", func(_ *rand.Rand, _ shapes.Shape, out []float64) { out[1] = -1 }, dtypes.Uint8, "element 1 of float64[2]: -1 is not a value of uint8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := model.CallOnce(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *Node) *Node {
				return scope.WithInitializer(c.init).VariableWithShape("v", shapes.Make(c.dtype, 2)).NodeValue(x)
			}, 1.0)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
