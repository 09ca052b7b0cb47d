package images

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// ChannelsAxisConfig says where the channels of a batch of images are.
type ChannelsAxisConfig uint8

// The two layouts. ChannelsLast is the zero value and Quire's default, also in memory order.
const (
	ChannelsLast  ChannelsAxisConfig = iota // [N, spatial axes..., C]
	ChannelsFirst                           // [N, C, spatial axes...]
)

// String returns "ChannelsLast" or "ChannelsFirst".
func (c ChannelsAxisConfig) String() string {
	switch c {
	case ChannelsLast:
		return "ChannelsLast"
	case ChannelsFirst:
		return "ChannelsFirst"
	}
	return fmt.Sprintf("ChannelsAxisConfig(%d)", uint8(c))
}

// GetChannelsAxis returns the axis of the channels of a batch of images, which has at least a batch
// and a channel axis.
func GetChannelsAxis(image shapes.HasShape, config ChannelsAxisConfig) int {
	if image == nil {
		panic("images: the image is nil")
	}
	if config == ChannelsFirst {
		return 1
	}
	return image.Shape().Rank() - 1
}

// GetSpatialAxes returns the axes of a batch of images that are neither batch (the first) nor
// channels: height and width for pictures, in increasing order.
func GetSpatialAxes(image shapes.HasShape, config ChannelsAxisConfig) (spatialAxes []int) {
	channels := GetChannelsAxis(image, config)
	for axis := 1; axis < image.Shape().Rank(); axis++ {
		if axis != channels {
			spatialAxes = append(spatialAxes, axis)
		}
	}
	return spatialAxes
}

// GetUpSampledSizes returns the dimensions of a batch of images with its spatial axes multiplied by
// the factors: one for each, or one for all. It panics if their number is another.
func GetUpSampledSizes(image shapes.HasShape, config ChannelsAxisConfig, factors ...int) (dims []int) {
	axes := GetSpatialAxes(image, config)
	dims = slices.Clone(image.Shape().Dimensions)
	if len(factors) != 1 && len(factors) != len(axes) {
		panic(fmt.Sprintf("images: %d factors for the %d spatial axes of %s", len(factors), len(axes), image.Shape()))
	}
	for i, axis := range axes {
		dims[axis] *= factors[min(i, len(factors)-1)]
	}
	return dims
}
