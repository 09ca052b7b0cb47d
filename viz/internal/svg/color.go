package svg

import (
	"image/color"
	"math"
)

// Map turns numbers from 0 to 1 into colours. It is a number and no function, so that drawings can be compared.
type Map int

// The maps: [Map.At] says what they are.
const (
	Sequential Map = iota
	Diverging
	Gray
)

// At returns the colour for t, from 0 to 1.
func (m Map) At(t float64) color.RGBA {
	switch m {
	case Diverging:
		return diverging(t)
	case Gray:
		return gray(t)
	}
	return sequential(t)
}

// sequential goes from dark blue over green to yellow, even in lightness, so that equal steps look equal
// and a grey print keeps the order. It runs through OKLCH (Ottosson, "A perceptual color space for
// image processing", 2020): lightness 0.23 to 0.93, hue 285° to 105°, the chroma as large as sRGB allows
// along the way.
func sequential(t float64) color.RGBA {
	t = clamp(t, 0, 1)
	return oklch(0.23+0.70*t, 0.105+0.055*t, 290-185*t)
}

// diverging goes from blue over near white to red; the middle is for zero.
func diverging(t float64) color.RGBA {
	t = 2*clamp(t, 0, 1) - 1
	a := math.Abs(t)
	hue := 255.0
	if t > 0 {
		hue = 27
	}
	return oklch(0.97-0.50*math.Pow(a, 1.1), 0.175*math.Pow(a, 0.8), hue)
}

// gray goes from black to white.
func gray(t float64) color.RGBA {
	v := uint8(math.Round(255 * clamp(t, 0, 1)))
	return color.RGBA{v, v, v, 255}
}

// Ink returns black or white, whichever reads better on c.
func Ink(c color.RGBA) string {
	if 0.299*float64(c.R)+0.587*float64(c.G)+0.114*float64(c.B) > 140 {
		return "#000000"
	}
	return "#ffffff"
}

// oklch converts lightness, chroma and hue in degrees to sRGB; chroma is reduced until the colour exists.
func oklch(l, chroma, hue float64) color.RGBA {
	for ; ; chroma *= 0.96 {
		a, b := chroma*math.Cos(hue*math.Pi/180), chroma*math.Sin(hue*math.Pi/180)
		lc, mc, sc := cube(l+0.3963377774*a+0.2158037573*b), cube(l-0.1055613458*a-0.0638541728*b), cube(l-0.0894841775*a-1.2914855480*b)
		r := +4.0767416621*lc - 3.3077115913*mc + 0.2309699292*sc
		g := -1.2684380046*lc + 2.6097574011*mc - 0.3413193965*sc
		bl := -0.0041960863*lc - 0.7034186147*mc + 1.7076147010*sc
		if chroma < 1e-3 || min(r, g, bl) >= -1e-4 && max(r, g, bl) <= 1.0001 {
			return color.RGBA{gamma(r), gamma(g), gamma(bl), 255}
		}
	}
}

func cube(v float64) float64 { return v * v * v }

// gamma converts linear light to an sRGB byte.
func gamma(v float64) uint8 {
	v = clamp(v, 0, 1)
	if v <= 0.0031308 {
		v *= 12.92
	} else {
		v = 1.055*math.Pow(v, 1/2.4) - 0.055
	}
	return uint8(math.Round(255 * v))
}
