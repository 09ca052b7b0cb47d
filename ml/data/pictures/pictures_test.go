package pictures

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plain is a picture of one colour but for a white pixel in the upper left corner.
func plain(w, h int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	m.Set(0, 0, color.White)
	return m
}

func encoded(t testing.TB, kind string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	switch kind {
	case ".png":
		require.NoError(t, png.Encode(&b, m))
	case ".jpg":
		require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}))
	case ".gif":
		require.NoError(t, gif.Encode(&b, m, nil))
	}
	return b.Bytes()
}

func put(t testing.TB, dir, name string, file []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, file, 0o600))
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	red := color.NRGBA{255, 0, 0, 255}
	put(t, dir, "b/1.png", encoded(t, ".png", plain(8, 6, red)))
	put(t, dir, "b/2.GIF", encoded(t, ".gif", plain(8, 6, red)))
	put(t, dir, "a/deep/3.jpg", encoded(t, ".jpg", plain(8, 6, red)))
	put(t, dir, "a/broken.png", encoded(t, ".png", plain(8, 6, red))[:60])
	put(t, dir, "a/notes.txt", nil)
	p, err := Folder(dir, Options{Height: 3, Width: 4})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, p.Classes())
	assert.Equal(t, []int{0, 0, 1, 1}, p.Labels())
	for i := range p.Len() {
		b, err := p.Example(i)
		if p.Path(i) == "a/broken.png" {
			assert.ErrorContains(t, err, filepath.Join(dir, "a", "broken.png")+": pictures.Read: ")
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, "inputs [float32[3 4 3]], labels [int32[1]]", b.String())
		x := tensors.Flat[float32](b.Inputs[0])
		last := x[len(x)-3:]
		assert.InDeltaSlice(t, []float32{1, 0, 0}, last, 0.02, p.Path(i))
	}
	sub, err := data.Subset(p, []int{2, 3})
	require.NoError(t, err)
	n := 0
	for b, err := range data.Batched(data.ByIndex(sub, data.Permuted(2, 1), 2), 2, true).Iter() {
		require.NoError(t, err)
		assert.Equal(t, "inputs [float32[2 3 4 3]], labels [int32[2 1]]", b.String())
		n++
	}
	assert.Equal(t, 1, n)
	_, err = p.Example(4)
	assert.ErrorContains(t, err, "there is no picture 4 of 4")
	put(t, dir, "stray.png", nil)
	_, err = Folder(dir, Options{})
	assert.ErrorContains(t, err, "stray.png is in no folder, others are in [\"a\" \"b\"]: move it")
	_, err = Folder(t.TempDir(), Options{})
	assert.ErrorContains(t, err, "there are no files .png")
}

func TestOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"2 channels: want 1, 3 or 4": {Channels: 2},
		"pictures of 0×3 pixels":     {Height: 3},
		"pictures of 99999×3 pixels": {Height: 3, Width: 99999},
		"a crop has no size":         {Crop: true},
	} {
		_, err := Read(bytes.NewReader(nil), o)
		assert.ErrorContains(t, err, want)
		_, err = Folder(t.TempDir(), o)
		assert.ErrorContains(t, err, want)
	}
	file := encoded(t, ".png", plain(3, 2, color.NRGBA{0, 0, 0, 128}))
	for channels, want := range map[int]string{0: "float32[2 3 3]", 1: "float32[2 3 1]", 4: "float32[2 3 4]"} {
		x, err := Read(bytes.NewReader(file), Options{Channels: channels})
		require.NoError(t, err)
		assert.Equal(t, want, x.Shape().String())
	}
}

// A header that promises more than any picture has costs no memory.
func TestAPictureThatIsTooLarge(t *testing.T) {
	huge := bytes.Clone(encoded(t, ".gif", plain(8, 6, color.Black)))
	copy(huge[6:], "\xff\xff\xff\xff") // the width and the height of a GIF
	_, err := Read(bytes.NewReader(huge), Options{})
	assert.EqualError(t, err, "pictures.Read: a picture of 65535×65535 pixels: want 1 to 268435456")
	_, err = Read(bytes.NewReader([]byte("BM no")), Options{})
	assert.ErrorContains(t, err, "pictures.Read: no PNG, JPEG or GIF")
	_, err = Read(nil, Options{})
	assert.EqualError(t, err, "pictures.Read: the reader is nil")
}

// The numbers are those of PyTorch 2.6: torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True).
func TestResizeIsAntialiasedBilinear(t *testing.T) {
	flat := make([]float32, 35)
	for i := range flat {
		flat[i] = float32(i * i % 11)
	}
	x := tensors.FromFlatDataAndDimensions(flat, 5, 7, 1)
	for _, c := range []struct {
		h, w int
		want []float32
	}{
		{3, 4, []float32{3.21088, 4.52571, 3.47429, 2.85034, 5.49735, 3.17778, 4.52889, 4.92063, 2.61224, 4.58857, 3.85143, 2.10204}},
		{2, 7, []float32{4.13636, 5.13636, 3.63636, 4.13636, 3.13636, 3.63636, 3.63636, 3.63636, 3.13636, 4.13636, 3.63636, 5.13636, 4.13636, 2.63636}},
		{5, 1, []float32{4.02703, 3.16216, 5.16216, 3.48649, 3.48649}},
		{8, 9, []float32{0.0, 0.66667, 2.33333, 5.11111, 9.0, 5.88889, 3.88889, 3.0, 3.0, 2.1875, 3.72917, 4.27778, 4.33333, 5.5, 3.40972, 2.43056, 2.5625, 3.4375,
			5.25, 7.58333, 6.61111, 3.3125, 1.125, 0.49306, 0.97222, 2.33333, 4.0, 7.75, 6.75, 4.94444, 3.10417, 2.375, 3.20139, 5.13889, 5.66667, 4.0,
			6.5, 4.45833, 2.96528, 2.58333, 3.3125, 5.59722, 7.08333, 6.39583, 3.6875, 1.5, 0.70833, 0.67361, 1.75, 3.9375, 7.68055, 6.80555, 4.52083, 3.0625,
			2.125, 2.58333, 4.00694, 5.16667, 4.0, 4.38889, 3.21528, 2.08333, 1.875, 3.0, 4.33333, 6.77778, 7.88889, 4.0, 1.66667, 0.44444, 0.33333, 1.0}},
		{5, 7, flat},
	} {
		y, err := Resize(x, c.h, c.w)
		require.NoError(t, err)
		assert.InDeltaSlice(t, c.want, tensors.Flat[float32](y), 2e-5, "%d×%d", c.h, c.w)
	}
	for want, bad := range map[string]*tensors.Tensor{
		"the picture is nil":                                 nil,
		"the picture is float32[2]: want float32[H W C]":     tensors.FromValue([]float32{1, 2}),
		"the picture is float64[1 1 1]: want float32[H W C]": tensors.FromValue([][][]float64{{{1}}}),
	} {
		_, err := Resize(bad, 1, 1)
		assert.EqualError(t, err, "pictures.Resize: "+want)
	}
	_, err := Resize(x, 0, 1)
	assert.ErrorContains(t, err, "to 1×0 pixels")
}

// A strip that is as long as a file may have it takes no memory beyond its own, whatever it is resized to.
func TestAStripIsResizedInLittleMemory(t *testing.T) {
	const long, size = 4000, 4000
	x := tensors.FromFlatDataAndDimensions(make([]float32, long), long, 1, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	y, err := Resize(x, 1, size)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Equal(t, []int{1, size, 1}, y.Shape().Dimensions)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*long*size/8), "bytes that were allocated, all in all")
}

// Cropping takes the middle and keeps proportions.
func TestCrop(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 12, 4))
	for x := 4; x < 8; x++ {
		for y := range 4 {
			m.SetGray(x, y, color.Gray{255})
		}
	}
	x, err := Read(bytes.NewReader(encoded(t, ".png", m)), Options{Height: 4, Width: 4, Crop: true, Channels: 1})
	require.NoError(t, err)
	for i := range x.Size() {
		assert.Equal(t, 1.0, x.Float64At(i))
	}
}

func FuzzRead(f *testing.F) {
	for _, kind := range []string{".png", ".jpg", ".gif"} {
		f.Add(encoded(f, kind, plain(5, 4, color.NRGBA{10, 200, 30, 255})))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		head, _, err := image.DecodeConfig(bytes.NewReader(file))
		if err == nil && head.Width*head.Height > 1<<20 { // it may be one; there is no need to unpack it here
			return
		}
		x, err := Read(bytes.NewReader(file), Options{Height: 3, Width: 2})
		if err == nil {
			require.Equal(t, "float32[3 2 3]", x.Shape().String())
		}
	})
}
