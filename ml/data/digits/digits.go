package digits

import (
	"bufio"
	"compress/gzip"
	_ "embed" // the two files below
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

const (
	// Size is the height and the width of a picture in pixels.
	Size = 8
	// NumClasses is the number of different digits.
	NumClasses = 10

	pixels   = Size * Size
	maxValue = 16 // of a pixel in the files: the 16 bits of a 4×4 block
)

//go:embed optdigits.tra.gz
var trainFile string

//go:embed optdigits.tes.gz
var testFile string

// Train returns the 3,823 training digits: images float32 [3823 8 8 1], scaled from 0 (paper) to 1 (ink), and
// labels int32 [3823 1], the digits 0 to 9. The caller owns the tensors.
func Train() (images, labels *tensors.Tensor, err error) { return load("optdigits.tra.gz", trainFile) }

// Test returns the 1,797 test digits, of writers who are not among those of [Train], in the same form.
func Test() (images, labels *tensors.Tensor, err error) { return load("optdigits.tes.gz", testFile) }

// Datasets returns the digits in batches: those for training shuffled with seed 1, without the incomplete
// last batch, and those for testing in their order, all of them.
// It returns an error if batchSize is not between 1 and 3,823.
func Datasets(batchSize int) (train, test *data.InMemoryDataset, err error) {
	if train, err = dataset("digits/train", Train); err != nil {
		return nil, nil, err
	}
	if n := train.NumExamples(); batchSize < 1 || batchSize > n {
		train.Close()
		return nil, nil, fmt.Errorf("digits.Datasets: batch size %d: want 1 to %d", batchSize, n)
	}
	if test, err = dataset("digits/test", Test); err != nil {
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

// load unpacks one of the embedded files.
func load(name, packed string) (images, labels *tensors.Tensor, err error) {
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err == nil {
		images, labels, err = parse(r)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("digits: %s: %w", name, err)
	}
	return images, labels, nil
}

// parse reads lines of 64 pixels, 0 to 16, row by row, and the digit, separated by commas.
func parse(r io.Reader) (images, labels *tensors.Tensor, err error) {
	var x []float32
	var y []int32
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		field, rest := "", lines.Text()
		for i := range pixels + 1 {
			var more bool
			field, rest, more = strings.Cut(rest, ",")
			if more != (i < pixels) {
				return nil, nil, fmt.Errorf("line %d: want %d numbers", len(y)+1, pixels+1)
			}
			limit := maxValue
			if i == pixels {
				limit = NumClasses - 1
			}
			v, err := strconv.Atoi(field)
			if err != nil || v < 0 || v > limit {
				return nil, nil, fmt.Errorf("line %d, number %d: %.20q: want 0 to %d", len(y)+1, i+1, field, limit)
			}
			if i == pixels {
				y = append(y, int32(v))
			} else {
				x = append(x, float32(v)/maxValue)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("line %d: %w", len(y)+1, err)
	}
	if len(y) == 0 {
		return nil, nil, fmt.Errorf("no digits")
	}
	return tensors.FromFlatDataAndDimensions(x, len(y), Size, Size, 1), tensors.FromFlatDataAndDimensions(y, len(y), 1), nil
}
