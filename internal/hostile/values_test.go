package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/rows"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// env is what the arguments of one call share: a graph to build in, and all that belongs to it.
type env struct {
	g     *graph.Graph
	depth int // of functions called to make arguments
}

func newEnv() *env { return &env{g: graph.NewGraph(gocpu.New(), "hostile")} }

// maker makes one value of a type. The first maker of a type makes an ordinary one, the others what nobody should give.
type maker struct {
	name string
	make func(e *env) any // nil for the type's zero value
}

func plain(name string, v any) maker { return maker{name, func(*env) any { return v }} }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (e *env) param(dims ...int) *graph.Node {
	return graph.Parameter(e.g, "", shapes.Make(dtypes.Float32, dims...))
}

func finalized() *tensors.Tensor {
	t := tensors.FromValue([]float32{1, 2, 3})
	t.Close()
	return t
}

// broken is a reader, a writer, and a data set whose every pass fails.
type broken struct{}

var errBroken = errors.New("broken on purpose")

func (broken) Read([]byte) (int, error)          { return 0, errBroken }
func (broken) ReadAt([]byte, int64) (int, error) { return 0, errBroken }
func (broken) Write([]byte) (int, error)         { return 0, errBroken }
func (broken) Name() string                      { return "broken" }
func (broken) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) { yield(data.Batch{}, errBroken) }
}

func newStore() *model.Store {
	s := model.NewStore()
	must(s.RootScope().In("layer").CreateVariable("weights", tensors.FromValue([][]float32{{1, 2}, {3, 4}})))
	return s
}

func newDataset() *data.InMemoryDataset {
	return must(data.InMemory("examples", tensors.FromValue([][]float32{{1, 2}, {3, 4}, {5, 6}}), tensors.FromValue([][]float32{{1}, {2}, {3}}))).BatchSize(2, false)
}

func newTrainer() *train.Trainer {
	fn := func(scope *model.Scope, x *graph.Node) *graph.Node { return graph.ReduceSum(x, -1) }
	return train.NewTrainer(gocpu.New(), model.NewStore(), fn, losses.MeanSquaredError, optimizers.Adam().Done())
}

// addition is a module as stablehlo.Read takes it.
const addition = `func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = stablehlo.add %x, %x : tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}`

const openAddition = `func.func @main(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %0 = stablehlo.add %x, %x : tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}`

var numDirs int // of checkpoints

// makers are the values of types that need more than their kind says.
var makers = map[reflect.Type][]maker{
	reflect.TypeFor[*graph.Graph](): {
		{"a graph", func(e *env) any { return e.g }},
		{"nil", nil},
		{"a zero Graph", func(*env) any { return &graph.Graph{} }},
		{"a compiled graph", func(*env) any {
			g := graph.NewGraph(gocpu.New(), "compiled")
			must(0, g.Compile(graph.Const(g, float32(1))))
			return g
		}},
		{"a graph without a backend", func(*env) any { return graph.NewGraph(nil, "bare") }},
	},
	reflect.TypeFor[*live.Array](): {
		{"[2 3]", func(*env) any { return live.Of([][]float32{{1, 2, 3}, {4, 5, 6}}) }},
		{"nil", nil},
		{"a zero Array", func(*env) any { return new(live.Array) }},
		{"a faulty one", func(*env) any { return live.Of("text") }},
		{"a released one", func(*env) any {
			a := live.Of([]float32{1, 2})
			live.Release(a)
			return a
		}},
		{"one of another session", func(*env) any { return must(live.NewSession(gocpu.New())).Ones(2, 3) }},
		{"an empty one", func(*env) any { return live.Zeros(0, 3) }},
	},
	reflect.TypeFor[*live.Session](): {
		{"a session", func(*env) any { return must(live.NewSession(gocpu.New())) }},
		{"nil", nil},
		{"a zero Session", func(*env) any { return new(live.Session) }},
	},
	reflect.TypeFor[*live.Pending](): {
		{"an evaluation", func(*env) any { return live.AsyncEval(context.Background(), live.Ones(2)) }},
		{"nil", nil},
		{"a zero Pending", func(*env) any { return new(live.Pending) }},
	},
	reflect.TypeFor[*graph.Node](): {
		{"[2 3]", func(e *env) any { return e.param(2, 3) }},
		{"nil", nil},
		{"a zero Node", func(*env) any { return &graph.Node{} }},
		{"of another graph", func(*env) any { return newEnv().param(2, 3) }},
		{"empty", func(e *env) any { return e.param(2, 0) }},
		{"empty and huge", func(e *env) any { return e.param(1<<32, 0) }},
		{"huge", func(e *env) any { return e.param(1<<20, 1<<20) }},
		{"a scalar", func(e *env) any { return e.param() }},
		{"an int scalar", func(e *env) any { return graph.Const(e.g, int32(1)) }},
		{"a bool", func(e *env) any { return graph.Parameter(e.g, "", shapes.Make(dtypes.Bool, 2, 3)) }},
		{"complex", func(e *env) any { return graph.Parameter(e.g, "", shapes.Make(dtypes.Complex64, 2, 3)) }},
		{"of many axes", func(e *env) any { return e.param(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) }},
	},
	reflect.TypeFor[*graph.Function](): {
		{"a function", func(e *env) any {
			return graph.NewFunction(e.g, "f", func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Const(g, float32(1))} })
		}},
		{"nil", nil},
		{"a zero Function", func(*env) any { return &graph.Function{} }},
		{"of another graph", func(*env) any {
			return graph.NewFunction(newEnv().g, "f", func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Const(g, true)} })
		}},
	},
	reflect.TypeFor[*stablehlo.Module](): {
		{"a module", func(*env) any { return must(stablehlo.Read(addition)) }}, {"nil", nil},
		{"a zero Module", func(*env) any { return &stablehlo.Module{} }},
	},
	reflect.TypeFor[*stablehlo.Func](): {
		{"a function", func(*env) any { return must(stablehlo.Read(addition)).Main() }}, {"nil", nil},
		{"a zero Func", func(*env) any { return &stablehlo.Func{} }},
	},
	reflect.TypeFor[*stablehlo.Open](): {
		{"a text of open sizes", func(*env) any { return must(stablehlo.ReadOpen(openAddition)) }}, {"nil", nil},
		{"a zero Open", func(*env) any { return &stablehlo.Open{} }},
	},
	reflect.TypeFor[*rows.Exec](): {
		{"of padded rows", func(*env) any { return rows.Pad(graph.MustNewExec(gocpu.New(), graph.Neg), rows.PowersOfTwo) }}, {"nil", nil},
		{"in parts", func(*env) any { return rows.InParts(graph.MustNewExec(gocpu.New(), graph.Neg), 2) }},
		{"a zero Exec", func(*env) any { return &rows.Exec{} }},
	},
	reflect.TypeFor[*sizes.Declaration](): {
		{"of two sizes", func(*env) any { return sizes.MustDeclare([]string{"2*b, t+1"}, "t >= 2") }}, {"nil", nil},
		{"a zero Declaration", func(*env) any { return &sizes.Declaration{} }},
	},
	reflect.TypeFor[*graph.Op](): {
		{"Neg", func(*env) any { return ir.OpByName("Neg") }}, {"nil", nil},
		{"a zero Op", func(*env) any { return &graph.Op{} }},
		{"Transpose", func(*env) any { return ir.OpByName("Transpose") }},
		{"If", func(*env) any { return ir.OpByName("If") }},
		{"TopK", func(*env) any { return ir.OpByName("TopK") }},
		{"Const", func(*env) any { return ir.OpByName("Const") }},
	},
	reflect.TypeFor[graph.Backend](): {
		{"the go engine", func(*env) any { return gocpu.New() }},
		{"nil", nil},
		{"a closed engine", func(*env) any {
			b := gocpu.New()
			b.Close()
			return b
		}},
	},
	reflect.TypeFor[graph.Buffer](): {
		{"a buffer", func(*env) any { return must(gocpu.New().Put(tensors.FromValue(float32(1)))) }},
		{"nil", nil},
		{"a closed buffer", func(*env) any {
			b := must(gocpu.New().Put(tensors.FromValue(float32(1))))
			b.Close()
			return b
		}},
	},
	reflect.TypeFor[*tensors.Tensor](): {
		{"[2 2]", func(*env) any { return tensors.FromValue([][]float32{{1, 2}, {3, 4}}) }},
		{"nil", nil},
		{"a zero Tensor", func(*env) any { return &tensors.Tensor{} }},
		{"finalized", func(*env) any { return finalized() }},
		{"empty", func(*env) any { return must(tensors.New(shapes.Make(dtypes.Float32, 2, 0))) }},
		{"empty and huge", func(*env) any { return must(tensors.New(shapes.Make(dtypes.Float32, 1<<32, 0))) }},
		{"empty and huge inside", func(*env) any { return must(tensors.New(shapes.Make(dtypes.Float32, 0, 1<<32))) }},
		{"a scalar", func(*env) any { return tensors.FromValue(float32(1)) }},
		{"bools", func(*env) any { return tensors.FromValue([]bool{true, false}) }},
		{"complex", func(*env) any { return tensors.FromValue([]complex64{1, 2i}) }},
		{"NaN and infinities", func(*env) any { return tensors.FromValue([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}) }},
		{"the largest numbers", func(*env) any { return tensors.FromValue([][]float64{{math.MaxFloat64, -math.MaxFloat64}}) }},
		{"neighbours", func(*env) any { return tensors.FromValue([]float64{1, math.Nextafter(1, 2)}) }},
		{"the ends of int64", func(*env) any { return tensors.FromValue([]int64{math.MinInt64, math.MaxInt64}) }},
	},
	reflect.TypeFor[shapes.Shape](): {
		{"float32[2 3]", func(*env) any { return shapes.Make(dtypes.Float32, 2, 3) }},
		{"zero", nil},
		{"negative", func(*env) any { return shapes.Shape{DType: dtypes.Float32, Dimensions: []int{-1, 2}} }},
		{"huge", func(*env) any { return shapes.Shape{DType: dtypes.Float32, Dimensions: []int{1 << 31, 1 << 31}} }},
		{"overflowing", func(*env) any { return shapes.Shape{DType: dtypes.Float32, Dimensions: []int{1 << 62, 1 << 62}} }},
		{"large", func(*env) any { return shapes.Shape{DType: dtypes.Float32, Dimensions: []int{1 << 40}} }},
		{"empty and huge", func(*env) any { return shapes.Shape{DType: dtypes.Float32, Dimensions: []int{1 << 32, 0}} }},
		{"of a wrong dtype", func(*env) any { return shapes.Shape{DType: 99, Dimensions: []int{2}} }},
		{"names that do not fit", func(*env) any {
			return shapes.Shape{DType: dtypes.Float32, Dimensions: []int{2}, AxisNames: []string{"a", "b"}}
		}},
	},
	reflect.TypeFor[dtypes.DType](): {
		plain("float32", dtypes.Float32), {"zero", nil}, plain("99", dtypes.DType(99)), plain("bool", dtypes.Bool),
		plain("uint8", dtypes.Uint8), plain("complex64", dtypes.Complex64),
	},
	reflect.TypeFor[context.Context](): {
		plain("the background", context.Background()), plain("ended", ended), {"nil", nil},
	},
	reflect.TypeFor[io.Reader](): {
		{"a text", func(*env) any { return strings.NewReader("text") }}, {"nil", nil}, plain("broken", broken{}),
		{"an empty text", func(*env) any { return strings.NewReader("") }},
	},
	reflect.TypeFor[io.ReaderAt](): {
		{"a text", func(*env) any { return strings.NewReader("text") }}, {"nil", nil}, plain("broken", broken{}),
	},
	reflect.TypeFor[io.Writer](): {
		{"a buffer", func(*env) any { return io.Discard }}, {"nil", nil}, plain("broken", broken{}),
	},
	reflect.TypeFor[*model.Store](): {
		{"a store", func(*env) any { return newStore() }}, {"nil", nil},
		{"a zero Store", func(*env) any { return &model.Store{} }},
		{"a finalized store", func(*env) any {
			s := newStore()
			s.Close()
			return s
		}},
	},
	reflect.TypeFor[*model.Scope](): {
		{"a scope", func(*env) any { return newStore().RootScope().In("x") }}, {"nil", nil},
		{"a zero Scope", func(*env) any { return &model.Scope{} }},
	},
	reflect.TypeFor[*model.Variable](): {
		{"a variable", func(*env) any { return newStore().GetVariable("/layer/weights") }}, {"nil", nil},
		{"a zero Variable", func(*env) any { return &model.Variable{} }},
	},
	reflect.TypeFor[*checkpoints.Handler](): {
		{"a handler", func(*env) any {
			numDirs++
			return must(checkpoints.Build(newStore()).Dir(fmt.Sprint("checkpoints", numDirs)).Done())
		}}, {"nil", nil},
		{"a zero Handler", func(*env) any { return &checkpoints.Handler{} }},
	},
	reflect.TypeFor[*rand.Rand](): { // of a zero Rand nobody can tell
		{"a stream", func(*env) any { return rand.New(rand.NewPCG(1, 2)) }}, {"nil", nil},
	},
	reflect.TypeFor[*train.Trainer](): {
		{"a trainer", func(*env) any { return newTrainer() }}, {"nil", nil},
		{"a zero Trainer", func(*env) any { return &train.Trainer{} }},
	},
	reflect.TypeFor[*train.Loop](): {
		{"a loop", func(*env) any { return train.NewLoop(newTrainer()) }}, {"nil", nil},
		{"a zero Loop", func(*env) any { return &train.Loop{} }},
	},
	reflect.TypeFor[data.Dataset](): {
		{"three examples", func(*env) any { return newDataset() }}, {"nil", nil},
		plain("broken", broken{}),
	},
	reflect.TypeFor[data.Batch](): {
		{"a batch", func(*env) any { return must(data.First(newDataset())) }}, {"zero", nil},
		{"nil tensors", func(*env) any {
			return data.Batch{Inputs: []*tensors.Tensor{nil}, Labels: []*tensors.Tensor{nil}}
		}},
		{"finalized tensors", func(*env) any {
			return data.Batch{Inputs: []*tensors.Tensor{finalized()}, Labels: []*tensors.Tensor{finalized()}}
		}},
	},
	reflect.TypeFor[any](): {
		plain("3.0", 3.0), {"nil", nil}, plain("text", "text"), plain("struct{}", struct{}{}), plain("a channel", make(chan int)),
		plain("ragged", [][]float32{{1}, {2, 3}}), plain("a nil node", (*graph.Node)(nil)), plain("a nil tensor", (*tensors.Tensor)(nil)),
		{"a finalized tensor", func(*env) any { return finalized() }}, plain("a function", func() {}), plain("a nil error", error(nil)),
		plain("empty slices", [][]float32{}), plain("a nil pointer", (*int)(nil)), plain("nested", []any{[]any{1, nil}, "x"}),
		plain("a map", map[string]any{"a": nil}), {"a zero Node", func(*env) any { return &graph.Node{} }},
	},
	reflect.TypeFor[error](): {plain("an error", errBroken), {"nil", nil}},
	reflect.TypeFor[float64](): {
		plain("0.5", 0.5), {"0", nil}, plain("-1", -1.0), plain("NaN", math.NaN()), plain("Inf", math.Inf(1)), plain("-Inf", math.Inf(-1)),
		plain("MaxFloat64", math.MaxFloat64), plain("the least", math.SmallestNonzeroFloat64),
	},
	reflect.TypeFor[string](): {
		plain("x", "x"), {"empty", nil}, plain("slashes", "//../a//"), plain("odd bytes", "\x00\xff\n%s\""), plain("long", strings.Repeat("long ", 20_000)),
	},
}

// integers are those of every integer type that they fit.
var integers = []int{1, 0, -1, 1000, 1 << 31, 1 << 40, math.MaxInt, math.MinInt}

// values returns the makers of a type. The first makes an ordinary value.
func values(t reflect.Type) []maker {
	if list := makers[t]; list != nil {
		return list
	}
	zero := maker{"zero", nil}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var list []maker
		for _, n := range integers {
			v := reflect.New(t).Elem()
			if v.CanInt() && !v.OverflowInt(int64(n)) || v.CanUint() && n >= 0 && !v.OverflowUint(uint64(n)) {
				list = append(list, plain(fmt.Sprint(n), reflect.ValueOf(n).Convert(t).Interface()))
			}
		}
		return list
	case reflect.Float32, reflect.Float64, reflect.String:
		base := map[reflect.Kind]reflect.Type{reflect.Float32: reflect.TypeFor[float64](), reflect.Float64: reflect.TypeFor[float64](), reflect.String: reflect.TypeFor[string]()}[t.Kind()]
		var list []maker
		for _, m := range makers[base] {
			v := reflect.Zero(base)
			if m.make != nil {
				v = reflect.ValueOf(m.make(nil))
			}
			list = append(list, plain(m.name, v.Convert(t).Interface()))
		}
		return list
	case reflect.Bool:
		return []maker{plain("true", reflect.ValueOf(true).Convert(t).Interface()), zero}
	case reflect.Func:
		return []maker{
			{"a function", func(e *env) any { return e.function(t, false).Interface() }}, {"nil", nil},
			{"a function that panics", func(e *env) any { return e.function(t, true).Interface() }},
			{"a function that returns nothing", func(e *env) any {
				return reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { return zeros(t) }).Interface()
			}},
		}
	case reflect.Slice:
		return slicesOf(t)
	case reflect.Map:
		return []maker{{"an empty map", func(*env) any { return reflect.MakeMap(t).Interface() }}, {"nil", nil}}
	case reflect.Chan:
		return []maker{{"a channel", func(*env) any {
			return reflect.MakeChan(reflect.ChanOf(reflect.BothDir, t.Elem()), 10).Convert(t).Interface()
		}}, {"nil", nil}}
	case reflect.Struct:
		return []maker{{"ordinary", func(e *env) any { return e.ordinary(t) }}, zero}
	case reflect.Pointer:
		return []maker{
			{"ordinary", func(e *env) any { return e.ordinary(t) }}, {"nil", nil},
			{"a pointer to zero", func(*env) any { return reflect.New(t.Elem()).Interface() }},
		}
	case reflect.Interface:
		for _, known := range sortedTypes() {
			if known.Kind() != reflect.Interface && known.Implements(t) {
				return append(slices.Clone(makers[known]), zero)
			}
		}
		return []maker{{"ordinary", func(e *env) any { return e.ordinary(t) }}, {"nil", nil}}
	}
	return []maker{zero}
}

// sortedTypes returns the types that have makers.
func sortedTypes() []reflect.Type {
	var list []reflect.Type
	for t := range makers {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b reflect.Type) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// slicesOf returns nothing, one ordinary value, and each odd one.
func slicesOf(t reflect.Type) []maker {
	var list []maker
	for i, m := range values(t.Elem()) {
		one := maker{"one " + m.name, func(e *env) any {
			s := reflect.MakeSlice(t, 1, 1)
			s.Index(0).Set(e.value(t.Elem(), m))
			return s.Interface()
		}}
		if list = append(list, one); i == 0 {
			list = append(list, maker{"nil", nil}, maker{"empty", func(*env) any { return reflect.MakeSlice(t, 0, 0).Interface() }},
				maker{"two", func(e *env) any {
					s := reflect.MakeSlice(t, 2, 2)
					s.Index(0).Set(e.value(t.Elem(), m))
					s.Index(1).Set(e.value(t.Elem(), m))
					return s.Interface()
				}})
		}
	}
	return list
}

// value makes a value with m.
func (e *env) value(t reflect.Type, m maker) reflect.Value {
	v := reflect.New(t).Elem()
	if m.make == nil {
		return v
	}
	if x := m.make(e); x != nil {
		v.Set(reflect.ValueOf(x))
	}
	return v
}

// function returns a function whose results are ordinary: its first argument that fits, or a value of its own.
func (e *env) function(t reflect.Type, panics bool) reflect.Value {
	return reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		if panics {
			panic("on purpose")
		}
		out := zeros(t)
		for i := range out {
			for _, a := range args {
				if a.Type() == out[i].Type() {
					out[i] = a
					break
				}
			}
		}
		return out
	})
}

func zeros(t reflect.Type) []reflect.Value {
	out := make([]reflect.Value, t.NumOut())
	for i := range out {
		out[i] = reflect.Zero(t.Out(i))
	}
	return out
}

// ordinary returns a value of t as a caller would make it: what a function of the package returns, or a struct with
// ordinary fields; the zero value if there is no way.
func (e *env) ordinary(t reflect.Type) any {
	if e.depth > 4 {
		return nil
	}
	e.depth++
	defer func() { e.depth-- }()
	if v, ok := e.produced(t); ok {
		return v.Interface()
	}
	s := t
	if t.Kind() == reflect.Pointer {
		s = t.Elem()
	}
	if t.Kind() == reflect.Pointer && s.Kind() != reflect.Struct {
		p := reflect.New(s)
		p.Elem().Set(e.value(s, values(s)[0]))
		return p.Interface()
	}
	if s.Kind() != reflect.Struct {
		return nil
	}
	p := reflect.New(s)
	for i := range s.NumField() {
		if f := p.Elem().Field(i); f.CanSet() {
			f.Set(e.value(f.Type(), values(f.Type())[0]))
		}
	}
	if t.Kind() == reflect.Pointer {
		return p.Interface()
	}
	return p.Elem().Interface()
}

// produced returns what the first function that returns a t gives for ordinary arguments.
func (e *env) produced(t reflect.Type) (v reflect.Value, ok bool) {
	for _, name := range producers(t) {
		func() {
			defer func() { _ = recover() }()
			f := reflect.ValueOf(functions[name])
			out := call(f, e.ordinaryArgs(f.Type()))
			if v = out[0]; v.Kind() != reflect.Interface && v.Kind() != reflect.Pointer || !v.IsNil() {
				ok = true
			}
		}()
		if ok {
			return v, true
		}
	}
	return v, false
}

// ordinaryArgs returns arguments for a function, that for its variadic parameter as a slice.
func (e *env) ordinaryArgs(f reflect.Type) []reflect.Value {
	args := make([]reflect.Value, f.NumIn())
	for i := range args {
		args[i] = e.value(f.In(i), values(f.In(i))[0])
	}
	return args
}

func call(f reflect.Value, args []reflect.Value) []reflect.Value {
	if f.Type().IsVariadic() {
		return f.CallSlice(args)
	}
	return f.Call(args)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// producers returns the names of the functions whose first result is a t, those of few parameters first.
func producers(t reflect.Type) (names []string) {
	for _, name := range sortedKeys(functions) {
		if f := reflect.TypeOf(functions[name]); f.NumOut() > 0 && f.Out(0) == t && !strings.Contains(name, "Must") {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return reflect.TypeOf(functions[a]).NumIn() - reflect.TypeOf(functions[b]).NumIn()
	})
	return names
}
