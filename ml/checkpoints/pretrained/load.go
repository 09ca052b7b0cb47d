package pretrained

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/model"
)

// Source is a checkpoint: safetensors.File and gguf.File are such.
type Source interface {
	Names() []string
	Shape(name string) (shapes.Shape, error)
	Tensor(name string) (*tensors.Tensor, error)
}

// Rule says which variable a tensor becomes. A {} in both names stands for a number, as that of a layer; several stand for several, in order.
type Rule struct {
	From string // name of the tensor in the checkpoint
	To   string // path of the variable

	// Transpose takes the tensor's axes in reverse order, as for matrices of PyTorch's Linear, which are [out, in].
	Transpose bool
	// Axes is the order in which the tensor's axes are taken, where that is another; it wins over Transpose. Convolutions of PyTorch, [out, in, height, width], become
	// ours, [height, width, in, out], by 2, 3, 1, 0.
	Axes []int
	// Part, if Of is set, takes this one, counted from 0, of Of equal parts of the tensor's axis Axis: queries, keys and values are often in one.
	Part, Of, Axis int
	// Optional lets the checkpoint lack it.
	Optional bool
	// Apply changes the tensor at last, if set.
	Apply func(*tensors.Tensor) (*tensors.Tensor, error)
}

// Report is what [Load] found.
type Report struct {
	Loaded     []string // paths of variables
	Missing    []string // paths of variables that the checkpoint has nothing for
	Unexpected []string // names of tensors that no rule takes
	Bytes      int64    // of the variables that were loaded
}

// String tells the numbers, and the names of what is missing or unexpected.
func (r *Report) String() string {
	s := fmt.Sprintf("%d variables loaded", len(r.Loaded))
	if len(r.Missing) > 0 {
		s += fmt.Sprintf(", %d missing: %s", len(r.Missing), some(r.Missing))
	}
	if len(r.Unexpected) > 0 {
		s += fmt.Sprintf(", %d tensors unexpected: %s", len(r.Unexpected), some(r.Unexpected))
	}
	return s
}

// some names the first of a list.
func some(list []string) string {
	const most = 4
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// ErrIncomplete is wrapped by the error of Load if the checkpoint lacks variables, or has tensors that no rule takes. What could be loaded is loaded.
var ErrIncomplete = errors.New("the checkpoint does not fit the model")

// Wanted returns the shapes of the variables that a model makes, by path, for inputs of some shapes. Nothing is computed.
func Wanted(fn func(scope *model.Scope, inputs []*graph.Node), inputs ...shapes.Shape) (map[string]shapes.Shape, error) {
	if fn == nil {
		return nil, errors.New("pretrained.Wanted: the model is nil")
	}
	store := model.NewStore()
	defer store.Close()
	g := graph.NewGraph(nil, "wanted")
	err := graph.Catch(func() {
		var in []*graph.Node
		for i, s := range inputs {
			in = append(in, graph.Parameter(g, fmt.Sprintf("x%d", i), s))
		}
		fn(store.RootScope(), in)
	})
	if err != nil {
		return nil, err
	}
	wanted := map[string]shapes.Shape{}
	for v := range store.IterVariables() {
		if v.Path() != model.RNGStatePath {
			wanted[v.Path()] = v.Shape()
		}
	}
	return wanted, nil
}

// holder finds {} in a name.
var holder = regexp.MustCompile(`\{\}`)

// matched returns the name that a rule makes of another one; by "" it says that it does not match.
type matched func(name string) string

func (r Rule) matcher() (matched, error) {
	if a, b := len(holder.FindAllString(r.From, -1)), len(holder.FindAllString(r.To, -1)); a != b {
		return nil, fmt.Errorf("pretrained.Load: the rule from %q to %q has %d and %d {}, want as many", r.From, r.To, a, b)
	}
	parts := holder.Split(r.From, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re := regexp.MustCompile("^" + strings.Join(parts, `(\d+)`) + "$")
	return func(name string) string {
		m := re.FindStringSubmatch(name)
		if m == nil {
			return ""
		}
		to := r.To
		for _, number := range m[1:] {
			to = strings.Replace(to, "{}", number, 1)
		}
		return to
	}, nil
}

// Load reads tensors of a checkpoint into variables of a store, those that are wanted: their shapes by path, see [Wanted]. A rule takes each tensor whose name it matches; a tensor
// may be taken by several. Tensors that ignore matches, regular expressions as of package regexp, are not unexpected. A variable that the store has already gets the value.
//
// If something is missing or unexpected the error wraps [ErrIncomplete] and names it; the report is there all the same, and what fits is loaded. A tensor whose shape is not
// that of its variable is an error that shows both.
func Load(store *model.Store, src Source, wanted map[string]shapes.Shape, rules []Rule, ignore ...string) (*Report, error) {
	if store == nil || src == nil {
		return nil, errors.New("pretrained.Load: the store or the checkpoint is nil")
	}
	var unimportant []*regexp.Regexp
	for _, text := range ignore {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("pretrained.Load: %w", err)
		}
		unimportant = append(unimportant, re)
	}
	match := make([]matched, len(rules))
	for i, r := range rules {
		var err error
		if match[i], err = r.matcher(); err != nil {
			return nil, err
		}
	}
	report := &Report{}
	left := maps.Clone(wanted)
	for _, name := range slices.Sorted(slices.Values(src.Names())) {
		taken := false
		for i, r := range rules {
			path := match[i](name)
			if path == "" {
				continue
			}
			taken = true
			want, ok := wanted[path]
			if !ok {
				if !r.Optional {
					return report, fmt.Errorf("pretrained.Load: the tensor %q is to be the variable %q, which the model does not make%s", name, path, nearest(path, wanted))
				}
				continue
			}
			if _, ok := left[path]; !ok {
				return report, fmt.Errorf("pretrained.Load: the tensor %q is to be the variable %q, which another one is already", name, path)
			}
			t, err := r.read(src, name, path, want)
			if err != nil {
				return report, fmt.Errorf("pretrained.Load: %w", err)
			}
			if v := store.GetVariable(path); v != nil {
				err = v.SetValue(t)
			} else {
				_, err = store.CreateVariable(path, t)
			}
			if err != nil {
				return report, fmt.Errorf("pretrained.Load: %w", err)
			}
			delete(left, path)
			report.Loaded, report.Bytes = append(report.Loaded, path), report.Bytes+int64(want.ByteSize())
		}
		if !taken && !slices.ContainsFunc(unimportant, func(re *regexp.Regexp) bool { return re.MatchString(name) }) {
			report.Unexpected = append(report.Unexpected, name)
		}
	}
	slices.Sort(report.Loaded)
	for path := range left {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Optional && r.makes(path) }) {
			report.Missing = append(report.Missing, path)
		}
	}
	slices.Sort(report.Missing)
	if len(report.Missing) > 0 || len(report.Unexpected) > 0 {
		return report, fmt.Errorf("pretrained.Load: %w: %s", ErrIncomplete, report)
	}
	return report, nil
}

// makes tells whether a rule could make a variable.
func (r Rule) makes(path string) bool {
	back, err := Rule{From: r.To, To: r.From}.matcher()
	return err == nil && back(path) != ""
}

// nearest proposes the path that is most like another one.
func nearest(path string, wanted map[string]shapes.Shape) string {
	if near := names.Nearest(path, slices.Sorted(maps.Keys(wanted))); near != "" {
		return fmt.Sprintf(": do you mean %q?", near)
	}
	best, most := "", 0
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		n := 0
		for n < min(len(p), len(path)) && p[n] == path[n] {
			n++
		}
		if n > most {
			best, most = p, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (it makes %q)", best)
}

// read reads a tensor and makes of it what a variable of some shape holds.
func (r Rule) read(src Source, name, path string, want shapes.Shape) (*tensors.Tensor, error) {
	have, err := src.Shape(name)
	if err != nil {
		return nil, err
	}
	axes := r.Axes
	if axes == nil {
		for i := range have.Rank() {
			axes = append(axes, i)
		}
		if r.Transpose {
			slices.Reverse(axes)
		}
	}
	dims := slices.Clone(have.Dimensions)
	if r.Of > 0 {
		if r.Axis < 0 || r.Axis >= len(dims) || dims[r.Axis]%r.Of != 0 || r.Part < 0 || r.Part >= r.Of {
			return nil, fmt.Errorf("the tensor %q is %s, of which part %d of %d along axis %d is wanted", name, have, r.Part, r.Of, r.Axis)
		}
		dims[r.Axis] /= r.Of
	}
	if !permutes(axes, len(dims)) {
		return nil, fmt.Errorf("the tensor %q is %s, whose axes cannot be taken in the order %v", name, have, axes)
	}
	turned := make([]int, len(dims))
	for i, a := range axes {
		turned[i] = dims[a]
	}
	if r.Apply == nil && !slices.Equal(turned, want.Dimensions) {
		hint := ""
		if back := slices.Clone(turned); len(back) > 1 {
			if slices.Reverse(back); slices.Equal(back, want.Dimensions) {
				hint = fmt.Sprintf(" (Transpose: %v makes it fit)", !r.Transpose)
			}
		}
		return nil, fmt.Errorf("the tensor %q is %s, which would make %v of the variable %q, want %s%s", name, have, turned, path, want, hint)
	}
	t, err := src.Tensor(name)
	if err != nil {
		return nil, err
	}
	step := func(f func(*tensors.Tensor) (*tensors.Tensor, error)) {
		if err == nil {
			old := t
			if t, err = f(old); t != old {
				old.Close()
			}
		}
	}
	step(func(t *tensors.Tensor) (*tensors.Tensor, error) { return t.ConvertDType(want.DType) })
	if r.Of > 0 || !slices.IsSorted(axes) {
		step(func(t *tensors.Tensor) (*tensors.Tensor, error) {
			return r.rearranged(t, dims, axes)
		})
	}
	if r.Apply != nil {
		step(r.Apply)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the tensor %q: %w", name, err)
	case !t.Shape().Equal(want):
		return nil, fmt.Errorf("the tensor %q became %s for the variable %q, want %s", name, t.Shape(), path, want)
	}
	return t, nil
}

func permutes(axes []int, rank int) bool {
	sorted := slices.Sorted(slices.Values(axes))
	for i, a := range sorted {
		if a != i {
			return false
		}
	}
	return len(axes) == rank
}

// rearranged returns a part of t, which has some dimensions, with its axes in another order.
func (r Rule) rearranged(t *tensors.Tensor, dims, axes []int) (*tensors.Tensor, error) {
	strides := make([]int, len(dims)) // of t
	stride := 1
	for i := len(dims) - 1; i >= 0; i-- {
		strides[i] = stride
		stride *= t.Shape().Dimensions[i]
	}
	begin := 0
	if r.Of > 0 {
		begin = r.Part * dims[r.Axis] * strides[r.Axis]
	}
	out := make([]int, len(dims))
	for i, a := range axes {
		out[i] = dims[a]
	}
	y, err := tensors.New(shapes.Make(t.DType(), out...))
	if err != nil {
		return nil, err
	}
	size := t.DType().Size()
	var inner error
	err = t.ConstBytes(func(from []byte) {
		inner = y.MutableBytes(func(to []byte) { rearrange(to, from, size, begin, out, axes, strides) })
	})
	return y, errors.Join(err, inner)
}

// rearrange writes elements of some size, of which place is the first, in another order.
func rearrange(to, from []byte, size, place int, out, axes, strides []int) {
	at := make([]int, len(out))
	for k := 0; k < len(to); k += size {
		copy(to[k:k+size], from[place*size:])
		for i := len(at) - 1; i >= 0; i-- {
			s := strides[axes[i]]
			if at[i]++; at[i] < out[i] {
				place += s
				break
			}
			place -= (out[i] - 1) * s
			at[i] = 0
		}
	}
}
