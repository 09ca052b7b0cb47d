// Package images turns pictures into tensors and back, and says which axes of an image tensor are
// which.
//
// [ToTensor] and [ToImage] are configured by their methods and end with Single, for one picture
// [H W C], or Batch, for several of one size [N H W C]. C is 1 (gray), 3 (red, green, blue) or 4
// (and alpha). Floats reach from 0 to 1 and integers from 0 to 255, unless MaxValue says otherwise.
package images
