package stablehlo

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestShardingsSurvive writes a program on a mesh, reads it and writes it again.
func TestShardingsSurvive(t *testing.T) {
	text, err := os.ReadFile("testdata/sharded.mlir")
	require.NoError(t, err)
	for range 2 { // from the text that Quire wrote, and from what it makes of that
		m, err := Read(string(text))
		require.NoError(t, err)
		p, err := m.Program(Lowers)
		require.NoError(t, err)
		assert.Equal(t, "mesh[data=2 model=2]", p.Mesh.String(), "the program runs on")
		for i, want := range []string{"[- model]", "[model -]", "[data -]", "[- data,model]"} {
			if got := p.InputShardings[i].String(); got != want {
				t.Errorf("input %d is divided by %s, want %s", i, got, want)
			}
		}
		for i, want := range []string{"[]", "[- model]", "[model -]", "[- -]"} {
			if got := p.OutputShardings[i].String(); got != want {
				t.Errorf("output %d is divided by %s, want %s", i, got, want)
			}
		}
		assert.Equal(t, []bool{true, true, false, true}, p.Donated, "donated")
		again, err := Options{Name: "sharded", Donate: p.Donated}.Write(p)
		require.NoError(t, err)
		lines := func(text string) (list []string) { // what is said of places; the function is written out
			for line := range strings.Lines(text) {
				_, said, found := strings.Cut(line, "sdy.")
				if found {
					list = append(list, said)
				}
			}
			return list
		}
		got, want := lines(again), lines(string(text))
		require.Len(t, got, len(want), "written again:\n%s\nbefore:\n%s", again, text)
		assert.Equal(t, want[0], got[0], "written again:\n%s\nbefore:\n%s", again, text)
		assert.Equal(t, want[1], got[1], "written again:\n%s\nbefore:\n%s", again, text)
		text = []byte(again)
	}
	m, err := Read(string(text))
	require.NoError(t, err)
	p, err := m.Program(Lowers)
	require.NoError(t, err)
	again, _ := (Options{Name: "sharded", Donate: p.Donated}).Write(p)
	assert.Equal(t, string(text), again, "written again it is\n%s\nnot\n%s", again, text)
}

// onMesh is a module with a mesh and a function whose input has the given attributes.
func onMesh(mesh, attrs, body string) string {
	return "module {\n  " + mesh + "\n  func.func @main(%x: tensor<8x4xf32> " + attrs + ") -> tensor<8x4xf32> {\n    " + body + "\n    return %0 : tensor<8x4xf32>\n  }\n}\n"
}

// TestReadShardings reads what Shardy can say in the forms that JAX exports have.
func TestReadShardings(t *testing.T) {
	const (
		mesh = `sdy.mesh @mesh = <["x"=2, "y"=4]>`
		same = `%0 = stablehlo.negate %x : tensor<8x4xf32>`
	)
	for _, c := range []struct{ name, text, mesh, input, inside string }{
		{"an axis", onMesh(mesh, `{sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}`, same), "mesh[x=2 y=4]", "[x -]", ""},
		{"two along one", onMesh(mesh, `{sdy.sharding = #sdy.sharding<@mesh, [{"y", "x"}, {}]>}`, same), "mesh[x=2 y=4]", "[y,x -]", ""},
		{"open and replicated axes", onMesh(mesh, `{sdy.sharding = #sdy.sharding<@mesh, [{"x", ?}, {?}], replicated={"y"}>}`, same), "mesh[x=2 y=4]", "[x -]", ""},
		{"priorities", onMesh(mesh, `{sdy.sharding = #sdy.sharding<@mesh, [{"x"}p0, {"y", ?}p1]>}`, same), "mesh[x=2 y=4]", "[x y]", ""},
		{"other attributes", onMesh(mesh, `{jax.buffer_donor = false, mhlo.layout_mode = "default", sdy.sharding = #sdy.sharding<@mesh, [{}, {"y"}]>} loc("x")`, same), "mesh[x=2 y=4]", "[- y]", ""},
		{"a mesh in place", onMesh("", `{sdy.sharding = #sdy.sharding<mesh<["a"=4]>, [{"a"}, {}]>}`, same), "mesh[a=4]", "[a -]", ""},
		{"a mesh with attributes", onMesh(mesh+` {stablehlo.mesh = {axes = [{name = "x", size = 2 : i64}]}}`, `{sdy.sharding = #sdy.sharding<@mesh, [{}, {"x"}]>}`, same), "mesh[x=2 y=4]", "[- x]", ""},
		{"devices that are numbered", onMesh(`sdy.mesh @mesh = <["x"=2], device_ids=[0, 1]>`, `{sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}`, same), "mesh[x=2]", "[x -]", ""},
		{"a mesh without axes", onMesh("sdy.mesh @empty_mesh = <[]>\n  "+mesh, `{sdy.sharding = #sdy.sharding<@empty_mesh, [{}, {}]>}`, same), "mesh[x=2 y=4]", "", ""},
		{"one device", onMesh("sdy.mesh @maximal_mesh_3 = <[], device_ids=[3]>", `{sdy.sharding = #sdy.sharding<@maximal_mesh_3, []>}`, same), "", "", ""},
		{"no mesh", onMesh("", "", same), "", "", ""},
		{"a value", onMesh(mesh, "", `%0 = sdy.sharding_constraint %x <@mesh, [{"x"}, {?}]> : tensor<8x4xf32>`), "mesh[x=2 y=4]", "", "[x ?]"},
		{"a value in generic form", onMesh(mesh, "", `%0 = "sdy.sharding_constraint"(%x) <{sharding = #sdy.sharding<@mesh, [{"x"}, {"y", ?}]>}> : (tensor<8x4xf32>) -> tensor<8x4xf32>`), "mesh[x=2 y=4]", "", "[x y]"},
		{"a value divided anew", onMesh(mesh, "", `%0 = sdy.reshard %x <@mesh, [{}, {"x"}]> : tensor<8x4xf32>`), "mesh[x=2 y=4]", "", "[- x]"},
		{"the generic form", `"builtin.module"() ({
			"sdy.mesh"() <{mesh = #sdy.mesh<["x"=2, "y"=4]>, sym_name = "mesh"}> : () -> ()
			"func.func"() <{arg_attrs = [{sdy.sharding = #sdy.sharding<@mesh, [{}, {"x"}]>}], function_type = (tensor<8x4xf32>) -> tensor<8x4xf32>, res_attrs = [{}], sym_name = "main"}> ({
			^bb0(%x: tensor<8x4xf32>):
				%0 = "stablehlo.negate"(%x) : (tensor<8x4xf32>) -> tensor<8x4xf32>
				"func.return"(%0) : (tensor<8x4xf32>) -> ()
			}) : () -> ()
		}) : () -> ()`, "mesh[x=2 y=4]", "[- x]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Read(c.text)
			require.NoError(t, err)
			p, err := m.Program(nil)
			require.NoError(t, err)
			assert.NoError(t, p.Check())
			mesh, input, inside := "", "", ""
			if p.Mesh != nil {
				mesh = p.Mesh.String()
			}
			if p.InputShardings != nil {
				input = p.InputShardings[0].String()
			}
			for _, in := range p.Instrs {
				if a, ok := in.Attrs.(ir.ShardAttrs); ok {
					inside = a.Sharding.String()
				}
			}
			assert.Equal(t, c.mesh, mesh)
			assert.Equal(t, c.input, input)
			assert.Equal(t, c.inside, inside)
		})
	}
}

// TestShardingsOfJAX checks what is kept of texts that JAX wrote for four devices; their numbers are checked with
// those of the others.
func TestShardingsOfJAX(t *testing.T) {
	for _, c := range []struct {
		name, inputs, outputs string
		donated               []bool
	}{
		{"sharded_step", "[[- model] [model -] [data -] [data,model -]]", "[[] [- model] [model -]]", []bool{true, true, false, false}},
		{"sharded_export", "[[- model] [model -] [data -] [data,model -]]", "[]", nil},
	} {
		text, err := os.ReadFile("testdata/jax/" + c.name + ".mlir")
		require.NoError(t, err)
		m, err := Read(string(text))
		require.NoError(t, err)
		p, err := m.Program(Lowers)
		require.NoError(t, err)
		in, out := fmt.Sprint(p.InputShardings), fmt.Sprint(p.OutputShardings)
		if p.Mesh.String() != "mesh[data=2 model=2]" || in != c.inputs || out != c.outputs || !reflect.DeepEqual(p.Donated, c.donated) {
			t.Errorf("%s: %s, inputs %s, outputs %s, donated %v", c.name, p.Mesh, in, out, p.Donated)
		}
		open := 0
		for _, in := range p.Instrs {
			if a, ok := in.Attrs.(ir.ShardAttrs); ok && a.Sharding.String() == "[? model]" {
				open++
			}
		}
		assert.Equal(t, 2, open, "%s: %d values inside are divided", c.name, open)
		_, err = Write(p)
		assert.NoError(t, err)
	}
}

// TestShardingsThatCannotBeRead holds what people read about them.
func TestShardingsThatCannotBeRead(t *testing.T) {
	const (
		mesh = `sdy.mesh @mesh = <["x"=2, "y"=3]>`
		same = `%0 = stablehlo.negate %x : tensor<8x4xf32>`
	)
	constraint := func(s string) string { return `%0 = sdy.sharding_constraint %x ` + s + ` : tensor<8x4xf32>` }
	for _, c := range []struct{ name, text, want string }{
		{"a computation of parts that do not divide", onMesh(mesh, "", `%0 = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"y"}, {}]>] out_shardings=[<@mesh, [{"x"}, {}]>] manual_axes={"x"} (%y: tensor<4x4xf32>) {
			sdy.return %y : tensor<4x4xf32>
		} : (tensor<8x4xf32>) -> tensor<8x4xf32>`),
			`line 4: op "sdy.manual_computation": the sharding <@mesh, [{"y"}, {}]>: axis 0 of float32[8 4] cannot be divided evenly over 3 devices`},
		{"an unknown operation", onMesh(mesh, "", `%0 = "sdy.propagation_barrier"(%x) <{allowed_direction = 0 : i32}> : (tensor<8x4xf32>) -> tensor<8x4xf32>`),
			`line 4, column 10: sdy.propagation_barrier is not an op that Read knows`},
		{"a mesh that is not there", onMesh(mesh, "", constraint(`<@grid, [{"x"}, {}]>`)),
			`line 4: op "sdy.sharding_constraint": the sharding <@grid, [{"x"}, {}]>: there is no mesh @grid`},
		{"an axis that is not there", onMesh(mesh, `{sdy.sharding = #sdy.sharding<@mesh, [{"z"}, {}]>}`, same),
			`line 3: input 0 of the function @main: the sharding <@mesh, [{"z"}, {}]>: the sharding [z -] names the axis "z", which mesh[x=2 y=3] does not have`},
		{"a dimension that does not divide", onMesh(mesh, "", constraint(`<@mesh, [{"y"}, {}]>`)),
			`axis 0 of float32[8 4] cannot be divided evenly over 3 devices (y of mesh[x=2 y=3]): choose a multiple of 3, or leave it whole`},
		{"an axis too few", onMesh(mesh, "", constraint(`<@mesh, [{"x"}]>`)), `the sharding [x] has 1 entries for the 2 axes of float32[8 4]`},
		{"a part of an axis", onMesh(mesh, "", constraint(`<@mesh, [{"x":(1)2}, {}]>`)), `a part of the mesh axis "x", which Quire cannot divide by`},
		{"sums that are not made", onMesh(mesh, "", constraint(`<@mesh, [{}, {}], unreduced={"x"}>`)), `unreduced axes are not known`},
		{"two meshes", onMesh(mesh+"\n  sdy.mesh @other = <[\"a\"=2]>", "", same),
			`line 3: op "sdy.mesh": the mesh @other: it is mesh[a=2], and there is mesh[x=2 y=3] too: Quire's programs run on one`},
		{"devices in another order", onMesh(`sdy.mesh @mesh = <["x"=2], device_ids=[1, 0]>`, "", same),
			`line 2: op "sdy.mesh": the mesh @mesh: the sharding <["x"=2], device_ids=[1, 0]>: its devices are in an order of their own`},
		{"a mesh of no size", onMesh(`sdy.mesh @mesh = <["x"=0]>`, "", same), `mesh axis "x" has size 0`},
		{"a sharding that does not end", onMesh(mesh, "", constraint(`<@mesh, [{"x"}, {}`)), `a bracket "<" that nothing closes`},
		{"something else", onMesh(mesh, "", constraint(`<1>`)), `the sharding <1>: expected "@", found "1>"`},
		{"nothing", onMesh(mesh, "", `%0 = "sdy.sharding_constraint"(%x) : (tensor<8x4xf32>) -> tensor<8x4xf32>`),
			`line 4: op "sdy.sharding_constraint": the sharding : expected "<", found the end of the text`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(c.text)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// TestDonationKeepsToTheSharding checks that an input is never paired with an output that lies elsewhere.
func TestDonationKeepsToTheSharding(t *testing.T) {
	p := lowered(t, "donated", func(g *graph.Graph) []*graph.Node {
		g.SetMesh(&ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 2}}})
		x, y := graph.Shard(param(g, "x", dtypes.Float32, 4), "data"), param(g, "y", dtypes.Float32, 4)
		return []*graph.Node{graph.Neg(x), graph.Shard(graph.Neg(y), "data")}
	})
	text, err := Options{Donate: []bool{true, true}}.Write(p)
	require.NoError(t, err)
	for _, want := range []string{
		`%x: tensor<4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}]>, tf.aliasing_output = 1 : i32}`,
		`%y: tensor<4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>, tf.aliasing_output = 0 : i32}`,
	} {
		assert.Contains(t, text, want)
	}
}

// TestFuncOnAMesh calls a function whose text divides values in graphs with its mesh and without.
func TestFuncOnAMesh(t *testing.T) {
	m, err := Read(onMesh(`sdy.mesh @mesh = <["x"=2]>`, "", `%0 = sdy.sharding_constraint %x <@mesh, [{"x"}, {}]> : tensor<8x4xf32>`))
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		mesh   *ir.Mesh
		shards int
	}{
		{"no mesh", nil, 0},
		{"its mesh", m.Mesh, 1},
		{"another mesh", &ir.Mesh{Axes: []ir.MeshAxis{{Name: "y", Size: 2}}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := lowered(t, "g", func(g *graph.Graph) []*graph.Node {
				if c.mesh != nil {
					g.SetMesh(c.mesh)
				}
				return m.Main().Call(graph.Neg(param(g, "x", dtypes.Float32, 8, 4)))
			})
			got := len(p.Instrs) - 1
			assert.Equal(t, c.shards, got, "%d values are divided, want %d\n%s", got, c.shards, p)
		})
	}
}

// TestGuards checks that operations that compilers divide wrongly are kept whole where that matters, and only there.
func TestGuards(t *testing.T) {
	build := func(m *ir.Mesh) string {
		p := lowered(t, "guarded", func(g *graph.Graph) []*graph.Node {
			if m != nil {
				g.SetMesh(m)
			}
			x, k := param(g, "x", dtypes.Float32, 8, 6, 6, 4), param(g, "k", dtypes.Float32, 3, 3, 4, 8)
			at := param(g, "at", dtypes.Int32, 5, 1)
			y := graph.Convolve(x, k).PadSame().Done()
			return []*graph.Node{y, graph.ReduceMax(y, 3), graph.GatherSlices(y, []int{0}, at, []int{2}, false)}
		})
		text, err := Write(p)
		require.NoError(t, err)
		return text
	}
	mesh := func(n int) *ir.Mesh { return &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: n}}} }
	guarded := []string{
		`sdy.sharding_constraint %x <@mesh, [{?}, {}, {}, {?}]>`, // the input's window
		`sdy.sharding_constraint %k <@mesh, [{}, {}, {?}, {?}]>`, // the kernel's
		`applies stablehlo.or across dimensions = [3]`,           // NaN among what is reduced
		`stablehlo.clamp`, // indices
		`<@mesh, [{?}, {}, {?}, {?}, {?}]> : tensor<5x2x6x6x8xf32>`,        // the gathered slices
		`sdy.sharding_constraint %at <@mesh, [{?}, {}]> : tensor<5x1xi32>`, // an index is not divided
	}
	for _, want := range guarded {
		for _, c := range []struct {
			mesh *ir.Mesh
			has  bool
		}{{mesh(2), true}, {mesh(1), false}, {nil, false}} {
			if text := build(c.mesh); strings.Contains(text, want) != c.has {
				t.Errorf("on %v: want %q: %v, in\n%s", c.mesh, want, c.has, text)
			}
		}
	}
	// A convolution that was read is not guarded twice.
	text := build(mesh(2))
	m, err := Read(text)
	require.NoError(t, err)
	p, err := m.Program(Lowers)
	require.NoError(t, err)
	again, err := Options{Name: "guarded"}.Write(p)
	require.NoError(t, err)
	for _, constraint := range guarded[:2] {
		n := strings.Count(again, constraint)
		assert.Equal(t, 1, n, "%d times %s in\n%s", n, constraint, again)
	}
}
