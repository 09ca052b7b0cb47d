// Package dialect has builders with each fault that the test of builders is to find.
package dialect

// GoodBuilder is as builders are.
type GoodBuilder struct {
	epsilon float64
	mask    bool
}

// Epsilon sets epsilon.
func (b *GoodBuilder) Epsilon(value float64) *GoodBuilder {
	b.epsilon = value
	return b
}

// Mask sets the mask.
func (b *GoodBuilder) Mask(value bool) *GoodBuilder {
	b.mask = value
	return b
}

// WithEpsilon is Epsilon.
//
// Deprecated: use Epsilon.
func (b *GoodBuilder) WithEpsilon(value float64) *GoodBuilder { return b.Epsilon(value) }

// Done ends.
func (b *GoodBuilder) Done() float64 { return b.epsilon }

// PoorBuilder is as builders are not.
type PoorBuilder struct {
	epsilon, gain float64
	bias, shown   bool
}

// WithEpsilon has another name than the others'.
func (b *PoorBuilder) WithEpsilon(value float64) *PoorBuilder {
	b.epsilon = value
	return b
}

// UseBias says nothing by Use.
func (b *PoorBuilder) UseBias(value bool) *PoorBuilder {
	b.bias = value
	return b
}

// Mask is another thing than the others'.
func (b *PoorBuilder) Mask(value bool) *PoorBuilder {
	b.shown = value
	return b
}

// Gain returns no builder.
func (b *PoorBuilder) Gain(value float64) { b.gain = value }

// WithScale does more than to call.
//
// Deprecated: use Gain.
func (b *PoorBuilder) WithScale(value float64) *PoorBuilder {
	b.gain = value
	return b
}

// DoneSoon does not end.
func (b *PoorBuilder) DoneSoon() *PoorBuilder { return b }
