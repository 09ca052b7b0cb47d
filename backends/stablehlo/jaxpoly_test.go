package stablehlo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// polyFiles returns the programs that JAX exported without saying sizes: testdata/jax/export_poly.py says how.
func polyFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/jax/poly/*.mlir")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d texts, %v", len(files), err)
	}
	return files
}

// TestJAXOfSymbolicShapes reads each of these once, runs it for three sizes, and compares with what JAX computed.
func TestJAXOfSymbolicShapes(t *testing.T) {
	files := polyFiles(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".mlir")
		values, err := tensors.LoadNpz(strings.TrimSuffix(file, ".mlir") + ".npz")
		require.NoError(t, err)
		var options []stablehlo.ReadOption
		if name == "platforms" {
			options = append(options, stablehlo.InputValue(0, 0)) // its values are those of the CPU
		}
		text := polyText(t, name)
		open, err := stablehlo.ReadOpen(text, options...)
		require.NoError(t, err, name)
		for _, size := range []string{"A", "B", "C", "A"} { // the first again: what was read is as it was
			t.Run(name+size, func(t *testing.T) {
				value := func(kind string, i int) *tensors.Tensor { return values[fmt.Sprintf("%s_%s%d", size, kind, i)] }
				var in []shapes.Shape
				for i := 0; value("in", i) != nil; i++ {
					in = append(in, value("in", i).Shape())
				}
				m, err := open.At(in...)
				require.NoError(t, err)
				alone, err := stablehlo.Read(text, append(slices.Clone(options), stablehlo.InputShapes(in...))...)
				require.NoError(t, err)
				p, err := m.Program(nil)
				require.NoError(t, err)
				q, err := alone.Program(nil)
				require.NoError(t, err)
				places := regexp.MustCompile(`  // \S+:\d+`)
				assert.Equal(t, places.ReplaceAllString(q.String(), ""), places.ReplaceAllString(p.String(), ""), "it is read as for these sizes alone")
				got, err := runModule(m, func(i int) *tensors.Tensor { return value("in", i) })
				require.NoError(t, err)
				for i, y := range got {
					want := value("out", i)
					if want == nil || !m.Main().Outputs[i].Equal(want.Shape()) {
						t.Fatalf("result %d is %s, want %v", i, m.Main().Outputs[i], want)
					}
					assert.NoError(t, graphtest.Diff(y, want, jaxTolerance), "result %d", i)
				}
				assert.Nil(t, value("out", len(got)), "only %d results", len(got))
			})
		}
	}
}

// TestDeclaredSizes are those that the texts declare, with their constraints.
func TestDeclaredSizes(t *testing.T) {
	for name, want := range map[string]string{
		"attention": "[b, t, 4], [b, t, 4], [b, t, 4] where b >= 1, t >= 1",
		"blocks":    "[2*b, t], [b, t+1] where b >= 1, t >= 1, t >= 2, b <= 64",
		"chunks":    "[b, 4] where b >= 1, b >= 3",
		"conv":      "[b, h, h, 2] where b >= 1, h >= 1, h >= 4",
		"dot":       "[m, k], [k, n] where m >= 1, k >= 1, n >= 1",
		"halves":    "[2*b, 3], [b, 3] where b >= 1, b >= 2",
		"next":      "[b+1, 3] where b >= 1",
		"pairs":     "[b, 4] where b >= 1, 2*floordiv(b, 2) == b, mod(b, 2) == 0", // the second one follows
		"square":    "[n, n] where n >= 1",
		"window":    "[b, 4] where b >= 1",
	} {
		open, err := stablehlo.ReadOpen(polyText(t, name))
		require.NoError(t, err, name)
		if assert.NotNil(t, open.Declared(), name) {
			assert.Equal(t, want, open.Declared().String(), name)
		}
	}
	for _, file := range polyFiles(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		open, err := stablehlo.ReadOpen(string(text), stablehlo.InputValue(0, 0))
		if filepath.Base(file) != "platforms.mlir" { // the others have no such input
			open, err = stablehlo.ReadOpen(string(text))
		}
		require.NoError(t, err, file)
		assert.NotNil(t, open.Declared(), file)
	}
}

// TestSizesThatTheTextExcludes says so with the names of the text.
func TestSizesThatTheTextExcludes(t *testing.T) {
	f32 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	for _, c := range []struct {
		name, file string
		in         []shapes.Shape
		want       string
	}{
		{"another multiple", "halves", []shapes.Shape{f32(4, 3), f32(3, 3)}, "stablehlo: the function @main: input 0 is [4 3], declared [2*b, 3], which is [6 3] where b=3: axis 0 is 4, not 6"},
		{"a constraint", "pairs", []shapes.Shape{f32(5, 4)}, "stablehlo: the function @main: 2*floordiv(b, 2) == b does not hold where b=5, of inputs [[5 4]], declared [b, 4] where b >= 1, 2*floordiv(b, 2) == b, mod(b, 2) == 0"},
		{"none", "mlp", []shapes.Shape{f32(0, 4)}, "stablehlo: the function @main: b >= 1 does not hold where b=0, of inputs [[0 4]], declared [b, 4] where b >= 1"},
		{"a size that is fixed", "mlp", []shapes.Shape{f32(2, 5)}, "stablehlo: line 2: the function @main has an input of type tensor<?x4xf32>, and the shape float32[2 5] is given for it"},
		{"no shapes", "mlp", nil, "stablehlo: line 2: the function @main has 1 inputs without values, and 0 shapes are given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			open, err := stablehlo.ReadOpen(polyText(t, c.file))
			require.NoError(t, err)
			_, err = open.At(c.in...)
			assert.EqualError(t, err, c.want)
		})
	}
	_, err := stablehlo.ReadOpen("module {}")
	assert.EqualError(t, err, "stablehlo.ReadOpen: the text has no functions")
	_, err = stablehlo.ReadOpen(polyText(t, "mlp"), stablehlo.InputShapes(f32(2, 4)))
	assert.EqualError(t, err, "stablehlo.ReadOpen: shapes are given to Open.At: a text that is read for one size alone is read by Read")
}

// TestOpenTextInAnExec runs one at the sizes that come, several at a time.
func TestOpenTextInAnExec(t *testing.T) {
	open, err := stablehlo.ReadOpen(polyText(t, "rnn"))
	require.NoError(t, err)
	values, err := tensors.LoadNpz("testdata/jax/poly/rnn.npz")
	require.NoError(t, err)
	b := gocpu.New()
	defer b.Close()
	exec := graph.MustNewExec(b, open.Call)
	defer exec.Close()
	var running sync.WaitGroup
	for _, size := range []string{"A", "B", "C", "A", "B", "C"} {
		running.Go(func() {
			got, err := exec.Call(values[size+"_in0"])
			if !assert.NoError(t, err) {
				return
			}
			for i, y := range got {
				assert.NoError(t, graphtest.Diff(y, values[fmt.Sprintf("%s_out%d", size, i)], jaxTolerance), "%s, result %d", size, i)
			}
		})
	}
	running.Wait()
	_, err = exec.Call(tensors.MustFromAnyValue([][]float32{{1}}))
	assert.ErrorContains(t, err, "the function @main")
}

func polyText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/jax/poly/" + name + ".mlir")
	require.NoError(t, err)
	return string(text)
}

// TestPlatformsAreChosen reads one text for each of the platforms for which JAX exported it.
func TestPlatformsAreChosen(t *testing.T) {
	x := tensors.MustFromAnyValue([][]float32{{1, 2, 3, 4}})
	for platform, want := range [][][]float32{{{2, 3, 4, 5}}, {{0, 1, 2, 3}}} {
		m, err := stablehlo.Read(polyText(t, "platforms"), stablehlo.InputValue(0, platform), stablehlo.InputShapes(x.Shape()))
		require.NoError(t, err)
		got, err := runModule(m, func(int) *tensors.Tensor { return x })
		require.NoError(t, err, "platform %d: %v, want %v", platform, got, want)
		assert.Len(t, m.Main().Inputs, 1, "platform %d: %v, want %v", platform, got, want)
		assert.True(t, got[0].Equal(tensors.MustFromAnyValue(want)), "platform %d: %v, want %v", platform, got, want)
	}
}

// TestWhatIsGivenMustFit holds what people read when shapes or values of inputs are not those of the text.
func TestWhatIsGivenMustFit(t *testing.T) {
	f32 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	for _, c := range []struct {
		name, file string
		options    []stablehlo.ReadOption
		want       string
	}{
		{"no shapes", "mlp", nil, `line 2: the function @main leaves sizes of an input open, tensor<?x4xf32>: give Read the shapes of the inputs (stablehlo.InputShapes)`},
		{"too many shapes", "mlp", []stablehlo.ReadOption{stablehlo.InputShapes(f32(2, 4), f32(2, 4))}, `line 2: the function @main has 1 inputs without values, and 2 shapes are given`},
		{"another size", "mlp", []stablehlo.ReadOption{stablehlo.InputShapes(f32(2, 5))}, `line 2: the function @main has an input of type tensor<?x4xf32>, and the shape float32[2 5] is given for it`},
		{"another dtype", "mlp", []stablehlo.ReadOption{stablehlo.InputShapes(shapes.Make(dtypes.Float64, 2, 4))}, `and the shape float64[2 4] is given for it`},
		{"a shape that is none", "mlp", []stablehlo.ReadOption{stablehlo.InputShapes(shapes.Shape{DType: dtypes.Float32, Dimensions: []int{-1, 4}})}, `the shape float32[-1 4] given for input 0`},
		{"a shape beyond memory", "mlp", []stablehlo.ReadOption{stablehlo.InputShapes(shapes.Shape{DType: dtypes.Float32, Dimensions: []int{1 << 62, 4}})}, `given for input 0`},
		{"a value of no input", "mlp", []stablehlo.ReadOption{stablehlo.InputValue(1, 2)}, `line 2: the function @main has 1 inputs, and a value is given for input 1`},
		{"a value of another type", "platforms", []stablehlo.ReadOption{stablehlo.InputValue(0, []int32{1, 2})}, `has an input 0 of type tensor<i32>, which [1 2] is not`},
		{"a value that is none", "platforms", []stablehlo.ReadOption{stablehlo.InputValue(0, nil)}, `has an input 0 of type tensor<i32>, which <nil> is not`},
		{"sizes that JAX's specification excludes", "halves", []stablehlo.ReadOption{stablehlo.InputShapes(f32(4, 3), f32(3, 3))}, `line 20: op "stablehlo.custom_call": Input shapes do not match the polymorphic shapes specification. Found inconsistency between dimension size args[1].shape[0] (= 3) and the specification 'b' (= 2)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := stablehlo.Read(polyText(t, c.file), c.options...)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// TestFunctionsOfOpenSizes are called with sizes that their callers know, and are not among those of the module.
func TestFunctionsOfOpenSizes(t *testing.T) {
	text := `func.func @main(%x: tensor<3xf32>) -> tensor<?xf32> {
		%0 = stablehlo.constant dense<4> : tensor<1xi32>
		%s = stablehlo.constant dense<1.0> : tensor<f32>
		%1 = stablehlo.dynamic_broadcast_in_dim %s, %0, dims = [] : (tensor<f32>, tensor<1xi32>) -> tensor<?xf32>
		%2 = call @twice(%1) : (tensor<?xf32>) -> tensor<?xf32>
		return %2 : tensor<?xf32>
	}
	func.func private @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
		%0 = stablehlo.add %x, %x : tensor<?xf32>
		return %0 : tensor<?xf32>
	}`
	m, err := stablehlo.Read(text)
	require.NoError(t, err)
	require.Len(t, m.Funcs, 1, "%d functions, of which main returns %v", len(m.Funcs), m.Main().Outputs)
	assert.True(t, m.Main().Outputs[0].Equal(shapes.Make(dtypes.Float32, 4)), "%d functions, of which main returns %v", len(m.Funcs), m.Main().Outputs)
	got := callText(t, text, []float32{0, 0, 0})
	assert.True(t, got[0].Equal(tensors.MustFromAnyValue([]float32{2, 2, 2, 2})), "got %s", got[0])
}
