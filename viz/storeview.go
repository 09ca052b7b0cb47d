package viz

import (
	"fmt"
	"math"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/ml/model"
)

// Bounds on a store's view: notebooks keep all of it.
const (
	maxPreviews      = 40
	maxPreviewedSize = 1 << 24 // elements of a variable whose values are looked at
)

// Store shows the variables of a model, a *model.Store or *model.Scope, as a tree that opens on a click: scopes with the number
// of their parameters, variables with shape and statistics, and their values as a picture. The hyperparameters follow. The
// text form is the table of [Summary].
func Store(s model.StoreProvider) Bundle {
	var store *model.Store
	if isNil(s) {
		return Plain("nil store")
	}
	if err := graph.Catch(func() { store = s.Store() }); err != nil { // a zero Scope
		return Error(err)
	}
	if store == nil {
		return Plain("nil store")
	}
	path := "/"
	list, _ := variablesOf(store)
	if scope, ok := s.(*model.Scope); ok {
		path = scope.Path()
		list, _ = variablesOf(scope)
	}
	if len(list) == 0 {
		return Plain(fmt.Sprintf("no variables at %s yet: a model makes its variables when it is first built\n", path) + paramsGrid(store).text())
	}
	root := &branch{name: path}
	for _, v := range list {
		root.add(v, strings.Split(strings.Trim(strings.TrimPrefix(v.Path(), path), "/"), "/"))
	}
	previews := maxPreviews
	h := heading(root.summary()) + root.children(&previews)
	text := variableTable(list).Text()
	if g := paramsGrid(store); len(g.rows) > 0 {
		h += details("hyperparameters", g.html())
		text += "\n" + g.text()
	}
	return HTML(h, text)
}

// branch is a scope of the tree.
type branch struct {
	name      string
	scopes    []*branch
	variables []Variable
	count     int
	params    int64
	bytes     int64
}

func (b *branch) add(v Variable, rest []string) {
	b.count++
	b.params += int64(v.Shape().Size())
	b.bytes += int64(v.Shape().ByteSize())
	if len(rest) <= 1 {
		b.variables = append(b.variables, v)
		return
	}
	for _, s := range b.scopes {
		if s.name == rest[0] {
			s.add(v, rest[1:])
			return
		}
	}
	s := &branch{name: rest[0]}
	b.scopes = append(b.scopes, s)
	s.add(v, rest[1:])
}

func (b *branch) summary() string {
	return fmt.Sprintf("%s: %s, %s parameters, %s", b.name, amount(b.count, "variable"), count(b.params), bytesize.Text(b.bytes))
}

// children returns the HTML of what is below a scope: its variables, then its scopes.
func (b *branch) children(previews *int) string {
	var h strings.Builder
	for _, v := range b.variables {
		h.WriteString(variableDetails(v, previews))
	}
	for _, s := range b.scopes {
		h.WriteString(details(s.summary(), tag("div", "padding-left:20px", s.children(previews))))
	}
	return h.String()
}

// variableDetails shows a variable in a line that opens to a picture of its values.
func variableDetails(v Variable, previews *int) string {
	_, name := model.SplitPath(v.Path())
	line := fmt.Sprintf("%s  %s", name, v.Shape())
	if !isTrained(v) {
		line += "  (not trained)"
	}
	t := valueOf(v)
	if t == nil {
		return tag("div", "font-size:12px;margin:2px 0;padding-left:16px", esc(line))
	}
	if stats := valuesText(t); stats != "" {
		line += "  " + stats
	}
	if *previews--; *previews < 0 || t.Size() == 1 {
		return tag("div", "font-size:12px;margin:2px 0;padding-left:16px", esc(line))
	}
	return details(line, tag("div", "padding-left:20px", Tensor(t).HTML()))
}

// valueOf returns the value of a variable that has one already, and that is small enough to be looked at, nil otherwise.
func valueOf(v Variable) *tensors.Tensor {
	h, ok := v.(Valued)
	if !ok || v.Shape().Size() > maxPreviewedSize {
		return nil
	}
	t, err := h.Value()
	if err != nil || !t.Ok() {
		return nil
	}
	return t
}

// valuesText describes values in a line.
func valuesText(t *tensors.Tensor) string {
	switch {
	case t.DType().IsComplex() || t.Size() == 0:
		return ""
	case t.Size() == 1:
		v := t.Float64At(0)
		if t.DType().IsInt() && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return count(int64(v))
		}
		return number(v)
	}
	return statsOf(float64s(t)).String()
}

// paramsGrid is the table of hyperparameters that were set.
func paramsGrid(s *model.Store) *grid {
	g := &grid{header: []string{"hyperparameter", "value"}, left: []bool{true, true}}
	for path, v := range s.IterParams() {
		g.rows = append(g.rows, []string{path, short(fmt.Sprint(v), 60)})
	}
	if len(g.rows) == 0 {
		g.header = nil
	}
	return g
}

// variableView shows one variable: what it is called, and its value.
func variableView(v *model.Variable) Bundle {
	if v == nil {
		return Plain("nil variable")
	}
	t := valueOf(v)
	if t == nil {
		return Plain(v.String() + ", without a value that can be shown")
	}
	return Titled(v.String(), Tensor(t))
}
