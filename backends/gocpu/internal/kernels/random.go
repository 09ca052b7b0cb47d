package kernels

// The constants of Philox-4x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3).
const (
	philoxM0, philoxM1 = 0xD2511F53, 0xCD9E8D57
	philoxW0, philoxW1 = 0x9E3779B9, 0xBB67AE85
	philoxRounds       = 10
)

// philox returns block number (low, high) of the stream with the given key.
func philox(key, low, high uint64) (c0, c1, c2, c3 uint32) {
	c0, c1, c2, c3 = uint32(low), uint32(low>>32), uint32(high), uint32(high>>32)
	k0, k1 := uint32(key), uint32(key>>32)
	for range philoxRounds {
		p0, p1 := uint64(c0)*philoxM0, uint64(c2)*philoxM1
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += philoxW0
		k1 += philoxW1
	}
	return c0, c1, c2, c3
}

// RandomBits returns the kernel that makes the next state and n values of uint32 or, if wide, of uint64.
func RandomBits(n int, wide bool) Func {
	words := n
	if wide {
		words = 2 * n
	}
	blocks := (words + 3) / 4
	body := func(a *Args, _, lo, hi int) {
		state, z := Of[uint64](a.In[0]), Of[uint32](a.Out[1])
		for i := lo; i < hi; i++ {
			low, high := state[1]+uint64(i), state[2]
			if low < state[1] {
				high++
			}
			c0, c1, c2, c3 := philox(state[0], low, high)
			if littleEndian || !wide {
				store4(z, 4*i, c0, c1, c2, c3)
			} else {
				store4(z, 4*i, c1, c0, c3, c2)
			}
		}
	}
	return func(a *Args) {
		a.For(blocks, 512, body)
		state, next := Of[uint64](a.In[0]), Of[uint64](a.Out[0])
		low, high := state[1]+uint64(blocks), state[2]
		if low < state[1] {
			high++
		}
		next[0], next[1], next[2] = state[0], low, high
	}
}

// store4 writes as many of four words as there is room for.
func store4(z []uint32, at int, c0, c1, c2, c3 uint32) {
	if at+4 <= len(z) {
		p := z[at : at+4 : at+4]
		p[0], p[1], p[2], p[3] = c0, c1, c2, c3
		return
	}
	c := [4]uint32{c0, c1, c2, c3}
	copy(z[at:], c[:])
}

// littleEndian says how the machine stores a uint64 as two uint32.
var littleEndian = Of[uint32](Bytes([]uint64{1}))[0] == 1
