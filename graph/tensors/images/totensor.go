package images

import (
	"fmt"
	"image"
	"image/color"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ToTensorConfig says how pictures become tensors; [ToTensor] makes one.
type ToTensorConfig struct {
	dtype    dtypes.DType
	channels int
	maxValue float64
}

// ToTensor begins the conversion of pictures to a tensor of the given dtype, an integer or a float.
// By default there are 3 channels, of values from 0 to 1 for floats and from 0 to 255 for integers.
func ToTensor(dtype dtypes.DType) *ToTensorConfig {
	return &ToTensorConfig{dtype: dtype, channels: 3, maxValue: defaultMax(dtype)}
}

func defaultMax(dtype dtypes.DType) float64 {
	switch {
	case dtype == dtypes.Int8: // 255 does not fit
		return 127
	case dtype.IsInt():
		return 255
	}
	return 1
}

// WithAlpha asks for 4 channels, the last one for opacity. The colours are then not multiplied by it.
func (tt *ToTensorConfig) WithAlpha() *ToTensorConfig {
	tt.channels = 4
	return tt
}

// Gray asks for 1 channel: the luminance by ITU-R BT.601, as in image/color.
func (tt *ToTensorConfig) Gray() *ToTensorConfig {
	tt.channels = 1
	return tt
}

// MaxValue sets the value of full brightness. Of integers it must not exceed the range.
func (tt *ToTensorConfig) MaxValue(v float64) *ToTensorConfig {
	tt.maxValue = v
	return tt
}

// Single returns a picture as a tensor [H W C]. Without alpha, transparent pixels are as on black.
// It returns an error if the dtype is neither integer nor float, or MaxValue does not fit it.
func (tt *ToTensorConfig) Single(img image.Image) (*tensors.Tensor, error) {
	if img == nil {
		return nil, fmt.Errorf("a tensor from a picture: it is nil")
	}
	size := img.Bounds().Size()
	t, err := tt.empty(size.Y, size.X, tt.channels)
	if err != nil {
		return nil, err
	}
	return t, tt.fill(t, []image.Image{img})
}

// Batch returns pictures of one size as a tensor [N H W C], see [ToTensorConfig.Single]. It returns
// an error if there is none, or if their sizes differ.
func (tt *ToTensorConfig) Batch(images []image.Image) (*tensors.Tensor, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("a tensor from pictures: there are none, so their size is unknown")
	}
	for i, img := range images {
		if img == nil {
			return nil, fmt.Errorf("a tensor from pictures: picture %d is nil", i)
		}
		if first, size := images[0].Bounds().Size(), img.Bounds().Size(); size != first {
			return nil, fmt.Errorf("a tensor from pictures: picture %d is %dx%d, those before it %dx%d: scale or crop them to one size", i, size.X, size.Y, first.X, first.Y)
		}
	}
	size := images[0].Bounds().Size()
	t, err := tt.empty(len(images), size.Y, size.X, tt.channels)
	if err != nil {
		return nil, err
	}
	return t, tt.fill(t, images)
}

// empty returns the tensor to fill, or an error if the configuration is not sound.
func (tt *ToTensorConfig) empty(dims ...int) (*tensors.Tensor, error) {
	if !dtypes.Reals.Has(tt.dtype) {
		return nil, fmt.Errorf("a picture as %s: want an integer or float dtype", tt.dtype)
	}
	if tt.dtype.IsInt() {
		_, hi := dtypes.Limits(tt.dtype)
		if !(tt.maxValue >= 0) || tt.maxValue > tensors.MustFromAnyValue(hi).Float64At(0) {
			return nil, fmt.Errorf("a picture as %s with MaxValue %g: want 0 to %d", tt.dtype, tt.maxValue, hi)
		}
	}
	return tensors.New(shapes.Make(tt.dtype, dims...))
}

// fill writes the pictures one after the other.
func (tt *ToTensorConfig) fill(t *tensors.Tensor, images []image.Image) error {
	return t.MutableFlatData(func(flat any) {
		switch flat := flat.(type) {
		case []int8:
			write(flat, images, tt.channels, scaleInt[int8](tt.maxValue))
		case []int16:
			write(flat, images, tt.channels, scaleInt[int16](tt.maxValue))
		case []int32:
			write(flat, images, tt.channels, scaleInt[int32](tt.maxValue))
		case []int64:
			write(flat, images, tt.channels, scaleInt[int64](tt.maxValue))
		case []uint8:
			write(flat, images, tt.channels, scaleInt[uint8](tt.maxValue))
		case []uint16:
			write(flat, images, tt.channels, scaleInt[uint16](tt.maxValue))
		case []uint32:
			write(flat, images, tt.channels, scaleInt[uint32](tt.maxValue))
		case []uint64:
			write(flat, images, tt.channels, scaleInt[uint64](tt.maxValue))
		case []float16.Float16:
			write(flat, images, tt.channels, func(v uint16) float16.Float16 { return float16.FromFloat64(scale(v, tt.maxValue)) })
		case []bfloat16.BFloat16:
			write(flat, images, tt.channels, func(v uint16) bfloat16.BFloat16 { return bfloat16.FromFloat64(scale(v, tt.maxValue)) })
		case []float32:
			write(flat, images, tt.channels, func(v uint16) float32 { return float32(scale(v, tt.maxValue)) })
		case []float64:
			write(flat, images, tt.channels, func(v uint16) float64 { return scale(v, tt.maxValue) })
		}
	})
}

// scale returns a 16-bit channel value as a number from 0 to maxValue.
func scale(v uint16, maxValue float64) float64 { return float64(v) * maxValue / 0xffff }

// scaleInt returns scale, rounded to nearest.
func scaleInt[T dtypes.Integer](maxValue float64) func(uint16) T {
	return func(v uint16) T { return dtypes.ToInteger[T](scale(v, maxValue) + 0.5) }
}

// write converts every channel of every pixel, in rows from the top left.
func write[T any](flat []T, images []image.Image, channels int, convert func(uint16) T) {
	for _, img := range images {
		at := pixels(img)
		b := img.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c := channelsOf(at(x, y), channels)
				for i := range channels {
					flat[i] = convert(c[i])
				}
				flat = flat[channels:]
			}
		}
	}
}

// pixels returns how to read the pixels of img with 16 bits per channel, not multiplied by alpha.
func pixels(img image.Image) func(x, y int) color.NRGBA64 {
	switch img := img.(type) {
	case *image.NRGBA: // exact, where the way through multiplied colours is not
		return func(x, y int) color.NRGBA64 {
			c := img.NRGBAAt(x, y)
			return color.NRGBA64{R: uint16(c.R) * 0x101, G: uint16(c.G) * 0x101, B: uint16(c.B) * 0x101, A: uint16(c.A) * 0x101}
		}
	case *image.NRGBA64:
		return img.NRGBA64At
	case image.RGBA64Image: // all of the standard library: no allocation per pixel
		return func(x, y int) color.NRGBA64 { return straight(img.RGBA64At(x, y)) }
	}
	return func(x, y int) color.NRGBA64 {
		r, g, b, a := img.At(x, y).RGBA()
		return straight(color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)})
	}
}

// straight divides the colours by alpha.
func straight(c color.RGBA64) color.NRGBA64 {
	if c.A == 0xffff || c.A == 0 {
		return color.NRGBA64(c)
	}
	divide := func(v uint16) uint16 { return uint16(min(0xffff, uint32(v)*0xffff/uint32(c.A))) }
	return color.NRGBA64{R: divide(c.R), G: divide(c.G), B: divide(c.B), A: c.A}
}

// channelsOf returns the first values of a pixel: straight colours and alpha if there are 4 channels,
// else the colours on black, and for 1 their luminance.
func channelsOf(c color.NRGBA64, channels int) [4]uint16 {
	if channels == 4 {
		return [4]uint16{c.R, c.G, c.B, c.A}
	}
	if c.A != 0xffff {
		r, g, b, _ := c.RGBA()
		c = color.NRGBA64{R: uint16(r), G: uint16(g), B: uint16(b)}
	}
	if channels == 3 {
		return [4]uint16{c.R, c.G, c.B}
	}
	// The weights 0.299, 0.587 and 0.114 of BT.601, of 65536: those of color.Gray16Model.
	luminance := (19595*uint32(c.R) + 38470*uint32(c.G) + 7471*uint32(c.B) + 1<<15) >> 16
	return [4]uint16{uint16(luminance)}
}
