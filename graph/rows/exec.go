package rows

import (
	"context"
	"errors"
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
	part    int // > 0: how many rows are computed at a time

	mu      sync.Mutex
	checked map[string][]Axis // by the shapes of the inputs, where rows of the outputs are
}

// Pad returns an Exec that pads the rows of exec's inputs to the next bucket. Rows are along the leading axis of each input, unless
// [Exec.Axes] says otherwise. exec's function may be a model's; its variables have no rows.
func Pad(exec *graph.Exec, buckets Buckets) *Exec {
	return &Exec{exec: exec, buckets: buckets, checked: map[string][]Axis{}}
}

// InParts returns an Exec that computes the rows of exec's inputs k at a time, k at least 2, so that one program serves for any number of
// them; the last part is padded. It is for functions of each row by itself, which is proved as for [Pad], and which do not count rows
// either. The proof compiles a second program once, for k+1 rows.
func InParts(exec *graph.Exec, k int) *Exec {
	e := Pad(exec, func(int) int { return k })
	e.part = k
	return e
}

// Axes says along which axis of each input its rows are, [None] for an input without rows.
func (e *Exec) Axes(axes ...int) *Exec {
	if e != nil {
		e.axes = slices.Clone(axes)
	}
	return e
}

// Masked says that the function takes one more input, the last: a bool for each row of the bucket, true for those that are rows of the
// call. What the function does with others is its own affair: nothing is checked, so that it may sum over rows, of which it takes those
// of the mask. Results that have as many elements along an axis as there are rows, or a multiple, are cut there.
func (e *Exec) Masked() *Exec {
	if e != nil {
		e.masked = true
	}
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
	if e == nil || e.exec == nil || e.buckets == nil {
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
	if e.part != 0 {
		return e.inParts(ctx, in, axes, n)
	}
	out, _, err := e.once(ctx, in, axes, n)
	return out, err
}

// once runs the function on all rows at once, and returns also where those of the results are.
func (e *Exec) once(ctx context.Context, in []*tensors.Tensor, axes []int, n int) ([]*tensors.Tensor, []Axis, error) {
	bucket := e.bucket(n)
	if bucket < n {
		return nil, nil, fmt.Errorf("the bucket for %d rows has %d", n, bucket)
	}
	padded := make([]any, len(in), len(in)+1)
	like := make([]shapes.Shape, len(in), len(in)+1)
	for i, t := range in {
		p, err := taken(t, axes[i], 0, bucket)
		if err != nil {
			return nil, nil, fmt.Errorf("argument %d: %w", i, err)
		}
		padded[i], like[i] = p, p.Shape()
	}
	if e.masked {
		mask := make([]bool, bucket)
		for i := range n {
			mask[i] = true
		}
		padded, like, axes = append(padded, mask), append(like, shapes.Make(dtypes.Bool, bucket)), append(slices.Clone(axes), 0)
	}
	outputs, err := e.outputs(like, axes, bucket)
	if err != nil {
		return nil, nil, err
	}
	out, err := e.exec.CallContext(ctx, padded...)
	if err != nil {
		return nil, nil, err
	}
	for i, y := range out {
		if outputs[i].Axis == None || bucket == n {
			continue
		}
		cut, err := taken(y, outputs[i].Axis, 0, n*outputs[i].Block)
		if err != nil {
			return nil, nil, fmt.Errorf("result %d: %w", i, err)
		}
		_ = y.Close()
		out[i] = cut
	}
	return out, outputs, nil
}

// inParts runs the function on some rows after the others, and joins the results.
func (e *Exec) inParts(ctx context.Context, in []*tensors.Tensor, axes []int, n int) (joined []*tensors.Tensor, err error) {
	switch {
	case e.masked:
		return nil, errors.New("a function that mixes rows cannot be run in parts: pad its rows (rows.Pad)")
	case e.part < 2:
		return nil, fmt.Errorf("parts of %d rows: want 2 or more", e.part)
	}
	for from := 0; from < max(n, 1); from += e.part {
		rows := min(n-from, e.part)
		part := make([]*tensors.Tensor, len(in))
		for i, t := range in {
			if part[i], err = taken(t, axes[i], from, rows); err != nil {
				return nil, fmt.Errorf("argument %d: %w", i, err)
			}
		}
		out, outputs, err := e.once(ctx, part, axes, rows)
		if err != nil {
			return nil, err
		}
		if n <= e.part {
			return out, nil
		}
		if joined == nil {
			if joined, err = room(out, outputs, n); err != nil {
				return nil, err
			}
		}
		for i, y := range out {
			if a := outputs[i]; a.Axis != None {
				if err := put(joined[i], y, a.Axis, from*a.Block); err != nil {
					return nil, fmt.Errorf("result %d: %w", i, err)
				}
				_ = y.Close()
			}
		}
	}
	return joined, nil
}

// room returns results for n rows, given those of the first part; those without rows are the same for all parts.
func room(first []*tensors.Tensor, at []Axis, n int) ([]*tensors.Tensor, error) {
	out := make([]*tensors.Tensor, len(first))
	for i, y := range first {
		if at[i].Axis == None {
			out[i] = y
			continue
		}
		s := y.Shape().Clone()
		s.Dimensions[at[i].Axis] = n * at[i].Block
		t, err := tensors.New(s)
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", i, err)
		}
		out[i] = t
	}
	return out, nil
}

// Close closes the programs of the Exec.
func (e *Exec) Close() error {
	if e == nil || e.exec == nil {
		return nil
	}
	return e.exec.Close()
}

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
	if m <= n {
		m = n + 1
	}
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
		out, err = check(&checker{n: n, m: m, parts: e.part != 0}, p.Program(), q.Program(), inputs)
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
		if err := (&checker{n: n, m: m}).fits(out[i], x, y); err != nil {
			return nil, fmt.Errorf("result %d: %w, and cannot be cut", i, err)
		}
	}
	return out, nil
}

// taken returns n elements of t along an axis, from one on; behind the last, that one as often as it takes. Without an axis it is t itself.
func taken(t *tensors.Tensor, axis, from, n int) (*tensors.Tensor, error) {
	if axis == None || from == 0 && t.Shape().Dimensions[axis] == n {
		return t, nil
	}
	row, err := bytesBehind(t, axis)
	if err != nil {
		return nil, err
	}
	to := t.Shape().Clone()
	have := to.Dimensions[axis]
	to.Dimensions[axis] = n
	y, err := tensors.New(to)
	if err != nil {
		return nil, err
	}
	outer, copied := product(to.Dimensions[:axis]), max(min(have-from, n), 0)
	return y, both(t, y, func(src, dst []byte) {
		for o := range outer {
			d, x := dst[o*n*row:(o+1)*n*row], src[o*have*row:(o+1)*have*row]
			copy(d, x[min(from, have)*row:min(from+copied, have)*row])
			for i := copied; i < n && have > 0; i++ {
				copy(d[i*row:(i+1)*row], x[(have-1)*row:])
			}
		}
	})
}

// put writes y into t, from an element along an axis on.
func put(t, y *tensors.Tensor, axis, from int) error {
	row, err := bytesBehind(t, axis)
	if err != nil {
		return err
	}
	n, have := t.Shape().Dimensions[axis]*row, y.Shape().Dimensions[axis]*row
	return both(y, t, func(src, dst []byte) {
		for o := range product(t.Shape().Dimensions[:axis]) {
			copy(dst[o*n+from*row:(o+1)*n], src[o*have:(o+1)*have])
		}
	})
}

// bytesBehind returns how many bytes an element along an axis has.
func bytesBehind(t *tensors.Tensor, axis int) (int, error) {
	s := t.Shape()
	if s.DType.Bits()%8 != 0 {
		return 0, fmt.Errorf("the elements of %s share bytes, so that it has no rows: convert it first", s)
	}
	return product(s.Dimensions[axis+1:]) * s.DType.Bits() / 8, nil
}

// both calls f with the bytes of two tensors.
func both(x, y *tensors.Tensor, f func(src, dst []byte)) error {
	var inner error
	err := x.ConstBytes(func(src []byte) {
		inner = y.MutableBytes(func(dst []byte) { f(src, dst) })
	})
	return errors.Join(err, inner)
}
