package images

import (
	"fmt"
	"image"
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ToImageConfig says how tensors become pictures; [ToImage] makes one.
type ToImageConfig struct {
	maxValue float64
}

// ToImage begins the conversion of a tensor to pictures. By default full brightness is 1 for floats
// and 255 for integers (127 for int8).
func ToImage() *ToImageConfig { return &ToImageConfig{} }

// MaxValue sets the value of full brightness.
func (ti *ToImageConfig) MaxValue(v float64) *ToImageConfig {
	ti.maxValue = v
	return ti
}

// Single returns a tensor [H W C] or, if gray, [H W] as a picture: an image.Gray for one channel, an
// image.NRGBA for three and four. Values below 0 and NaN are black, those beyond the maximum full.
// It returns an error for other shapes, for dtypes that are no integer or float, and if t was
// closed.
func (ti *ToImageConfig) Single(t *tensors.Tensor) (image.Image, error) {
	if err := ti.check(t); err != nil {
		return nil, err
	}
	dims := t.Shape().Dimensions
	if len(dims) == 2 {
		dims = []int{dims[0], dims[1], 1}
	}
	if len(dims) != 3 || !channelsOk(dims[2]) {
		return nil, fmt.Errorf("a picture from %s: want [H W C] with 1, 3 or 4 channels, or [H W]", t.Shape())
	}
	return ti.picture(t, 0, dims), nil
}

// Batch returns a tensor [N H W C] as N pictures, see [ToImageConfig.Single].
func (ti *ToImageConfig) Batch(t *tensors.Tensor) ([]image.Image, error) {
	if err := ti.check(t); err != nil {
		return nil, err
	}
	dims := t.Shape().Dimensions
	if len(dims) != 4 || !channelsOk(dims[3]) {
		return nil, fmt.Errorf("pictures from %s: want [N H W C] with 1, 3 or 4 channels", t.Shape())
	}
	out := make([]image.Image, dims[0])
	for i := range out {
		out[i] = ti.picture(t, i*dims[1]*dims[2]*dims[3], dims[1:])
	}
	return out, nil
}

func channelsOk(n int) bool { return n == 1 || n == 3 || n == 4 }

func (ti *ToImageConfig) check(t *tensors.Tensor) error {
	if err := t.CheckValid(); err != nil {
		return err
	}
	if !dtypes.Reals.Has(t.DType()) {
		return fmt.Errorf("a picture from %s: want an integer or float dtype", t.Shape())
	}
	if ti.maxValue < 0 || ti.maxValue != ti.maxValue {
		return fmt.Errorf("a picture with MaxValue %g: want a positive number", ti.maxValue)
	}
	return nil
}

// picture returns the picture [H W C] that begins at the given element.
func (ti *ToImageConfig) picture(t *tensors.Tensor, at int, dims []int) image.Image {
	defer runtime.KeepAlive(t)
	value := ti.reader(t)
	bounds := image.Rect(0, 0, dims[1], dims[0])
	if dims[2] == 1 {
		img := image.NewGray(bounds)
		for i := range img.Pix {
			img.Pix[i] = value(at + i)
		}
		return img
	}
	img := image.NewNRGBA(bounds)
	for i := range img.Pix {
		pixel, c := i/4, i%4
		if c < dims[2] {
			img.Pix[i] = value(at + pixel*dims[2] + c)
		} else {
			img.Pix[i] = 0xff // opaque
		}
	}
	return img
}

// reader returns how to read an element as 8 bits of brightness.
func (ti *ToImageConfig) reader(t *tensors.Tensor) func(i int) uint8 {
	limit := ti.maxValue
	if limit == 0 {
		limit = defaultMax(t.DType())
	}
	if t.DType() == dtypes.Uint8 && limit == 255 {
		flat := tensors.Flat[uint8](t)
		return func(i int) uint8 { return flat[i] }
	}
	return func(i int) uint8 {
		return dtypes.ToInteger[uint8](t.Float64At(i)/limit*255 + 0.5) // saturates; NaN becomes 0
	}
}
