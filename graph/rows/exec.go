package rows

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Exec runs a function of batches by programs for a few numbers of rows. It is safe for several goroutines, once it is set up.
type Exec struct {
	exec    *graph.Exec
	buckets Buckets
	axes    []int
	masked  bool

	mu      sync.Mutex
	checked map[string][]Axis // by the shapes of the inputs, where rows of the outputs are
}

// Pad returns an Exec that pads the rows of exec's inputs to the next bucket. Rows are along the leading axis of each input, unless
// [Exec.Axes] says otherwise. exec's function may be a model's; its variables have no rows.
func Pad(exec *graph.Exec, buckets Buckets) *Exec {
	return &Exec{exec: exec, buckets: buckets, checked: map[string][]Axis{}}
}

// Axes says along which axis of each input its rows are, [None] for an input without rows.
func (e *Exec) Axes(axes ...int) *Exec {
	e.axes = slices.Clone(axes)
	return e
}

// Masked says that the function takes one more input, the last: a bool for each row of the bucket, true for those that are rows of the
// call. What the function does with others is its own affair: nothing is checked, so that it may sum over rows, of which it takes those
// of the mask. Results that have as many elements along an axis as there are rows, or a multiple, are cut there.
func (e *Exec) Masked() *Exec {
	e.masked = true
	return e
}

// Call runs the function on args, tensors or Go values as [tensors.FromAnyValue] takes them, and returns its results for as many rows as
// args have. Rows that are padding are copies of the last one, so that they divide by zero only if that does; of none, zeros. There are
// at least 2 rows in what is computed.
func (e *Exec) Call(args ...any) ([]*tensors.Tensor, error) {
	return e.CallContext(context.Background(), args...)
}

// CallContext is [Exec.Call] with a context that can end it.
func (e *Exec) CallContext(ctx context.Context, args ...any) ([]*tensors.Tensor, error) {
	if e.exec == nil || e.buckets == nil {
		return nil, fmt.Errorf("rows.Pad: the Exec or the buckets are nil")
	}
	out, err := e.call(ctx, args)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", e.exec.Name(), err)
	}
	return out, nil
}

func (e *Exec) call(ctx context.Context, args []any) ([]*tensors.Tensor, error) {
	in := make([]*tensors.Tensor, len(args))
	for i, arg := range args {
		t, err := tensors.FromAnyValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		in[i] = t
	}
	axes, n, err := e.rowsOf(in)
	if err != nil {
		return nil, err
	}
	bucket := e.bucket(n)
	if bucket < n {
		return nil, fmt.Errorf("the bucket for %d rows has %d", n, bucket)
	}
	padded := make([]any, len(in), len(in)+1)
	like := make([]shapes.Shape, len(in), len(in)+1)
	for i, t := range in {
		p, err := resized(t, axes[i], bucket)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		padded[i], like[i] = p, p.Shape()
	}
	if e.masked {
		mask := make([]bool, bucket)
		for i := range n {
			mask[i] = true
		}
		padded, like, axes = append(padded, mask), append(like, shapes.Make(dtypes.Bool, bucket)), append(axes, 0)
	}
	outputs, err := e.outputs(like, axes, bucket)
	if err != nil {
		return nil, err
	}
	out, err := e.exec.CallContext(ctx, padded...)
	if err != nil {
		return nil, err
	}
	for i, y := range out {
		if outputs[i].Axis == None || bucket == n {
			continue
		}
		cut, err := resized(y, outputs[i].Axis, n*outputs[i].Block)
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", i, err)
		}
		_ = y.Close()
		out[i] = cut
	}
	return out, nil
}

// Close closes the programs of the Exec.
func (e *Exec) Close() error { return e.exec.Close() }

func (e *Exec) bucket(n int) int { return max(e.buckets(max(n, 2)), 2) }

// rowsOf returns the axes of inputs, counted from 0, and how many rows they have.
func (e *Exec) rowsOf(in []*tensors.Tensor) (axes []int, n int, err error) {
	if e.axes != nil && len(e.axes) != len(in) {
		return nil, 0, fmt.Errorf("axes are given for %d inputs, and there are %d", len(e.axes), len(in))
	}
	first := None
	for i, t := range in {
		axis := 0
		if e.axes != nil {
			axis = e.axes[i]
		}
		axes = append(axes, axis)
		if axis == None {
			continue
		}
		if axis < 0 || axis >= t.Rank() {
			return nil, 0, fmt.Errorf("input %d is %s and has no axis %d of rows (Exec.Axes says which axis it is)", i, t.Shape(), axis)
		}
		d := t.Shape().Dimensions[axis]
		if first == None {
			first, n = i, d
		}
		if d != n {
			return nil, 0, fmt.Errorf("input %d is %s, with %d rows along axis %d, and input %d has %d", i, t.Shape(), d, axis, first, n)
		}
	}
	if first == None {
		return nil, 0, fmt.Errorf("no input has rows")
	}
	return axes, n, nil
}

// outputs returns where the rows of the outputs are, which it finds out once for inputs of the given shapes.
func (e *Exec) outputs(like []shapes.Shape, axes []int, n int) ([]Axis, error) {
	key := fmt.Sprint(like)
	e.mu.Lock()
	defer e.mu.Unlock()
	if out, ok := e.checked[key]; ok {
		return out, nil
	}
	m := e.bucket(n + 1) // the next bucket, which is likely to be called for
	more := make([]shapes.Shape, len(like))
	for i, s := range like {
		if more[i] = s.Clone(); axes[i] != None {
			more[i].Dimensions[axes[i]] = m
		}
	}
	p, err := e.exec.Compile(like...)
	if err != nil {
		return nil, err
	}
	q, err := e.exec.Compile(more...)
	if err != nil {
		return nil, err
	}
	var out []Axis
	if e.masked {
		out, err = byShape(p.Program(), q.Program(), n, m)
	} else {
		inputs := make([]Axis, len(axes))
		for i, a := range axes {
			inputs[i] = Axis{a, 1}
			if a == None {
				inputs[i] = none
			}
		}
		out, err = Check(p.Program(), q.Program(), n, m, inputs...)
	}
	if err != nil {
		return nil, err
	}
	e.checked[key] = out
	return out, nil
}

// byShape takes the axis of each output that has n elements for each element of a row in p, and m in q, for that of the rows.
func byShape(p, q *ir.Program, n, m int) ([]Axis, error) {
	if len(p.Outputs) != len(q.Outputs) {
		return nil, fmt.Errorf("it has %d results for %d rows and %d for %d", len(p.Outputs), n, len(q.Outputs), m)
	}
	out := make([]Axis, len(p.Outputs))
	for i := range out {
		out[i] = none
		x, y := p.Values[p.Outputs[i]], q.Values[q.Outputs[i]]
		for k := range min(x.Rank(), y.Rank()) {
			if d, e := x.Dimensions[k], y.Dimensions[k]; d != e && d%n == 0 && d/n*m == e && out[i] == none {
				out[i] = Axis{k, d / n}
			}
		}
		if err := (&checker{n, m}).fits(out[i], x, y); err != nil {
			return nil, fmt.Errorf("result %d: %w, and cannot be cut", i, err)
		}
	}
	return out, nil
}

// resized returns t with n elements along an axis: the first ones, or behind its own the last one as often as it takes. Without an axis it
// is t itself.
func resized(t *tensors.Tensor, axis, n int) (*tensors.Tensor, error) {
	if axis == None || t.Shape().Dimensions[axis] == n {
		return t, nil
	}
	s := t.Shape()
	if s.DType.Bits()%8 != 0 {
		return nil, fmt.Errorf("the elements of %s share bytes, so that it has no rows: convert it first", s)
	}
	to := s.Clone()
	to.Dimensions[axis] = n
	y, err := tensors.New(to)
	if err != nil {
		return nil, err
	}
	outer, row := product(s.Dimensions[:axis]), product(s.Dimensions[axis+1:])*s.DType.Bits()/8
	from, have := s.Dimensions[axis]*row, s.Dimensions[axis]
	err = t.ConstBytes(func(src []byte) {
		err = y.MutableBytes(func(dst []byte) {
			for o := range outer {
				d, x := dst[o*n*row:(o+1)*n*row], src[o*from:(o+1)*from]
				copy(d, x)
				for i := have; i < n && have > 0; i++ {
					copy(d[i*row:(i+1)*row], x[(have-1)*row:])
				}
			}
		})
	})
	return y, err
}
