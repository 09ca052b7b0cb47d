package augment

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Affine shifts, turns and scales pictures about their centre, all in one step, so that pixels are
// interpolated once. The zero value changes nothing. With p a place from the centre of the result and q the
// place in the picture from which its pixel comes (between pixels: bilinearly):
//
//	q = R(θ)⁻¹ · (p - t) / s,   θ ~ U(-Rotate, Rotate),  s ~ U(1-Scale, 1+Scale),  t ~ U(-Shift, Shift)²
//
// Where q is outside of the picture the result is Background.
type Affine struct {
	Shift      float64 // pixels, in both directions
	Rotate     float64 // degrees
	Scale      float64 // relative: 0.1 makes pictures up to 10 % larger or smaller; below 1
	Background float32
}

// Apply changes a picture; it is a [Transform].
func (a Affine) Apply(r *rand.Rand, p Picture) {
	theta := between(r, a.Rotate) * math.Pi / 180
	// An inverse scale beyond 100 would show nothing that can be recognised.
	scale := 1 / max(0.01, 1+between(r, a.Scale))
	tx, ty := between(r, a.Shift), between(r, a.Shift)
	if theta == 0 && scale == 1 && tx == 0 && ty == 0 {
		return
	}
	sin, cos := math.Sincos(theta)
	cx, cy := float64(p.W-1)/2, float64(p.H-1)/2
	p.warp(a.Background, func(x, y int) (u, v float64) {
		dx, dy := float64(x)-cx-tx, float64(y)-cy-ty
		return cx + (cos*dx+sin*dy)*scale, cy + (-sin*dx+cos*dy)*scale
	})
}

// between draws a number from -limit to limit.
func between(r *rand.Rand, limit float64) float64 {
	if r == nil {
		panic("augment: the stream of random numbers is nil: Images passes one")
	}
	return limit * (2*r.Float64() - 1)
}

// Elastic moves every pixel by a random field that is smooth over about Sigma pixels, as hands do that
// write the same digit twice. The zero value changes nothing. The field is uniform noise from -1 to 1 per pixel and
// direction, smoothed with a Gaussian of deviation Sigma and multiplied by Alpha; for 28×28 pixels Alpha 34 and
// Sigma 4 are much, Alpha 8 is a little. Where nothing was, the result is Background.
//
// Source: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual
// document analysis", 2003, section 2.
type Elastic struct {
	Alpha, Sigma float64
	Background   float32
}

// Apply changes a picture; it is a [Transform].
func (e Elastic) Apply(r *rand.Rand, p Picture) {
	if e.Alpha == 0 || !(e.Sigma > 0) {
		return
	}
	dx, dy := e.field(r, p.H, p.W), e.field(r, p.H, p.W)
	p.warp(e.Background, func(x, y int) (u, v float64) {
		i := y*p.W + x
		return float64(x) + dx[i], float64(y) + dy[i]
	})
}

// field draws a displacement for each pixel.
func (e Elastic) field(r *rand.Rand, h, w int) []float64 {
	f := make([]float64, h*w)
	for i := range f {
		f[i] = e.Alpha * between(r, 1)
	}
	kernel := gaussian(e.Sigma, max(h, w))
	out := make([]float64, h*w)
	smooth(out, f, kernel, h, w, w, 1)
	smooth(f, out, kernel, w, h, 1, w)
	return f
}

// gaussian returns half of a normalised kernel: its centre, and one side of it up to three deviations, but
// not beyond limit.
func gaussian(sigma float64, limit int) []float64 {
	radius := int(min(math.Ceil(3*sigma), float64(limit)))
	k := make([]float64, radius+1)
	sum := 0.0
	for i := range k {
		k[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += k[i]
		if i > 0 {
			sum += k[i]
		}
	}
	for i := range k {
		k[i] /= sum
	}
	return k
}

// smooth convolves each of the lines of from with a symmetric kernel; beyond its ends a line is 0.
func smooth(to, from, kernel []float64, lines, length, lineStride, stride int) {
	for l := range lines {
		for i := range length {
			sum := 0.0
			for j := max(0, i-len(kernel)+1); j < min(length, i+len(kernel)); j++ {
				sum += kernel[max(i-j, j-i)] * from[l*lineStride+j*stride]
			}
			to[l*lineStride+i*stride] = sum
		}
	}
}

// warp sets each pixel (x, y) to what the picture has at (u, v) = from(x, y), interpolated bilinearly.
func (p Picture) warp(background float32, from func(x, y int) (u, v float64)) {
	old := Picture{p.H, p.W, p.C, slices.Clone(p.Pix)}
	for y := range p.H {
		for x := range p.W {
			u, v := from(x, y)
			// Far outside is as good as just outside, and fits an int.
			u, v = min(max(u, -2), float64(p.W+1)), min(max(v, -2), float64(p.H+1))
			left, top := math.Floor(u), math.Floor(v)
			fx, fy := float32(u-left), float32(v-top)
			i, j := int(left), int(top)
			out := p.Pix[(y*p.W+x)*p.C:][:p.C]
			for c := range out {
				above := (1-fx)*old.at(j, i, c, background) + fx*old.at(j, i+1, c, background)
				below := (1-fx)*old.at(j+1, i, c, background) + fx*old.at(j+1, i+1, c, background)
				out[c] = (1-fy)*above + fy*below
			}
		}
	}
}

// at returns a value, or the background outside.
func (p Picture) at(y, x, c int, background float32) float32 {
	if y < 0 || y >= p.H || x < 0 || x >= p.W {
		return background
	}
	return p.Pix[(y*p.W+x)*p.C+c]
}
