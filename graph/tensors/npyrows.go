package tensors

import (
	"fmt"
	"io"
)

// NpyRows is a .npy file whose rows, along axis 0, are read as they are wanted. It may be used by several goroutines if its reader may.
type NpyRows struct {
	r      io.ReaderAt
	info   npyInfo
	at     int64 // of the elements
	stride int64 // bytes of a row
}

// OpenNpyRows reads the header of a .npy file of the given number of bytes. It returns an error, besides those of [ReadNpy], if the file
// holds a scalar, or is in Fortran order, in which rows lie in pieces.
func OpenNpyRows(r io.ReaderAt, size int64) (*NpyRows, error) {
	if r == nil {
		return nil, errNilFile
	}
	s := io.NewSectionReader(r, 0, size)
	info, err := readNpyHeader(s)
	if err != nil {
		return nil, err
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	switch {
	case info.shape.Rank() == 0:
		return nil, fmt.Errorf("the .npy file holds %s: a scalar has no rows", info.shape)
	case info.fortran && info.shape.Rank() > 1:
		return nil, fmt.Errorf("the .npy file is in Fortran order, in which rows lie in pieces: read the whole of it with ReadNpy, or write it with numpy.ascontiguousarray")
	case int64(info.shape.ByteSize()) > size-at:
		return nil, fmt.Errorf("the .npy data of %s takes %d bytes, there are only %d", info.shape, info.shape.ByteSize(), size-at)
	}
	n := &NpyRows{r: r, info: info, at: at}
	if rows := info.shape.Dimensions[0]; rows > 0 {
		n.stride = int64(info.shape.ByteSize() / rows)
	}
	return n, nil
}

// Len returns the number of rows.
func (n *NpyRows) Len() int {
	if n.info.shape.Rank() == 0 { // of what OpenNpyRows did not make
		return 0
	}
	return n.info.shape.Dimensions[0]
}

// At returns row i, without the axis of rows. It returns an error if there is no such row, or it cannot be read.
func (n *NpyRows) At(i int) (*Tensor, error) {
	if i < 0 || i >= n.Len() {
		return nil, fmt.Errorf("there is no row %d in %s", i, n.info.shape)
	}
	row := n.info
	row.shape = row.shape.Clone()
	row.shape.Dimensions = row.shape.Dimensions[1:]
	row.fortran = false
	return readTensor(io.NewSectionReader(n.r, n.at+int64(i)*n.stride, n.stride), row, n.stride)
}
