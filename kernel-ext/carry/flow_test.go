package carry_test

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"io/fs"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/backendcodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/datacodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/imagecodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/livecodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/methodcodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/modelcodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/randcodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/tensorcodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/timecodec"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

// Types as cells declare them.
type (
	point  struct{ x, y float64 }
	pair   [2]int
	namely map[string][]int
	tree   struct {
		name        string
		left, right *tree
		up          *tree
	}
	ring       struct{ next *ring }
	box[T any] struct {
		v    T
		more []box[T]
	}
	shape   interface{ Area() float64 }
	square  struct{ side float64 }
	disk    struct{ r *float64 }
	guarded struct {
		mu sync.Mutex
		n  map[string]int
	}
	hidden struct {
		_    [3]byte
		flag bool
		fn   func()
		ch   chan int
		any  any
	}
	secret  struct{ word string }
	codeErr struct{ code int }
	header  struct {
		all   []float64
		head  []float64
		third *float64
	}
	embedded struct {
		point
		*tree
		tag string
	}
	generator struct {
		r   *rand.Rand
		pcg *rand.PCG
	}
	bigOne struct {
		name string
		data [20_000]float64
		tail *float64
	}
)

func (s square) Area() float64   { return s.side * s.side }
func (d *disk) Area() float64    { return math.Pi * *d.r * *d.r }
func (e *codeErr) Error() string { return fmt.Sprint("code ", e.code) }

func (s secret) SaveCarry() ([]byte, error) { return []byte(strings.ToUpper(s.word)), nil }
func (s *secret) LoadCarry(b []byte) error  { s.word = strings.ToLower(string(b)); return nil }

var (
	_ = carry.Know[square]()
	_ = carry.Know[disk]()
	_ = carry.Know[codeErr]()
	_ = carry.Know[point]()
	_ = carry.Know[bigOne]()
)

// kind is a kind of value: how it is made, how it is changed, and what is to be seen of it, which includes what shares memory.
type kind interface {
	title() string
	declare(name string, change bool)
	load(t *testing.T, name string, changed, change bool)
}

type kindOf[T any] struct {
	name   string
	make   func() T
	change func(v *T)
	see    func(v T) string
}

func (k kindOf[T]) title() string { return k.name }

// seen is what is to be seen of a value that never was in a file.
func (k kindOf[T]) seen(changed bool) string {
	v := k.make()
	if changed {
		k.change(&v)
	}
	return k.see(v)
}

func (k kindOf[T]) declare(name string, change bool) {
	v := new(T) // a variable whose address is taken
	*v = k.make()
	carry.Out(name, v)
	if change {
		k.change(v)
	}
}

func (k kindOf[T]) load(t *testing.T, name string, changed, change bool) {
	v := new(T)
	carry.In(name, v)
	assert.Equal(t, k.seen(changed), k.see(*v), "%s, changed: %v", k.name, changed)
	if change {
		k.change(v)
	}
}

// say is a kind that prints as what it is.
func say[T any](name string, make func() T, change func(v *T)) kind {
	return kindOf[T]{name, make, change, func(v T) string { return fmt.Sprintf("%#v", v) }}
}

func see[T any](name string, make func() T, change func(v *T), see func(v T) string) kind {
	return kindOf[T]{name, make, change, see}
}

func ptr[T any](v T) *T { return &v }

func numbers(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i) + 0.25
	}
	return out
}

func sum(list []float64) (s float64) {
	for i, x := range list {
		s += x * float64(i%7+1)
	}
	return s
}

func picture() *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, 3, 2))
	p.Set(1, 1, color.RGBA{1, 2, 3, 255})
	return p
}

func store() *model.Store {
	s := model.NewStore()
	must(s.SetRNGStateFromSeed(3))
	must(s.SetParam("learning_rate", 0.5))
	_, err := s.CreateVariable("/layer/weights", tensors.FromFlatDataAndDimensions(numbers(30_000), 300, 100))
	must(err)
	_, err = s.CreateVariable("/layer/count", tensors.FromScalar(int64(3)))
	must(err)
	return s
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// run lets a store draw random numbers, so that its generator has a state.
func run(s *model.Store) {
	b := backends.MustNew("go")
	e := model.MustNewExec(b, s, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		s.GetVariable("/layer/count").SetNodeValue(graph.AddScalar(s.GetVariable("/layer/count").NodeValue(g), 1))
		return s.RandomUniform(g, shapes.Make(dtypes.Float32, 2))
	})
	_, err := e.Call1()
	must(err)
}

func seeStore(s *model.Store) string {
	text := fmt.Sprint(s.Seed())
	for v := range s.IterVariables() {
		text += fmt.Sprint("; ", v, " ", v.MustValue())
	}
	for path, p := range s.IterParams() {
		text += fmt.Sprint("; ", path, "=", p)
	}
	return text
}

func dataset() *data.InMemoryDataset {
	ds, err := data.InMemory("x", []float32{0, 1, 2, 3, 4, 5, 6}, []int32{0, 1, 0, 1, 0, 1, 0})
	must(err)
	return ds.BatchSize(2, false).Shuffle(9)
}

func seeDataset(ds *data.InMemoryDataset) string {
	text := fmt.Sprint(ds.Position())
	c := 0
	for b := range ds.Copy().IterFrom(ds.Position()) {
		if text += fmt.Sprint(b.Inputs[0]); c > 2 {
			break
		}
		c++
	}
	return text
}

func next(ds *data.InMemoryDataset) {
	for range ds.Iter() {
		break
	}
}

var long = numbers(200_000)

// kinds are all kinds of values that flow.
var kinds = []kind{
	say("bool", func() bool { return false }, func(v *bool) { *v = true }),
	say("int", func() int { return -1 }, func(v *int) { *v++ }),
	say("uint64", func() uint64 { return math.MaxUint64 }, func(v *uint64) { *v-- }),
	say("float64", func() float64 { return math.Pi }, func(v *float64) { *v = math.Inf(-1) }),
	say("complex128", func() complex128 { return 1 + 2i }, func(v *complex128) { *v *= 2i }),
	say("string", func() string { return "tëxt\x00" }, func(v *string) { *v += "!" }),
	see("a long string", func() string { return strings.Repeat("abc", 50_000) }, func(v *string) { *v = strings.Replace(*v, "abc", "xyz", 1) },
		func(v string) string { return fmt.Sprint(len(v), v[:10]) }),
	say("type of a cell", func() pair { return pair{1, 2} }, func(v *pair) { v[1] = 5 }),
	say("unexported fields", func() point { return point{1, 2} }, func(v *point) { v.x = 9 }),
	say("slice", func() []int { return []int{1, 2, 3} }, func(v *[]int) { (*v)[1] = 20 }),
	say("slice that grows", func() []string { return []string{"a"} }, func(v *[]string) { *v = append(*v, "b", "") }),
	say("nil slice", func() []int { return nil }, func(v *[]int) { *v = []int{} }),
	say("empty slice", func() []int { return []int{} }, func(v *[]int) { *v = nil }),
	see("slice with room", func() []int { return make([]int, 2, 10) }, func(v *[]int) { *v = (*v)[:3] }, func(v []int) string { return fmt.Sprint(v, cap(v), v[:cap(v)]) }),
	see("what lies beyond the end", func() []int { return []int{1, 2, 3, 4}[:2] }, func(v *[]int) { (*v)[:3][2] = 30 }, func(v []int) string { return fmt.Sprint(v, v[:4]) }),
	say("array", func() [3]string { return [3]string{"a", "b"} }, func(v *[3]string) { v[2] = "c" }),
	say("slices of slices", func() [][]int { return [][]int{{1}, nil, {2, 3}, {}} }, func(v *[][]int) { (*v)[2][1] = 30 }),
	say("slice of nothing", func() []struct{} { return make([]struct{}, 3, 5) }, func(v *[]struct{}) { *v = (*v)[:1] }),
	see("a large slice", func() []float64 { return slices.Clone(long) }, func(v *[]float64) { (*v)[123_456]++ }, func(v []float64) string { return fmt.Sprint(len(v), sum(v)) }),
	see("a large slice of large elements", func() [][3]int32 { return make([][3]int32, 10_000) }, func(v *[][3]int32) { (*v)[9_999][2] = 7 }, func(v [][3]int32) string { return fmt.Sprint(len(v), v[9_999]) }),
	see("the last byte of a large slice", func() []byte { return make([]byte, 100_001) }, func(v *[]byte) { (*v)[100_000] = 1 }, func(v []byte) string { return fmt.Sprint(len(v), bytes.Count(v, []byte{0})) }),
	say("map", func() map[string]int { return map[string]int{"a": 1, "b": 2} }, func(v *map[string]int) { (*v)["c"] = 3; delete(*v, "a") }),
	say("nil map", func() map[int]int { return nil }, func(v *map[int]int) { *v = map[int]int{} }),
	say("map of a type", func() namely { return namely{"x": {1}} }, func(v *namely) { (*v)["x"][0] = 2 }),
	say("map with array keys", func() map[pair]bool { return map[pair]bool{{1, 2}: true, {1, 1}: false} }, func(v *map[pair]bool) { (*v)[pair{0, 0}] = true }),
	see("map with NaN", func() map[float64]int { return map[float64]int{math.NaN(): 1, 2: 2} }, func(v *map[float64]int) { (*v)[math.NaN()] = 3 },
		func(v map[float64]int) string { return fmt.Sprint(len(v), v[2]) }),
	say("map with interface keys", func() map[any]int { return map[any]int{1: 1, "1": 2, point{1, 2}: 3} }, func(v *map[any]int) { (*v)[point{1, 2}]++ }),
	see("map with pointer keys", func() map[*point]int { return map[*point]int{{1, 2}: 3} }, func(v *map[*point]int) {
		for p := range *v {
			p.x = 5
		}
	}, func(v map[*point]int) string {
		text := ""
		for p, n := range v {
			text += fmt.Sprint(*p, n)
		}
		return text
	}),
	see("set", func() map[string]struct{} { return map[string]struct{}{"a": {}} }, func(v *map[string]struct{}) { (*v)["b"] = struct{}{} },
		func(v map[string]struct{}) string { return fmt.Sprint(v) }),
	see("a map in itself", func() map[string]any { m := map[string]any{"x": 1}; m["m"] = m; return m }, func(v *map[string]any) { (*v)["x"] = 2 },
		func(v map[string]any) string { return fmt.Sprint(v["m"].(map[string]any)["m"].(map[string]any)["x"]) }),
	see("pointer", func() *int { return ptr(3) }, func(v **int) { **v = 4 }, func(v *int) string { return fmt.Sprint(*v) }),
	say("nil pointer", func() *int { return nil }, func(v **int) {}),
	see("pointer to nothing", func() *struct{} { return &struct{}{} }, func(v **struct{}) { *v = nil }, func(v *struct{}) string { return fmt.Sprint(v == nil) }),
	see("pointer to pointer", func() **string { return ptr(ptr("a")) }, func(v ***string) { ***v = "b" }, func(v **string) string { return **v }),
	see("tree with ways up", func() *tree {
		t := &tree{name: "root", left: &tree{name: "l"}, right: &tree{name: "r"}}
		t.left.up, t.right.up = t, t
		return t
	}, func(v **tree) { (*v).left.up.right.name = "R" }, func(v *tree) string { return fmt.Sprint(v.left.up == v, v.right.up == v, v.right.name) }),
	see("a ring of one, by value", func() ring { return ring{} }, func(v *ring) { v.next = v }, func(v ring) string { return fmt.Sprint(v.next != nil && v.next.next == v.next) }),
	see("a long list", func() *ring {
		var r *ring
		for range 50_000 {
			r = &ring{r}
		}
		return r
	}, func(v **ring) { *v = (*v).next }, func(v *ring) string {
		n := 0
		for ; v != nil; v = v.next {
			n++
		}
		return fmt.Sprint(n)
	}),
	see("a long list of interfaces", func() any {
		var v any
		for range 20_000 {
			v = []any{v}
		}
		return v
	}, func(v *any) { *v = (*v).([]any)[0] }, func(v any) string {
		n := 0
		for ; v != nil; v = v.([]any)[0] {
			n++
		}
		return fmt.Sprint(n)
	}),
	see("overlapping slices", func() [][]int { a := []int{1, 2, 3, 4, 5}; return [][]int{a[3:], a[:4:4], a[1:2]} }, func(v *[][]int) { (*v)[0][0] = 40 },
		func(v [][]int) string { return fmt.Sprint(v, &v[0][0] == &v[1][3], cap(v[1]), cap(v[2])) }),
	see("large overlapping slices", func() [2][]float64 { a := slices.Clone(long); return [2][]float64{a[:150_000], a[100_000:]} }, func(v *[2][]float64) { v[0][149_999] = -1 },
		func(v [2][]float64) string { return fmt.Sprint(sum(v[0]), sum(v[1]), &v[0][100_000] == &v[1][0]) }),
	see("neighbours are not one", func() [][]byte { a := make([]byte, 10); return [][]byte{a[:5:5], a[5:]} }, func(v *[][]byte) { (*v)[0] = append((*v)[0], 1) },
		func(v [][]byte) string { return fmt.Sprint(v) }),
	see("pointers into an array", func() header { a := numbers(5); return header{a, a[:2], &a[3]} }, func(v *header) { *v.third = 33; v.head[1] = 11 },
		func(v header) string { return fmt.Sprint(v.all, v.head, v.third == &v.all[3], len(v.all), cap(v.head)) }),
	see("pointers to a field", func() []any { p := &point{1, 2}; return []any{&p.y, p, ptr(&p.x)} }, func(v *[]any) { *(*v)[0].(*float64) = 20 },
		func(v []any) string {
			p := v[1].(*point)
			return fmt.Sprint(*p, v[0] == any(&p.y), *v[2].(**float64) == &p.x)
		}),
	see("the inside first", func() []any {
		b := &bigOne{name: "b"}
		b.tail = &b.data[19_999]
		return []any{b.tail, &b.data, b.data[5:7], b}
	}, func(v *[]any) { *(*v)[0].(*float64) = 5; (*v)[2].([]float64)[1] = 6 }, func(v []any) string {
		b := v[3].(*bigOne)
		return fmt.Sprint(b.data[19_999], b.data[6], b.tail == v[0], v[1] == any(&b.data))
	}),
	see("one pointer twice", func() []*point { p := &point{}; return []*point{p, p} }, func(v *[]*point) { (*v)[0].x = 1 }, func(v []*point) string { return fmt.Sprint(*v[0], *v[1], v[0] == v[1]) }),
	see("one map twice", func() []map[int]int { m := map[int]int{}; return []map[int]int{m, m} }, func(v *[]map[int]int) { (*v)[0][1] = 1 }, func(v []map[int]int) string { return fmt.Sprint(v) }),
	see("embedded", func() embedded { return embedded{point{1, 2}, &tree{name: "t"}, "x"} }, func(v *embedded) { v.name = "u"; v.y = 3 }, func(v embedded) string { return fmt.Sprint(v.point, v.name, v.tag) }),
	see("generic", func() box[string] { return box[string]{"a", []box[string]{{v: "b"}}} }, func(v *box[string]) { v.more[0].v = "c" }, func(v box[string]) string { return fmt.Sprint(v) }),
	see("unnamed struct", func() struct {
		a int
		b []string
	} {
		return struct {
			a int
			b []string
		}{1, []string{"x"}}
	}, func(v *struct {
		a int
		b []string
	}) {
		v.b[0] = "y"
	}, func(v struct {
		a int
		b []string
	}) string {
		return fmt.Sprint(v)
	}),
	see("nothing of a function, a channel, an interface", func() hidden { return hidden{} }, func(v *hidden) { v.flag, v.any = true, 3 }, func(v hidden) string { return fmt.Sprint(v.flag, v.any, v.fn == nil, v.ch == nil) }),
	say("nothing", func() struct{} { return struct{}{} }, func(*struct{}) {}),
	see("interfaces", func() []shape { return []shape{square{2}, &disk{ptr(1.0)}, nil} }, func(v *[]shape) { *(*v)[1].(*disk).r = 2; (*v)[0] = square{3} }, func(v []shape) string { return fmt.Sprint(v[0].Area(), v[1].Area(), v[2]) }),
	see("any", func() any { return map[string]any{"a": []any{1, "x", nil, 2.5, []int{1}}, "p": point{1, 2}} }, func(v *any) { (*v).(map[string]any)["a"].([]any)[0] = int8(7) }, func(v any) string { return fmt.Sprintf("%#v", v) }),
	see("a mutex and a map", func() *guarded { return &guarded{n: map[string]int{}} }, func(v **guarded) { (*v).mu.Lock(); (*v).n["x"]++; (*v).mu.Unlock() }, func(v *guarded) string { return fmt.Sprint(v.n) }),
	see("methods of Saver and Loader", func() []secret { return []secret{{"a"}, {"b"}} }, func(v *[]secret) { (*v)[0].word = "c" }, func(v []secret) string { return fmt.Sprint(v) }),
	see("one of them twice", func() []*secret { s := &secret{"a"}; return []*secret{s, s} }, func(v *[]*secret) { (*v)[0].word = "c" }, func(v []*secret) string { return fmt.Sprint(v[1].word, v[0] == v[1]) }),
	see("error", func() error { return fmt.Errorf("reading: %w", io.ErrUnexpectedEOF) }, func(v *error) { *v = nil }, func(v error) string { return fmt.Sprint(v, errors.Is(v, io.ErrUnexpectedEOF), errors.Is(v, io.EOF)) }),
	see("error that programs compare with", func() error { return io.EOF }, func(v *error) { *v = fs.ErrNotExist }, func(v error) string { return fmt.Sprint(v == io.EOF, v == fs.ErrNotExist) }),
	see("error of a cell's type", func() error { return &codeErr{3} }, func(v *error) { (*v).(*codeErr).code++ }, func(v error) string { return fmt.Sprintf("%T %v", v, v) }),
	see("time", func() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, 5, time.FixedZone("X", 5400)) }, func(v *time.Time) { *v = v.Add(time.Hour).UTC() }, func(v time.Time) string { return v.String() }),
	see("times of places", func() []time.Time { return []time.Time{{}, time.Unix(1, 2).Local(), time.Unix(1<<40, 0).UTC()} }, func(v *[]time.Time) { (*v)[0] = time.Unix(5, 0) }, func(v []time.Time) string { return fmt.Sprint(v) }),
	say("duration", func() time.Duration { return time.Second }, func(v *time.Duration) { *v++ }),
	see("big.Int", func() *big.Int { return new(big.Int).Lsh(big.NewInt(1), 200) }, func(v **big.Int) { (*v).Add(*v, big.NewInt(1)) }, func(v *big.Int) string { return v.String() }),
	see("big.Float, by value", func() big.Float { return *new(big.Float).SetPrec(200).SetFloat64(1.5) }, func(v *big.Float) { v.Quo(v, big.NewFloat(3)) }, func(v big.Float) string { return v.Text('g', 60) + fmt.Sprint(v.Prec()) }),
	see("big.Rat", func() *big.Rat { return big.NewRat(1, 3) }, func(v **big.Rat) { (*v).Inv(*v) }, func(v *big.Rat) string { return v.String() }),
	see("regexp", func() *regexp.Regexp { return regexp.MustCompile("a+") }, func(v **regexp.Regexp) { *v = regexp.MustCompile((*v).String() + "b") }, func(v *regexp.Regexp) string { return v.String() }),
	say("address", func() netip.Addr { return netip.MustParseAddr("10.0.0.1") }, func(v *netip.Addr) { *v = v.Next() }),
	see("buffer", func() *bytes.Buffer { return bytes.NewBufferString("hello") }, func(v **bytes.Buffer) { (*v).ReadByte(); (*v).WriteString("!") }, func(v *bytes.Buffer) string { return v.String() }),
	see("string builder", func() *strings.Builder { b := &strings.Builder{}; b.WriteString("a"); return b }, func(v **strings.Builder) { (*v).WriteString("b") }, func(v *strings.Builder) string { return v.String() }),
	see("linked list", func() *list.List { l := list.New(); l.PushBack(1); l.PushBack("b"); return l }, func(v **list.List) { (*v).MoveToBack((*v).Front()) }, func(v *list.List) string {
		return fmt.Sprint(v.Len(), v.Front().Value, v.Back().Value, v.Front().Next() == v.Back())
	}),
	see("random generator", func() generator { p := rand.NewPCG(1, 2); return generator{rand.New(p), p} }, func(v *generator) { v.r.IntN(100) },
		func(v generator) string { b, err := v.pcg.MarshalBinary(); return fmt.Sprint(string(b), err) }),
	see("picture", func() *image.RGBA { return picture() }, func(v **image.RGBA) { (*v).Set(0, 0, color.White) }, func(v *image.RGBA) string { return fmt.Sprint(*v) }),
	see("picture behind an interface", func() image.Image { return picture() }, func(v *image.Image) { *v = image.NewUniform(color.Gray{3}) }, func(v image.Image) string { return fmt.Sprintf("%T %v", v, v.At(1, 1)) }),
	say("dtype", func() dtypes.DType { return dtypes.BFloat16 }, func(v *dtypes.DType) { *v = dtypes.Bool }),
	say("shape", func() shapes.Shape { return shapes.Make(dtypes.Float32, 2, 3).WithAxisNames("B", "") }, func(v *shapes.Shape) { *v = shapes.Scalar(dtypes.Int8) }),
	see("tensor", func() *tensors.Tensor { return tensors.FromValue([][]float32{{1, 2}, {3, 4}}) }, func(v **tensors.Tensor) { tensors.Flat[float32](*v)[2] = 30 }, func(v *tensors.Tensor) string { return v.String() }),
	see("scalar tensor", func() *tensors.Tensor { return tensors.FromScalar(true) }, func(v **tensors.Tensor) { *v = tensors.FromScalar(int8(3)) }, func(v *tensors.Tensor) string { return v.String() }),
	see("a large tensor", func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(long, 2, 100_000) }, func(v **tensors.Tensor) { tensors.Flat[float64](*v)[150_000] = -1 },
		func(v *tensors.Tensor) string { return fmt.Sprint(v.Shape(), sum(tensors.Flat[float64](v))) }),
	see("a large tensor that is exchanged", func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(long, 200_000) }, func(v **tensors.Tensor) { *v = tensors.FromFlatDataAndDimensions(long[1:], 199_999) },
		func(v *tensors.Tensor) string { return fmt.Sprint(v.Shape(), sum(tensors.Flat[float64](v))) }),
	see("an empty tensor", func() *tensors.Tensor { return tensors.FromShape(shapes.Make(dtypes.Int32, 0, 3)) }, func(v **tensors.Tensor) { *v = nil }, func(v *tensors.Tensor) string { return fmt.Sprint(v == nil || v.Shape().Size() == 0, v == nil) }),
	see("a live array", func() *live.Array { return live.Of([]float32{1, 2}).Mul(3) }, func(v **live.Array) { *v = (*v).Add(0.5) }, func(v *live.Array) string { return v.String() }),
	see("live arrays, one of them twice, kept, and none", func() []*live.Array {
		x := live.Linspace(0, 1, 30_000)
		live.Keep(x)
		return []*live.Array{x, x, nil, x.Sum()}
	}, func(v *[]*live.Array) { (*v)[3] = (*v)[0].Mean() }, func(v []*live.Array) string {
		return fmt.Sprint(v[0] == v[1], v[2] == nil, v[0].Kept(), v[0].Slice("::10000"), v[3])
	}),
	see("a tensor that is closed", func() *tensors.Tensor { return tensors.FromValue([]int8{1}) }, func(v **tensors.Tensor) { (*v).Close() }, func(v *tensors.Tensor) string { return fmt.Sprint(v.Shape(), v.Ok()) }),
	see("tensors that share memory", func() []*tensors.Tensor {
		t := tensors.FromFlatDataAndDimensions(long, 2, 100_000)
		r, err := t.Reshaped(-1)
		must(err)
		return []*tensors.Tensor{t, r, t}
	}, func(v *[]*tensors.Tensor) { tensors.Flat[float64]((*v)[0])[7] = 70 }, func(v []*tensors.Tensor) string {
		return fmt.Sprint(v[1].Shape(), tensors.Flat[float64](v[1])[7], v[0] == v[2], v[0].Storage().References())
	}),
	see("tensors behind interfaces", func() map[string]any { return map[string]any{"t": tensors.FromValue([]int32{1, 2})} }, func(v *map[string]any) { tensors.Flat[int32]((*v)["t"].(*tensors.Tensor))[0] = 5 },
		func(v map[string]any) string { return fmt.Sprint(v["t"]) }),
	see("store", store, func(v **model.Store) { run(*v) }, seeStore),
	see("a store whose variable changes", store, func(v **model.Store) {
		(*v).GetVariable("/layer/weights").MustSetValue(tensors.FromFlatDataAndDimensions(numbers(30_001)[1:], 300, 100))
	}, seeStore),
	see("a store with more", store, func(v **model.Store) {
		_, err := (*v).CreateVariable("/b", tensors.FromScalar(float32(2)))
		must(err)
		(*v).GetVariable("/b").SetTrainable(false)
	}, seeStore),
	see("one store twice", func() []*model.Store { s := store(); return []*model.Store{s, s} }, func(v *[]*model.Store) { must((*v)[0].SetParam("rate", []int{1})) },
		func(v []*model.Store) string { return fmt.Sprint(v[0] == v[1], seeStore(v[1])) }),
	see("data set", dataset, func(v **data.InMemoryDataset) { next(*v) }, seeDataset),
	see("data set behind its interface", func() data.Dataset { return dataset() }, func(v *data.Dataset) { next((*v).(*data.InMemoryDataset)) }, func(v data.Dataset) string { return seeDataset(v.(*data.InMemoryDataset)) }),
	see("a split", func() []*data.InMemoryDataset {
		a, b, err := dataset().Split(0.5)
		must(err)
		return []*data.InMemoryDataset{a, b}
	}, func(v *[]*data.InMemoryDataset) { next((*v)[1]) },
		func(v []*data.InMemoryDataset) string { return seeDataset(v[0]) + seeDataset(v[1]) }),
	see("backend", func() graph.Backend { return backends.MustNew("go") }, func(v *graph.Backend) {}, func(v graph.Backend) string { return v.Name() }),
	see("one backend twice", func() []graph.Backend { b := backends.MustNew("go"); return []graph.Backend{b, b} }, func(v *[]graph.Backend) {}, func(v []graph.Backend) string { return fmt.Sprint(v[0] == v[1], v[0].Name()) }),
	see("history", train.NewHistory, func(v **train.History) { (*v).Record(train.Event{}) }, func(v *train.History) string { b, err := v.MarshalJSON(); return fmt.Sprint(string(b), err) }),
}

const stageEnv = "CARRY_TEST_STAGE"

// stages are the cells of one notebook: each is a process of its own. The variable fK is only declared and used, cK changes in the cell
// that declares it, lK in a later one.
var stages = []struct {
	name string
	cell func(t *testing.T, k kind, i int)
}{
	{"declare", func(t *testing.T, k kind, i int) {
		k.declare(fmt.Sprint("f", i), false)
		k.declare(fmt.Sprint("c", i), true)
		k.declare(fmt.Sprint("l", i), false)
	}},
	{"use", func(t *testing.T, k kind, i int) {
		k.load(t, fmt.Sprint("f", i), false, false)
		k.load(t, fmt.Sprint("c", i), true, false)
		k.load(t, fmt.Sprint("l", i), false, true)
	}},
	{"use what was changed", func(t *testing.T, k kind, i int) {
		k.load(t, fmt.Sprint("f", i), false, false)
		k.load(t, fmt.Sprint("l", i), true, false)
	}},
}

// TestStage is one cell, in a process that TestValuesFlow starts.
func TestStage(t *testing.T) {
	stage := os.Getenv(stageEnv)
	if stage == "" {
		t.Skip("only as a process of another test")
	}
	for n, s := range stages {
		if s.name != stage {
			continue
		}
		carry.Begin(n + 1)
		for i, k := range kinds {
			s.cell(t, k, i)
		}
		carry.End()
	}
}

// cell runs a test of this binary as a cell's process, with the folder of the variables.
func cell(t *testing.T, dir, test string, env ...string) string {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	c.Env = append(append(os.Environ(), carry.DirEnv+"="+dir), env...)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestValuesFlow(t *testing.T) {
	dir := private(t)
	var before map[string]os.FileInfo
	for _, s := range stages {
		cell(t, dir, "TestStage", stageEnv+"="+s.name)
		files := filesIn(t, dir)
		for i, k := range kinds {
			for _, v := range []string{"f", "c", "l"} {
				name := fmt.Sprint(v, i)
				require.True(t, files[name] != nil, "%s: %s", k.title(), why(dir, name))
				if old := before[name]; old != nil && v != "l" {
					assert.True(t, os.SameFile(old, files[name]), "%s: %s is written again in %q though nothing changed", k.title(), name, s.name)
				}
			}
		}
		before = files
	}
	assert.True(t, len(before) == 3*len(kinds), "%d files", len(before))
}

func why(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name+".why"))
	return string(text)
}

// filesIn returns the files of a folder by name.
func filesIn(t *testing.T, dir string) map[string]os.FileInfo {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := map[string]os.FileInfo{}
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		out[e.Name()] = info
	}
	delete(out, ".lock")
	return out
}
