package stablehlo

import (
	"regexp"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	constrainAll(-1, func(t *typed) {
		t.atLeast(1)
		t.regions(2)
		t.takes(0, t.in)
		t.takes(1, t.in)
		t.returned(0, []mlirType{typeOfShape(shapes.Scalar(dtypes.Bool))})
		t.returned(1, t.in)
		t.resultsMeet(t.in)
	}, "while")
	constrainAll(-1, func(t *typed) {
		t.regions(2)
		t.elements("the condition", dtypes.Bools, t.in[0])
		t.scalar("the condition", t.in[0])
		t.branchesMeet()
	}, "if")
	constrainAll(-1, func(t *typed) {
		if len(t.op.regions) == 0 {
			t.fail("it has no branches")
		}
		t.elements("what chooses a branch", dtypes.SetOf(dtypes.Int32), t.in[0])
		t.scalar("what chooses a branch", t.in[0])
		t.branchesMeet()
	}, "case")
	constrainAll(-1, func(t *typed) { t.calls("callee") }, "func.call")
	constrainAll(-1, func(t *typed) {
		if name, _ := t.op.attrs["name"].(string); !compositeNames.MatchString(name) {
			t.fail("the name of a composite is like %q, not %q", "namespace.name", name)
		}
		t.calls("decomposition")
	}, "composite")
	constrainAll(-1, func(t *typed) {
		if _, ok := t.target(); !ok {
			t.fail("the attribute call_target_name is missing")
		}
	}, "custom_call")
}

// compositeNames are the names that a composite may have.
var compositeNames = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*([.][a-zA-Z0-9_$]+)+$`)

// branchesMeet checks that branches take nothing and return what the operation does.
func (t *typed) branchesMeet() {
	for i := range t.op.regions {
		t.takes(i, nil)
		t.returned(i, t.returns[0])
	}
	t.resultsMeet(t.returns[0])
}

// resultsMeet checks that results can have the given types.
func (t *typed) resultsMeet(want []mlirType) {
	if len(t.out) != len(want) {
		t.fail("%d results, not %d", len(t.out), len(want))
	}
	for i, ty := range t.out {
		if !compatible(ty, want[i]) {
			t.fail("result %d is %s, not %s", i, ty.text, want[i].text)
		}
	}
}

// calls checks a call of a function of the module.
func (t *typed) calls(attr string) {
	name, _ := t.op.attrs[attr].(symbol)
	f := t.module.byName[string(name)]
	if f == nil {
		t.fail("there is no function @%s", name)
	}
	if len(t.in) != len(f.body.types) || len(t.out) != len(f.results) {
		t.fail("@%s takes %d inputs and has %d results, not %d and %d", name, len(f.body.types), len(f.results), len(t.in), len(t.out))
	}
	for i, ty := range t.in {
		if !ty.same(f.body.types[i]) {
			t.fail("input %d of @%s must be %s, not %s", i, name, f.body.types[i].text, ty.text)
		}
	}
	for i, ty := range t.out {
		if !ty.same(f.results[i]) {
			t.fail("result %d of @%s is %s, not %s", i, name, f.results[i].text, ty.text)
		}
	}
}
