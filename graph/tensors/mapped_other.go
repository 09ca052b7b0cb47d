//go:build !unix

package tensors

import (
	"errors"
	"os"
)

// mapFile is not there: [Mapped] reads.
func mapFile(*os.File, int64, int) ([]byte, func(), error) { return nil, nil, errors.ErrUnsupported }
