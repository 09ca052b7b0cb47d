package graphtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// Complete checks that no row of the table lacks what its tests and its documentation need. Each failure
// names the op and the field.
func Complete(t *testing.T) {
	for _, op := range ir.Ops() {
		for _, lack := range lacks(op) {
			t.Errorf("op %s: %s", op.Name, lack)
		}
	}
}

// lacks returns what is wrong with a row.
func lacks(op *ir.Op) []string { return append(lacksFacts(op), lacksTruth(op)...) }

// lacksFacts returns what is wrong with a row by itself.
func lacksFacts(op *ir.Op) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if op.Family == "" {
		say("Family is empty")
	}
	if op.Doc == "" {
		say("Doc is empty")
	}
	grads, rule := 0, graph.RuleOf(op)
	for _, set := range []bool{rule.VJP != nil, rule.VJPMulti != nil, rule.ZeroGrad != "", rule.NoGrad != ""} {
		if set {
			grads++
		}
	}
	switch {
	case grads > 1:
		say("of VJP, VJPMulti, ZeroGrad and NoGrad more than one is set")
	case grads == 0 && op.Expand == nil:
		say("VJP or a reason (ZeroGrad, NoGrad) is missing")
	}
	if op.Tol != (ir.Tolerance{}) && op.Tol.Why == "" {
		say("Tol has no Why")
	}
	if len(op.Samples) == 0 {
		say("Samples is empty")
	}
	smooth := false
	for i, s := range op.Samples {
		if len(sampleDTypes(op, s)) == 0 {
			say("sample %d (%s) runs at no dtype", i, s.Name)
		}
		for _, d := range sampleDTypes(op, s) {
			smooth = smooth || dtypes.Inexact.Has(d) && !s.Kink && !s.Pole
		}
		if s.Build != nil {
			continue
		}
		if a, b := reflect.TypeOf(s.Attrs), reflect.TypeOf(op.Attrs); a != b {
			say("sample %d has attributes of type %v, the row says %v", i, a, b)
		} else if a != nil {
			if err := attrsRoundTrip(s.Attrs); err != nil {
				say("sample %d: attributes do not survive JSON: %v", i, err)
			}
		}
	}
	inexact := op.DTypes == 0 || op.DTypes&dtypes.Inexact != 0
	if inexact && rule.NoGrad == "" && rule.ZeroGrad == "" && !smooth {
		say("no sample lets the gradient be checked: all are kinks, poles or integers")
	}
	return list
}

func attrsRoundTrip(attrs any) error {
	data, err := json.Marshal(attrs)
	if err != nil {
		return err
	}
	back := reflect.New(reflect.TypeOf(attrs))
	if err := json.Unmarshal(data, back.Interface()); err != nil {
		return err
	}
	again, err := json.Marshal(back.Elem().Interface())
	if err == nil && string(again) != string(data) {
		err = fmt.Errorf("%s became %s", data, again)
	}
	return err
}
