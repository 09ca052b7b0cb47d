package kernels

// ReducePrecision returns the kernel that rounds floats, seen as their bits, to fewer bits. own are the widths of the
// parts they have, exponent and mantissa, in that order.
func ReducePrecision[B uint16 | uint32 | uint64](n int, ownExponent, ownMantissa, exponent, mantissa int) Func {
	var (
		sign     = B(1) << (ownExponent + ownMantissa)
		infinite = (B(1)<<ownExponent - 1) << ownMantissa
		cut      = max(0, ownMantissa-mantissa)
		bias     = 1<<(ownExponent-1) - 1
		most     = 2*bias + 1 // the largest and the smallest exponent, as they stand in the bits, that stay
		least    = 0
	)
	if exponent < ownExponent {
		reach := 1<<(exponent-1) - 1
		most, least = bias+reach, bias-reach+1
	}
	body := func(a *Args, _, lo, hi int) {
		x, z := Of[B](a.In[0])[lo:hi], Of[B](a.Out[0])[lo:hi]
		for i, v := range x {
			size := v &^ sign
			if size >= infinite { // NaN too
				z[i] = v
				continue
			}
			if cut > 0 { // half of the last digit that stays, less one if that is even: what carries is rounded up
				size += B(1)<<(cut-1) - 1 + size>>cut&1
				size = size >> cut << cut
			}
			switch e := int(size >> ownMantissa); {
			case e > most:
				size = infinite
			case e < least:
				size = 0
			}
			z[i] = v&sign | size
		}
	}
	grain := grainOf(1.5)
	return func(a *Args) { a.For(n, grain, body) }
}
