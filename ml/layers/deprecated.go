package layers

import "github.com/quire-ml/quire/graph"

// This file holds the setters' names of before there was one form of builders. They stay for one release.

// WithEpsilon is [RMSNormBuilder.Epsilon].
//
// Deprecated: use Epsilon.
func (b *RMSNormBuilder) WithEpsilon(epsilon float64) *RMSNormBuilder { return b.Epsilon(epsilon) }

// WithNormalizationAxes is [RMSNormBuilder.Axes].
//
// Deprecated: use Axes.
func (b *RMSNormBuilder) WithNormalizationAxes(axes ...int) *RMSNormBuilder { return b.Axes(axes...) }

// WithScale is [RMSNormBuilder.LearnedGain].
//
// Deprecated: use LearnedGain.
func (b *RMSNormBuilder) WithScale(useScale bool) *RMSNormBuilder { return b.LearnedGain(useScale) }

// Center is [BatchNormBuilder.LearnedOffset].
//
// Deprecated: use LearnedOffset.
func (b *BatchNormBuilder) Center(value bool) *BatchNormBuilder { return b.LearnedOffset(value) }

// Scale is [BatchNormBuilder.LearnedGain].
//
// Deprecated: use LearnedGain.
func (b *BatchNormBuilder) Scale(value bool) *BatchNormBuilder { return b.LearnedGain(value) }

// UseBias is [ConvBuilder.Bias].
//
// Deprecated: use Bias.
func (b *ConvBuilder) UseBias(useBias bool) *ConvBuilder { return b.Bias(useBias) }

// UseProjectionBias is [MultiHeadAttentionBuilder.Bias].
//
// Deprecated: use Bias.
func (b *MultiHeadAttentionBuilder) UseProjectionBias(useProjectionBias bool) *MultiHeadAttentionBuilder {
	return b.Bias(useProjectionBias)
}

// WithCausalMask is [MultiHeadAttentionBuilder.CausalMask].
//
// Deprecated: use CausalMask.
func (b *MultiHeadAttentionBuilder) WithCausalMask(useCausalMask bool) *MultiHeadAttentionBuilder {
	return b.CausalMask(useCausalMask)
}

// WithKeyMask is [MultiHeadAttentionBuilder.KeyMask].
//
// Deprecated: use KeyMask.
func (b *MultiHeadAttentionBuilder) WithKeyMask(keyMask *graph.Node) *MultiHeadAttentionBuilder {
	return b.KeyMask(keyMask)
}

// WithMask is [MultiHeadAttentionBuilder.Mask].
//
// Deprecated: use Mask.
func (b *MultiHeadAttentionBuilder) WithMask(mask *graph.Node) *MultiHeadAttentionBuilder {
	return b.Mask(mask)
}

// WithDropout is [MultiHeadAttentionBuilder.Dropout].
//
// Deprecated: use Dropout.
func (b *MultiHeadAttentionBuilder) WithDropout(rate float64) *MultiHeadAttentionBuilder {
	return b.Dropout(rate)
}

// WithNumKVHeads is [MultiHeadAttentionBuilder.NumKVHeads].
//
// Deprecated: use NumKVHeads.
func (b *MultiHeadAttentionBuilder) WithNumKVHeads(numKVHeads int) *MultiHeadAttentionBuilder {
	return b.NumKVHeads(numKVHeads)
}

// WithOutputDim is [MultiHeadAttentionBuilder.OutputDim].
//
// Deprecated: use OutputDim.
func (b *MultiHeadAttentionBuilder) WithOutputDim(outputDim int) *MultiHeadAttentionBuilder {
	return b.OutputDim(outputDim)
}
