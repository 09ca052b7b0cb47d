package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
)

// most writes to z the largest, or smallest, of the elements at the same places of four vectors, one of which may be z.
type most[T any] func(z, a, b, c, d []T)

func mostOf[T Real](smaller bool) most[T] {
	if smaller {
		return func(z, a, b, c, d []T) {
			a, b, c, d = a[:len(z)], b[:len(z)], c[:len(z)], d[:len(z)]
			for i := range z {
				z[i] = min(a[i], b[i], c[i], d[i])
			}
		}
	}
	return func(z, a, b, c, d []T) {
		a, b, c, d = a[:len(z)], b[:len(z)], c[:len(z)], d[:len(z)]
		for i := range z {
			z[i] = max(a[i], b[i], c[i], d[i])
		}
	}
}

// mostOnVectors is mostOf of float32 by a vector program, for places of at least as many elements as are worth it; nil otherwise.
func mostOnVectors[T Real](tier cpu.Tier, smaller bool, inner int) most[T] {
	var zero T
	if _, single := any(zero).(float32); !single || !onVectors(tier) || inner < fewElements {
		return nil
	}
	op := vector.Max
	if smaller {
		op = vector.Min
	}
	var c vector.Code
	load := func(i int) vector.Value { return c.Load(i, vector.Float32) }
	c.Store(4, vector.Float32, c.Op(op, c.Op(op, load(0), load(1)), c.Op(op, load(2), load(3))))
	p := c.CompileFor(tier)
	return func(z, a, b, c, d []T) {
		mem := [5]unsafe.Pointer{unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), unsafe.Pointer(&c[0]), unsafe.Pointer(&d[0]), unsafe.Pointer(&z[0])}
		p.Run(mem[:], len(z), nil)
	}
}

// WindowMost returns the kernel of the largest, or smallest, element of each window, NaN if there is any, and none if it
// has none; nil if there are too many axes. Unlike ReduceWindow it needs no accumulators: elements are taken four at a time, and
// where there are fewer one of them more than once.
func WindowMost[T Real](tier cpu.Tier, smaller bool, none T, w Windows) Func {
	v := newWindowWalk(w)
	if v == nil {
		return nil
	}
	op := mostOnVectors[T](tier, smaller, v.inner)
	if op == nil {
		op = mostOf[T](smaller)
	}
	taps := foursOf(v.placesOfOne())
	body := func(a *Args, _, lo, hi int) {
		x, z := Of[T](a.In[0]), Of[T](a.Out[0])
		for p := lo; p < hi; {
			base, step, n := v.whole(p, hi)
			for range n {
				out := z[p*v.inner:][:v.inner]
				row := func(place int) []T { return x[base+place:][:v.inner] }
				op(out, row(taps[0][0]), row(taps[0][1]), row(taps[0][2]), row(taps[0][3]))
				for _, t := range taps[1:] {
					op(out, out, row(t[1]), row(t[2]), row(t[3]))
				}
				base += step
				p++
			}
			if n > 0 {
				continue
			}
			out := z[p*v.inner:][:v.inner]
			row := func(offset int) []T { return x[offset : offset+v.inner] }
			var at [3]int
			n, begun := 0, false
			v.over(p, func(offset int) {
				switch {
				case n < 3:
					at[n] = offset
					n++
				case begun:
					op(out, out, row(at[0]), row(at[1]), row(at[2]))
					at[0], n = offset, 1
				default:
					op(out, row(at[0]), row(at[1]), row(at[2]), row(offset))
					n, begun = 0, true
				}
			})
			last := max(0, n-1)
			switch {
			case n == 0 && !begun:
				fill(out, none)
			case n == 0:
			case begun:
				op(out, out, row(at[0]), row(at[min(1, last)]), row(at[last]))
			default:
				op(out, row(at[0]), row(at[0]), row(at[min(1, last)]), row(at[last]))
			}
			p++
		}
	}
	grain := v.grain()
	return func(a *Args) { a.For(v.places, grain, body) }
}

// foursOf returns the places of a window as they are taken: four, and then three at a time beside what came of those before. The last
// place is taken more than once where there are fewer.
func foursOf(places []int) (list [][4]int) {
	last := len(places) - 1
	for i := 0; i <= last; {
		var four [4]int
		for k := range four {
			if k > 0 || i == 0 {
				four[k] = places[min(i, last)]
				i++
			}
		}
		list = append(list, four)
	}
	return list
}
