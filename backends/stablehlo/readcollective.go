package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// What devices do with each other is read as what it computes. JAX's shard_map is a region that every device of a mesh runs on its own
// part of the operands. It is written out once for each of them, an operation of all devices after the other, so that one that exchanges
// values finds those of all; results are put together again. The program then computes the same on one device, or on a mesh, over which
// its own shardings divide it. Outside of such a region a program is that of one device.

func init() {
	rules["sdy.manual_computation"] = rule{-1, false, readManual}
	for name, read := range collectives {
		define("stablehlo."+name, -1, func(c *reading) []*graph.Node {
			c.alone()
			return read([]*reading{c})[0]
		})
	}
	for _, name := range []string{"partition_id", "replica_id"} {
		define("stablehlo."+name, 0, one(func(c *reading) *graph.Node {
			number := c.device
			if c.fleet == 0 {
				c.alone()
			}
			if name == "replica_id" {
				number = 0 // what is copied whole to several devices is not read
			}
			return graph.Scalar(c.g, dtypes.Uint32, number)
		}))
	}
}

// alone checks that a program is that of one device.
func (c *reading) alone() {
	switch {
	case c.fleet > 0:
		c.fail("devices exchange values in a place that Quire does not read: the body of a loop, of a branch or of a function that they all run is one")
	case c.module.devices != 1:
		c.fail("it speaks with other devices, and the text is for %d: Quire reads what shard_map writes, a sdy.manual_computation, and programs for one device (export without pmap)", c.module.devices)
	}
}

// collectives are the operations in which devices exchange values, by name: given the operation on every device, they return the results on
// each.
var collectives = map[string]func(list []*reading) [][]*graph.Node{
	"all_reduce": func(list []*reading) [][]*graph.Node {
		return exchanged(list, "replica_groups", false, func(k int, group []*reading) []*graph.Node {
			return slices.Repeat([]*graph.Node{reducedOver(group, k)}, len(group))
		})
	},
	"reduce_scatter": func(list []*reading) [][]*graph.Node {
		return exchanged(list, "replica_groups", false, func(k int, group []*reading) []*graph.Node {
			y := reducedOver(group, k)
			return parts(group[0], y, group[0].axis("scatter_dimension", y.Rank()), len(group))
		})
	},
	"all_gather": func(list []*reading) [][]*graph.Node {
		return exchanged(list, "replica_groups", false, func(k int, group []*reading) []*graph.Node {
			y := joinedOver(group, k, group[0].axis("all_gather_dim", group[0].in[k].Rank()))
			return slices.Repeat([]*graph.Node{y}, len(group))
		})
	},
	"all_to_all": func(list []*reading) [][]*graph.Node {
		return exchanged(list, "replica_groups", true, func(k int, group []*reading) []*graph.Node {
			c := group[0]
			if n := c.int("split_count", 0); n != len(group) {
				c.fail("it splits into %d parts for %d devices", n, len(group))
			}
			split, join := c.axis("split_dimension", c.in[k].Rank()), c.axis("concat_dimension", c.in[k].Rank())
			pieces := make([][]*graph.Node, len(group)) // by where they come from and where they go
			for i, from := range group {
				pieces[i] = parts(c, from.in[k], split, len(group))
			}
			out := make([]*graph.Node, len(group))
			for j := range out {
				row := make([]*graph.Node, len(group))
				for i := range row {
					row[i] = pieces[i][j]
				}
				out[j] = concatenated(row, join)
			}
			return out
		})
	},
	"collective_broadcast": func(list []*reading) [][]*graph.Node {
		return exchanged(list, "replica_groups", true, func(k int, group []*reading) []*graph.Node {
			return slices.Repeat([]*graph.Node{group[0].in[k]}, len(group))
		})
	},
	"collective_permute": func(list []*reading) [][]*graph.Node {
		out := make([][]*graph.Node, len(list))
		for i, c := range list {
			for _, x := range c.in {
				out[i] = append(out[i], graph.ZerosLike(x)) // what nobody sends something
			}
		}
		for _, pair := range list[0].idGroups("source_target_pairs", len(list)) {
			if len(pair) != 2 {
				list[0].fail("source_target_pairs must hold pairs")
			}
			copy(out[pair[1]], list[pair[0]].in)
		}
		return out
	},
}

// exchanged returns the results of an operation of groups of devices, of which f says what operand k becomes on each device of a group.
func exchanged(list []*reading, attr string, partitions bool, f func(k int, group []*reading) []*graph.Node) [][]*graph.Node {
	out := make([][]*graph.Node, len(list))
	for i, c := range list {
		out[i] = make([]*graph.Node, len(c.in))
	}
	for _, ids := range list[0].groups(attr, partitions, len(list)) {
		group := make([]*reading, len(ids))
		for i, id := range ids {
			group[i] = list[id]
		}
		for k := range list[0].in {
			list[0].bounded() // a group has as many parts as the square of its devices
			for i, y := range f(k, group) {
				out[ids[i]][k] = y
			}
		}
	}
	return out
}

// groups returns the numbers of the devices of each group of n devices. There is one replica, whose partitions they are. Ids are those of
// devices if the text says so, those of partitions with a channel in operations that have no such setting, and those of replicas otherwise:
// then with a channel all partitions are together, and without one each is alone.
func (c *reading) groups(attr string, partitions bool, n int) [][]int {
	_, global := c.op.attrs["use_global_device_ids"]
	switch channel := c.channel() > 0; {
	case global || partitions && channel:
		list := c.idGroups(attr, n)
		seen := make([]bool, n)
		for _, id := range slices.Concat(list...) {
			if seen[id] {
				c.fail("device %d is in two of its groups", id)
			}
			seen[id] = true
		}
		if id := slices.Index(seen, false); id >= 0 {
			c.fail("device %d is in none of its groups", id)
		}
		return list
	case channel:
		return [][]int{upTo(0, n)}
	}
	alone := make([][]int, n)
	for i := range alone {
		alone[i] = []int{i}
	}
	return alone
}

// channel returns the number of the channel over which an operation exchanges values, 0 for none.
func (c *reading) channel() int64 {
	handle, _ := c.op.attrs["channel_handle"].(map[string]any)
	number, _ := handle["handle"].(int64)
	return number
}

// idGroups returns a setting that lists numbers of n devices in rows. -1 fills up rows that are shorter than others.
func (c *reading) idGroups(attr string, n int) (list [][]int) {
	d, ok := c.op.attrs[attr].(denseAttr)
	s := d.typ.tensor()
	if !ok || s.Rank() != 2 {
		c.fail("the attribute %s must be dense<…>, with a row for each group", attr)
	}
	ids := c.ints(attr)
	for row := range s.Dimensions[0] {
		var group []int
		for _, id := range ids[row*s.Dimensions[1]:][:s.Dimensions[1]] {
			switch {
			case id == -1 && attr == "replica_groups":
			case id < 0 || id >= n:
				c.fail("the attribute %s names device %d of %d", attr, id, n)
			default:
				group = append(group, id)
			}
		}
		if len(group) > 0 { // rows of -1 alone fill up, too
			list = append(list, group)
		}
	}
	return list
}

// reducedOver joins operand k of all devices of a group by the operation's body.
func reducedOver(group []*reading, k int) *graph.Node {
	c := group[0]
	r := c.op.regions[0]
	acc := c.promoted(r, 1, c.in[k:k+1])[0]
	for _, other := range group[1:] {
		acc = c.joined(r, []*graph.Node{acc, c.promoted(r, 1, other.in[k:k+1])[0]})[0]
	}
	return acc
}

func joinedOver(group []*reading, k, axis int) *graph.Node {
	list := make([]*graph.Node, len(group))
	for i, c := range group {
		list[i] = c.in[k]
	}
	return concatenated(list, axis)
}

func concatenated(list []*graph.Node, axis int) *graph.Node {
	if len(list) == 1 {
		return list[0]
	}
	return graph.Concatenate(list, axis)
}

// parts returns n parts of x along an axis.
func parts(c *reading, x *graph.Node, axis, n int) []*graph.Node {
	if x.Shape().Dimensions[axis]%n != 0 {
		c.fail("axis %d has %d elements, which cannot be dealt over %d devices", axis, x.Shape().Dimensions[axis], n)
	}
	list := make([]*graph.Node, n)
	size := x.Shape().Dimensions[axis] / n
	for i := range list {
		if list[i] = x; n > 1 {
			list[i] = partOf(x, axis, i*size, (i+1)*size)
		}
	}
	return list
}

// manual says how a sdy.manual_computation deals values: over the manual axes of its mesh. The others hold copies.
type manual struct {
	mesh    *ir.Mesh
	axes    []string
	in, out []ir.Sharding
}

// maxFleet is for how many devices a region is written out.
const maxFleet = 64

// manual reads the settings of the operation for operands and results of given shapes.
func (c *reading) manual(in, out []shapes.Shape) manual {
	var m manual
	read := func(name string, list []shapes.Shape) (shardings []ir.Sharding) {
		texts := shardingTexts(c.op.attrs[name])
		if len(texts) != len(list) {
			c.fail("the attribute %s says how %d values are divided, not %d", name, len(texts), len(list))
		}
		for i, text := range texts {
			s, err := c.module.sharding(text, list[i], false)
			if err != nil {
				c.fail("%v", err)
			}
			if s == nil {
				s = make(ir.Sharding, list[i].Rank()) // over a mesh without axes
			}
			shardings = append(shardings, s)
		}
		return shardings
	}
	m.in, m.out = read("in_shardings", in), read("out_shardings", out)
	m.mesh = c.module.Mesh // which a sharding may have been the first to name
	switch a := c.op.attrs["manual_axes"].(type) {
	case []string:
		m.axes = a
	case opaque: // <manual_axes{"x"}>
		names, err := quotedIn(string(a))
		if err != nil {
			c.fail("the attribute manual_axes: %v", err)
		}
		m.axes = names
	}
	for _, name := range m.axes {
		if m.mesh == nil || m.mesh.AxisSize(name) == 0 {
			c.fail("the mesh has no axis %q", name)
		}
	}
	if n := m.devices(); n > maxFleet {
		c.fail("Quire writes out what each device computes, for %d devices at most, not %d", maxFleet, n)
	}
	return m
}

func (m manual) devices() int {
	if m.mesh == nil {
		return 1
	}
	return m.mesh.NumDevices()
}

// dealt returns the manual axes over which an axis of a value is divided, and over how many parts.
func (m manual) dealt(s ir.Sharding, axis int) (names []string, n int) {
	n = 1
	for _, name := range s.Axes(axis) {
		if slices.Contains(m.axes, name) {
			names, n = append(names, name), n*m.mesh.AxisSize(name)
		}
	}
	return names, n
}

// place returns where a device is along the axes of the mesh.
func (m manual) place(device int) map[string]int {
	at := map[string]int{}
	if m.mesh != nil {
		for _, a := range slices.Backward(m.mesh.Axes) {
			at[a.Name], device = device%a.Size, device/a.Size
		}
	}
	return at
}

// device is the number of the device at a place; missing axes are 0.
func (m manual) device(at map[string]int) (n int) {
	if m.mesh != nil {
		for _, a := range m.mesh.Axes {
			n = n*a.Size + at[a.Name]
		}
	}
	return n
}

// local returns the shape of a device's part of a value.
func (m manual) local(s ir.Sharding, shape shapes.Shape) shapes.Shape {
	dims := slices.Clone(shape.Dimensions)
	for a := range dims {
		if _, n := m.dealt(s, a); dims[a] > 0 {
			dims[a] /= n
		}
	}
	return shapes.Make(shape.DType, dims...)
}

// part returns a device's part of a value.
func (m manual) part(x *graph.Node, s ir.Sharding, device int) *graph.Node {
	at := m.place(device)
	for a, size := range m.local(s, x.Shape()).Dimensions {
		names, n := m.dealt(s, a)
		i := 0
		for _, name := range names {
			i = i*m.mesh.AxisSize(name) + at[name]
		}
		if n > 1 {
			x = partOf(x, a, i*size, (i+1)*size)
		}
	}
	return x
}

// whole puts the parts of all devices together: of copies, that of the first device with one.
func (m manual) whole(parts []*graph.Node, s ir.Sharding) *graph.Node {
	at := map[string]int{}
	var from func(axis int) *graph.Node
	from = func(axis int) *graph.Node {
		if axis == parts[0].Rank() {
			return parts[m.device(at)]
		}
		names, n := m.dealt(s, axis)
		list := make([]*graph.Node, n)
		for i := range list {
			for k, rest := len(names)-1, i; k >= 0; k-- {
				at[names[k]], rest = rest%m.mesh.AxisSize(names[k]), rest/m.mesh.AxisSize(names[k])
			}
			list[i] = from(axis + 1)
		}
		for _, name := range names {
			delete(at, name)
		}
		return concatenated(list, axis)
	}
	return from(0)
}

// shardingTexts returns the shardings of a list: [<@mesh, …>, …], or, in the generic form, <[<@mesh, …>, …]>.
func shardingTexts(attr any) (texts []string) {
	switch a := attr.(type) {
	case []any:
		for _, s := range a {
			text, _ := s.(opaque)
			texts = append(texts, string(text))
		}
	case opaque:
		_ = shardy(string(a), func(p *parser) { // what it cannot read is missing
			p.expect("<")
			p.expect("[")
			for !p.accept("]") {
				if len(texts) > 0 {
					p.expect(",")
				}
				texts = append(texts, p.balanced())
			}
			p.expect(">")
		})
	}
	return texts
}

// quotedIn returns the names in <manual_axes{"x", "y"}>.
func quotedIn(text string) (names []string, err error) {
	err = shardy(text, func(p *parser) {
		p.expect("<")
		p.expect("manual_axes")
		names = p.names()
		p.expect(">")
	})
	return names, err
}

// names reads {"x", "y"}.
func (p *parser) names() []string {
	names := []string{}
	p.expect("{")
	for !p.accept("}") {
		if len(names) > 0 {
			p.expect(",")
		}
		names = append(names, p.quoted())
	}
	return names
}

func readManual(c *reading) []*graph.Node {
	if c.fleet > 0 {
		c.fail("it stands in another one")
	}
	shapesOf := func(list []mlirType) (out []shapes.Shape) {
		for _, t := range list {
			if !t.known() {
				c.fail("the type %s leaves a size open", t.text)
			}
			out = append(out, t.shape)
		}
		return out
	}
	in := make([]shapes.Shape, len(c.in))
	for i, x := range c.in {
		in[i] = x.Shape()
	}
	m := c.manual(in, shapesOf(c.op.out))
	c.wantRegions(1, len(c.in))
	args, scopes := make([][]*graph.Node, m.devices()), make([]*scope, m.devices())
	for d := range args {
		scopes[d] = c.scope
		for i, x := range c.in {
			args[d] = append(args[d], m.part(x, m.in[i], d))
		}
	}
	c.fleet = len(args)
	results := c.everywhere(c.op.regions[0], args, scopes)
	c.fleet, c.device = 0, 0
	out := make([]*graph.Node, len(c.op.out))
	for k := range out {
		parts := make([]*graph.Node, len(results))
		for d := range parts {
			parts[d] = results[d][k]
		}
		out[k] = m.whole(parts, m.out[k])
	}
	return out
}

// everywhere adds the operations of a region for all devices, given the arguments and the surroundings of each, and returns what it returns
// on each.
func (r *reader) everywhere(reg *region, args [][]*graph.Node, outer []*scope) [][]*graph.Node {
	scopes := make([]*scope, len(args))
	for d := range scopes {
		scopes[d] = &scope{map[string]*graph.Node{}, outer[d]}
		for i, a := range args[d] {
			scopes[d].values[reg.args[i]] = a
		}
	}
	for i, op := range reg.ops {
		list := make([]*reading, len(args))
		for d := range list {
			list[d] = &reading{reader: r, op: op, scope: scopes[d]}
			list[d].operands()
		}
		if returns[op.name] {
			if i != len(reg.ops)-1 {
				list[0].fail("it is not the last of its block")
			}
			out := make([][]*graph.Node, len(list))
			for d, c := range list {
				out[d] = c.in
			}
			return out
		}
		var out [][]*graph.Node
		if r.module.speaks(op) {
			list[0].guarded(func() {
				out = together(list)
				for d, c := range list {
					out[d] = c.typed(out[d])
				}
			})
		} else {
			out = make([][]*graph.Node, len(list))
			for d, c := range list {
				r.device = d
				out[d] = c.emit()
			}
		}
		for d := range list {
			for k, n := range out[d] {
				scopes[d].values[op.results[k]] = r.size(n)
			}
		}
	}
	return r.unended(reg)
}

// together returns the results of an operation in which devices exchange values, or that has such operations in it.
func together(list []*reading) [][]*graph.Node {
	c := list[0]
	scopes, args := make([]*scope, len(list)), make([][]*graph.Node, len(list))
	for d, other := range list {
		scopes[d], args[d] = other.scope, other.in
	}
	name := strings.TrimPrefix(c.op.name, "stablehlo.")
	switch {
	case collectives[name] != nil:
		return collectives[name](list)
	case name == "func.call" || name == "composite":
		return c.everywhere(c.callee().body, args, make([]*scope, len(list)))
	case name == "while":
		return whileTogether(list, args, scopes)
	case name == "if" || name == "case":
		return branchesTogether(list, scopes)
	}
	c.fail("devices exchange values inside of it, which Quire does not read")
	return nil
}

// whileTogether is a loop of all devices, which goes on as long as one of them does: those that have come to their end keep their state.
// Devices exchange values in groups, of which each may have turns of its own; those of a group that has ended are of no account.
func whileTogether(list []*reading, args [][]*graph.Node, scopes []*scope) [][]*graph.Node {
	c, n := list[0], len(args[0])
	c.atLeast(1)
	c.wantRegions(2, n)
	flat := slices.Concat(args...)
	unflat := func(flat []*graph.Node) [][]*graph.Node { return slices.Collect(slices.Chunk(flat, n)) }
	closure := func(like []*graph.Node, result func(state []*graph.Node) []*graph.Node) *graph.Function {
		return graph.NewClosure(c.g, func(g *graph.Graph) []*graph.Node {
			params := make([]*graph.Node, len(like))
			for i, x := range like {
				params[i] = graph.Parameter(g, fmt.Sprintf("x%d", i), x.Shape())
			}
			return result(params)
		})
	}
	holds := func(state []*graph.Node) (live []*graph.Node) { // a bool per device
		for _, out := range c.everywhere(c.op.regions[0], unflat(state), scopes) {
			if len(out) != 1 || out[0].DType() != dtypes.Bool || out[0].Rank() != 0 {
				c.fail("its condition must return one i1")
			}
			live = append(live, out[0])
		}
		return live
	}
	turn := func(state []*graph.Node) []*graph.Node {
		out := slices.Concat(c.everywhere(c.op.regions[1], unflat(state), scopes)...)
		if len(out) != len(flat) {
			c.fail("its body returns %d values, not %d", len(out)/len(list), n)
		}
		return out
	}
	if (&agreement{c.module, scopes, map[string]bool{}}).loop(c.op, args) { // which has a gradient where it counts
		goesOn := closure(flat, func(state []*graph.Node) []*graph.Node { return holds(state)[:1] })
		return unflat(graph.While(goesOn, closure(flat, turn), flat...))
	}
	start := slices.Concat(holds(flat), flat)
	d := len(list)
	goesOn := closure(start, func(state []*graph.Node) []*graph.Node {
		some := state[0]
		for _, live := range state[1:d] {
			some = graph.LogicalOr(some, live)
		}
		return []*graph.Node{some}
	})
	body := closure(start, func(state []*graph.Node) []*graph.Node {
		live, now := state[:d], state[d:]
		then := turn(now)
		for i, y := range then {
			then[i] = graph.Where(live[i/n], y, now[i])
		}
		next := holds(then)
		for i := range next {
			next[i] = graph.LogicalAnd(live[i], next[i])
		}
		return slices.Concat(next, then)
	})
	return unflat(graph.While(goesOn, body, start...)[d:])
}

// branchesTogether runs all branches on all devices, of which each takes the one that it has chosen.
func branchesTogether(list []*reading, scopes []*scope) [][]*graph.Node {
	n := len(list[0].op.regions)
	list[0].wantRegions(n, 0)
	var out [][]*graph.Node
	for i := n - 1; i >= 0; i-- { // the last one is that of numbers that there are not
		branch := list[0].everywhere(list[0].op.regions[i], make([][]*graph.Node, len(list)), scopes)
		if out == nil {
			out = branch
			continue
		}
		for d, c := range list {
			chosen := c.in[0]
			if chosen.DType() != dtypes.Bool {
				chosen = graph.Equal(chosen, number(chosen, float64(i)))
			}
			for k, y := range branch[d] {
				out[d][k] = graph.Where(chosen, y, out[d][k])
			}
		}
	}
	return out
}

// speaks reports whether devices exchange values in an operation, or in what it calls. What a manual computation does inside is its own.
func (m *Module) speaks(op *operation) bool {
	return m.finds(op, func(name string) bool { return collectives[name] != nil }, func(f *Func) bool { return f.speaks })
}

// places reports whether it depends on the device that runs an operation what it computes.
func (m *Module) places(op *operation) bool {
	is := func(name string) bool {
		return collectives[name] != nil || name == "partition_id" || name == "replica_id"
	}
	return m.finds(op, is, func(f *Func) bool { return f.placed })
}

// finds reports whether there is an operation with one of some names in an operation, or one that calls one of some functions.
func (m *Module) finds(op *operation, is func(name string) bool, of func(f *Func) bool) bool {
	if op.name == "sdy.manual_computation" {
		return false
	}
	for _, key := range []string{"callee", "decomposition"} {
		name, _ := op.attrs[key].(symbol)
		if f := m.byName[string(name)]; f != nil && of(f) {
			return true
		}
	}
	return is(strings.TrimPrefix(op.name, "stablehlo.")) || slices.ContainsFunc(op.regions, func(r *region) bool {
		return slices.ContainsFunc(r.ops, func(op *operation) bool { return m.finds(op, is, of) })
	})
}
