package tensors_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/slicetext"
)

func TestSlices(t *testing.T) {
	x := tensors.FromValue([][]int32{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}})
	for text, want := range map[string]any{
		"":          [][]int32{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}},
		"1":         []int32{4, 5, 6, 7},
		"-1, 2":     int32(10),
		"1:, ::2":   [][]int32{{4, 6}, {8, 10}},
		"..., 0":    []int32{0, 4, 8},
		"::-2, 1:3": [][]int32{{9, 10}, {1, 2}},
		":, ::-1":   [][]int32{{3, 2, 1, 0}, {7, 6, 5, 4}, {11, 10, 9, 8}},
	} {
		got, err := x.Slice(text)
		require.NoError(t, err, text)
		assert.True(t, got.Equal(tensors.FromValue(want)), "%q is %v, want %v", text, got, want)
	}
	assert.Equal(t, []int32{8, 9, 10, 11}, tensors.Flat[int32](x.MustRow(-1)))
	assert.Equal(t, []int32{2, 3, 6, 7}, tensors.Flat[int32](x.MustSlice("0:2").MustSlice(":, 2:").MustReshaped(-1)))
	named, err := x.WithAxisNames("row", "column")
	require.NoError(t, err)
	assert.Equal(t, []string{"column"}, named.MustRow(0).Shape().AxisNames)
	y := x.MustRow(0)
	require.NoError(t, tensors.AssignFlatData(y, []int32{9, 9, 9, 9}))
	assert.Equal(t, int32(0), x.At(0, 0), "it is a copy")
	for _, c := range []struct{ text, want string }{
		{"3", "slicing int32[3 4]: axis 0: the index 3 lies outside of its 3 elements"},
		{"0,0,0", `slicing int32[3 4]: "0,0,0": 3 ranges for 2 axes`},
	} {
		_, err := x.Slice(c.text)
		assert.EqualError(t, err, c.want)
	}
	_, err = tensors.FromScalar(int8(1)).Row(0)
	assert.EqualError(t, err, "int8[] has no rows: it has no axes")
	require.NoError(t, y.Close())
	_, err = y.Slice("0")
	assert.Error(t, err)
	_, err = y.Row(0)
	assert.Error(t, err)
}

// Slices of any shape and dtype are what element by element they must be.
func TestSlicesOfAnyShape(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		dims := make([]int, 1+r.IntN(4))
		for i := range dims {
			dims[i] = r.IntN(5)
		}
		x := tensors.FromShape(shapes.Make([]dtypes.DType{dtypes.Int8, dtypes.Int64, dtypes.Complex128}[r.IntN(3)], dims...))
		x.MustMutableBytes(func(data []byte) {
			for i := range data {
				data[i] = byte(r.IntN(100))
			}
		})
		text := ""
		for axis, dim := range dims {
			if axis > 0 {
				text += ", "
			}
			if dim > 0 && r.IntN(4) == 0 {
				text += fmt.Sprint(r.IntN(dim))
			} else if a, b := r.IntN(dim+1), r.IntN(dim+1); a < dim && r.IntN(3) == 0 {
				text += fmt.Sprintf("%d::-%d", a, 1+r.IntN(2))
			} else {
				text += fmt.Sprintf("%d:%d:%d", min(a, b), max(a, b), 1+r.IntN(2))
			}
		}
		y, err := x.Slice(text)
		require.NoError(t, err, text)
		ranges, err := slicetext.Parse(text, dims)
		require.NoError(t, err)
		walk(ranges, nil, func(from, to []int) {
			require.Equal(t, x.At(from...), y.At(to...), "%v %q at %v", x.Shape(), text, from)
		}, nil)
	}
}

// walk calls fn with each index that ranges take, and with its place in the result.
func walk(ranges []slicetext.Range, from []int, fn func(from, to []int), to []int) {
	if len(from) == len(ranges) {
		fn(from, to)
		return
	}
	r := ranges[len(from)]
	for i := range r.Count {
		next := append(to[:len(to):len(to)], i)
		if r.Drop {
			next = to
		}
		walk(ranges, append(from[:len(from):len(from)], r.Start+i*r.Step), fn, next)
	}
}

func ExampleTensor_Slice() {
	x := tensors.FromValue([][]int32{{0, 1, 2, 3}, {4, 5, 6, 7}})
	fmt.Println(x.MustSlice(":, ::2"))
	fmt.Println(x.MustRow(1).MustReshaped(2, 2))
	// Output:
	// int32[2 2]
	// [[0 2]
	//  [4 6]]
	// int32[2 2]
	// [[4 5]
	//  [6 7]]
}
