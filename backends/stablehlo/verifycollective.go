package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrainAll(-1, (*typed).manualComputation, "sdy.manual_computation")
	constrain(func(t *typed) { t.resultIs(0, shapes.Scalar(dtypes.Uint32)) }, "partition_id", "replica_id")
	constrainAll(-1, func(t *typed) {
		t.exchange()
		t.reducerOfDevices()
		for i, x := range t.in {
			t.oneShape("operand and result", x, t.out[i])
		}
	}, "all_reduce")
	constrainAll(-1, func(t *typed) {
		t.exchange()
		t.reducerOfDevices()
		t.needs("scatter_dimension")
		for i, x := range t.in {
			axis := t.axis("scatter_dimension", x.tensor().Rank())
			t.timesAlong(axis, t.out[i], x, t.members())
		}
	}, "reduce_scatter")
	constrainAll(-1, func(t *typed) {
		t.exchange()
		t.needs("all_gather_dim")
		for i, x := range t.in {
			axis := t.axis("all_gather_dim", x.tensor().Rank())
			t.oneElement("operand and result", x, t.out[i])
			if x.tensor().Dimensions[axis] == 0 {
				t.fail("axis %d of the operand has no elements", axis)
			}
			t.timesAlong(axis, x, t.out[i], t.members())
		}
	}, "all_gather")
	constrainAll(-1, (*typed).allToAll, "all_to_all")
	constrainAll(-1, func(t *typed) {
		t.exchange()
		t.sameAsOperands()
	}, "collective_broadcast")
	constrainAll(-1, func(t *typed) {
		t.needs("source_target_pairs")
		t.sameAsOperands()
		d, ok := t.op.attrs["source_target_pairs"].(denseAttr)
		if s := d.typ.tensor(); !ok || s.Rank() != 2 || s.Dimensions[1] != 2 {
			t.fail("the attribute source_target_pairs must be dense<…>, a list of pairs")
		}
		seen := [2]map[int]bool{{}, {}}
		for i, id := range t.ints("source_target_pairs") {
			if id < 0 {
				t.fail("the attribute source_target_pairs: there is no device %d", id)
			}
			if seen[i%2][id] {
				t.fail("the attribute source_target_pairs: device %d is there twice on one side", id)
			}
			seen[i%2][id] = true
		}
	}, "collective_permute")
}

// exchange checks the groups of devices that exchange values, and that there are as many results as operands.
func (t *typed) exchange() {
	t.atLeastOne()
	t.needs("replica_groups")
	d, ok := t.op.attrs["replica_groups"].(denseAttr)
	s := d.typ.tensor()
	if !ok {
		t.fail("the attribute replica_groups must be dense<…>: Quire does not read groups along axes of a mesh")
	}
	if s.Rank() != 2 {
		t.fail("the attribute replica_groups is %s, and must have a row for each group", d.typ.text)
	}
	ids := t.ints("replica_groups")
	most, seen := -1, map[int]bool{}
	for _, id := range ids {
		switch {
		case id < -1 || id == -1 && (t.op.name == "stablehlo.all_to_all" || t.op.name == "stablehlo.collective_broadcast"):
			t.fail("the attribute replica_groups: there is no device %d", id)
		case id >= 0 && seen[id]:
			t.fail("the attribute replica_groups: device %d is there twice", id)
		}
		seen[id], most = true, max(most, id)
	}
	for id := range most {
		if !seen[id] && t.op.name != "stablehlo.collective_broadcast" {
			t.fail("the attribute replica_groups: device %d is in no group", id)
		}
	}
	if _, global := t.op.attrs["use_global_device_ids"]; global {
		if t.channel() <= 0 {
			t.fail("the attribute use_global_device_ids needs a channel")
		}
		if len(ids) == 0 {
			t.fail("the attribute replica_groups: ids of devices need groups")
		}
	}
}

func (t *typed) atLeastOne() {
	if len(t.in) == 0 || len(t.out) != len(t.in) {
		t.fail("%d operands and %d results: it takes at least one, and has as many results", len(t.in), len(t.out))
	}
}

// sameAsOperands checks that results have the types of operands.
func (t *typed) sameAsOperands() {
	t.atLeastOne()
	for i, x := range t.in {
		t.alike("operand and result", x, t.out[i])
	}
}

// members returns how many devices a group has, 0 if that is not known from the text.
func (t *typed) members() int {
	d := t.op.attrs["replica_groups"].(denseAttr)
	_, global := t.op.attrs["use_global_device_ids"]
	if ids := t.ints("replica_groups"); slices.Contains(ids, -1) || !global && t.channel() > 0 {
		return 0 // groups of several sizes, or times the partitions, of which the module knows
	}
	return d.typ.tensor().Dimensions[1]
}

// timesAlong checks that y has the shape of x with n times as many elements along an axis; any number of times if n is 0.
func (t *typed) timesAlong(axis int, x, y mlirType, n int) {
	a, b := x.tensor().Dimensions, y.tensor().Dimensions
	if len(a) != len(b) {
		t.fail("operand and result must have as many axes as each other, not %s and %s", x.text, y.text)
	}
	for i := range a {
		switch {
		case a[i] < 0 || b[i] < 0:
		case i != axis && a[i] != b[i], i == axis && n > 0 && a[i]*n != b[i], i == axis && a[i] > 0 && b[i]%a[i] != 0:
			t.fail("%s and %s do not fit groups of %d devices along axis %d", x.text, y.text, n, axis)
		}
	}
}

// reducerOfDevices checks the body that joins the values of two devices.
func (t *typed) reducerOfDevices() {
	t.regions(1)
	for i, x := range t.in {
		t.reducer(0, []mlirType{x}, []mlirType{scalarOf(x)})
		t.oneElement("what the body makes, and the result", t.returns[0][0], t.out[i])
	}
}

func (t *typed) allToAll() {
	t.exchange()
	t.needs("split_dimension", "concat_dimension", "split_count")
	parts := t.int("split_count", 0)
	if parts < 1 {
		t.fail("the attribute split_count: %d is less than 1", parts)
	}
	if n := t.op.attrs["replica_groups"].(denseAttr).typ.tensor().Dimensions[1]; n != parts {
		t.fail("it splits into %d parts for groups of %d devices", parts, n)
	}
	for i, x := range t.in {
		s := x.tensor()
		split, join := t.axis("split_dimension", s.Rank()), t.axis("concat_dimension", s.Rank())
		dims := slices.Clone(s.Dimensions)
		if dims[split] >= 0 && dims[split]%parts != 0 {
			t.fail("axis %d has %d elements, which cannot be split into %d parts", split, dims[split], parts)
		}
		if dims[split] >= 0 {
			dims[split] /= parts
		}
		if dims[join] >= 0 {
			dims[join] *= parts
		}
		t.resultIs(i, shapes.Shape{DType: s.DType, Dimensions: dims})
	}
}

// manualComputation checks that the region takes and returns the parts of operands and results that a device has.
func (t *typed) manualComputation() {
	t.regions(1)
	list := func(types []mlirType) (out []shapes.Shape) {
		for _, ty := range types {
			if !ty.known() {
				t.fail("the type %s leaves a size open", ty.text)
			}
			out = append(out, ty.shape)
		}
		return out
	}
	in, out := list(t.in), list(t.out)
	m := t.manual(in, out)
	locals := func(shardings []ir.Sharding, whole []shapes.Shape) []mlirType {
		types := make([]mlirType, len(whole))
		for i, s := range whole {
			types[i] = typeOfShape(m.local(shardings[i], s))
		}
		return types
	}
	t.takes(0, locals(m.in, in))
	t.returned(0, locals(m.out, out))
}
