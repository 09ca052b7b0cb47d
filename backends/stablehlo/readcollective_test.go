package stablehlo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onDevices is a module in which the devices of a mesh run a body on their parts, two numbers each, of a vector, and return two.
func onDevices(n int, body string) string {
	return fmt.Sprintf(`module attributes {mhlo.num_partitions = %d : i32} {
	sdy.mesh @mesh = <["x"=%d]>
	func.func @main(%%a: tensor<%dxf32>) -> tensor<%dxf32> {
		%%0 = sdy.manual_computation(%%a) in_shardings=[<@mesh, [{"x"}]>] out_shardings=[<@mesh, [{"x"}]>] manual_axes={"x"} (%%x: tensor<2xf32>) {
			%s
			sdy.return %%y : tensor<2xf32>
		} : (tensor<%dxf32>) -> tensor<%dxf32>
		return %%0 : tensor<%dxf32>
	}
	func.func private @sum(%%x: tensor<2xf32>) -> tensor<2xf32> {
		%%y = "stablehlo.all_reduce"(%%x) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>, replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>, use_global_device_ids}> ({
		^bb0(%%l: tensor<f32>, %%r: tensor<f32>):
			%%s = stablehlo.add %%l, %%r : tensor<f32>
			stablehlo.return %%s : tensor<f32>
		}) : (tensor<2xf32>) -> tensor<2xf32>
		return %%y : tensor<2xf32>
	}
}`, n, n, 2*n, 2*n, body, 2*n, 2*n, 2*n)
}

const (
	channel   = `channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>, `
	inPairs   = channel + `replica_groups = dense<[[0, 2], [3, 1]]> : tensor<2x2xi64>`
	byAddress = inPairs + `, use_global_device_ids`
)

// TestDevicesTogether runs what four devices do with each other.
func TestDevicesTogether(t *testing.T) {
	largest := "({\n^bb0(%l: tensor<f32>, %r: tensor<f32>):\n%m = stablehlo.maximum %l, %r : tensor<f32>\nstablehlo.return %m : tensor<f32>\n}) : (tensor<2xf32>) -> "
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	for _, c := range []struct {
		name, body string
		want       []float32
	}{
		{"the largest of each group", `%y = "stablehlo.all_reduce"(%x) <{` + byAddress + `}> ` + largest + "tensor<2xf32>", []float32{5, 6, 7, 8, 5, 6, 7, 8}},
		{"all partitions, if groups are of replicas", `%y = "stablehlo.all_reduce"(%x) <{` + channel + `replica_groups = dense<0> : tensor<1x1xi64>}> ` + largest + "tensor<2xf32>", []float32{7, 8, 7, 8, 7, 8, 7, 8}},
		{"each alone, without a channel", `%y = "stablehlo.all_reduce"(%x) <{replica_groups = dense<0> : tensor<1x1xi64>}> ` + largest + "tensor<2xf32>", x},
		{"a row that fills up", `%y = "stablehlo.all_reduce"(%x) <{` + channel + `replica_groups = dense<[[0, 2, 3, 1], [-1, -1, -1, -1]]> : tensor<2x4xi64>, use_global_device_ids}> ` + largest + "tensor<2xf32>", []float32{7, 8, 7, 8, 7, 8, 7, 8}},
		{"parts of a reduction", `%z = "stablehlo.reduce_scatter"(%x) <{scatter_dimension = 0 : i64, ` + byAddress + `}> ` + largest + `tensor<1xf32>
			%y = stablehlo.concatenate %z, %z, dim = 0 : (tensor<1xf32>, tensor<1xf32>) -> tensor<2xf32>`, []float32{5, 5, 8, 8, 6, 6, 7, 7}},
		{"all values of a group", `%z = "stablehlo.all_gather"(%x) <{all_gather_dim = 0 : i64, ` + byAddress + `}> : (tensor<2xf32>) -> tensor<4xf32>
			%y = stablehlo.slice %z [1:3] : (tensor<4xf32>) -> tensor<2xf32>`, []float32{2, 5, 8, 3, 2, 5, 8, 3}},
		{"parts for each other", `%y = "stablehlo.all_to_all"(%x) <{split_dimension = 0 : i64, concat_dimension = 0 : i64, split_count = 2 : i64, ` + inPairs + `}> : (tensor<2xf32>) -> tensor<2xf32>`, []float32{1, 5, 8, 4, 2, 6, 7, 3}},
		{"the first one's values", `%y = "stablehlo.collective_broadcast"(%x) <{` + inPairs + `}> : (tensor<2xf32>) -> tensor<2xf32>`, []float32{1, 2, 7, 8, 1, 2, 7, 8}},
		{"values sent on", `%y = "stablehlo.collective_permute"(%x) <{` + channel + `source_target_pairs = dense<[[0, 1], [1, 3]]> : tensor<2x2xi64>}> : (tensor<2xf32>) -> tensor<2xf32>`, []float32{0, 0, 1, 2, 0, 0, 3, 4}},
		{"a number of its own", `%i = stablehlo.partition_id : tensor<ui32>
			%j = stablehlo.convert %i : (tensor<ui32>) -> tensor<f32>
			%y = stablehlo.broadcast_in_dim %j, dims = [] : (tensor<f32>) -> tensor<2xf32>`, []float32{0, 0, 1, 1, 2, 2, 3, 3}},
		{"a function", `%y = call @sum(%x) : (tensor<2xf32>) -> tensor<2xf32>`, []float32{16, 20, 16, 20, 16, 20, 16, 20}},
		{"a loop", `%c = stablehlo.constant dense<0> : tensor<i32>
			%z:2 = stablehlo.while(%k = %c, %v = %x) : tensor<i32>, tensor<2xf32>
			cond {
				%n = stablehlo.constant dense<2> : tensor<i32>
				%b = stablehlo.compare LT, %k, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
				stablehlo.return %b : tensor<i1>
			} do {
				%w = func.call @sum(%v) : (tensor<2xf32>) -> tensor<2xf32>
				%one = stablehlo.constant dense<1> : tensor<i32>
				%next = stablehlo.add %k, %one : tensor<i32>
				stablehlo.return %next, %w : tensor<i32>, tensor<2xf32>
			}
			%y = stablehlo.add %z#1, %x : tensor<2xf32>`, []float32{65, 82, 67, 84, 69, 86, 71, 88}},
		{"a branch", `%i = stablehlo.partition_id : tensor<ui32>
			%two = stablehlo.constant dense<2> : tensor<ui32>
			%b = stablehlo.compare LT, %i, %two : (tensor<ui32>, tensor<ui32>) -> tensor<i1>
			%y = "stablehlo.if"(%b) ({
				%s = func.call @sum(%x) : (tensor<2xf32>) -> tensor<2xf32>
				stablehlo.return %s : tensor<2xf32>
			}, {
				stablehlo.return %x : tensor<2xf32>
			}) : (tensor<i1>) -> tensor<2xf32>`, []float32{16, 20, 16, 20, 5, 6, 7, 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Read(onDevices(4, c.body))
			require.NoError(t, err)
			b := gocpu.New()
			defer b.Close()
			exec := graph.MustNewExec(b, func(x *graph.Node) (*graph.Node, *graph.Node) {
				y := m.Main().Call(x)[0]
				return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
			})
			defer exec.Close()
			out, err := exec.Call(x)
			require.NoError(t, err)
			assert.Equal(t, c.want, out[0].Value())
			assert.Equal(t, []int{8}, out[1].Shape().Dimensions)
		})
	}
}

// TestGroupsWithTurnsOfTheirOwn runs a loop in which two groups of devices exchange values, one in one turn and one in two.
func TestGroupsWithTurnsOfTheirOwn(t *testing.T) {
	text := onDevices(4, `%i = stablehlo.partition_id : tensor<ui32>
		%two = stablehlo.constant dense<2> : tensor<ui32>
		%last = stablehlo.remainder %i, %two : tensor<ui32>
		%c = stablehlo.constant dense<0> : tensor<ui32>
		%z:2 = stablehlo.while(%k = %c, %v = %x) : tensor<ui32>, tensor<2xf32>
		cond {
			%b = stablehlo.compare LE, %k, %last : (tensor<ui32>, tensor<ui32>) -> tensor<i1>
			stablehlo.return %b : tensor<i1>
		} do {
			%w = "stablehlo.all_reduce"(%v) <{`+byAddress+`}> ({
			^bb0(%l: tensor<f32>, %r: tensor<f32>):
				%s = stablehlo.add %l, %r : tensor<f32>
				stablehlo.return %s : tensor<f32>
			}) : (tensor<2xf32>) -> tensor<2xf32>
			%one = stablehlo.constant dense<1> : tensor<ui32>
			%next = stablehlo.add %k, %one : tensor<ui32>
			stablehlo.return %next, %w : tensor<ui32>, tensor<2xf32>
		}
		%y = stablehlo.add %z#1, %z#1 : tensor<2xf32>`)
	out := callReadings(t, text, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	assert.Equal(t, []float32{12, 16, 40, 48, 12, 16, 40, 48}, out[0].Value())
}

// TestDevicesWithTooMuchToDo reads a short text by which 64 devices exchange parts 2^17 times, 64·64 of them each time.
func TestDevicesWithTooMuchToDo(t *testing.T) {
	group := make([]string, 64)
	for i := range group {
		group[i] = fmt.Sprint(i)
	}
	var text strings.Builder
	text.WriteString(`module attributes {mhlo.num_partitions = 64 : i32} {
	sdy.mesh @mesh = <["x"=64]>
	func.func @main(%a: tensor<4096xf32>) -> tensor<4096xf32> {
		%0 = sdy.manual_computation(%a) in_shardings=[<@mesh, [{"x"}]>] out_shardings=[<@mesh, [{"x"}]>] manual_axes={"x"} (%x: tensor<64xf32>) {
			%y = func.call @f17(%x) : (tensor<64xf32>) -> tensor<64xf32>
			sdy.return %y : tensor<64xf32>
		} : (tensor<4096xf32>) -> tensor<4096xf32>
		return %0 : tensor<4096xf32>
	}
	func.func private @f0(%x: tensor<64xf32>) -> tensor<64xf32> {
		%y = "stablehlo.all_to_all"(%x) <{split_dimension = 0 : i64, concat_dimension = 0 : i64, split_count = 64 : i64, ` + channel + `replica_groups = dense<[[` + strings.Join(group, ", ") + `]]> : tensor<1x64xi64>}> : (tensor<64xf32>) -> tensor<64xf32>
		return %y : tensor<64xf32>
	}
`)
	for i := range 17 {
		fmt.Fprintf(&text, "func.func private @f%d(%%x: tensor<64xf32>) -> tensor<64xf32> {\n%%0 = func.call @f%d(%%x) : (tensor<64xf32>) -> tensor<64xf32>\n%%1 = func.call @f%d(%%0) : (tensor<64xf32>) -> tensor<64xf32>\nreturn %%1 : tensor<64xf32>\n}\n", i+1, i, i)
	}
	text.WriteString("}")
	_, err := Read(text.String())
	require.Error(t, err)
	assert.False(t, BrokeDown(err), err)
	assert.ErrorContains(t, err, "the function has become too large: more than 1048576 operations")
}

// TestMeshesOfTwoAxes deals a matrix over two axes in one order and its result in another, with one axis that is not the region's.
func TestMeshesOfTwoAxes(t *testing.T) {
	text := `module attributes {mhlo.num_partitions = 4 : i32} {
	sdy.mesh @mesh = <["x"=2, "y"=2]>
	func.func @main(%a: tensor<4x2xf32>) -> (tensor<2x4xf32>, tensor<8x2xf32>) {
		%0:2 = "sdy.manual_computation"(%a) <{in_shardings = #sdy.sharding_per_value<[<@mesh, [{"y", "x"}, {}]>]>, manual_axes = #sdy<manual_axes{"x", "y"}>, out_shardings = #sdy.sharding_per_value<[<@mesh, [{"x"}, {"y"}]>, <@mesh, [{"x", "y"}, {}]>]>}> ({
		^bb0(%x: tensor<1x2xf32>):
			%y = "stablehlo.concatenate"(%x, %x) <{dimension = 0 : i64}> : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
			"sdy.return"(%x, %y) : (tensor<1x2xf32>, tensor<2x2xf32>) -> ()
		}) : (tensor<4x2xf32>) -> (tensor<2x4xf32>, tensor<8x2xf32>)
		return %0#0, %0#1 : tensor<2x4xf32>, tensor<8x2xf32>
	}
}`
	out := callReadings(t, text, [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}}) // (x, y) = (0, 0), (1, 0), (0, 1), (1, 1)
	assert.Equal(t, [][]float32{{1, 2, 5, 6}, {3, 4, 7, 8}}, out[0].Value())
	assert.Equal(t, [][]float32{{1, 2}, {1, 2}, {5, 6}, {5, 6}, {3, 4}, {3, 4}, {7, 8}, {7, 8}}, out[1].Value())
	some := strings.NewReplacer(`manual_axes{"x", "y"}`, `manual_axes{"x"}`, `{"y", "x"}`, `{"x"}`, `[{"x"}, {"y"}]>, <@mesh, [{"x", "y"}, {}]`, `[{"x"}, {}]>, <@mesh, [{"x"}, {"y"}]`,
		"tensor<1x2xf32>", "tensor<2x2xf32>", "tensor<2x2xf32>", "tensor<4x2xf32>", "tensor<2x4xf32>", "tensor<4x2xf32>").Replace(text)
	out = callReadings(t, some, [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}})
	assert.Equal(t, [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}}, out[0].Value())
	assert.Equal(t, [][]float32{{1, 2}, {3, 4}, {1, 2}, {3, 4}, {5, 6}, {7, 8}, {5, 6}, {7, 8}}, out[1].Value())
}

// callReadings reads a text and returns what main makes of the inputs.
func callReadings(t *testing.T, text string, in ...any) []*tensors.Tensor {
	t.Helper()
	m, err := Read(text)
	require.NoError(t, err)
	b := gocpu.New()
	defer b.Close()
	exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node { return m.Main().Call(in...) })
	defer exec.Close()
	out, err := exec.Call(in...)
	require.NoError(t, err)
	return out
}

// TestDevicesThatCannotBeRead holds what people read of texts for several devices that Quire does not take.
func TestDevicesThatCannotBeRead(t *testing.T) {
	sum := `%y = "stablehlo.all_reduce"(%x) <{` + byAddress + "}> ({\n^bb0(%l: tensor<f32>, %r: tensor<f32>):\n%s = stablehlo.add %l, %r : tensor<f32>\nstablehlo.return %s : tensor<f32>\n}) : (tensor<2xf32>) -> tensor<2xf32>"
	for _, c := range []struct{ name, text, old, new, want string }{
		{"more devices than are written out", onDevices(128, "%y = stablehlo.negate %x : tensor<2xf32>"), "", "", "Quire writes out what each device computes, for 64 devices at most, not 128"},
		{"a device that there is not", onDevices(4, sum), "[[0, 2], [3, 1]]", "[[0, 2], [3, 1], [4, 5]]", "names device 4 of 4"},
		{"a device in no group", onDevices(4, sum), "[[0, 2], [3, 1]]", "[[0, 2]]", "device 1 is in no group"},
		{"a device in two groups", onDevices(4, sum), "[[0, 2], [3, 1]]", "[[0, 2], [2, 1]]", "device 2 is there twice"},
		{"an axis that there is not", onDevices(4, sum), `manual_axes={"x"}`, `manual_axes={"z"}`, `the mesh has no axis "z"`},
		{"a part of another size", onDevices(4, sum), "(%x: tensor<2xf32>) {", "(%x: tensor<3xf32>) {", ""},
		{"shardings of too few values", onDevices(4, sum), `in_shardings=[<@mesh, [{"x"}]>]`, `in_shardings=[]`, "the attribute in_shardings says how 0 values are divided, not 1"},
		{"devices outside of a region", "module attributes {mhlo.num_replicas = 2 : i32} {\nfunc.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n" + strings.ReplaceAll(sum, "[[0, 2], [3, 1]]> : tensor<2x2xi64>", "[[0, 1]]> : tensor<1x2xi64>") + "\nreturn %y : tensor<2xf32>\n}\n}", "", "",
			"it speaks with other devices, and the text is for 2: Quire reads what shard_map writes, a sdy.manual_computation, and programs for one device (export without pmap)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(c.text, c.old, c.new, 1)
			require.True(t, c.old == "" || text != c.text)
			text = strings.ReplaceAll(text, "[[0, 2]]> : tensor<2x2xi64>", "[[0, 2]]> : tensor<1x2xi64>")
			text = strings.ReplaceAll(text, "[4, 5]]> : tensor<2x2xi64>", "[4, 5]]> : tensor<3x2xi64>")
			_, err := Read(text)
			require.Error(t, err)
			assert.False(t, BrokeDown(err), err)
			assert.ErrorContains(t, err, c.want)
		})
	}
}
