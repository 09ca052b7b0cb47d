package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph"
)

// How values are divided over devices is written in Shardy's dialect: one mesh, a sharding for each input and
// output of main, and sharding constraints. A module says of every input and output how it is divided, of whole
// ones too, so that no compiler chooses.
//
// Source: https://openxla.org/shardy/sdy_dialect.

// meshName is the mesh's symbol.
const meshName = "mesh"

func init() {
	lowerings["Shard"] = func(f *function, c call) []value {
		a := c.Attrs.(graph.ShardAttrs)
		return []value{f.op(c.out[0], "sdy.sharding_constraint %s %s : %s", c.in[0], shardingText(a.Sharding, c.out[0].Rank()), tensorType(c.out[0]))}
	}
}

// meshText writes the operation that defines m.
func meshText(m *graph.Mesh) string {
	axes := make([]string, len(m.Axes))
	for i, a := range m.Axes {
		axes[i] = fmt.Sprintf("%q=%d", a.Name, a.Size)
	}
	return fmt.Sprintf("  sdy.mesh @%s = <[%s]>\n", meshName, strings.Join(axes, ", "))
}

// shardingText writes the sharding of a value with the given number of axes: <@mesh, [{"data"}, {}]>.
func shardingText(s graph.Sharding, rank int) string {
	dims := make([]string, rank)
	for axis := range dims {
		var names []string
		for _, name := range s.Axes(axis) {
			names = append(names, fmt.Sprintf("%q", name))
		}
		if s != nil && s[axis] == graph.Open {
			names = []string{"?"}
		}
		dims[axis] = "{" + strings.Join(names, ", ") + "}"
	}
	return fmt.Sprintf("<@%s, [%s]>", meshName, strings.Join(dims, ", "))
}

// shardings returns the attributes of main's inputs or outputs that say how they are divided, none without a mesh.
func shardings(p *graph.Program, ids []graph.ValueID, list []graph.Sharding) []string {
	attrs := make([]string, len(ids))
	if p.Mesh == nil {
		return attrs
	}
	for i, id := range ids {
		var s graph.Sharding
		if list != nil {
			s = list[i]
		}
		attrs[i] = "sdy.sharding = #sdy.sharding" + shardingText(s, p.Values[id].Rank())
	}
	return attrs
}

// numDevices returns the number of devices that p runs on.
func numDevices(p *graph.Program) int {
	if p.Mesh == nil {
		return 1
	}
	return p.Mesh.NumDevices()
}

// dictionary joins attributes to what follows a type.
func dictionary(attrs ...string) string {
	var present []string
	for _, a := range attrs {
		if a != "" {
			present = append(present, a)
		}
	}
	if present == nil {
		return ""
	}
	return " {" + strings.Join(present, ", ") + "}"
}
