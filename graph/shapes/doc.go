// Package shapes describes the form of a tensor: its element type and the sizes of its axes.
//
// A [Shape] has a dtype and one dimension per axis; no axes make a scalar. An axis may carry a name,
// which is printed, travels through operations, and is checked: two axes that meet must not have
// different names.
//
//	s := shapes.Make(dtypes.Float32, 32, 784).WithAxisNames("batch", "pixel")
//	fmt.Println(s) // float32[batch=32 pixel=784]
//
// Axes count from 0; negative axes count from the end, -1 is the last. Broadcasting is NumPy's:
// shapes are lined up at their last axes, missing axes count as 1, and an axis of 1 meets any size.
package shapes
