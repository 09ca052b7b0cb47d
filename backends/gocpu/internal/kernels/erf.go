package kernels

import "math"

const (
	erfStep  = 1. / 16 // between two centres
	erfEnd   = 6       // from where on erf is 1 to a hundred-millionth of float32's last place
	erfTerms = 6
)

// erfTable holds, per centre c, the coefficients of the Taylor series of erf around it. With H the Hermite
// polynomials, the derivative of order n+1 is (-1)ⁿ·H_n(c)·2/√π·exp(-c²). Elements are at most half a step
// away: the first term left out is below 1e-10.
var erfTable = func() (table [erfEnd*16 + 1][erfTerms + 1]float64) {
	for i := range table {
		c := float64(i) * erfStep
		table[i][0] = math.Erf(c)
		derivative := 2 / math.SqrtPi * math.Exp(-c*c)
		h, last, factorial := 1.0, 0.0, 1.0
		for n := range erfTerms {
			factorial *= float64(n + 1)
			table[i][n+1] = derivative * h / factorial
			if n%2 == 1 {
				table[i][n+1] *= -1
			}
			h, last = 2*c*h-2*float64(n)*last, h
		}
	}
	return table
}()

// erf returns the error function of x to about 1e-10.
func erf(x float64) float64 {
	a := math.Abs(x)
	if !(a < erfEnd) { // NaN stays
		if a >= erfEnd {
			return math.Copysign(1, x)
		}
		return x
	}
	i := int(a/erfStep + 0.5)
	t := &erfTable[i]
	d := a - float64(i)*erfStep
	return math.Copysign(t[0]+d*(t[1]+d*(t[2]+d*(t[3]+d*(t[4]+d*(t[5]+d*t[6]))))), x)
}

func erf32(x float32) float32 { return float32(erf(float64(x))) }

// normalCDF returns Φ(x) = (1 + erf(x/√2))/2 to about 1e-8 of it, of x ≥ -15.
func normalCDF(x float64) float64 {
	if x > -2 {
		return (1 + erf(x*(math.Sqrt2/2))) / 2
	}
	// The sum cancels: erfc(t)/2 with t = -x/√2. erfc(t)·exp(t²) for √2 ≤ t ≤ 10.5 is Chebyshev's interpolation by a
	// polynomial of w, relative error 2e-9.
	w := 1 / (2 - x*(math.Sqrt2/2))
	p := -8.305456733885674e-07 + w*(0.5642273612296622+w*(1.1277784860943936+w*(1.976639329662946+
		w*(2.8815219308968354+w*(1.7270318514437835+w*(6.259736511416676+w*(-31.023362506239494+w*25.643040705998587)))))))
	return p / 2 * exp(-0.5*x*x)
}

// cdfEnd is from where on the normal distribution is 0 or 1 in float32.
const cdfEnd = 15

func normalCDF32(x float32) float32 {
	if x < -cdfEnd {
		return 0
	}
	return float32(normalCDF(float64(x)))
}

// gelu32 returns x·Φ(x).
func gelu32(x float32) float32 {
	if x < -cdfEnd { // also -∞, whose product with 0 has no value
		return float32(math.Copysign(0, -1))
	}
	return float32(float64(x) * normalCDF(float64(x)))
}

// geluApproximate32 is x·sigmoid(2u), which is x/2·(1 + tanh(u)).
func geluApproximate32(x float32) float32 {
	v := float64(x)
	if v < -20 {
		return float32(math.Copysign(0, -1))
	}
	return float32(v / (1 + exp(clip(-2*math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))))
}
