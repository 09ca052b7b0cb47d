package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

func init() {
	lowerings[ops.Gather] = gather
	lowerings[ops.ScatterSum] = scatterSum
	lowerings[ops.ScatterMax] = func(k *call) kernels.Func { return scatterOrder(k, true) }
	lowerings[ops.ScatterMin] = func(k *call) kernels.Func { return scatterOrder(k, false) }
	lowerings[ops.ScatterUpdate] = scatterUpdate
	lowerings[ops.DynamicSlice] = dynamicSlice
	lowerings[ops.DynamicUpdateSlice] = dynamicUpdateSlice
	lowerings[ops.OneHot] = oneHot
	lowerings[ops.RandomBits] = randomBits
	lowerings[ops.RandomUniform] = func(k *call) kernels.Func { return randomFloats(k, kernels.RandomUniform) }
	lowerings[ops.RandomNormal] = func(k *call) kernels.Func { return randomFloats(k, kernels.RandomNormal) }
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func gather(k *call) kernels.Func {
	x, indices := k.in[0], k.in[1]
	depth, size := indices.Dim(-1), x.DType.Size()
	strides := x.Strides()[:depth]
	for i := range strides {
		strides[i] *= size
	}
	return kernels.Gather(cpu.Use(), indices.DType, x.Dimensions[:depth], strides, indices.Size()/depth, product(x.Dimensions[depth:])*size)
}

// scattered returns the kernel of a scatter that works in place where it can.
func scatter[T any](k *call, put kernels.Put[T]) kernels.Func {
	x, indices := k.in[0], k.in[1]
	depth := indices.Dim(-1)
	k.inPlace = []int{0}
	f, scratch := kernels.Scatter(indices.DType, x.Dimensions[:depth], x.Strides()[:depth], indices.Size()/depth, product(x.Dimensions[depth:]), put)
	k.scratch = scratch
	return f
}

func scatterSum(k *call) kernels.Func {
	if f := ladder[k.out[0].DType].scatterSum; f != nil {
		return f(k)
	}
	return nil
}

func addRows[T kernels.Number](k *call) kernels.Func { return scatter(k, kernels.AddRows[T]) }

// addFloats is addRows, with kernels of their own for single floats along one axis.
func addFloats[T kernels.Float](k *call) kernels.Func {
	if x, indices := k.in[0], k.in[1]; x.Rank() == 1 && indices.Dim(-1) == 1 {
		if f := kernels.ScatterAdd[T](cpu.Use(), indices.DType, x.Size(), indices.Size()); f != nil {
			k.inPlace = []int{0}
			return f
		}
	}
	return addRows[T](k)
}

func scatterOrder(k *call, larger bool) kernels.Func {
	if f := ladder[k.out[0].DType].scatterOrder; f != nil {
		return f(k, larger)
	}
	return nil
}

func orderRows[T kernels.Real](k *call, larger bool) kernels.Func {
	if larger {
		return scatter(k, kernels.MaxRows[T])
	}
	return scatter(k, kernels.MinRows[T])
}

func scatterUpdate(k *call) kernels.Func {
	switch k.out[0].DType.Size() {
	case 1:
		return scatter(k, kernels.CopyRows[uint8])
	case 2:
		return scatter(k, kernels.CopyRows[uint16])
	case 4:
		return scatter(k, kernels.CopyRows[uint32])
	case 8:
		return scatter(k, kernels.CopyRows[uint64])
	}
	return scatter(k, kernels.CopyRows[complex128])
}

func dynamicSlice(k *call) kernels.Func {
	x, y := k.in[0], k.out[0]
	if x.Rank() == 0 {
		return viewOf(k)
	}
	if k.soon && k.slides() {
		k.slide = kernels.Starts(k.in[1].DType, x.DType.Size(), x.Dimensions, y.Dimensions, x.Strides())
		return nil
	}
	return kernels.DynamicSlice(k.in[1].DType, x.DType.Size(), x.Dimensions, y.Dimensions, x.Strides(), y.Strides())
}

func dynamicUpdateSlice(k *call) kernels.Func {
	x, part := k.in[0], k.in[1]
	if x.Rank() == 0 {
		return nil
	}
	k.inPlace = []int{0}
	return kernels.DynamicUpdateSlice(k.in[2].DType, x.DType.Size(), x.Dimensions, part.Dimensions, x.Strides(), part.Strides())
}

func oneHot(k *call) kernels.Func {
	a := k.attrs.(ir.OneHotAttrs)
	one, err := tensors.FromScalar(int64(1)).ConvertDType(a.DType)
	if err != nil {
		return nil
	}
	var bytes []byte
	one.MustConstBytes(func(data []byte) { bytes = append(bytes, data...) })
	return kernels.OneHot(k.in[0].DType, k.in[0].Size(), a.Depth, bytes)
}

func randomBits(k *call) kernels.Func {
	return kernels.RandomBits(k.out[1].Size(), k.out[1].DType == dtypes.Uint64)
}

func randomFloats(k *call, of func(n int) kernels.Func) kernels.Func {
	if k.out[1].DType != dtypes.Float32 {
		return nil
	}
	return of(k.out[1].Size())
}
