package viz

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/internal/template"
)

// Sized is an input of [Shapes] and [Summary] whose sizes have symbols, in the language of package sizes:
//
//	viz.Summary(cnn, viz.Sized{dtypes.Float32, "batch, 28, 28, 1"})
//
// The function is traced for several sizes, and what is found of these stands in the place of numbers: [batch 14 14 8], [2*batch seq+1].
// A size that is no polynomial of degree 2 of the symbols is a question mark. FLOPs and bytes are those of the sizes that a note gives.
type Sized struct {
	DType dtypes.DType
	Sizes string
}

// sized says what sizes in a trace are of symbols.
type sized struct {
	at   sizes.Values                   // at which it was traced
	text map[*graph.Node][]shapes.Shape // per result; an axis that depends on symbols has its expression for a name
}

// traceSized is traceFunc with inputs that may be [Sized].
func traceSized(fn any, inputs []any) (*traced, error) {
	declared := make([]sizes.Shape, len(inputs))
	var symbols []string
	some := false
	for i, in := range inputs {
		s, ok := in.(Sized)
		if !ok {
			continue
		}
		some = true
		var err error
		if declared[i], err = sizes.ParseShape(s.Sizes); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		for _, e := range declared[i] {
			symbols = append(symbols, e.Symbols()...)
		}
	}
	if !some {
		return traceFunc(fn, inputs)
	}
	slices.Sort(symbols)
	symbols = slices.Compact(symbols)
	if len(symbols) > maxSymbols {
		return nil, fmt.Errorf("the inputs have %d symbols: %d are the most", len(symbols), maxSymbols)
	}
	at := sizesToTrace(symbols)
	var traces []*traced
	for _, v := range at {
		given := slices.Clone(inputs)
		for i, in := range inputs {
			s, ok := in.(Sized)
			if !ok {
				continue
			}
			dims, err := declared[i].At(v)
			if err != nil {
				return nil, fmt.Errorf("input %d: %w", i, err)
			}
			given[i] = shapes.Make(s.DType, dims...)
		}
		tr, err := traceFunc(fn, given)
		if err != nil || tr.err != nil { // with the numbers that it was traced for
			return tr, err
		}
		traces = append(traces, tr)
	}
	first := traces[0]
	first.sized = &sized{at: at[0], text: map[*graph.Node][]shapes.Shape{}}
	return first, first.sized.find(symbols, at, traces)
}

// maxSymbols bounds how often a function is traced: 11 times for 3.
const maxSymbols = 3

// sizesToTrace returns sizes that tell polynomials apart, the first of which is looked at.
func sizesToTrace(symbols []string) (at []sizes.Values) {
	for n := 0; ; n++ {
		v := sizes.Values{}
		for i, name := range symbols {
			v[name] = 8*(4-i) + (2*n*(3+2*i)+n*n*(1+i))%24*2
		}
		at = append(at, v)
		if _, err := template.NewFitter(symbols, at); err == nil {
			return at
		}
	}
}

// find compares the traces node by node.
func (s *sized) find(symbols []string, at []sizes.Values, traces []*traced) error {
	f, err := template.NewFitter(symbols, at)
	if err != nil {
		return err
	}
	differ := errors.New("the function builds another graph for other sizes: give the sizes as numbers, in shapes")
	nodes := make([][]*graph.Node, len(traces))
	for k, tr := range traces {
		if nodes[k] = tr.g.Nodes(); len(nodes[k]) != len(nodes[0]) {
			return differ
		}
	}
	for i, n := range nodes[0] {
		list := make([][]shapes.Shape, len(traces)) // per trace
		for k := range traces {
			list[k] = outShapes(nodes[k][i])
			if nodes[k][i].Type() != n.Type() || len(list[k]) != len(list[0]) {
				return differ
			}
		}
		out := make([]shapes.Shape, len(list[0]))
		for r := range out {
			x := list[0][r]
			names := make([]string, x.Rank())
			for a := range names {
				numbers := make([]int, len(traces))
				for k := range traces {
					if list[k][r].Rank() != x.Rank() {
						return differ
					}
					numbers[k] = list[k][r].Dimensions[a]
				}
				if !slices.ContainsFunc(numbers, func(d int) bool { return d != numbers[0] }) {
					continue
				}
				names[a] = "?"
				if e, err := f.Fit(numbers); err == nil {
					names[a] = e.String()
				}
			}
			out[r] = x.WithAxisNames(names...)
		}
		s.text[n] = out
	}
	return nil
}

// text writes the shape of a node, in symbols if it was traced with some.
func (tr *traced) text(n *graph.Node) string {
	if tr.sized != nil {
		if list := tr.sized.text[n]; len(list) == 1 {
			return symbolic(list[0])
		}
	}
	return n.Shape().String()
}

// write gives the values of a flow their symbols.
func (s *sized) write(f *flow) {
	if s == nil {
		return
	}
	byID := map[int][]shapes.Shape{}
	for n, list := range s.text {
		byID[int(n.Id())] = list
	}
	for _, n := range f.nodes {
		if list := byID[n.id]; len(list) == len(n.out) {
			n.setOut(list)
		}
	}
	f.at = s.at.String()
}

// symbolic writes a shape whose axes that depend on symbols have the expression for a name.
func symbolic(s shapes.Shape) string {
	list := make([]string, s.Rank())
	for a, d := range s.Dimensions {
		if list[a] = s.Name(a); list[a] == "" {
			list[a] = fmt.Sprint(d)
		}
	}
	return fmt.Sprintf("%s[%s]", s.DType, strings.Join(list, " "))
}
