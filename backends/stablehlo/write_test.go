package stablehlo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// sampleCall is one row's sample at one dtype.
type sampleCall struct {
	op     *graph.Op
	sample graph.Sample
	dtype  dtypes.DType
	name   string
}

// samples returns every sample of op at every dtype that the row and the sample allow.
func samples(op *graph.Op) (list []sampleCall) {
	for i, s := range op.Samples {
		set := op.DTypes
		if s.DTypes != 0 {
			if set = s.DTypes; op.DTypes != 0 {
				set &= op.DTypes
			}
		}
		types := set.List()
		if set == 0 || len(s.In) == 0 || op.Typed >= len(s.In) || s.In[op.Typed].DType != dtypes.Invalid { // nothing varies
			types = []dtypes.DType{dtypes.Float32}
		}
		for _, d := range types {
			list = append(list, sampleCall{op, s, d, fmt.Sprintf("%s/%d/%s/%s", op.Name, i, s.Name, d)})
		}
	}
	return list
}

func (c sampleCall) inputs() []*tensors.Tensor {
	in := make([]*tensors.Tensor, len(c.sample.In))
	for i, x := range c.sample.In {
		in[i] = x.Tensor(c.dtype)
	}
	return in
}

func (c sampleCall) build(g *graph.Graph, in []*graph.Node) []*graph.Node {
	switch {
	case c.sample.Build != nil:
		return c.sample.Build(in)
	case c.op.InferMulti != nil:
		return graph.ApplyMulti(c.op, c.sample.Attrs, in...)
	}
	return []*graph.Node{graph.ApplyIn(g, c.op, c.sample.Attrs, in...)}
}

// program lowers what build makes of parameters like the inputs.
func program(t testing.TB, name string, build func(g *graph.Graph, in []*graph.Node) []*graph.Node, inputs []*tensors.Tensor) *graph.Program {
	t.Helper()
	g := graph.NewGraph(nil, name)
	var out []*graph.Node
	err := graph.Catch(func() {
		var in []*graph.Node
		for _, x := range inputs {
			in = append(in, graph.Parameter(g, "", x.Shape()))
		}
		out = build(g, in)
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := graph.NewProgram(g, out, Lowers)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryOpIsWrittenOrExpanded(t *testing.T) {
	for _, op := range graph.Ops() {
		if !Lowers(op) && op.Expand == nil {
			t.Errorf("%s is neither written nor expanded", op.Name)
		}
	}
	for name := range lowerings {
		if graph.OpByName(name) == nil {
			t.Errorf("there is no op %q to write", name)
		}
	}
}

func TestEverySampleIsWritten(t *testing.T) {
	for _, op := range graph.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			for _, c := range samples(op) {
				text, err := Write(program(t, "sample", c.build, c.inputs()))
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				mnemonic := op.HLO
				empty := strings.Contains(text, "dense<>")
				if lowerings[op.Name] != nil && mnemonic != "" && !empty && !strings.Contains(text, mnemonic+" ") && !strings.Contains(text, mnemonic+"\"") && !strings.Contains(text, mnemonic+"(") && !trivial(c) {
					t.Errorf("%s: no %s in\n%s", c.name, mnemonic, text)
				}
			}
		})
	}
}

// trivial reports whether a call may be written as its operand: a reshape to the same dimensions, a reduction
// over no axes, no updates to scatter.
func trivial(c sampleCall) bool {
	switch c.op.Name {
	case "Reshape", "Reverse", "Transpose", "DynamicSlice", "ConvertDType", "Slice", "Pad":
		return true
	}
	return len(c.sample.In) > 0 && (len(c.sample.In[0].Dims) == 0 || c.sample.Name == "no updates" || c.sample.Name == "nothing to sum")
}
