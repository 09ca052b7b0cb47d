package viz

import (
	"fmt"
	"image"
	"reflect"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

var renderers sync.Map // of func(any) Bundle by reflect.Type

// Register makes view the way in which values of exactly the type T look. It takes the place of an earlier
// registration, and comes before all that [Render] knows but [Displayer]. A nil view takes back an earlier one.
//
// A cell is a program of its own, so a call in its main part holds for that cell. For later cells too it stands in a
// function init of a cell with declarations, which each later program has and calls:
//
//	func init() { viz.Register(func(p Point) viz.Bundle { return viz.Plain(p.Name) }) }
func Register[T any](view func(T) Bundle) {
	if view == nil {
		renderers.Delete(reflect.TypeFor[T]())
		return
	}
	renderers.Store(reflect.TypeFor[T](), func(v any) Bundle { return view(v.(T)) })
}

// Render returns the view of a value: its own if it is a [Displayer], a registered one, or that of its
// type. Tensors, live arrays, which are evaluated, graphs, programs, profiles, nodes, batches, data sets, tables, stores, variables, loops, trainers, metrics, images and
// errors have views; other types of this module show their settings; slices of structs and maps become tables; everything
// else is printed. A view that panics becomes the sentence that says so.
func Render(v any) Bundle { return renderSafely(func() Bundle { return render(v) }) }

func renderSafely(view func() Bundle) (b Bundle) {
	defer func() {
		if r := recover(); r != nil {
			b = failure("error: ", fmt.Sprintf("drawing this value failed: %v", r))
		}
	}()
	return view()
}

// Text returns the text form of the view of v.
func Text(v any) string { return Render(v).Text() }

func render(v any) Bundle {
	if v == nil {
		return Plain("nil")
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return Plain("nil " + typeName(r.Type()))
	}
	if d, ok := v.(Displayer); ok {
		if b := d.Bundle(); len(b.Data) > 0 {
			return b
		}
		return Plain("a view without anything in it")
	}
	if view, ok := renderers.Load(reflect.TypeOf(v)); ok {
		return view.(func(any) Bundle)(v)
	}
	switch x := v.(type) {
	case string:
		return Plain(x)
	case *train.History:
		return RunOf("", x).Bundle()
	case *tensors.Tensor:
		return Tensor(x)
	case []*tensors.Tensor:
		return tensorList(x)
	case *capability.Profile:
		return profileView(x)
	case runstate.Snapshotter:
		return States(x.Trace())
	case *runstate.Trace:
		return States(x)
	case *graph.Graph, *graph.Program:
		return Graph(x)
	case *graph.Node:
		return nodeView(x)
	case shapes.Shape:
		return Plain(x.String())
	case image.Image:
		return Image(x)
	case data.Batch:
		return Batch(x)
	case data.Flow:
		return flowView(x)
	case *model.Store:
		return Store(x)
	case *model.Scope:
		return Store(x)
	case *model.Variable:
		return variableView(x)
	case *train.Loop:
		return loopView(x)
	case *train.Trainer:
		return trainerGrid(x).bundle()
	case *train.RateCurve:
		return RateFinder(x)
	case train.Metrics:
		return metricsGrid(x).bundle()
	case train.Event:
		return Plain(eventText(x))
	case train.Series:
		return seriesView(x)
	case Tabular:
		return tableView(x)
	case data.Dataset:
		return datasetView(x)
	case error:
		return Error(x)
	case valued:
		t, err := x.Tensor()
		if err != nil {
			return Error(err)
		}
		return Tensor(t)
	}
	r := reflect.ValueOf(v)
	if _, ok := v.(fmt.Stringer); isOurs(r.Type()) && !ok {
		switch r.Kind() {
		case reflect.Struct, reflect.Pointer:
			return fieldsView(r)
		case reflect.Func:
			return Plain(fmt.Sprintf("%s, a function", r.Type()))
		}
	}
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		if isStruct(r.Type().Elem()) {
			return Table(v)
		}
	case reflect.Map:
		if _, ok := v.(fmt.Stringer); !ok {
			return mapTable(r)
		}
	}
	if s, ok := v.(fmt.Stringer); ok && !isNil(v) {
		return Plain(s.String())
	}
	return Plain(printed(v))
}

// typeName names a type as readers call it: "tensor" for *tensors.Tensor, "main.T" for one of their own.
func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.HasPrefix(t.PkgPath(), frames.Module) {
		return strings.ToLower(t.Name())
	}
	return t.String()
}

// valued is what has its value as a tensor, such as an array of package live: that package stands beside the engines, which views do not link.
type valued interface {
	Tensor() (*tensors.Tensor, error)
}

func isStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			return true
		}
	}
	return false
}
