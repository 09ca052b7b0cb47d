package graphtest

import (
	"bufio"
	"compress/gzip"
	"embed"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

//go:embed testdata/truth/*.txt.gz
var embedded embed.FS

// truthFiles returns the folder of the tables: the repository's, or that named by QUIRE_TRUTH, for larger ones.
func truthFiles() fs.FS {
	if folder := os.Getenv("QUIRE_TRUTH"); folder != "" {
		return os.DirFS(folder)
	}
	files, err := fs.Sub(embedded, "testdata/truth")
	if err != nil {
		panic(err)
	}
	return files
}

// fact is a true value: the bits of the parts of the operands and, rounded once, of the result.
type fact struct {
	in   []uint64 // operand by operand, real and imaginary part
	out  []uint64
	free bool // the signs of zeros and infinities of the result are open
}

// truthOf returns the true values of an op, by the dtype of its operands; nothing if there is no table.
func truthOf(op *ir.Op) map[dtypes.DType][]fact {
	file, err := truthFiles().Open(op.Name + ".txt.gz")
	if err != nil {
		return nil
	}
	defer file.Close()
	facts, err := readTruth(file)
	if err != nil {
		panic(fmt.Sprintf("graphtest: the table of %s: %v", op.Name, err))
	}
	return facts
}

// readTruth reads lines of the form
//
//	complex64 3f800000 00000000 = 402df854 00000000
//
// in which a ~ before a part of the result leaves the sign of a zero or infinity open.
func readTruth(r io.Reader) (map[dtypes.DType][]fact, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	facts := map[dtypes.DType][]fact{}
	for lines := bufio.NewScanner(z); ; {
		if !lines.Scan() {
			return facts, lines.Err()
		}
		name, rest, _ := strings.Cut(lines.Text(), " ")
		d, err := dtypes.Parse(name)
		if err != nil {
			return nil, err
		}
		in, out, ok := strings.Cut(rest, " = ")
		f := fact{free: strings.Contains(out, "~")}
		if f.in, err = bitsOf(in); err == nil {
			f.out, err = bitsOf(strings.ReplaceAll(out, "~", ""))
		}
		if err != nil || !ok {
			return nil, fmt.Errorf("line %q: %v", lines.Text(), err)
		}
		facts[d] = append(facts[d], f)
	}
}

func bitsOf(words string) (list []uint64, err error) {
	for _, w := range strings.Fields(words) {
		b, err := strconv.ParseUint(w, 16, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// Truth checks the values of a backend against tables of true values, for every row that has one: over the whole domain,
// at every float and complex dtype, within what the row's [ir.Accuracy] promises. That is a promise of the reference
// meanings and of the go engine's kernels; expansions, and the functions of other compilers, may do less in tails and next
// to zeros. QUIRE_TRUTH names a folder of other tables.
func Truth(t *testing.T, newBackend func() ir.Backend) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	for _, op := range ir.Ops() {
		if len(op.Accuracy) == 0 {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for d, facts := range truthOf(op) {
				if err := checkTruth(t, b, op, d, facts); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// lacksTruth returns what is missing for the values of a row to be held to true ones: an elementwise row has a promise and
// a table at every float and complex dtype, or a reason why it needs none; others may have a promise and a table.
func lacksTruth(op *ir.Op) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	at, facts := elementwiseAt(op), truthOf(op)
	switch {
	case len(op.Accuracy) > 0 && op.Exact != "":
		say("of Accuracy and Exact both are set")
	case len(at) > 0 && len(op.Accuracy) == 0 && op.Exact == "":
		say("Accuracy or a reason (Exact) is missing")
	case len(op.Accuracy) == 0 && len(facts) > 0:
		say("there is a table of true values, but no Accuracy")
	}
	for _, a := range op.Accuracy {
		if (a.Domain == "") != (a.In == nil) {
			say("of an Accuracy's Domain and In only one is set")
		}
	}
	if len(op.Accuracy) == 0 {
		return list
	}
	for _, d := range at {
		if n := len(facts[d]); n < fewestFacts {
			say("%d true values at %s, want %d at least: testdata/truth/README.md says how to make them", n, d, fewestFacts)
		}
	}
	return list
}

// fewestFacts is how many true values a table has at least at a dtype: with fewer some part of the domain is left out.
const fewestFacts = 100

// elementwiseAt returns the float and complex dtypes at which op is a function of single elements: it has no attributes, and
// operands of any one shape give a result of that shape that is a float or complex too.
func elementwiseAt(op *ir.Op) (at []dtypes.DType) {
	if op.Attrs != nil || op.Infer == nil || len(op.Samples) == 0 || op.Samples[0].Build != nil {
		return nil
	}
	operands := op.Samples[0].In
	for _, d := range dtypes.Inexact.List() {
		if len(operands) == 0 || op.DTypes != 0 && !op.DTypes.Has(d) {
			continue
		}
		same := true
		for _, dims := range [][]int{{2, 3, 4}, {5}, nil} {
			in := make([]shapes.Shape, len(operands))
			for i, x := range operands {
				in[i] = shapes.Make(d, dims...)
				if x.DType != dtypes.Invalid {
					in[i] = in[i].WithDType(x.DType)
				}
			}
			out, err := op.Infer(nil, in)
			same = same && err == nil && slices.Equal(out.Dimensions, dims) && dtypes.Inexact.Has(out.DType)
		}
		if same {
			at = append(at, d)
		}
	}
	return at
}

// checkTruth makes one call of op with all operands of the facts and compares.
func checkTruth(t *testing.T, b ir.Backend, op *ir.Op, d dtypes.DType, facts []fact) error {
	part := d.Real()
	per := 1 // parts of an operand
	if d.IsComplex() {
		per = 2
	}
	in := make([]*tensors.Tensor, len(facts[0].in)/per)
	for k := range in {
		var data []byte
		for _, f := range facts {
			for _, bits := range f.in[k*per : (k+1)*per] {
				data = appendBits(data, bits, part)
			}
		}
		x, err := tensors.FromBytes(shapes.Make(d, len(facts)), data)
		if err != nil {
			return err
		}
		in[k] = x
	}
	out, err := runOn(b, func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.ApplyIn(g, op, nil, in...)}
	}, in)
	if err != nil {
		return fmt.Errorf("%s: %w", d, err)
	}
	var got []uint64
	out[0].MustConstBytes(func(data []byte) {
		for size := part.Size(); len(data) > 0; data = data[size:] {
			var word [8]byte
			copy(word[:], data[:size])
			got = append(got, binary.LittleEndian.Uint64(word[:]))
		}
	})
	var first string
	wrong, worst := 0, 0.0
	for i, f := range facts {
		off, ok := f.compare(op, d, got[i*len(f.out):(i+1)*len(f.out)])
		worst = max(worst, off)
		if ok {
			continue
		}
		if wrong++; wrong == 1 {
			first = fmt.Sprintf("of %v it is %v, want %v", numbersOf(f.in, part), numbersOf(got[i*len(f.out):(i+1)*len(f.out)], part), numbersOf(f.out, part))
		}
	}
	t.Logf("%s: %d values, off by at most %.3g", d, len(facts), worst)
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s (%d of %d values are wrong, by up to %.3g units in the last place; promised: %v)", d, first, wrong, len(facts), worst, op.Accuracy)
}

func appendBits(data []byte, bits uint64, d dtypes.DType) []byte {
	return binary.LittleEndian.AppendUint64(data, bits)[:len(data)+d.Size()]
}

// compare returns how far a result is off, in units in the last place, and whether the row's promises allow that.
func (f fact) compare(op *ir.Op, d dtypes.DType, got []uint64) (off float64, ok bool) {
	covered := false
	ok = true
	for _, a := range op.Accuracy {
		if a.DTypes != 0 && !a.DTypes.Has(d) || a.In != nil && !a.In(f.operands(d)) {
			continue
		}
		covered = true
		for k := range f.out {
			u, same := f.distance(k, got[k], d.Real(), a.Norm)
			if same && u > a.ULP && a.Abs > 0 && math.Abs(numberOf(got[k], d.Real())-numberOf(f.out[k], d.Real())) <= a.Abs*dtypes.Epsilon(d) {
				continue
			}
			ok = ok && same && u <= a.ULP
			off = max(off, u)
		}
	}
	return off, ok && covered
}

// operands returns the operands as complex numbers.
func (f fact) operands(d dtypes.DType) (x []complex128) {
	v := numbersOf(f.in, d.Real())
	if !d.IsComplex() {
		for _, re := range v {
			x = append(x, complex(re, 0))
		}
		return x
	}
	for i := 0; i < len(v); i += 2 {
		x = append(x, complex(v[i], v[i+1]))
	}
	return x
}

// distance returns how far part k of a result is from the truth, in units in the last place of it or, if whole is set,
// of the largest part; same is false if they are not of one kind: NaN, infinite, zero with a sign.
func (f fact) distance(k int, got uint64, d dtypes.DType, whole bool) (units float64, same bool) {
	g, w := numberOf(got, d), numberOf(f.out[k], d)
	switch {
	case g != g || w != w:
		return 0, g != g && w != w
	case math.IsInf(w, 0) || math.IsInf(g, 0):
		return 0, g == w || f.free && math.IsInf(g, 0) && g == -w
	}
	if whole {
		largest := 0.0
		for _, bits := range f.out {
			largest = max(largest, math.Abs(numberOf(bits, d)))
		}
		if math.IsInf(largest, 0) { // beside an infinity any finite part is a small error
			return 0, true
		}
		return math.Abs(g-w) / lastPlace(largest, d), true
	}
	if g == 0 && w == 0 {
		return 0, math.Signbit(g) == math.Signbit(w) || f.free
	}
	return between(got, f.out[k], d), true
}

// between returns how many steps from one float of a dtype to the next lead from x to y.
func between(x, y uint64, d dtypes.DType) float64 {
	sign := uint64(1) << (8*d.Size() - 1)
	a, b := x&^sign, y&^sign
	if x&sign != y&sign {
		return float64(a) + float64(b)
	}
	return float64(max(a, b) - min(a, b))
}

// lastPlace returns the distance from |x| to the next number above it.
func lastPlace(x float64, d dtypes.DType) float64 {
	least := numberOf(1, d)
	if x == 0 {
		return least
	}
	_, e := math.Frexp(x)
	return max(math.Ldexp(dtypes.Epsilon(d), e-1), least)
}

func numberOf(bits uint64, d dtypes.DType) float64 { return numbersOf([]uint64{bits}, d)[0] }

// numbersOf returns floats of a dtype, given by their bits.
func numbersOf(bits []uint64, d dtypes.DType) []float64 {
	v := make([]float64, len(bits))
	for i, b := range bits {
		switch d {
		case dtypes.Float16:
			v[i] = float16.FromBits(uint16(b)).Float64()
		case dtypes.BFloat16:
			v[i] = bfloat16.FromBits(uint16(b)).Float64()
		case dtypes.Float32:
			v[i] = float64(math.Float32frombits(uint32(b)))
		default:
			v[i] = math.Float64frombits(b)
		}
	}
	return v
}
