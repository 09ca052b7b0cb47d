package tensors_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

func Example() {
	t := tensors.FromValue([][]float32{{1, 2, 3}, {4, 5, 6.5}})
	fmt.Println(t)
	fmt.Println(t.At(1, -1))

	sum := float32(0)
	tensors.MustConstFlatData(t, func(flat []float32) {
		for _, v := range flat {
			sum += v
		}
	})
	fmt.Println(sum)

	whole, err := t.ConvertDType(dtypes.Int8)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(whole.GoStr())
	t.Close() // frees the memory now
	// Output:
	// float32[2 3]
	// [[1.0 2.0 3.0]
	//  [4.0 5.0 6.5]]
	// 6.5
	// 21.5
	// [][]int8{{1, 2, 3}, {4, 5, 6}}
}

func ExampleFromAnyValue() {
	_, err := tensors.FromAnyValue([][]float32{{1, 2}, {3}})
	fmt.Println(err)
	// Output: the slice is ragged: element [1] has length 1, those before it 2
}

func ExampleTensor_Format() {
	t := tensors.FromScalarAndDimensions(math.Pi, 100, 100)
	fmt.Println(t.Format(tensors.FormatOptions{Precision: 2, EdgeItems: 1}))
	// Output:
	// float64[100 100]
	// [[3.14 ... 3.14]
	//  ...
	//  [3.14 ... 3.14]]
}

func ExampleSaveNpz() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("example-%d.npz", os.Getpid()))
	defer os.Remove(path)
	err := tensors.SaveNpz(path, map[string]*tensors.Tensor{
		"weights": tensors.FromValue([]float32{1, 2}),
		"step":    tensors.FromValue(7),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := tensors.LoadNpz(path) // in Python: numpy.load(path)
	fmt.Println(values["step"], err)
	// Output: int64[] 7 <nil>
}
