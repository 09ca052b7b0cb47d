package shapes

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkErr reports an error whose text is not want; "" wants none.
func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	assert.Equal(t, want, got)
}

func mustPanic(t *testing.T, want string, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, ok := recover().(string); !ok || !strings.Contains(s, want) {
			t.Errorf("panic %q, want one with %q", s, want)
		}
	}()
	fn()
}

func TestShapesAsText(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		text  string
	}{
		{Make(dtypes.Float32, 32, 784), "float32[32 784]"},
		{Make(dtypes.Float32, 32, 784).WithAxisNames("batch", "pixel"), "float32[batch=32 pixel=784]"},
		{Make(dtypes.Int8, 2, 3).WithAxisNames("", "x"), "int8[2 x=3]"},
		{Make(dtypes.Int8, 2, 3).WithAxisNames("", ""), "int8[2 3]"},
		{Scalar(dtypes.Bool), "bool[]"},
		{Make(dtypes.Bool), "bool[]"},
		{Make(dtypes.Uint8, 0), "uint8[0]"},
		{Shape{}, "invalid[]"},
	} {
		assert.Equal(t, c.text, c.shape.String())
		data, err := json.Marshal(c.shape)
		require.NoError(t, err)
		var back Shape
		require.NoError(t, json.Unmarshal(data, &back), "%s", data)
		assert.Equal(t, c.text, back.String(), "%s", data)
	}
}

func TestWhatAShapeTells(t *testing.T) {
	s := Make(dtypes.Float64, 2, 3, 4).WithAxisNames("a", "", "c")
	if s.Rank() != 3 || s.Size() != 24 || s.ByteSize() != 192 || s.IsScalar() || !s.Ok() || !s.HasNames() {
		t.Errorf("%s tells wrong things", s)
	}
	if s.Dim(0) != 2 || s.Dim(-1) != 4 || s.Dim(-3) != 2 {
		t.Errorf("%s has the dimensions %d, %d, %d", s, s.Dim(0), s.Dim(-1), s.Dim(-3))
	}
	if s.Name(0) != "a" || s.Name(1) != "" || s.Name(-1) != "c" || s.Name(3) != "" || s.Name(-4) != "" {
		t.Error("wrong names")
	}
	assert.Equal(t, []int{12, 4, 1}, s.Strides(), "strides")
	assert.Equal(t, []int{0, 3, 1}, Strides([]int{2, 0, 3}), "strides")
	if !s.Equal(Make(dtypes.Float64, 2, 3, 4)) || s.Equal(Make(dtypes.Float32, 2, 3, 4)) || s.Equal(Make(dtypes.Float64, 2, 3)) || !s.EqualDimensions(Make(dtypes.Bool, 2, 3, 4)) {
		t.Error("Equal is wrong: names do not count, dtype and dimensions do")
	}
	assert.Equal(t, 1, Scalar(dtypes.Int8).Size(), "a scalar is wrong")
	assert.True(t, Scalar(dtypes.Int8).IsScalar(), "a scalar is wrong")
	assert.True(t, Make(dtypes.Int8).Equal(Scalar(dtypes.Int8)), "a scalar is wrong")
	if (Shape{}).Ok() || (Shape{}).IsScalar() || Make(dtypes.Int8, -1).Ok() || !Make(dtypes.Int8, 0).Ok() {
		t.Error("Ok is wrong")
	}
	assert.Equal(t, "int8[a=2 3 c=4]", s.WithDType(dtypes.Int8).String(), "WithDType loses something")
	assert.Equal(t, s.String(), s.Shape().String(), "WithDType loses something")
	dims := []int{1, 2}
	m := Make(dtypes.Int8, dims...)
	c := m.Clone()
	dims[0], m.Dimensions[1] = 9, 9
	assert.Equal(t, 1, m.Dimensions[0], "Make or Clone share a slice")
	assert.Equal(t, 2, c.Dimensions[1], "Make or Clone share a slice")
	mustPanic(t, "shapes: float64[a=2 3 c=4]: axis 3 is out of range: with 3 axes it is -3 to 2", func() { s.Dim(3) })
	mustPanic(t, "shapes: int8[]: axis 0 of a scalar: it has none", func() { Scalar(dtypes.Int8).Dim(0) })
	mustPanic(t, "shapes: 1 axis names for the 3 axes of float64[2 3 4]", func() { Make(dtypes.Float64, 2, 3, 4).WithAxisNames("a") })
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		want  string
	}{
		{Scalar(dtypes.Bool), ""},
		{Make(dtypes.Float32, 0, 5), ""},
		{Make(dtypes.Uint8, MaxBytes), ""},
		{Shape{}, "shape invalid[] has no dtype"},
		{Make(dtypes.DType(99), 1), "shape DType(99)[1] has no dtype"},
		{Make(dtypes.Int8, 2, -1), "shape int8[2 -1] has a negative dimension"},
		{Make(dtypes.Int8, 0, -1), "shape int8[0 -1] has a negative dimension"},
		{Make(dtypes.Uint8, MaxBytes+1), "shape uint8[70368744177665] is too large: more than 64 TiB"},
		{Make(dtypes.Uint16, MaxBytes/2+1), "shape uint16[35184372088833] is too large: more than 64 TiB"},
		{Make(dtypes.Float64, 1<<32, 1<<32), "shape float64[4294967296 4294967296] is too large: more than 64 TiB"},
		{Make(dtypes.Float64, math.MaxInt, math.MaxInt, math.MaxInt), "shape float64[9223372036854775807 9223372036854775807 9223372036854775807] is too large: more than 64 TiB"},
		{Make(dtypes.Int8, 1<<62, 4, 0), "shape int8[4611686018427387904 4 0] is too large: more than 64 TiB"},
	} {
		checkErr(t, c.shape.Check(), c.want)
	}
}

func TestAdjustAxes(t *testing.T) {
	for _, c := range []struct {
		name string
		axes []int
		rank int
		want []int
		err  string
	}{
		{"none are all", nil, 3, []int{0, 1, 2}, ""},
		{"none of a scalar are none", nil, 0, []int{}, ""},
		{"negative axes count from the end", []int{-1, 0}, 3, []int{0, 2}, ""},
		{"the result is sorted", []int{2, 1}, 3, []int{1, 2}, ""},
		{"out of range", []int{3}, 3, nil, "axis 3 is out of range: with 3 axes it is -3 to 2"},
		{"out of range from the end", []int{-4}, 3, nil, "axis -4 is out of range: with 3 axes it is -3 to 2"},
		{"of a scalar", []int{-1}, 0, nil, "axis -1 of a scalar: it has none"},
		{"twice", []int{1, 1}, 3, nil, "axis 1 is given twice"},
		{"twice in disguise", []int{1, -2}, 3, nil, "axis -2 is given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := slices.Clone(c.axes)
			got, err := AdjustAxes(c.axes, c.rank)
			checkErr(t, err, c.err)
			assert.Equal(t, c.want, got, "axes")
			assert.Equal(t, given, c.axes, "the argument is changed")
		})
	}
}

func TestJoinName(t *testing.T) {
	for _, c := range []struct{ a, b, want, err string }{
		{"", "", "", ""},
		{"x", "", "x", ""},
		{"", "x", "x", ""},
		{"x", "x", "x", ""},
		{"x", "y", "", `the names differ: "x" meets "y"`},
	} {
		got, err := JoinName(c.a, c.b)
		checkErr(t, err, c.err)
		assert.Equal(t, c.want, got, "%q and %q", c.a, c.b)
	}
}

func TestBroadcast(t *testing.T) {
	f := func(dims ...int) Shape { return Make(dtypes.Float32, dims...) }
	for _, c := range []struct {
		name     string
		operands []Shape
		want     string
		err      string
	}{
		{"nothing", nil, "", "no operands"},
		{"one stays", []Shape{f(2, 3)}, "float32[2 3]", ""},
		{"equal shapes", []Shape{f(2, 3), f(2, 3)}, "float32[2 3]", ""},
		{"a scalar meets any shape", []Shape{f(), f(2, 3)}, "float32[2 3]", ""},
		{"any shape meets a scalar", []Shape{f(2, 3), f()}, "float32[2 3]", ""},
		{"missing axes count as 1", []Shape{f(3), f(2, 3)}, "float32[2 3]", ""},
		{"1 meets any size", []Shape{f(2, 1, 4), f(3, 1)}, "float32[2 3 4]", ""},
		{"1 meets 0", []Shape{f(1), f(0)}, "float32[0]", ""},
		{"0 meets 1", []Shape{f(0), f(1)}, "float32[0]", ""},
		{"three of them", []Shape{f(3, 1), f(1, 4), f(2, 1, 1)}, "float32[2 3 4]", ""},
		{"2 and 3 do not meet", []Shape{f(2), f(3)}, "", "axis 0: 2 against 3"},
		{"0 and 2 do not meet", []Shape{f(0), f(2)}, "", "axis 0: 0 against 2"},
		{"the axis is that of the result", []Shape{f(5, 2, 3), f(4, 3)}, "", "axis 1: 2 against 4"},
		{"dtypes differ", []Shape{f(2), Make(dtypes.Int8, 2)}, "", "dtypes differ: float32 and int8 (convert one with ConvertDType)"},
		{"names come from either", []Shape{f(2, 3).WithAxisNames("a", ""), f(2, 3).WithAxisNames("", "b")}, "float32[a=2 b=3]", ""},
		{"names line up at the end", []Shape{f(2, 3).WithAxisNames("a", "b"), f(3).WithAxisNames("b")}, "float32[a=2 b=3]", ""},
		{"names come from an axis of 1", []Shape{f(2, 1).WithAxisNames("", "b"), f(2, 3)}, "float32[2 b=3]", ""},
		{"sizes are compared before names", []Shape{f(2, 3).WithAxisNames("a", "b"), f(2).WithAxisNames("a")}, "", "axis 1: 3 against 2"},
		{"names differ on equal sizes", []Shape{f(3, 3).WithAxisNames("a", "b"), f(3).WithAxisNames("a")}, "", `axis 1: the names differ: "b" meets "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Broadcast(c.operands...)
			checkErr(t, err, c.err)
			if err == nil && got.String() != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	got, err := BroadcastDims(Make(dtypes.Bool, 2, 1), Make(dtypes.Float32, 3))
	require.NoError(t, err, "of different dtypes")
	assert.Equal(t, "bool[2 3]", got.String(), "of different dtypes")
	_, err = BroadcastDims()
	assert.Error(t, err, "BroadcastDims of nothing is no error")
}

func TestBroadcastableTo(t *testing.T) {
	s := Make(dtypes.Float32, 1, 3)
	checkErr(t, s.BroadcastableTo(2, 3), "")
	checkErr(t, s.BroadcastableTo(5, 2, 3), "")
	checkErr(t, s.BroadcastableTo(0, 3), "")
	checkErr(t, s.BroadcastableTo(3), "[1 3] has more axes than [3]")
	checkErr(t, s.BroadcastableTo(2, 1), "axis 1: 3 cannot be repeated to 1")
	checkErr(t, s.BroadcastableTo(7, 2, 4), "axis 2: 3 cannot be repeated to 4")
}

func TestWithout(t *testing.T) {
	s := Make(dtypes.Float32, 2, 3, 4).WithAxisNames("a", "b", "")
	for _, c := range []struct {
		axes []int
		keep bool
		want string
	}{
		{[]int{1}, false, "float32[a=2 4]"},
		{[]int{1}, true, "float32[a=2 b=1 4]"},
		{[]int{0, 1, 2}, false, "float32[]"},
		{[]int{0, 1, 2}, true, "float32[a=1 b=1 1]"},
		{[]int{0, 1}, false, "float32[4]"},
		{nil, false, "float32[a=2 b=3 4]"},
	} {
		assert.Equal(t, c.want, s.Without(c.axes, c.keep).String(), "without %v, keep %t", c.axes, c.keep)
	}
}

// shapesOf reads up to three shapes from fuzzed bytes: small dimensions, so that they meet often.
func shapesOf(data []byte) []Shape {
	var list []Shape
	for len(data) > 0 && len(list) < 3 {
		rank := min(int(data[0]%5), len(data)-1)
		s := Shape{DType: dtypes.Float32}
		names := make([]string, 0, rank)
		for _, b := range data[1 : 1+rank] {
			s.Dimensions = append(s.Dimensions, int(b%4))
			names = append(names, []string{"", "", "x", "y"}[b/4%4])
		}
		list = append(list, s.WithAxisNames(names...))
		data = data[1+rank:]
	}
	return list
}

func FuzzBroadcast(f *testing.F) {
	f.Add([]byte{2, 1, 3, 1, 3, 3, 2, 1, 1})
	f.Add([]byte{0, 2, 10, 3, 1, 7})
	f.Add([]byte{4, 1, 1, 1, 1, 4, 0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		list := shapesOf(data)
		if len(list) == 0 {
			return
		}
		got, err := Broadcast(list...)

		// By definition: on each axis of the result, all sizes but 1 are the same, and all names too.
		rank := 0
		for _, s := range list {
			rank = max(rank, s.Rank())
		}
		want, meets := make([]int, rank), true
		names := make([]string, rank)
		for i := range want {
			sizes, called := map[int]bool{}, map[string]bool{}
			for _, s := range list {
				if axis := i - rank + s.Rank(); axis >= 0 {
					sizes[s.Dimensions[axis]] = true
					if s.Name(axis) != "" {
						called[s.Name(axis)] = true
					}
				}
			}
			delete(sizes, 1)
			meets = meets && len(sizes) <= 1 && len(called) <= 1
			want[i] = 1
			for d := range sizes {
				want[i] = d
			}
			for n := range called {
				names[i] = n
			}
		}
		if meets != (err == nil) {
			t.Fatalf("%v: error %v, but they meet: %t", list, err, meets)
		}
		if err != nil {
			return
		}
		require.True(t, slices.Equal(got.Dimensions, want), "%v make %s, want %v", list, got, want)
		for i, n := range names {
			assert.Equal(t, n, got.Name(i), "%v make %s, want the names %q", list, got, names)
		}
		for _, s := range list {
			assert.NoError(t, s.BroadcastableTo(got.Dimensions...), "%v make %s", list, got)
		}
		slices.Reverse(list)
		back, err := Broadcast(list...)
		require.NoError(t, err, list)
		assert.Equal(t, got, back, list)
	})
}
