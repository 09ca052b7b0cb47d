package stablehlo

import (
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTuples runs programs with tuples and tokens, of which the tensors are left.
func TestTuples(t *testing.T) {
	const pair = "tuple<tensor<f32>, tuple<tensor<i32>, !stablehlo.token>>"
	for _, c := range []struct {
		name, body string
		want       float32
	}{
		{"an element of a tuple", `%a = stablehlo.constant dense<1.5> : tensor<f32>
			%b = stablehlo.constant dense<2> : tensor<i32>
			%k = stablehlo.create_token : !stablehlo.token
			%in = stablehlo.tuple %b, %k : tuple<tensor<i32>, !stablehlo.token>
			%t = stablehlo.tuple %a, %in : ` + pair + `
			%y = stablehlo.get_tuple_element %t[0] : (` + pair + `) -> tensor<f32>`, 1.5},
		{"an element of an element, in the generic form", `%a = stablehlo.constant dense<1.5> : tensor<f32>
			%b = stablehlo.constant dense<2.5> : tensor<f32>
			%in = "stablehlo.tuple"(%b, %a) : (tensor<f32>, tensor<f32>) -> tuple<tensor<f32>, tensor<f32>>
			%t = "stablehlo.tuple"(%a, %in) : (tensor<f32>, tuple<tensor<f32>, tensor<f32>>) -> tuple<tensor<f32>, tuple<tensor<f32>, tensor<f32>>>
			%e = "stablehlo.get_tuple_element"(%t) {index = 1 : i32} : (tuple<tensor<f32>, tuple<tensor<f32>, tensor<f32>>>) -> tuple<tensor<f32>, tensor<f32>>
			%y = "stablehlo.get_tuple_element"(%e) {index = 0 : i32} : (tuple<tensor<f32>, tensor<f32>>) -> tensor<f32>`, 2.5},
		{"a loop that carries a tuple and a token", `%a = stablehlo.constant dense<1.0> : tensor<f32>
			%k = stablehlo.after_all : !stablehlo.token
			%t = stablehlo.tuple %a, %a : tuple<tensor<f32>, tensor<f32>>
			%l:2 = stablehlo.while(%u = %t, %v = %k) : tuple<tensor<f32>, tensor<f32>>, !stablehlo.token
			cond {
			  %x = stablehlo.get_tuple_element %u[0] : (tuple<tensor<f32>, tensor<f32>>) -> tensor<f32>
			  %top = stablehlo.constant dense<20.0> : tensor<f32>
			  %p = stablehlo.compare LT, %x, %top : (tensor<f32>, tensor<f32>) -> tensor<i1>
			  stablehlo.return %p : tensor<i1>
			} do {
			  %x = stablehlo.get_tuple_element %u[0] : (tuple<tensor<f32>, tensor<f32>>) -> tensor<f32>
			  %z = stablehlo.get_tuple_element %u[1] : (tuple<tensor<f32>, tensor<f32>>) -> tensor<f32>
			  %s = stablehlo.add %x, %z : tensor<f32>
			  %w = stablehlo.tuple %s, %x : tuple<tensor<f32>, tensor<f32>>
			  %m = stablehlo.after_all %v, %v : !stablehlo.token
			  stablehlo.return %w, %m : tuple<tensor<f32>, tensor<f32>>, !stablehlo.token
			}
			%y = stablehlo.get_tuple_element %l#0[0] : (tuple<tensor<f32>, tensor<f32>>) -> tensor<f32>`, 21},
		{"a call with a token", `%a = stablehlo.constant dense<3.0> : tensor<f32>
			%k = stablehlo.create_token : !stablehlo.token
			%l:2 = func.call @other(%k, %a) : (!stablehlo.token, tensor<f32>) -> (!stablehlo.token, tuple<tensor<f32>, tensor<i32>>)
			%b:2 = stablehlo.optimization_barrier %l#1, %l#0 : tuple<tensor<f32>, tensor<i32>>, !stablehlo.token
			%y = stablehlo.get_tuple_element %b#0[0] : (tuple<tensor<f32>, tensor<i32>>) -> tensor<f32>`, 6},
		{"branches that return tuples", `%a = stablehlo.constant dense<3.0> : tensor<f32>
			%p = stablehlo.constant dense<false> : tensor<i1>
			%t = "stablehlo.if"(%p) ({
			  %l = stablehlo.tuple %a, %p : tuple<tensor<f32>, tensor<i1>>
			  stablehlo.return %l : tuple<tensor<f32>, tensor<i1>>
			}, {
			  %d = stablehlo.add %a, %a : tensor<f32>
			  %l = stablehlo.tuple %d, %p : tuple<tensor<f32>, tensor<i1>>
			  stablehlo.return %l : tuple<tensor<f32>, tensor<i1>>
			}) : (tensor<i1>) -> tuple<tensor<f32>, tensor<i1>>
			%y = stablehlo.get_tuple_element %t[0] : (tuple<tensor<f32>, tensor<i1>>) -> tensor<f32>`, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			const other = "func.func private @other(%k: !stablehlo.token, %x: tensor<f32>) -> (!stablehlo.token, tuple<tensor<f32>, tensor<i32>>) {\n%s = stablehlo.add %x, %x : tensor<f32>\n%n = stablehlo.constant dense<1> : tensor<i32>\n%t = stablehlo.tuple %s, %n : tuple<tensor<f32>, tensor<i32>>\nreturn %k, %t : !stablehlo.token, tuple<tensor<f32>, tensor<i32>>\n}\n"
			got := runBody(t, c.body, "tensor<f32>", other)
			assert.NoError(t, graphtest.Diff(got, tensors.FromScalar(c.want), ir.Tolerance{}))
		})
	}
	t.Run("inputs and outputs", func(t *testing.T) {
		m, err := Read(`func.func @main(%k: !stablehlo.token, %t: tuple<tensor<2xf32>, tensor<i32>> {jax.buffer_donor = true}, %x: tensor<f32> {jax.buffer_donor = true}) -> (tuple<tensor<i32>, tensor<2xf32>>, !stablehlo.token) {
			%a = stablehlo.get_tuple_element %t[0] : (tuple<tensor<2xf32>, tensor<i32>>) -> tensor<2xf32>
			%b = stablehlo.get_tuple_element %t[1] : (tuple<tensor<2xf32>, tensor<i32>>) -> tensor<i32>
			%y = stablehlo.tuple %b, %a : tuple<tensor<i32>, tensor<2xf32>>
			return %y, %k : tuple<tensor<i32>, tensor<2xf32>>, !stablehlo.token
		}`)
		require.NoError(t, err)
		f := m.Main()
		assert.Equal(t, []shapes.Shape{shapes.Make(dtypes.Float32, 2), shapes.Scalar(dtypes.Int32), shapes.Scalar(dtypes.Float32)}, f.Inputs)
		assert.Equal(t, []shapes.Shape{shapes.Scalar(dtypes.Int32), shapes.Make(dtypes.Float32, 2)}, f.Outputs)
		assert.Equal(t, []bool{false, false, true}, f.Donated)
	})
}

// TestTuplesThatDoNotFit holds what people read of those.
func TestTuplesThatDoNotFit(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"an element that is not there", `%t = stablehlo.tuple %x : tuple<tensor<f32>>
			%y = stablehlo.get_tuple_element %t[1] : (tuple<tensor<f32>>) -> tensor<f32>`, `line 3: op "stablehlo.get_tuple_element": tuple<tensor<f32>> has no element 1`},
		{"an element of another type", `%t = stablehlo.tuple %x : tuple<tensor<f32>>
			%y = stablehlo.get_tuple_element %t[0] : (tuple<tensor<f32>>) -> tensor<i32>`, `op "stablehlo.get_tuple_element": element 0 of tuple<tensor<f32>> is not tensor<i32>`},
		{"an element of a tensor", `%y = stablehlo.get_tuple_element %x[0] : (tuple<tensor<f32>>) -> tensor<f32>`, `op "stablehlo.get_tuple_element": it takes a tuple`},
		{"a tuple of more", `%t = stablehlo.tuple %x, %x : tuple<tensor<f32>>
			%y = stablehlo.negate %x : tensor<f32>`, `op "stablehlo.tuple": it makes tuple<tensor<f32>> of 2 values`},
		{"arithmetic of tuples", `%t = stablehlo.tuple %x : tuple<tensor<f32>>
			%y = stablehlo.negate %t : tuple<tensor<f32>>`, `op "stablehlo.negate": operand 0 is tuple<tensor<f32>>: it takes tensors`},
		{"a result that is one", `%t = "stablehlo.negate"(%x) : (tensor<f32>) -> tuple<tensor<f32>>
			%y = stablehlo.negate %x : tensor<f32>`, `op "stablehlo.negate": its result is tuple<tensor<f32>>: it has tensors`},
		{"a token of tensors", `%k = stablehlo.after_all %x : !stablehlo.token
			%y = stablehlo.negate %x : tensor<f32>`, `op "stablehlo.after_all": it makes one token of tokens`},
		{"what speaks with the host", `%k = stablehlo.create_token : !stablehlo.token
			%o = "stablehlo.outfeed"(%x, %k) : (tensor<f32>, !stablehlo.token) -> !stablehlo.token
			%y = stablehlo.negate %x : tensor<f32>`, `op "stablehlo.outfeed": it speaks with the host while the program runs: export the function without callbacks and debugging prints`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read("func.func @main(%x: tensor<f32>) -> tensor<f32> {\n" + c.body + "\nreturn %y : tensor<f32>\n}")
			assert.ErrorContains(t, err, c.want)
			assert.False(t, BrokeDown(err))
		})
	}
	text := "tensor<f32>"
	for range 20 {
		text = "tuple<" + text + ", " + text + ">"
	}
	_, err := Read("func.func @main(%x: " + text + ") -> tensor<f32> {\nreturn %x : tensor<f32>\n}")
	assert.ErrorContains(t, err, "line 1: a tuple of more than 4096 tensors")
}
