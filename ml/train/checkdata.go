package train

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/ml/data"
)

// DataChecks says what [CheckData] looks at. The zero value looks at one pass.
type DataChecks struct {
	Batches int // that are looked at, at most; 0 for all of a pass
	Classes int // labels that are integers must be from 0 to Classes-1; 0 if that is not known: then they must not be negative
}

// DataReport is what [CheckData] found.
type DataReport struct {
	Dataset  string
	Batches  int
	Examples int
	Problems []DataProblem
}

// DataProblem is something that is wrong with a data set, or that is mostly a mistake.
type DataProblem struct {
	Where   string // "input 0", "label 0" or "batch"
	Batch   int    // the first batch with it, from 0; -1 if it is one of all of them
	Batches int    // how many have it
	What    string // in the first one
	Warning bool   // it may be meant so
}

// String says what, where, and in which batch.
func (p DataProblem) String() string {
	switch {
	case p.Batch < 0:
		return fmt.Sprintf("%s: %s", p.Where, p.What)
	case p.Batches > 1:
		return fmt.Sprintf("batch %d, %s: %s (and %d more such batches)", p.Batch, p.Where, p.What, p.Batches-1)
	}
	return fmt.Sprintf("batch %d, %s: %s", p.Batch, p.Where, p.What)
}

// String is a line for each problem.
func (r *DataReport) String() string {
	lines := []string{fmt.Sprintf("%q: %d batches, %d examples", r.Dataset, r.Batches, r.Examples)}
	if len(r.Problems) == 0 {
		lines[0] += ", nothing to complain of"
	}
	for _, p := range r.Problems {
		kind := "error"
		if p.Warning {
			kind = "warning"
		}
		lines = append(lines, kind+": "+p.String())
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems that are no warnings as one error, nil if there are none.
func (r *DataReport) Err() error {
	var list []error
	for _, p := range r.Problems {
		if !p.Warning {
			list = append(list, fmt.Errorf("data set %q: %s", r.Dataset, p))
		}
	}
	return unjoin(errors.Join(list...))
}

// CheckData looks at the batches of a data set for what training would stumble over, or not notice:
//
//   - NaN and infinities; labels that are no class, or all the same; batches without examples, or with other numbers of labels than of examples;
//   - shapes that differ between batches in more than the number of examples, or dtypes that differ: of batches with the same Spec;
//   - batches that are there twice, and features that are the same in all examples, which are warnings.
//
// The data set stays where it is, if it is one of package data. The error is that of reading it; what is wrong with what was read is in the report, see [DataReport.Err].
//
//	report, err := train.CheckData(trainSet, train.DataChecks{Classes: 10})
//	if err == nil { err = report.Err() }
func CheckData(ds data.Dataset, checks DataChecks) (*DataReport, error) {
	switch {
	case ds == nil:
		return nil, fmt.Errorf("train.CheckData: %w", errNilDataset)
	case checks.Batches < 0 || checks.Classes < 0:
		return nil, fmt.Errorf("train.CheckData: %d batches and %d classes, want 0 or more", checks.Batches, checks.Classes)
	}
	c := &checker{DataChecks: checks, DataReport: &DataReport{Dataset: ds.Name()}, seed: maphash.MakeSeed(), seen: map[uint64]int{}, kinds: map[any]kind{}, found: map[string]int{}, features: map[int]*extent{}, labels: map[int]*extent{}}
	if err := guard.Call(func() error { return c.all(ds) }); err != nil { // data sets of somebody's own may panic
		return nil, fmt.Errorf("train.CheckData %q: %w", ds.Name(), err)
	}
	c.end()
	return c.DataReport, nil
}

// checker looks at batches.
type checker struct {
	DataChecks
	*DataReport
	seed     maphash.Seed
	seen     map[uint64]int  // batches by a hash of their values
	first    []int           // by batch, the first one of its values
	kinds    map[any]kind    // of the first batch with each Spec
	found    map[string]int  // problems by kind and place
	features map[int]*extent // of inputs
	labels   map[int]*extent
}

// extent is the least and largest value of each feature.
type extent struct {
	dims   []int
	lo, hi []float64
	other  bool // batches differ in their features
}

// all looks at one pass.
func (c *checker) all(ds data.Dataset) error {
	pass := 0
	if s, ok := ds.(data.Sized); ok {
		pass = s.NumBatches()
	}
	if pass <= 0 && c.DataChecks.Batches == 0 {
		if _, seekable := ds.(data.Seekable); !seekable {
			return errors.New("the data set does not say how many batches a pass has: say in DataChecks.Batches how many to look at")
		}
	}
	batches := glance(ds)
	if s, ok := ds.(data.Seekable); ok {
		batches = s.IterFrom(data.Position{})
	}
	for b, err := range batches {
		if err == nil {
			c.batch(b)
			err = b.Close()
			c.DataReport.Batches++
		}
		if err != nil {
			return fmt.Errorf("batch %d: %w", c.DataReport.Batches, err)
		}
		if n := c.DataReport.Batches; n == c.DataChecks.Batches || n == pass {
			break
		}
	}
	if c.DataReport.Batches == 0 {
		return errors.New("the data set has no batches")
	}
	c.twice(pass > 0)
	return nil
}

// add notes a problem of the batch at hand, of each kind and place once.
func (c *checker) add(kind, where, what string, warning bool) {
	key := kind + " " + where
	if i, known := c.found[key]; known {
		c.Problems[i].Batches++
		return
	}
	c.found[key] = len(c.Problems)
	c.Problems = append(c.Problems, DataProblem{where, c.DataReport.Batches, 1, what, warning})
}

// batch looks at a batch.
func (c *checker) batch(b data.Batch) {
	n := -1
	for i, list := range [][]*tensors.Tensor{b.Inputs, b.Labels} {
		for j, t := range list {
			where := fmt.Sprintf("%s %d", [...]string{"input", "label"}[i], j)
			if t.Rank() == 0 {
				continue
			}
			switch rows := t.Shape().Dimensions[0]; {
			case rows == 0:
				c.add("empty", where, fmt.Sprintf("it is %s: there are no examples", t.Shape()), false)
			case n < 0:
				n = rows
			case rows != n:
				c.add("rows", where, fmt.Sprintf("it is %s, but the batch has %d examples", t.Shape(), n), false)
			}
		}
	}
	c.Examples += max(n, 0)
	c.drift(b)
	var h maphash.Hash
	h.SetSeed(c.seed)
	for j, t := range b.Inputs {
		values := floatsOf(t)
		c.finite(fmt.Sprintf("input %d", j), t, values)
		c.spread(c.features, j, t, values)
		for _, v := range values {
			maphash.WriteComparable(&h, v)
		}
	}
	for j, t := range b.Labels {
		values := floatsOf(t)
		where := fmt.Sprintf("label %d", j)
		c.finite(where, t, values)
		if j == 0 {
			c.classes(where, t, values, b.Labels[1:])
			c.spread(c.labels, j, t, values)
		}
		for _, v := range values {
			maphash.WriteComparable(&h, v)
		}
	}
	first, again := c.seen[h.Sum64()]
	if !again || n <= 0 {
		first = c.DataReport.Batches
		c.seen[h.Sum64()] = first
	}
	c.first = append(c.first, first)
}

// twice tells of batches that have the values of others. If it is not known how many batches a pass has, several may have been looked at: where the values of
// the first batches come once more, in order and to the end, another pass has begun.
func (c *checker) twice(known bool) {
	n := len(c.first)
	for begin := 1; begin < n && !known; begin++ {
		i := begin
		for i < n && c.first[i] == c.first[i%begin] {
			i++
		}
		if i == n {
			n = begin
		}
	}
	for i, first := range c.first[:n] {
		if first < i {
			c.add("twice", "batch", fmt.Sprintf("it has the values of batch %d", first), true)
			c.Problems[c.found["twice batch"]].Batch = min(i, c.Problems[c.found["twice batch"]].Batch)
		}
	}
}

// floatsOf returns the values of numbers as float64, nil of others.
func floatsOf(t *tensors.Tensor) []float64 {
	if t.DType() == dtypes.Float64 {
		return tensors.Flat[float64](t)
	}
	x, err := t.ConvertDType(dtypes.Float64)
	if err != nil { // complex numbers
		return nil
	}
	defer x.Close()
	return slices.Clone(tensors.Flat[float64](x))
}

// drift compares the shapes of a batch with those of the first one of its Spec.
func (c *checker) drift(b data.Batch) {
	if b.Spec != nil && !reflect.ValueOf(b.Spec).Comparable() {
		c.add("spec", "batch", fmt.Sprintf("its Spec is a %T, which cannot be compared: use a string or a struct of plain fields", b.Spec), false)
		return
	}
	k := kindOf(b)
	first, ok := c.kinds[b.Spec]
	if !ok {
		c.kinds[b.Spec] = k
		return
	}
	for i, pair := range [][2][]shapes.Shape{{first.inputs, k.inputs}, {first.labels, k.labels}} {
		name := [...]string{"input", "label"}[i]
		if len(pair[0]) != len(pair[1]) {
			c.add("number", "batch", fmt.Sprintf("it has %d %ss, the first one has %d", len(pair[1]), name, len(pair[0])), false)
			continue
		}
		for j, s := range pair[1] {
			if was := pair[0][j]; !sameFeatures(was, s) {
				c.add("drift", fmt.Sprintf("%s %d", name, j), fmt.Sprintf("it is %s, in the first batch %s", s, was), s.DType == was.DType && s.Rank() == was.Rank())
			}
		}
	}
}

// sameFeatures reports whether two shapes differ in their first axis alone.
func sameFeatures(a, b shapes.Shape) bool {
	return a.DType == b.DType && a.Rank() == b.Rank() && (a.Rank() == 0 || slices.Equal(a.Dimensions[1:], b.Dimensions[1:]))
}

// finite looks for NaN and infinities.
func (c *checker) finite(where string, t *tensors.Tensor, values []float64) {
	if !t.DType().IsFloat() {
		return
	}
	first, count := -1, 0
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if count++; first < 0 {
				first = i
			}
		}
	}
	if count > 0 {
		c.add("finite", where, fmt.Sprintf("%d of %d values are not finite, the first one, %v, at %v", count, len(values), values[first], placeIn(t.Shape().Dimensions, first)), false)
	}
}

// placeIn returns the indices of an element that has a number in row-major order.
func placeIn(dims []int, number int) []int {
	at := make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		at[i], number = number%dims[i], number/dims[i]
	}
	return at
}

// classes looks for labels that are no class, but for those that a mask, the first label of bools behind them, hides.
func (c *checker) classes(where string, t *tensors.Tensor, values []float64, more []*tensors.Tensor) {
	if !t.DType().IsInt() {
		return
	}
	var shown []bool
	for _, m := range more {
		if m.DType() == dtypes.Bool && m.Size() == t.Size() {
			shown = tensors.Flat[bool](m)
			break
		}
	}
	first, count := -1, 0
	for i, v := range values {
		if bad := v < 0 || c.Classes > 0 && v >= float64(c.Classes); bad && (shown == nil || shown[i]) {
			if count++; first < 0 {
				first = i
			}
		}
	}
	if count == 0 {
		return
	}
	want := "classes are numbered from 0"
	if c.Classes > 0 {
		want += fmt.Sprintf(" to %d", c.Classes-1)
	}
	c.add("class", where, fmt.Sprintf("%d of %d labels are no class, the first one, %.0f, at %v: %s", count, len(values), values[first], placeIn(t.Shape().Dimensions, first), want), false)
}

// spread notes the least and largest values.
func (c *checker) spread(of map[int]*extent, number int, t *tensors.Tensor, values []float64) {
	if t.Rank() == 0 || t.Shape().Dimensions[0] == 0 || values == nil {
		return
	}
	dims := t.Shape().Dimensions[1:]
	e := of[number]
	if e == nil {
		n := len(values) / t.Shape().Dimensions[0]
		e = &extent{dims: slices.Clone(dims), lo: slices.Repeat([]float64{math.Inf(1)}, n), hi: slices.Repeat([]float64{math.Inf(-1)}, n)}
		of[number] = e
	}
	if !slices.Equal(e.dims, dims) {
		e.other = true
		return
	}
	for i, v := range values {
		k := i % max(1, len(e.lo))
		e.lo[k], e.hi[k] = min(e.lo[k], v), max(e.hi[k], v)
	}
}

// end notes what is the same in all examples.
func (c *checker) end() {
	if c.Examples < 2 {
		return
	}
	for j := range len(c.features) {
		e := c.features[j]
		if e == nil || e.other {
			continue
		}
		first, count := -1, 0
		for k := range e.lo {
			if e.lo[k] == e.hi[k] {
				if count++; first < 0 {
					first = k
				}
			}
		}
		if count > 0 {
			c.Problems = append(c.Problems, DataProblem{fmt.Sprintf("input %d", j), -1, c.DataReport.Batches,
				fmt.Sprintf("%d of %d features are the same in all %d examples, the first one, %v, at %v", count, len(e.lo), c.Examples, e.lo[first], placeIn(e.dims, first)), true})
		}
	}
	if e := c.labels[0]; e != nil && !e.other && len(e.lo) > 0 && slices.Min(e.lo) == slices.Max(e.hi) {
		c.Problems = append(c.Problems, DataProblem{"label 0", -1, c.DataReport.Batches, fmt.Sprintf("all labels are %v: there is nothing to learn", e.lo[0]), true})
	}
}
