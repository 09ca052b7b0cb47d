package dtypes_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
)

func Example() {
	for _, d := range []dtypes.DType{dtypes.Int8, dtypes.Uint8, dtypes.BFloat16, dtypes.Bool} {
		fmt.Println(d, d.Short(), d.Size(), dtypes.Convert(-1.7, d))
	}
	fmt.Println(dtypes.Floats.Has(dtypes.Float32), dtypes.Inexact)
	// Output:
	// int8 i8 1 -1
	// uint8 u8 1 0
	// bfloat16 bf16 2 -1.7
	// bool b1 1 true
	// true float, complex
}
