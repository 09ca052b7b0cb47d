package tensors_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRowsOfNpyFiles(t *testing.T) {
	for _, x := range []*tensors.Tensor{
		tensors.FromValue([][]float32{{1, 2}, {3, 4}, {5, 6}}),
		tensors.FromValue([]int16{7, 8, 9}),
		tensors.FromValue([][]bool{{true, false}, {false, true}}),
	} {
		var file bytes.Buffer
		require.NoError(t, tensors.WriteNpy(&file, x))
		rows, err := tensors.OpenNpyRows(bytes.NewReader(file.Bytes()), int64(file.Len()))
		require.NoError(t, err)
		require.Equal(t, x.Shape().Dim(0), rows.Len())
		size := x.Size() / rows.Len()
		for i := range rows.Len() {
			row, err := rows.At(i)
			require.NoError(t, err)
			assert.Equal(t, x.Rank()-1, row.Rank())
			for j := range size {
				assert.Equal(t, x.Float64At(i*size+j), row.Float64At(j), "%v, row %d", x.Shape(), i)
			}
		}
		_, err = rows.At(rows.Len())
		assert.ErrorContains(t, err, "there is no row")
		_, err = rows.At(-1)
		assert.ErrorContains(t, err, "there is no row -1")
		_, err = tensors.OpenNpyRows(bytes.NewReader(file.Bytes()[:file.Len()-1]), int64(file.Len()-1))
		assert.ErrorContains(t, err, "there are only")
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	header := func(text string) io.ReaderAt {
		return bytes.NewReader(append([]byte("\x93NUMPY\x01\x00"+string(rune(len(text)))+"\x00"+text), make([]byte, 64)...))
	}
	for text, want := range map[string]string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': ()}":    "a scalar has no rows",
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}": "Fortran order",
		"{'descr': '<U4', 'fortran_order': False, 'shape': (2,)}":  "U4",
	} {
		_, err := tensors.OpenNpyRows(header(text), 10+int64(len(text))+64)
		assert.ErrorContains(t, err, want)
	}
	_, err := tensors.OpenNpyRows(nil, 0)
	assert.Error(t, err)
	big, err := tensors.OpenNpyRows(header("{'descr': '>i2', 'fortran_order': False, 'shape': (2, 2)}"), 200)
	require.NoError(t, err)
	row, err := big.At(1)
	require.NoError(t, err)
	assert.Equal(t, "int16[2]", row.Shape().String())
}
