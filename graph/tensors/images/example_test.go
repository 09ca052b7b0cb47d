package images_test

import (
	"fmt"
	"image"
	"image/color"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors/images"
)

func Example() {
	img := image.NewRGBA(image.Rect(0, 0, 2, 1))
	img.Set(0, 0, color.RGBA{R: 255, A: 255})
	img.Set(1, 0, color.White)

	x, err := images.ToTensor(dtypes.Float32).Single(img)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x)

	back, err := images.ToImage().Single(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(back.Bounds(), back.At(0, 0))
	// Output:
	// float32[1 2 3]
	// [[[1 0 0]
	//   [1 1 1]]]
	// (0,0)-(2,1) {255 0 0 255}
}
