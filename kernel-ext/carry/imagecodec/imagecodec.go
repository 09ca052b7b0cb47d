// Package imagecodec makes the pictures and colours of the standard library known as contents of interfaces: of image.Image and
// color.Color. As variables of their own types they flow without it.
package imagecodec

import (
	"image"
	"image/color"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

var _ = all(
	carry.Know[image.Alpha], carry.Know[image.Alpha16], carry.Know[image.CMYK], carry.Know[image.Gray], carry.Know[image.Gray16],
	carry.Know[image.NRGBA], carry.Know[image.NRGBA64], carry.Know[image.NYCbCrA], carry.Know[image.Paletted], carry.Know[image.RGBA],
	carry.Know[image.RGBA64], carry.Know[image.Uniform], carry.Know[image.YCbCr], carry.Know[image.Rectangle],
	carry.Know[color.Alpha], carry.Know[color.Alpha16], carry.Know[color.CMYK], carry.Know[color.Gray], carry.Know[color.Gray16],
	carry.Know[color.NRGBA], carry.Know[color.NRGBA64], carry.Know[color.NYCbCrA], carry.Know[color.Palette], carry.Know[color.RGBA],
	carry.Know[color.RGBA64], carry.Know[color.YCbCr],
)

func all(know ...func() bool) (done bool) {
	for _, k := range know {
		done = k()
	}
	return done
}
