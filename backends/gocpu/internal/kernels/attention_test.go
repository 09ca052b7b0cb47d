package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/require"
)

// attentionCase is attention of random numbers.
type attentionCase struct {
	name                     string
	heads, groups            int
	queries, keys            int
	width, values            int
	causal                   bool
	mask                     string // "", "bools", "keys", "numbers", "queries", "one"
	apart                    int    // elements between rows
	special                  float64
	specialQuery, specialKey int // where that is, from 1
}

func attentionCases() []attentionCase {
	list := []attentionCase{
		{name: "a block", heads: 2, groups: 1, queries: 64, keys: 128, width: 32, values: 32},
		{name: "odd", heads: 3, groups: 1, queries: 37, keys: 61, width: 19, values: 23},
		{name: "blocks and a rest", heads: 2, groups: 2, queries: 141, keys: 300, width: 24, values: 40},
		{name: "causal", heads: 2, groups: 1, queries: 141, keys: 141, width: 16, values: 16, causal: true},
		{name: "causal, more queries", heads: 1, groups: 1, queries: 150, keys: 40, width: 16, values: 17, causal: true},
		{name: "causal, more keys", heads: 1, groups: 1, queries: 40, keys: 290, width: 16, values: 16, causal: true},
		{name: "many heads", heads: 2 * wantedTasks, groups: 2, queries: 33, keys: 130, width: 16, values: 8, causal: true},
		{name: "rows apart", heads: 2, groups: 1, queries: 35, keys: 40, width: 32, values: 32, apart: 5},
		{name: "rows far apart", heads: 2, groups: 1, queries: 35, keys: 140, width: 32, values: 32, apart: 1000},
		{name: "one query", heads: 2, groups: 1, queries: 1, keys: 40, width: 32, values: 32},
		{name: "one of all", heads: 1, groups: 1, queries: 1, keys: 1, width: 1, values: 1},
		{name: "NaN in a query", heads: 1, groups: 1, queries: 40, keys: 40, width: 16, values: 16, special: math.NaN(), specialQuery: 3},
		{name: "NaN in a key that all see", heads: 1, groups: 1, queries: 40, keys: 40, width: 16, values: 16, causal: true, special: math.NaN(), specialKey: 1},
		{name: "a large query", heads: 1, groups: 1, queries: 40, keys: 140, width: 16, values: 16, special: 20, specialQuery: 3},
		{name: "an infinite query", heads: 1, groups: 1, queries: 40, keys: 140, width: 16, values: 16, special: math.Inf(1), specialQuery: 3},
	}
	for _, mask := range []string{"bools", "keys", "numbers", "queries", "one"} {
		list = append(list,
			attentionCase{name: "mask of " + mask, heads: 3, groups: 1, queries: 70, keys: 150, width: 16, values: 16, mask: mask},
			attentionCase{name: "causal and a mask of " + mask, heads: 4, groups: 2, queries: 70, keys: 90, width: 9, values: 16, mask: mask, causal: true})
	}
	return list
}

// attentionData are the operands of a case as numbers, and what is to come out.
type attentionData struct {
	attentionCase
	scale                   float64
	q, k, v, dy, bias       [][]float64 // [heads][…], bias [heads][queries·keys]
	logs, off               [][]float64
	y, dq, dk, dv, wantLogs [][]float64
}

// roundedTo rounds to what the dtype holds, so that all compute with the same numbers.
func roundedTo(d dtypes.DType, x float64) float64 {
	switch d {
	case dtypes.BFloat16:
		return bfloat16.FromFloat64(x).Float64()
	case dtypes.Float16:
		return float16.FromFloat64(x).Float64()
	case dtypes.Float32:
		return float64(float32(x))
	}
	return x
}

func newAttentionData(c attentionCase, d dtypes.DType) *attentionData {
	rng := rand.New(rand.NewPCG(uint64(c.queries), uint64(c.keys)))
	shared := c.heads / c.groups
	matrix := func(heads, n int) [][]float64 {
		list := make([][]float64, heads)
		for h := range list {
			list[h] = make([]float64, n)
			for i := range list[h] {
				list[h][i] = roundedTo(d, rng.NormFloat64())
			}
		}
		return list
	}
	a := &attentionData{attentionCase: c, scale: 1 / math.Sqrt(float64(c.width))}
	a.q, a.k, a.v, a.dy = matrix(c.heads, c.queries*c.width), matrix(shared, c.keys*c.width), matrix(shared, c.keys*c.values), matrix(c.heads, c.queries*c.values)
	a.bias, a.logs, a.off = matrix(c.heads, c.queries*c.keys), matrix(c.heads, c.queries), matrix(c.heads, c.queries)
	if c.specialQuery > 0 {
		a.q[0][(c.specialQuery-1)*c.width] = roundedTo(d, c.special)
	}
	if c.specialKey > 0 {
		a.k[0][(c.specialKey-1)*c.width] = c.special
	}
	a.y, a.dq, a.dk, a.dv = matrix(c.heads, c.queries*c.values), matrix(c.heads, c.queries*c.width), matrix(shared, c.keys*c.width), matrix(shared, c.keys*c.values)
	a.wantLogs = matrix(c.heads, c.queries)
	a.compute()
	return a
}

// maskAt returns which element of the mask belongs to a score, of heads, queries and keys that are not broadcast; and the sizes.
func (a *attentionData) maskStrides() (head, query, key int) {
	switch a.mask {
	case "bools":
		return 0, a.keys, 1
	case "keys":
		return a.keys, 0, 1
	case "numbers":
		return a.queries * a.keys, a.keys, 1
	case "queries":
		return 0, 1, 0
	}
	return 0, 0, 0
}

func (a *attentionData) maskIsBool() bool {
	return a.mask == "bools" || a.mask == "keys" || a.mask == "one"
}

// maskValue is what is added to a score.
func (a *attentionData) maskValue(h, i, j int) float64 {
	if a.mask == "" {
		return 0
	}
	head, query, key := a.maskStrides()
	at := h*head + i*query + j*key
	x := a.bias[at/(a.queries*a.keys)][at%(a.queries*a.keys)]
	switch {
	case !a.maskIsBool():
		return x
	case a.mask == "bools" && i == 5 || x > 0.8: // query 5 sees nothing
		return math.Inf(-1)
	}
	return 0
}

// compute is the equation, for each score on its own.
func (a *attentionData) compute() {
	for _, list := range [][][]float64{a.dk, a.dv} {
		for _, x := range list {
			clear(x)
		}
	}
	for h := range a.heads {
		k, v, dk, dv := a.k[h/a.groups], a.v[h/a.groups], a.dk[h/a.groups], a.dv[h/a.groups]
		for i := range a.queries {
			q, dy, y, dq := a.q[h][i*a.width:][:a.width], a.dy[h][i*a.values:][:a.values], a.y[h][i*a.values:][:a.values], a.dq[h][i*a.width:][:a.width]
			clear(y)
			clear(dq)
			s, dot := make([]float64, a.keys), make([]float64, a.keys)
			for j := range s {
				for c := range q {
					s[j] += q[c] * k[j*a.width+c]
				}
				for c := range dy {
					dot[j] += dy[c] * v[j*a.values+c]
				}
				s[j] = s[j]*a.scale + a.maskValue(h, i, j)
				if a.causal && j > i {
					s[j] = math.Inf(-1)
				}
			}
			log := logSumExp(s, true)
			if math.IsInf(log, 1) { // of which the differences are none
				log = math.NaN()
			}
			a.wantLogs[h][i], a.logs[h][i], a.off[h][i] = log, log, 0
			p := func(j int) float64 {
				if math.IsInf(s[j], -1) && log == log {
					return 0
				}
				return math.Exp(s[j] - log)
			}
			for j := range s {
				a.off[h][i] += p(j) * dot[j]
				for c := range y {
					y[c] += p(j) * v[j*a.values+c]
				}
			}
			for j := range s {
				ds := a.scale * p(j) * (dot[j] - a.off[h][i])
				for c := range q {
					dq[c] += ds * k[j*a.width+c]
					dk[j*a.width+c] += ds * q[c]
				}
				for c := range dy {
					dv[j*a.values+c] += p(j) * dy[c]
				}
			}
		}
	}
}

// attention returns what the kernels are told, with the operands as they want them.
func (a *attentionData) attention(d dtypes.DType) (o Attention, in [][]byte) {
	rows := func(heads [][]float64, d dtypes.DType, cols int, apart int) (Matrices, []byte) {
		n := len(heads[0]) / cols
		step := cols + apart
		flat := make([]float64, len(heads)*n*step)
		for h, x := range heads {
			for i := range n {
				copy(flat[(h*n+i)*step:], x[i*cols:][:cols])
			}
		}
		return Matrices{Base: NewAxis([]int{len(heads)}, []int{n * step}), Row: step}, bytesOf(d, flat)
	}
	sum := dtypes.Float32
	if d == dtypes.Float64 {
		sum = d
	}
	o = Attention{DType: d, Scale: a.scale, Causal: a.causal, Heads: a.heads, Groups: a.groups, Queries: a.queries, Keys: a.keys, Width: a.width, ValueWidth: a.values}
	in = make([][]byte, 6, 7)
	o.Query, in[0] = rows(a.q, d, a.width, a.apart)
	o.Key, in[1] = rows(a.k, d, a.width, a.apart)
	o.Value, in[2] = rows(a.v, d, a.values, a.apart)
	o.Logs, in[3] = rows(a.logs, sum, a.queries, 0)
	o.Off, in[4] = rows(a.off, sum, a.queries, 0)
	o.Slope, in[5] = rows(a.dy, d, a.values, a.apart)
	if a.mask == "" {
		return o, in
	}
	head, query, key := a.maskStrides()
	o.Mask = &AttentionMask{Matrices: Matrices{Base: NewAxis([]int{a.heads}, []int{head}), Row: query}, Column: key, Bool: a.maskIsBool()}
	mask := make([]float64, (a.heads-1)*head+(a.queries-1)*query+(a.keys-1)*key+1)
	for h := range a.heads {
		for i := range a.queries {
			for j := range a.keys {
				mask[h*head+i*query+j*key] = a.maskValue(h, i, j)
			}
		}
	}
	if a.maskIsBool() {
		shown := make([]byte, len(mask))
		for i, m := range mask {
			if m == 0 {
				shown[i] = 1
			}
		}
		return o, append(in, shown)
	}
	return o, append(in, bytesOf(d, mask))
}

func bytesOf(d dtypes.DType, x []float64) []byte {
	z := make([]byte, len(x)*d.Size())
	FloatTypeOf(d).store(z, &Lanes{Along: NewAxis([]int{len(x)}, []int{1})}, 0, x)
	return z
}

func numbersOf(d dtypes.DType, x []byte) []float64 {
	z := make([]float64, len(x)/d.Size())
	FloatTypeOf(d).load(x, &Lanes{Along: NewAxis([]int{len(z)}, []int{1})}, 0, z)
	return z
}

// runAttention runs both passes on a tier and returns their results: y, logarithms, dq, dk, dv.
func runAttention(tier cpu.Tier, a *attentionData, d dtypes.DType, workers int) [][]byte {
	o, in := a.attention(d)
	bytes := func(list [][]float64, d dtypes.DType) []byte { return make([]byte, len(list)*len(list[0])*d.Size()) }
	sum := dtypes.Float32
	if d == dtypes.Float64 {
		sum = d
	}
	out := [][]byte{bytes(a.y, d), bytes(a.logs, sum), bytes(a.dq, d), bytes(a.dk, d), bytes(a.dv, d)}
	forward := [][]byte{in[0], in[1], in[2]}
	f, scratch := ScaledDotProductAttention(tier, o, workers)
	f(&Args{Out: out[:2], In: append(forward, in[6:]...), Scratch: make([]byte, scratch), Workers: workers})
	f, scratch = ScaledDotProductAttentionGradient(tier, o, workers)
	f(&Args{Out: out[2:], In: in, Scratch: make([]byte, scratch), Workers: workers})
	return out
}

func TestAttention(t *testing.T) {
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float16, dtypes.Float64} {
		for i, c := range attentionCases() {
			if i%3 > 0 && (testing.Short() || d.IsHalf()) { // of 16 bits they are only read and written in another way
				continue
			}
			a := newAttentionData(c, d)
			for _, tier := range cpu.Tiers() {
				t.Run(fmt.Sprintf("%s/%s/%s", d, c.name, tier), func(t *testing.T) { a.check(t, tier, d) })
			}
		}
	}
}

// check fails unless a tier returns what the equation says, with any number of workers.
func (a *attentionData) check(t *testing.T, tier cpu.Tier, d dtypes.DType) {
	out := runAttention(tier, a, d, 1)
	sum := dtypes.Float32
	if d == dtypes.Float64 {
		sum = d
	}
	for i, want := range [][][]float64{a.y, a.wantLogs, a.dq, a.dk, a.dv} {
		typ, name := d, []string{"y", "logarithms", "dq", "dk", "dv"}[i]
		if i == 1 {
			typ = sum
		}
		nearAll(t, name, numbersOf(typ, out[i]), want, 16*dtypes.Epsilon(sum)+2*dtypes.Epsilon(typ))
	}
	y, dq := numbersOf(d, out[0]), numbersOf(d, out[2])
	for h, logs := range a.logs {
		for i, log := range logs {
			if at := h*a.queries + i; math.IsInf(log, -1) {
				require.Equal(t, make([]float64, a.values), y[at*a.values:][:a.values], "head %d, query %d sees nothing", h, i)
				require.Equal(t, make([]float64, a.width), dq[at*a.width:][:a.width], "head %d, query %d sees nothing", h, i)
			}
		}
	}
	require.Equal(t, out, runAttention(tier, a, d, 3), "three workers have other bits")
}

// nearAll fails unless each number is as near to what is wanted as the largest of its head allows.
func nearAll(t *testing.T, name string, got []float64, want [][]float64, limit float64) {
	t.Helper()
	for h, list := range want {
		largest := 1.0
		for _, w := range list {
			if w-w == 0 {
				largest = max(largest, math.Abs(w))
			}
		}
		for i, w := range list {
			g := got[h*len(list)+i]
			if g == w || g != g && w != w {
				continue
			}
			require.LessOrEqual(t, math.Abs(g-w), limit*largest, "%s, head %d, element %d: %v, want %v", name, h, i, g, w)
		}
	}
}

func TestAttentionAllocatesNothing(t *testing.T) {
	a := newAttentionData(attentionCase{heads: 2, groups: 1, queries: 70, keys: 150, width: 16, values: 16, mask: "bools", causal: true}, dtypes.Float32)
	o, in := a.attention(dtypes.Float32)
	f, scratch := ScaledDotProductAttention(cpu.Use(), o, 1)
	args := &Args{Out: [][]byte{make([]byte, 4*2*70*16), make([]byte, 4*2*70)}, In: append(in[:3:3], in[6]), Scratch: make([]byte, scratch), Workers: 1}
	testenv.AllocatesAtMost(t, 0, func() { f(args) })
	f, scratch = ScaledDotProductAttentionGradient(cpu.Use(), o, 1)
	args = &Args{Out: [][]byte{make([]byte, 4*2*70*16), make([]byte, 4*2*150*16), make([]byte, 4*2*150*16)}, In: in, Scratch: make([]byte, scratch), Workers: 1}
	testenv.AllocatesAtMost(t, 0, func() { f(args) })
}

func BenchmarkAttention(b *testing.B) {
	for _, c := range []attentionCase{{name: "whole"}, {name: "causal", causal: true}, {name: "masked", mask: "bools"}} {
		c.heads, c.groups, c.queries, c.keys, c.width, c.values = 16, 1, 256, 256, 64, 64
		a := newAttentionData(c, dtypes.Float32)
		o, in := a.attention(dtypes.Float32)
		b.Run(c.name, func(b *testing.B) {
			f, scratch := ScaledDotProductAttention(cpu.Use(), o, 1)
			args := &Args{Out: [][]byte{make([]byte, 4*16*256*64), make([]byte, 4*16*256)}, In: append(in[:3:3], in[6:]...), Scratch: make([]byte, scratch), Workers: 1}
			for b.Loop() {
				f(args)
			}
		})
		b.Run(c.name+", gradient", func(b *testing.B) {
			f, scratch := ScaledDotProductAttentionGradient(cpu.Use(), o, 1)
			x := func() []byte { return make([]byte, 4*16*256*64) }
			args := &Args{Out: [][]byte{x(), x(), x()}, In: in, Scratch: make([]byte, scratch), Workers: 1}
			for b.Loop() {
				f(args)
			}
		})
	}
}
