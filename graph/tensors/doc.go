// Package tensors holds values: a [Tensor] is a shape and its elements in memory of the host.
//
//	t := tensors.FromValue([][]float32{{1, 2, 3}, {4, 5, 6}})
//	fmt.Println(t)         // float32[2 3], then the elements in rows
//	fmt.Println(t.At(1, -1)) // 6
//	sum := float32(0)
//	tensors.MustConstFlatData(t, func(flat []float32) {
//		for _, v := range flat {
//			sum += v
//		}
//	})
//
// # Memory
//
// Elements lie in a [Storage], in row-major order, aligned to 64 bytes. Large storages are outside
// the Go heap and are recycled, so that a new tensor per step costs little. They are freed at once by
// [Tensor.Close]; where that is forgotten, by the garbage collector, which is started in time:
// it cannot see how much memory is at stake, so this package counts it.
//
// # Files
//
// Tensors are read from and written to NumPy's .npy and .npz files: [Load], [Tensor.Save],
// [LoadNpz], [SaveNpz]. Package images turns pictures into tensors and back.
package tensors
