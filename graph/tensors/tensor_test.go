package tensors

import (
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkErr reports an error whose text is not want; "" wants none.
func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	assert.Equal(t, want, errText(err))
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFromValueAndBack(t *testing.T) {
	half, brain := float16.FromFloat32(1.5), bfloat16.FromFloat32(-2)
	for _, c := range []struct {
		name  string
		value any
		shape shapes.Shape
		back  any // nil if it is value
	}{
		{"bool", true, shapes.Scalar(dtypes.Bool), nil},
		{"int becomes int64", 7, shapes.Scalar(dtypes.Int64), int64(7)},
		{"float32", float32(1.5), shapes.Scalar(dtypes.Float32), nil},
		{"complex128", 1 + 2i, shapes.Scalar(dtypes.Complex128), nil},
		{"float16", half, shapes.Scalar(dtypes.Float16), nil},
		{"vector", []int8{1, -2}, shapes.Make(dtypes.Int8, 2), nil},
		{"ints", []int{1, -2}, shapes.Make(dtypes.Int64, 2), []int64{1, -2}},
		{"matrix", [][]float64{{1, 2, 3}, {4, 5, 6}}, shapes.Make(dtypes.Float64, 2, 3), nil},
		{"rank 3", [][][]uint16{{{1}, {2}}}, shapes.Make(dtypes.Uint16, 1, 2, 1), nil},
		{"bfloat16", [][]bfloat16.BFloat16{{brain}}, shapes.Make(dtypes.BFloat16, 1, 1), nil},
		{"complex64", []complex64{1i}, shapes.Make(dtypes.Complex64, 1), nil},
		{"bools", []bool{true, false}, shapes.Make(dtypes.Bool, 2), nil},
		{"array", [2]uint8{3, 4}, shapes.Make(dtypes.Uint8, 2), []uint8{3, 4}},
		{"array of arrays", [2][2]int{{1, 2}, {3, 4}}, shapes.Make(dtypes.Int64, 2, 2), [][]int64{{1, 2}, {3, 4}}},
		{"slice of arrays", [][2]int32{{1, 2}, {3, 4}}, shapes.Make(dtypes.Int32, 2, 2), [][]int32{{1, 2}, {3, 4}}},
		{"array of slices", [2][]int32{{1}, {2}}, shapes.Make(dtypes.Int32, 2, 1), [][]int32{{1}, {2}}},
		{"empty", []float32{}, shapes.Make(dtypes.Float32, 0), nil},
		{"empty rows", [][]float32{{}, {}}, shapes.Make(dtypes.Float32, 2, 0), nil},
		{"no rows", [][]float32{}, shapes.Make(dtypes.Float32, 0, 0), nil},
		{"no rows of known length", [0][3]float32{}, shapes.Make(dtypes.Float32, 0, 3), [][]float32{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := FromAnyValue(c.value)
			require.NoError(t, err)
			assert.True(t, x.Shape().Equal(c.shape), "shape %s, want %s", x.Shape(), c.shape)
			want := c.back
			if want == nil {
				want = c.value
			}
			assert.Equal(t, want, x.Value())
		})
	}
	x := FromValue(3)
	if same, err := FromAnyValue(x); same != x || err != nil {
		t.Error("a *Tensor is not returned as it is")
	}
}

func TestFromValueErrors(t *testing.T) {
	type celsius float32
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"ragged rows", [][]float32{{1, 2}, {3}}, "the slice is ragged: element [1] has length 1, those before it 2"},
		{"ragged below", [][][]int{{{1}, {2}}, {{3}, {4, 5}}}, "the slice is ragged: element [1 1] has length 2, those before it 1"},
		{"ragged in the middle", [][][]int{{{1}, {2}}, {{3}}}, "the slice is ragged: element [1] has length 1, those before it 2"},
		{"nil", nil, "a tensor from nil: want a Go scalar, slice or array"},
		{"a closed tensor", func() any { x := FromValue(1); x.Close(); return x }(), "tensor int64[] was closed: its memory is released"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := FromAnyValue(c.value)
			checkErr(t, err, c.want)
		})
	}
	for _, value := range []any{"text", []string{"a"}, []any{1}, map[string]int{}, uint(1), uintptr(1), celsius(1), []celsius{1}, &[]int{1}} {
		_, err := FromAnyValue(value)
		assert.ErrorContains(t, err, "want bool, int, int8 to int64", "%T", value)
	}
	mustPanic(t, "the slice is ragged", func() { FromValue([][]int{{1}, {}}) })
	mustPanic(t, "want bool, int", func() { MustFromAnyValue("text") })
}

func TestConstructors(t *testing.T) {
	for _, c := range []struct {
		name string
		got  *Tensor
		want any
	}{
		{"FromScalar", FromScalar(int8(-3)), int8(-3)},
		{"FromScalarAndDimensions", FromScalarAndDimensions(float32(2), 2, 2), [][]float32{{2, 2}, {2, 2}}},
		{"FromScalarAndDimensions without any", FromScalarAndDimensions(true), true},
		{"FromFlatDataAndDimensions", FromFlatDataAndDimensions([]uint16{1, 2, 3, 4, 5, 6}, 3, 2), [][]uint16{{1, 2}, {3, 4}, {5, 6}}},
		{"FromShape", FromShape(shapes.Make(dtypes.Int32, 3)), []int32{0, 0, 0}},
	} {
		assert.Equal(t, c.want, c.got.Value(), c.name)
	}
	data := []float32{1, 2}
	x := FromFlatDataAndDimensions(data, 2)
	data[0] = 9
	assert.Equal(t, float32(1), x.At(0), "FromFlatDataAndDimensions does not copy")
	mustPanic(t, "5 elements do not make float32[2 3], which has 6", func() { FromFlatDataAndDimensions(make([]float32, 5), 2, 3) })
	mustPanic(t, "negative dimension", func() { FromScalarAndDimensions(1.0, -1) })
	mustPanic(t, "has no dtype", func() { FromShape(shapes.Shape{}) })
	_, err := New(shapes.Make(dtypes.Float32, 1<<30, 1<<30))
	checkErr(t, err, "shape float32[1073741824 1073741824] is too large: more than 64 TiB")
	_, err = New(shapes.Make(dtypes.Uint8, 1<<46))
	assert.ErrorContains(t, err, "tensor uint8[70368744177664]: no memory for 64 TiB")
}

func TestFromBytes(t *testing.T) {
	want := FromValue([][]float32{{1, 2}, {3, 4}})
	var raw []byte
	want.MustConstBytes(func(b []byte) { raw = append(raw, b...) })
	got, err := FromBytes(want.Shape(), raw)
	require.NoError(t, err, "got %v", got)
	assert.True(t, got.Equal(want), "got %v", got)
	_, err = FromBytes(want.Shape(), raw[1:])
	checkErr(t, err, "tensor float32[2 2] takes 16 bytes, not 15")
	_, err = FromBytes(shapes.Shape{}, nil)
	checkErr(t, err, "shape invalid[] has no dtype")
	b, err := FromBytes(shapes.Make(dtypes.Bool, 3), []byte{0, 2, 255})
	require.NoError(t, err)
	b.MustConstBytes(func(data []byte) {
		if data[1] != 1 || data[2] != 1 {
			t.Errorf("bytes %v are no Go bools", data)
		}
	})
}

func TestSharedMemory(t *testing.T) {
	x := FromScalarAndDimensions(float32(0), 200, 200) // large: outside the Go heap
	storage := x.Storage()
	y := x.Share()
	z, err := x.Reshaped(-1, 100)
	require.NoError(t, err)
	named, err := x.WithAxisNames("row", "column")
	require.NoError(t, err)
	assert.Equal(t, "float32[400 100]", z.Shape().String(), "shapes")
	assert.Equal(t, "float32[row=200 column=200]", named.Shape().String(), "shapes")
	assert.Equal(t, 4, storage.References(), "references")
	Flat[float32](x)[101] = 5
	assert.Equal(t, float32(5), y.At(0, 101), "what is written to one is not seen in the others")
	assert.Equal(t, float32(5), z.At(1, 1), "what is written to one is not seen in the others")
	assert.Equal(t, float32(5), named.At(0, -99), "what is written to one is not seen in the others")
	c, err := x.Clone()
	require.NoError(t, err)
	Flat[float32](x)[0] = 7
	assert.Equal(t, float32(0), c.At(0, 0), "a clone is no copy")
	assert.Equal(t, float32(5), c.At(0, 101), "a clone is no copy")
	x.Close()
	x.Close()
	y.Close()
	named.Close()
	assert.Equal(t, float32(7), z.At(0, 0), "the memory is gone although a tensor is left")
	z.Close()
	assert.Zero(t, storage.References(), "the memory is left although all tensors are closed")
	assert.Zero(t, storage.Len(), "the memory is left although all tensors are closed")
}

func TestFromStorage(t *testing.T) {
	s := newStorageT(t, 100)
	clear(s.Bytes())
	_, err := FromStorage(shapes.Make(dtypes.Float64, 13), s)
	checkErr(t, err, "tensor float64[13] takes 104 bytes, the storage has 100")
	_, err = FromStorage(shapes.Make(dtypes.Float64, -1), s)
	checkErr(t, err, "shape float64[-1] has a negative dimension")
	x, err := FromStorage(shapes.Make(dtypes.Float64, 12), s)
	require.NoError(t, err)
	require.Same(t, s, x.Storage(), "the storage is not taken over")
	assert.Len(t, Flat[float64](x), 12, "the storage is not taken over")
	assert.Equal(t, 1, s.References(), "the storage is not taken over")
	x.Close()
	assert.Zero(t, s.References(), "the reference is not released")
}

func TestReshapeErrors(t *testing.T) {
	x := FromScalarAndDimensions(int32(1), 2, 3)
	for _, c := range []struct {
		dims []int
		want string
	}{
		{[]int{4}, "reshape int32[2 3] to [4]: 6 elements do not fit"},
		{[]int{-1, 4}, "reshape int32[2 3] to [-1 4]: 6 elements do not fit"},
		{[]int{-1, -1}, "reshape int32[2 3] to [-1 -1]: only one dimension may be -1"},
		{[]int{-2, -3}, "reshape int32[2 3] to [-2 -3]: 6 elements do not fit"},
		{[]int{-1, 0}, "reshape int32[2 3] to [-1 0]: 6 elements do not fit"},
		{[]int{1 << 62, 4}, "reshape int32[2 3] to [4611686018427387904 4]: 6 elements do not fit"},
		{[]int{3, -1, 1}, ""},
		{[]int{6}, ""},
	} {
		_, err := x.Reshaped(c.dims...)
		checkErr(t, err, c.want)
	}
	_, err := x.WithAxisNames("a")
	checkErr(t, err, "1 axis names for the 2 axes of int32[2 3]")
}

func TestClosedAndEmptyTensors(t *testing.T) {
	x := FromValue([]float32{1, 2})
	assert.True(t, x.Ok(), "a new tensor is not Ok")
	x.Close()
	assert.NoError(t, x.Close(), "closing twice")
	if x.Ok() || x.Shape().String() != "float32[2]" {
		t.Error("a closed tensor is Ok, or lost its shape")
	}
	const gone = "tensor float32[2] was closed: its memory is released"
	y := FromValue([]float32{1, 2})
	for name, err := range map[string]error{
		"ConstFlatData":    ConstFlatData(x, func([]float32) {}),
		"MutableFlatData":  MutableFlatData(x, func([]float32) {}),
		"AssignFlatData":   AssignFlatData(x, []float32{1, 2}),
		".ConstFlatData":   x.ConstFlatData(func(any) {}),
		".MutableFlatData": x.MutableFlatData(func(any) {}),
		".ConstBytes":      x.ConstBytes(func([]byte) {}),
		".MutableBytes":    x.MutableBytes(func([]byte) {}),
		".CopyFrom to":     x.CopyFrom(y),
		".CopyFrom from":   y.CopyFrom(x),
		".Clone":           second(x.Clone()),
		".Reshaped":        second(x.Reshaped(2)),
		".WithAxisNames":   second(x.WithAxisNames("a")),
		".ConvertDType":    second(x.ConvertDType(dtypes.Int8)),
		"CopyFlatData":     second(CopyFlatData[float32](x)),
		".Save":            trimPath(x.Save(filepath.Join(t.TempDir(), "x.npy"))),
	} {
		assert.Equal(t, gone, errText(err), "%s: error %v", name, err)
	}
	for name, fn := range map[string]func(){
		"Flat":        func() { Flat[float32](x) },
		"At":          func() { x.At(0) },
		"Value":       func() { x.Value() },
		"Float64At":   func() { x.Float64At(0) },
		"Equal":       func() { x.Equal(y) },
		"Equal other": func() { y.Equal(x) },
		"InDelta":     func() { y.InDelta(x, 1) },
		"Storage":     func() { x.Storage() },
		"Share":       func() { x.Share() },
		"ToScalar":    func() { ToScalar[float32](x) },
	} {
		t.Run(name, func(t *testing.T) { mustPanic(t, gone, fn) })
	}
	assert.Equal(t, "<"+gone+">", x.String(), "it prints")
	assert.Equal(t, "/* "+gone+" */", x.GoStr(), "as Go")
	var none *Tensor
	checkErr(t, none.CheckValid(), "the tensor is nil")
	checkErr(t, none.Close(), "")
	checkErr(t, new(Tensor).CheckValid(), "the tensor is empty: make tensors with the functions of package tensors")
}

func second[T any](_ T, err error) error { return err }

func TestFlatAccess(t *testing.T) {
	x := FromValue([][]int32{{1, 2}, {3, 4}})
	MustMutableFlatData(x, func(flat []int32) { flat[3] = 40 })
	sum := int32(0)
	MustConstFlatData(x, func(flat []int32) {
		for _, v := range flat {
			sum += v
		}
	})
	assert.Equal(t, int32(46), sum, "sum")
	x.MustMutableFlatData(func(flat any) { flat.([]int32)[0] = 10 })
	flat := MustCopyFlatData[int32](x)
	flat[1] = 99
	assert.Equal(t, [][]int32{{10, 2}, {3, 40}}, x.Value())
	checkErr(t, AssignFlatData(x, []int32{4, 3, 2, 1}), "")
	assert.Equal(t, [][]int32{{4, 3}, {2, 1}}, x.Value())
	checkErr(t, AssignFlatData(x, []int32{1}), "1 elements do not fit into int32[2 2], which has 4")
	checkErr(t, AssignFlatData(x, []float32{1, 2, 3, 4}), "the elements of int32[2 2] are not float32")
	checkErr(t, ConstFlatData(x, func([]uint32) {}), "the elements of int32[2 2] are not uint32")
	mustPanic(t, "the elements of int32[2 2] are not float16", func() { Flat[float16.Float16](x) })
	mustPanic(t, "the elements of int32[2 2] are not int64", func() { MustCopyFlatData[int64](x) })
	mustPanic(t, "int32[2 2] is no scalar", func() { ToScalar[int32](x) })
	mustPanic(t, "are not bool", func() { ToScalar[bool](FromValue(1)) })
	assert.Equal(t, float32(2.5), ToScalar[float32](FromScalar(float32(2.5))), "ToScalar")
	checkErr(t, x.CopyFrom(FromValue([]int32{1})), "copy of int32[1] into int32[2 2]: the shapes differ")
}

// While a callback runs, the collector must not take the memory of a tensor that nothing else holds.
func TestCallbacksKeepTheTensorAlive(t *testing.T) {
	const n = 1 << 18 // 1 MiB: outside the Go heap
	fresh := func() *Tensor { return FromScalarAndDimensions(float32(1), n) }
	overwrite := func() { // takes memory that was freed by mistake, and writes to it
		pool.collect()
		for range 4 {
			FromScalarAndDimensions(float32(2), n)
		}
	}
	check := func(name string, flat []float32) {
		overwrite()
		if flat[0] != 1 || flat[n-1] != 1 {
			t.Errorf("%s: the memory is someone else's", name)
		}
	}
	MustConstFlatData(fresh(), func(flat []float32) { check("ConstFlatData", flat) })
	MustMutableFlatData(fresh(), func(flat []float32) { check("MutableFlatData", flat) })
	fresh().MustConstFlatData(func(flat any) { check(".ConstFlatData", flat.([]float32)) })
	fresh().MustMutableFlatData(func(flat any) { check(".MutableFlatData", flat.([]float32)) })
	fresh().MustMutableBytes(func(b []byte) {
		overwrite()
		assert.Equal(t, byte(0x3f), b[3], ".MutableBytes: the memory is someone else's") // of 1.0, the lowest byte first
	})
	x := fresh()
	flat := Flat[float32](x)
	check("Flat", flat)
	runtime.KeepAlive(x)
}

func TestAt(t *testing.T) {
	x := FromValue([][]int16{{1, 2, 3}, {4, 5, 6}})
	for _, c := range []struct {
		index []int
		want  int16
	}{{[]int{0, 0}, 1}, {[]int{1, 2}, 6}, {[]int{-1, -1}, 6}, {[]int{-2, -3}, 1}, {[]int{1, -2}, 5}} {
		assert.Equal(t, c.want, x.At(c.index...), "At%v", c.index)
	}
	mustPanic(t, "At(1) of int16[2 3]: 1 indices for 2 axes", func() { x.At(1) })
	mustPanic(t, "At(0, 3) of int16[2 3]: index 3 is out of range on axis 1, which has 3", func() { x.At(0, 3) })
	mustPanic(t, "index -3 is out of range on axis 0, which has 2", func() { x.At(-3, 0) })
	mustPanic(t, "Float64At(6) of int16[2 3]: it has 6 elements", func() { x.Float64At(6) })
	mustPanic(t, "Float64At(-1)", func() { x.Float64At(-1) })
	for _, d := range dtypes.All() {
		one := must(FromValue([]int{0, 1}).ConvertDType(d))
		assert.Equal(t, 1.0, one.Float64At(1), "%s: Float64At", d)
		if got := one.At(1); got != dtypes.Convert(1, d) {
			t.Errorf("%s: At %v (%T)", d, got, got)
		}
	}
}

func TestEqualAndInDelta(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name           string
		x, y           any
		equal, inDelta bool // within 0.5
	}{
		{"the same", []float64{1, 2}, []float64{1, 2}, true, true},
		{"near", []float64{1, 2}, []float64{1, 2.5}, false, true},
		{"far", []float64{1, 2}, []float64{1, 2.6}, false, false},
		{"other shape", []float64{1, 2}, [][]float64{{1, 2}}, false, false},
		{"other dtype", []float64{1, 2}, []float32{1, 2}, false, false},
		{"NaN", []float64{nan}, []float64{nan}, false, true},
		{"NaN and a number", []float64{nan}, []float64{0}, false, false},
		{"infinities", []float64{inf, -inf}, []float64{inf, -inf}, true, true},
		{"opposite infinities", []float64{inf}, []float64{-inf}, false, false},
		{"zeros", []float32{0}, []float32{float32(math.Copysign(0, -1))}, true, true},
		{"integers", []int64{1 << 60}, []int64{1<<60 + 1}, false, true},
		{"imaginary parts", []complex64{1i}, []complex64{2i}, false, false},
		{"bools", []bool{true}, []bool{false}, false, false},
		{"empty", []int8{}, []int8{}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, y := FromValue(c.x), FromValue(c.y)
			assert.Equal(t, c.equal, x.Equal(y), "Equal")
			assert.Equal(t, c.equal, y.Equal(x), "Equal")
			assert.Equal(t, c.inDelta, x.InDelta(y, .5), "InDelta")
			assert.Equal(t, c.inDelta, y.InDelta(x, .5), "InDelta")
		})
	}
}

// Each pair of dtypes is converted as dtypes.Convert does it, the fast loops too.
func TestConvertDType(t *testing.T) {
	inf := math.Inf(1)
	samples := FromValue([]float64{0, math.Copysign(0, -1), 1, -1, 2.5, -2.5, 127.9, 128, 255, 256, -129, 65504, 65520, 1e5, 3e9, -3e9, 1e19, 2e19, -1e19, 1e-8, 1e39, inf, -inf, math.NaN(), 1.0009765625, 1.00048828125000001, 0.1})
	for _, from := range dtypes.All() {
		x := must(samples.ConvertDType(from))
		for _, to := range dtypes.All() {
			y, err := x.ConvertDType(to)
			require.NoError(t, err)
			if want := x.Shape().WithDType(to); !y.Shape().Equal(want) {
				t.Fatalf("shape %s, want %s", y.Shape(), want)
			}
			for i := range x.Size() {
				got, want := y.At(i), dtypes.Convert(x.At(i), to)
				if got != want && !(y.Float64At(i) != y.Float64At(i) && FromValue(want).Float64At(0) != FromValue(want).Float64At(0)) {
					t.Errorf("%s %v to %s: %v, want %v", from, x.At(i), to, got, want)
				}
			}
		}
	}
	_, err := samples.ConvertDType(dtypes.Invalid)
	checkErr(t, err, "float64[27] cannot be converted to invalid: it is no dtype")
	named := must(FromValue([]int{1}).WithAxisNames("a"))
	assert.Equal(t, "float32[a=1]", must(named.ConvertDType(dtypes.Float32)).Shape().String(), "names are lost")
}

// trimPath removes what is before the cause of an error.
func trimPath(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// Weights of a large layer are made in float64 and fitted to their dtype: no element may cost an allocation.
func TestFittingAllocatesOnce(t *testing.T) {
	x := FromFlatDataAndDimensions(make([]float64, 10_000), 100, 100)
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float16, dtypes.BFloat16, dtypes.Int32} {
		testenv.AllocatesAtMost(t, 50, func() {
			y, err := x.FitDType(d)
			require.NoError(t, err, d)
			y.Close()
		})
	}
}
