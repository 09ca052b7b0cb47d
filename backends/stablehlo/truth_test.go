package stablehlo

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fact is a true value: the bits of the operands, real and imaginary part, and of the result. free leaves the signs of
// zeros and infinities of the result open.
type fact struct {
	in, out []uint64
	free    bool
}

// truthOf reads the table of an operation (testdata/truth/make.py says how it is made), by dtype; nil if there is none.
func truthOf(t *testing.T, name string) map[dtypes.DType][]fact {
	file, err := os.Open("testdata/truth/" + name + ".txt.gz")
	if err != nil {
		return nil
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	require.NoError(t, err)
	facts := map[dtypes.DType][]fact{}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		dtype, rest, _ := strings.Cut(lines.Text(), " ")
		d, err := dtypes.Parse(dtype)
		require.NoError(t, err)
		in, out, _ := strings.Cut(rest, " = ")
		facts[d] = append(facts[d], fact{words(t, in), words(t, strings.ReplaceAll(out, "~", "")), strings.Contains(out, "~")})
	}
	require.NoError(t, lines.Err())
	return facts
}

func words(t *testing.T, text string) (list []uint64) {
	for _, w := range strings.Fields(text) {
		v, err := strconv.ParseUint(w, 16, 64)
		require.NoError(t, err)
		list = append(list, v)
	}
	return list
}

// promise is how far a value may be from the truth: units in its last place, of its larger part if it is complex, and
// beside that a part of the larger of the value and 1.
type promise struct {
	units, absolute float64
	why             string
}

// promises are those of readings of which less can be promised than 4 units, by name and dtype ("" for all).
var promises = map[string]promise{
	"chlo.lgamma":                {4, 2e-16, "as the row: zeros below 0 are those of a difference"},
	"chlo.digamma":               {4, 2e-15, "as the row: zeros below 0 are those of a difference"},
	"chlo.polygamma":             {64, 2e-13, "n! is the exponential of lgamma"},
	"stablehlo.atan2 complex128": {4, 1e-15, "the logarithm of a number near 1 is small"},
	"stablehlo.power complex128": {64, 0, "the exponential of a product: units grow with |y·log x|, here up to 40"},
}

func promiseOf(name string, d dtypes.DType) promise {
	if p, ok := promises[name+" "+d.String()]; ok {
		return p
	}
	if p, ok := promises[name]; ok {
		return p
	}
	return promise{units: 4}
}

// TestTruth compares every reading that is several of Quire's ops with true values, at every dtype that it is read at,
// and asks that there are some. A reading that is one op is that op's affair, and one of whole numbers
// that of TestWholeNumbers.
func TestTruth(t *testing.T) {
	engine := gocpu.New()
	defer engine.Close()
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if r := rules[name]; !r.pointwise || r.operands < 1 || moving[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			table := truthOf(t, plainName(name))
			for _, d := range dtypes.Any.List() {
				text, err := readingOf(name, d)
				switch {
				case err != nil:
					assert.True(t, refusesDType(err), "%s: %v\nthis is no clear sentence about the dtype", d, err)
					continue
				case d.IsInt() || d == dtypes.Bool:
					if n := opsOf(t, text); n > 1 && wholeTruth[plainName(name)] == nil && name != "stablehlo.clamp" {
						t.Errorf("%s: it is read as %d ops, and TestWholeNumbers has no truth of it", d, n)
					}
					continue
				case exact[name] != nil:
					continue
				case len(table[d]) == 0:
					if n := opsOf(t, text); n > 1 && !(d.IsFloat() && zeroParts[name]) {
						t.Errorf("%s: it is read as %d ops, and there is no table of true values", d, n)
					}
					continue
				}
				for _, b := range []ir.Backend{graphtest.Reference(), engine} {
					checkTruth(t, b, name, d, table[d])
				}
			}
		})
	}
}

// plainName is the name of the operation that does the same without broadcasting.
func plainName(name string) string {
	plain := strings.Replace(name, "chlo.broadcast_", "chlo.", 1)
	if _, own := rules[plain]; own {
		return plain
	}
	return strings.Replace(name, "chlo.broadcast_", "stablehlo.", 1)
}

// moving are readings that compute nothing.
var moving = map[string]bool{
	"stablehlo.reshape": true, "stablehlo.broadcast_in_dim": true, "stablehlo.bitcast_convert": true,
	"func.call": true, "stablehlo.composite": true,
}

// refusesDType reports whether an error says in one sentence that a dtype is not taken.
func refusesDType(err error) bool {
	text := err.Error()
	return strings.Contains(text, "its elements must be ") || strings.Contains(text, "Quire reads it for ")
}

// zeroParts are readings whose values of real numbers are 0.
var zeroParts = map[string]bool{"stablehlo.imag": true}

// callOf returns a text that calls an operation on vectors of n elements of a dtype.
func callOf(name string, d, out dtypes.DType, n int) string {
	var args, types, params []string
	for i := range rules[name].operands {
		typ := tensorType(shapes.Make(d, n))
		if i == 0 && strings.HasSuffix(name, "select") {
			typ = tensorType(shapes.Make(dtypes.Bool, n))
		}
		args, types = append(args, fmt.Sprintf("%%x%d", i)), append(types, typ)
		params = append(params, args[i]+": "+typ)
	}
	attrs := ""
	switch {
	case strings.HasSuffix(name, "compare"):
		attrs = " {comparison_direction = #stablehlo<comparison_direction EQ>}"
	case name == "stablehlo.reduce_precision":
		attrs = " {exponent_bits = 5 : i32, mantissa_bits = 3 : i32}"
	}
	result := tensorType(shapes.Make(out, n))
	return fmt.Sprintf("func.func @main(%s) -> %s {\n%%0 = %q(%s)%s : (%s) -> %s\nreturn %%0 : %s\n}", strings.Join(params, ", "), result,
		name, strings.Join(args, ", "), attrs, strings.Join(types, ", "), result, result)
}

// readingOf returns a text that calls an operation on a dtype, with a result of the dtype that belongs to it.
func readingOf(name string, d dtypes.DType) (text string, err error) {
	results := []dtypes.DType{d, dtypes.Bool}
	if d.IsComplex() {
		results = append(results, d.Real())
	}
	if d.IsFloat() {
		results = append(results, complexOf(d))
	}
	var first error
	for _, out := range results {
		text = callOf(name, d, out, 2)
		if _, err = Read(text); err == nil {
			return text, nil
		}
		if first == nil || refusesDType(err) {
			first = err
		}
	}
	return "", first
}

// opsOf returns how many ops a text is read as.
func opsOf(t *testing.T, text string) int {
	m, err := Read(text)
	require.NoError(t, err)
	p, err := m.Program(nil)
	require.NoError(t, err)
	return len(p.Instrs)
}

func checkTruth(t *testing.T, b ir.Backend, name string, d dtypes.DType, facts []fact) {
	part, per := d.Real(), 1
	if d.IsComplex() {
		per = 2
	}
	var in []any
	for k := range len(facts[0].in) / per {
		var data []byte
		for _, f := range facts {
			for _, bits := range f.in[k*per : (k+1)*per] {
				data = binary.LittleEndian.AppendUint64(data, bits)[:len(data)+part.Size()]
			}
		}
		x, err := tensors.FromBytes(shapes.Make(d, len(facts)), data)
		require.NoError(t, err)
		in = append(in, x)
	}
	m, err := Read(callOf(name, d, d, len(facts)))
	require.NoError(t, err)
	exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node { return m.Main().Call(in...) })
	out, err := exec.Call(in...)
	require.NoError(t, err)
	var got []uint64
	out[0].MustConstBytes(func(data []byte) {
		for size := part.Size(); len(data) > 0; data = data[size:] {
			got = append(got, littleEndian(data[:size]))
		}
	})
	p := promiseOf(plainName(name), d)
	wrong, worst, first := 0, 0.0, ""
	for i, f := range facts {
		units, ok := f.off(got[i*per:(i+1)*per], part, p)
		worst = max(worst, units)
		if !ok {
			if wrong++; wrong == 1 {
				first = fmt.Sprintf("of %v it is %v, want %v", floatsOf(part, f.in), floatsOf(part, got[i*per:(i+1)*per]), floatsOf(part, f.out))
			}
		}
	}
	t.Logf("%s, %s: %d values, off by at most %.3g units in the last place", d, b.Name(), len(facts), worst)
	assert.LessOrEqual(t, wrong, 0, "%s, %s: %s (%d of %d values are wrong; promised are %v units)", d, b.Name(), first, wrong, len(facts), p.units)
}

func floatsOf(d dtypes.DType, bits []uint64) (list []float64) {
	for _, b := range bits {
		list = append(list, floatOf(d, b))
	}
	return list
}

// off returns how far a result is off, in units in the last place of the truth, or of its larger part, and whether that
// is promised.
func (f fact) off(got []uint64, d dtypes.DType, p promise) (units float64, ok bool) {
	largest := 0.0
	for _, v := range floatsOf(d, f.out) {
		if !math.IsNaN(v) {
			largest = max(largest, math.Abs(v))
		}
	}
	ok = true
	for k, bits := range f.out {
		g, w := floatOf(d, got[k]), floatOf(d, bits)
		switch {
		case math.IsNaN(w) || math.IsNaN(g):
			ok = ok && math.IsNaN(w) && math.IsNaN(g)
		case math.IsInf(w, 0) || math.IsInf(g, 0):
			ok = ok && (g == w || f.free && math.IsInf(g, 0) && g == -w)
		case g == 0 && w == 0:
			ok = ok && (math.Signbit(g) == math.Signbit(w) || f.free || len(f.out) > 1 && largest > 0)
		case math.IsInf(largest, 0): // beside an infinity
		default:
			u := math.Abs(g-w) / lastPlace(d, largest)
			allowed := p.units + p.absolute*max(1, largest)/lastPlace(d, largest)
			units, ok = max(units, u), ok && u <= allowed
		}
	}
	return units, ok
}

// lastPlace returns what the last digit of a float of the size of v is worth.
func lastPlace(d dtypes.DType, v float64) float64 {
	l := layouts[d]
	_, exponent := math.Frexp(v)
	lowest := 2 - 1<<(l.exponent-1) // of normal numbers
	return math.Ldexp(1, max(exponent-1, lowest)-l.mantissa)
}

// exact are readings that say something of a float, of which all is known.
var exact = map[string]func(x float64) bool{
	"chlo.is_inf":     func(x float64) bool { return math.IsInf(x, 0) },
	"chlo.is_pos_inf": func(x float64) bool { return math.IsInf(x, 1) },
	"chlo.is_neg_inf": func(x float64) bool { return math.IsInf(x, -1) },
}

// TestExact compares what readings say of floats, and the imaginary part of real numbers.
func TestExact(t *testing.T) {
	in := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1e-7, -60000, math.SmallestNonzeroFloat64}
	for _, d := range dtypes.Floats.List() {
		x, err := tensors.MustFromAnyValue(in).ConvertDType(d)
		require.NoError(t, err)
		for name, f := range exact {
			got := callReading(t, callOf(name, d, dtypes.Bool, len(in)), x)
			for i, v := range tensors.MustCopyFlatData[bool](got) {
				if v != f(x.Float64At(i)) {
					t.Errorf("%s of %v in %s is %v", name, x.Float64At(i), d, v)
				}
			}
		}
		got := callReading(t, callOf("stablehlo.imag", d, d, len(in)), x)
		assert.True(t, got.Equal(tensors.FromShape(x.Shape())), "the imaginary part of %s is %s", x, got)
	}
}

func callReading(t *testing.T, text string, in ...any) *tensors.Tensor {
	t.Helper()
	m, err := Read(text)
	require.NoError(t, err)
	exec := graph.MustNewExec(graphtest.Reference(), func(in []*graph.Node) []*graph.Node { return m.Main().Call(in...) })
	out, err := exec.Call(in...)
	require.NoError(t, err)
	return out[0]
}

// wholeTruth are readings of whole numbers, by what they make of the low bits of their operands, which are signed or not;
// size is in bits.
var wholeTruth = map[string]func(x, y uint64, size int, signed bool) uint64{
	"stablehlo.divide": func(x, y uint64, size int, signed bool) uint64 {
		switch a, b := extended(x, size), extended(y, size); {
		case y == 0:
			return math.MaxUint64
		case signed && b == -1: // the smallest number too, which has no opposite
			return uint64(-a)
		case signed:
			return uint64(a / b)
		}
		return x / y
	},
	"stablehlo.remainder": func(x, y uint64, size int, signed bool) uint64 {
		switch a, b := extended(x, size), extended(y, size); {
		case y == 0:
			return x
		case signed && b == -1:
			return 0
		case signed:
			return uint64(a % b)
		}
		return x % y
	},
	"stablehlo.popcnt":              func(x, _ uint64, _ int, _ bool) uint64 { return uint64(bits.OnesCount64(x)) },
	"stablehlo.count_leading_zeros": func(x, _ uint64, size int, _ bool) uint64 { return uint64(size - bits.Len64(x)) },
	"stablehlo.compare": func(x, y uint64, _ int, _ bool) uint64 {
		if x == y {
			return 1
		}
		return 0
	},
}

// extended returns the number whose low bits x has.
func extended(x uint64, size int) int64 { return int64(x<<(64-size)) >> (64 - size) }

// TestWholeNumbers compares readings of whole numbers: of all pairs of 8 bits, and of what lies at the ends of others.
func TestWholeNumbers(t *testing.T) {
	corners := []uint64{0, 1, 2, 3, 7, 10, 100, 1 << 7, 1 << 15, 1 << 31, 1 << 62, 1 << 63, 1<<7 - 1, 1<<15 - 1, 1<<31 - 1, 1<<63 - 1}
	for _, v := range slices.Clone(corners) {
		corners = append(corners, -v)
	}
	for name, f := range wholeTruth {
		for _, d := range dtypes.Ints.List() {
			size := 8 * d.Size()
			values := corners
			if size == 8 {
				values = nil
				for v := range uint64(256) {
					values = append(values, v)
				}
			}
			var xs, ys []byte
			var want []uint64
			for _, x := range values {
				for _, y := range values {
					x, y := x<<(64-size)>>(64-size), y<<(64-size)>>(64-size)
					xs = binary.LittleEndian.AppendUint64(xs, x)[:len(xs)+size/8]
					ys = binary.LittleEndian.AppendUint64(ys, y)[:len(ys)+size/8]
					want = append(want, f(x, y, size, !d.IsUnsigned()))
				}
			}
			s := shapes.Make(d, len(want))
			a, err := tensors.FromBytes(s, xs)
			require.NoError(t, err)
			b, err := tensors.FromBytes(s, ys)
			require.NoError(t, err)
			out := d
			if name == "stablehlo.compare" {
				out, size = dtypes.Bool, 8
			}
			got := callReading(t, callOf(name, d, out, len(want)), []any{a, b}[:rules[name].operands]...)
			got.MustConstBytes(func(data []byte) {
				for i, w := range want {
					if g := littleEndian(data[i*size/8 : (i+1)*size/8]); g != w<<(64-size)>>(64-size) {
						t.Errorf("%s of pair %d in %s is %d, want %d", name, i, d, g, w)
						return
					}
				}
			})
		}
	}
	for _, x := range []bool{false, true} {
		for _, y := range []bool{false, true} {
			same := callReading(t, callOf("stablehlo.compare", dtypes.Bool, dtypes.Bool, 1), []bool{x}, []bool{y})
			below := callReading(t, strings.Replace(callOf("stablehlo.compare", dtypes.Bool, dtypes.Bool, 1), "direction EQ", "direction LT", 1), []bool{x}, []bool{y})
			clamped := callReading(t, callOf("stablehlo.clamp", dtypes.Bool, dtypes.Bool, 1), []bool{x}, []bool{y}, []bool{x})
			if same.Float64At(0) == 1 != (x == y) || below.Float64At(0) == 1 != (!x && y) || clamped.Float64At(0) == 1 != x {
				t.Errorf("%v and %v: EQ %s, LT %s, clamped %s", x, y, same, below, clamped)
			}
		}
	}
}

// TestSlopes differentiates the functions of a real number, at points where pieces of their equations meet among others,
// and compares with differences of their values.
func TestSlopes(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if rules[name].operands != 1 || !rules[name].pointwise || len(truthOf(t, name)[dtypes.Float64]) == 0 || name == "stablehlo.round_nearest_afz" {
			continue
		}
		m, err := Read(callOf(name, dtypes.Float64, dtypes.Float64, 1))
		require.NoError(t, err)
		exec := graph.MustNewExec(graphtest.Reference(), func(x *graph.Node) (*graph.Node, *graph.Node) {
			y := m.Main().Call(x)[0]
			return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
		})
		at := func(x float64) (y, dy float64) {
			out, err := exec.Call([]float64{x})
			require.NoError(t, err)
			return out[0].Float64At(0), out[1].Float64At(0)
		}
		for _, x := range []float64{0, 1e-9, 0.3, -0.3, 0.5, -0.5, 0.9, -0.9, 1.25, 2.5, -2.5, 7, 50, -50, 709, 1e9} {
			h := 1e-6 * math.Abs(x)
			if x == 0 {
				h = 1e-9
			}
			below, _ := at(x - h)
			above, _ := at(x + h)
			want := (above - below) / (2 * h)
			_, dy := at(x)
			if y, _ := at(x); math.IsNaN(want) || math.IsInf(want, 0) || name == "stablehlo.cbrt" && x == 0 || math.IsInf(y, 0) || math.IsNaN(y) {
				continue
			}
			rounding := 1e-15 * max(math.Abs(above), math.Abs(below)) / h // of the values, lgamma's to 1e-13
			if !(math.Abs(dy-want) <= 1e-5*max(math.Abs(want), 1e-4)+rounding) {
				t.Errorf("the slope of %s at %v is %v, by differences %v", name, x, dy, want)
			}
		}
	}
}
