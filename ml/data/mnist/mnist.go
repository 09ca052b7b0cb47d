package mnist

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

const (
	// Size is the height and the width of a picture in pixels.
	Size = 28
	// NumClasses is the number of different digits.
	NumClasses = 10
)

// The four files.
const (
	trainImages = iota
	trainLabels
	testImages
	testLabels
)

var files = []data.File{
	file("train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
	file("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
	file("t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
	file("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}

func file(name string, size int64, sum string) data.File {
	return data.File{Path: "mnist/" + name, Size: size, SHA256: sum, URLs: []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/" + name,
		"https://storage.googleapis.com/cvdf-datasets/mnist/" + name,
	}}
}

// Files returns the public files of the data set, for those who fetch them beforehand.
func Files() []data.File { return append([]data.File(nil), files...) }

// Train returns the training digits: images float32 [N 28 28 1], scaled from 0 (paper) to 1 (ink), and labels
// int32 [N 1], the digits 0 to 9. N is 60,000 for the public files. The caller owns the tensors.
//
// It returns an error that names the file and says what to do if a file is missing, cut off, or not what
// it should be.
func Train() (images, labels *tensors.Tensor, err error) { return load(trainImages, trainLabels) }

// Test returns the test digits, 10,000 in the public files, as [Train] does.
func Test() (images, labels *tensors.Tensor, err error) { return load(testImages, testLabels) }

// Datasets returns the digits in batches: those for training shuffled with seed 1, without the incomplete
// last batch, and those for testing in their order, all of them. See [Train] for errors.
func Datasets(batchSize int) (train, test *data.InMemoryDataset, err error) {
	if batchSize < 1 {
		return nil, nil, fmt.Errorf("mnist.Datasets: batch size %d: want 1 or more", batchSize)
	}
	if train, err = dataset("mnist/train", Train); err != nil {
		return nil, nil, err
	}
	if test, err = dataset("mnist/test", Test); err != nil {
		train.Close()
		return nil, nil, err
	}
	return train.BatchSize(batchSize, true).Shuffle(1), test.BatchSize(batchSize, false), nil
}

func dataset(name string, load func() (x, y *tensors.Tensor, err error)) (*data.InMemoryDataset, error) {
	images, labels, err := load()
	if err != nil {
		return nil, err
	}
	defer images.Close() // the data set has shares of its own
	defer labels.Close()
	return data.InMemory(name, images, labels)
}

// load reads a file of pictures and the file of their labels.
func load(imagesFile, labelsFile int) (images, labels *tensors.Tensor, err error) {
	x, xName, err := read(files[imagesFile])
	if err != nil {
		return nil, nil, err
	}
	defer x.Close()
	y, yName, err := read(files[labelsFile])
	if err != nil {
		return nil, nil, err
	}
	defer y.Close()
	if s := x.Shape(); s.DType != dtypes.Uint8 || s.Rank() != 3 || s.Dim(1) != Size || s.Dim(2) != Size {
		return nil, nil, fmt.Errorf("mnist: %s holds %v: want pictures, uint8[N 28 28]", xName, s)
	}
	n := x.Shape().Dim(0)
	if s := y.Shape(); s.DType != dtypes.Uint8 || s.Rank() != 1 || s.Dim(0) != n || n == 0 {
		return nil, nil, fmt.Errorf("mnist: %s holds %v: want a label for each of the %d pictures in %s", yName, s, n, xName)
	}
	digits := make([]int32, n)
	for i, v := range tensors.Flat[uint8](y) {
		if v >= NumClasses {
			return nil, nil, fmt.Errorf("mnist: %s: label %d is %d: want 0 to 9", yName, i, v)
		}
		digits[i] = int32(v)
	}
	images = scale(x)
	return images, tensors.FromFlatDataAndDimensions(digits, n, 1), nil
}

// scale returns pixels 0 to 255, [N H W], as float32 from 0 to 1, [N H W 1].
func scale(x *tensors.Tensor) *tensors.Tensor {
	var value [256]float32
	for i := range value {
		value[i] = float32(i) / 255
	}
	s := x.Shape()
	out := tensors.FromShape(s.WithDType(dtypes.Float32))
	defer out.Close()
	tensors.MustMutableFlatData(out, func(to []float32) {
		tensors.MustConstFlatData(x, func(from []uint8) {
			for i, v := range from {
				to[i] = value[v]
			}
		})
	})
	withChannel, err := out.Reshaped(append(append([]int(nil), s.Dimensions...), 1)...)
	if err != nil {
		panic(err) // an axis of 1 does not change the number of elements
	}
	return withChannel
}

// read finds and reads one file, and returns its path too.
func read(f data.File) (*tensors.Tensor, string, error) {
	r, err := data.Open(f)
	if err != nil {
		return nil, "", fmt.Errorf("mnist: %w", err)
	}
	defer r.Close()
	t, err := ReadIDX(r)
	if err != nil {
		return nil, "", fmt.Errorf("mnist: %s: %w: replace the file", r.Name(), err)
	}
	return t, r.Name(), nil
}
