package images

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noise returns a picture of random pixels that does not begin at (0, 0).
func noise(seed uint64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 0))
	img := image.NewNRGBA(image.Rect(-2, 3, 5, 8))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
	}
	return img
}

func TestRoundTripOfEveryDType(t *testing.T) {
	img := noise(1)
	for _, d := range dtypes.Reals.List() {
		if d == dtypes.Int8 || d == dtypes.BFloat16 { // less than 8 bits for 0 to 255
			continue
		}
		x, err := ToTensor(d).WithAlpha().Single(img)
		require.NoError(t, err)
		want := shapes.Make(d, 5, 7, 4)
		require.True(t, x.Shape().Equal(want), "shape %s, want %s", x.Shape(), want)
		back, err := ToImage().Single(x)
		require.NoError(t, err)
		assert.Equal(t, img.Pix, back.(*image.NRGBA).Pix, "%s: the picture changed", d)
	}
}

func TestChannels(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	img.Set(0, 0, color.NRGBA{R: 255, G: 51, B: 0, A: 255})
	img.Set(1, 0, color.NRGBA{R: 255, G: 51, B: 0, A: 51}) // a fifth
	for _, c := range []struct {
		name   string
		config *ToTensorConfig
		want   []float32
	}{
		{"colours without alpha are on black", ToTensor(dtypes.Float32), []float32{1, .2, 0, .2, .04, 0}},
		{"colours with alpha stay", ToTensor(dtypes.Float32).WithAlpha(), []float32{1, .2, 0, 1, 1, .2, 0, .2}},
		{"gray is the luminance", ToTensor(dtypes.Float32).Gray(), []float32{.299 + .587*.2, (.299 + .587*.2) / 5}},
		{"MaxValue scales", ToTensor(dtypes.Float32).MaxValue(10), []float32{10, 2, 0, 2, .4, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := c.config.Single(img)
			require.NoError(t, err)
			want := tensors.FromFlatDataAndDimensions(c.want, 1, 2, len(c.want)/2)
			assert.True(t, x.InDelta(want, 1e-4), "got %s\nwant %s", x, want)
		})
	}
}

func TestAllKindsOfPicturesAgree(t *testing.T) {
	src := noise(2)
	want, err := ToTensor(dtypes.Uint8).Single(src)
	require.NoError(t, err)
	type opaque struct{ image.Image } // hides everything but At
	for _, img := range []interface {
		image.Image
		Set(x, y int, c color.Color)
	}{image.NewRGBA(src.Rect), image.NewRGBA64(src.Rect), image.NewNRGBA64(src.Rect)} {
		for y := src.Rect.Min.Y; y < src.Rect.Max.Y; y++ {
			for x := src.Rect.Min.X; x < src.Rect.Max.X; x++ {
				img.Set(x, y, src.At(x, y))
			}
		}
		for _, view := range []image.Image{img, opaque{img}} {
			got, err := ToTensor(dtypes.Uint8).Single(view)
			require.NoError(t, err)
			if !got.InDelta(want, 1) { // 8-bit colours times alpha round once more
				t.Errorf("%T:\n%s\nwant\n%s", img, got, want)
			}
		}
	}
}

func TestGrayPictures(t *testing.T) {
	x := tensors.FromValue([][]float32{{0, .5, 1}, {-3, 7, float32(math.NaN())}})
	img, err := ToImage().Single(x)
	require.NoError(t, err)
	got, want := img.(*image.Gray).Pix, []uint8{0, 128, 255, 0, 255, 0}
	assert.Equal(t, want, got, "pixels")
	back, err := ToTensor(dtypes.Uint8).Gray().Single(img)
	require.NoError(t, err)
	if want := tensors.FromFlatDataAndDimensions([]uint8{0, 128, 255, 0, 255, 0}, 2, 3, 1); !back.Equal(want) {
		t.Errorf("got %s, want %s", back, want)
	}
}

func TestBatch(t *testing.T) {
	a, b := noise(3), noise(4)
	x, err := ToTensor(dtypes.Float32).WithAlpha().Batch([]image.Image{a, b})
	require.NoError(t, err)
	want := shapes.Make(dtypes.Float32, 2, 5, 7, 4)
	require.True(t, x.Shape().Equal(want), "shape %s, want %s", x.Shape(), want)
	back, err := ToImage().Batch(x)
	require.NoError(t, err)
	for i, src := range []*image.NRGBA{a, b} {
		assert.Equal(t, src.Pix, back[i].(*image.NRGBA).Pix, "picture %d changed", i)
	}
}

func TestErrors(t *testing.T) {
	small, large := noise(1), image.NewGray(image.Rect(0, 0, 9, 9))
	closed := tensors.FromValue([][]float32{{1}})
	closed.Close()
	of := func(_ any, err error) error { return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{of(ToTensor(dtypes.Bool).Single(small)), "a picture as bool: want an integer or float dtype"},
		{of(ToTensor(dtypes.Uint8).MaxValue(300).Single(small)), "a picture as uint8 with MaxValue 300: want 0 to 255"},
		{of(ToTensor(dtypes.Float32).Single(nil)), "a tensor from a picture: it is nil"},
		{of(ToTensor(dtypes.Float32).Batch(nil)), "a tensor from pictures: there are none, so their size is unknown"},
		{of(ToTensor(dtypes.Float32).Batch([]image.Image{small, large})), "a tensor from pictures: picture 1 is 9x9, those before it 7x5: scale or crop them to one size"},
		{of(ToTensor(dtypes.Float32).Batch([]image.Image{small, nil})), "a tensor from pictures: picture 1 is nil"},
		{of(ToImage().Single(tensors.FromValue([]float32{1}))), "a picture from float32[1]: want [H W C] with 1, 3 or 4 channels, or [H W]"},
		{of(ToImage().Single(tensors.FromScalarAndDimensions(float32(1), 2, 2, 2))), "a picture from float32[2 2 2]: want [H W C] with 1, 3 or 4 channels, or [H W]"},
		{of(ToImage().Batch(tensors.FromScalarAndDimensions(float32(1), 2, 2, 3))), "pictures from float32[2 2 3]: want [N H W C] with 1, 3 or 4 channels"},
		{of(ToImage().Single(tensors.FromValue([][]bool{{true}}))), "a picture from bool[1 1]: want an integer or float dtype"},
		{of(ToImage().MaxValue(-1).Single(tensors.FromValue([][]int8{{1}}))), "a picture with MaxValue -1: want a positive number"},
		{of(ToImage().Single(closed)), "tensor float32[1 1] was closed: its memory is released"},
	} {
		assert.EqualError(t, c.err, c.want)
	}
}

func TestAxes(t *testing.T) {
	s := shapes.Make(dtypes.Float32, 2, 3, 4, 5)
	assert.Equal(t, 3, GetChannelsAxis(s, ChannelsLast), "ChannelsLast: axis")
	assert.Equal(t, 1, GetChannelsAxis(s, ChannelsFirst), "ChannelsFirst: axis")
	assert.Equal(t, []int{1, 2}, GetSpatialAxes(s, ChannelsLast), "ChannelsLast: spatial axes")
	assert.Equal(t, []int{2, 3}, GetSpatialAxes(s, ChannelsFirst), "ChannelsFirst: spatial axes")
	assert.Equal(t, []int{2, 6, 8, 5}, GetUpSampledSizes(s, ChannelsLast, 2), "one factor for all")
	assert.Equal(t, []int{2, 3, 8, 15}, GetUpSampledSizes(s, ChannelsFirst, 2, 3), "a factor for each")
	assert.Equal(t, "ChannelsLast ChannelsFirst", ChannelsLast.String()+" "+ChannelsFirst.String())
	defer func() {
		s, _ := recover().(string)
		assert.Contains(t, s, "3 factors for the 2 spatial axes", "panic")
	}()
	GetUpSampledSizes(s, ChannelsLast, 1, 2, 3)
}
