//go:build cgo

package xla

import (
	xladtypes "github.com/gomlx/compute/dtypes"

	"github.com/quire-ml/quire/graph/dtypes"
)

// pluginType holds the plugin's number of every element type. An unknown number kills the process.
var pluginType = map[dtypes.DType]xladtypes.DType{
	dtypes.Bool:         xladtypes.Bool,
	dtypes.Int8:         xladtypes.Int8,
	dtypes.Int16:        xladtypes.Int16,
	dtypes.Int32:        xladtypes.Int32,
	dtypes.Int64:        xladtypes.Int64,
	dtypes.Uint8:        xladtypes.Uint8,
	dtypes.Uint16:       xladtypes.Uint16,
	dtypes.Uint32:       xladtypes.Uint32,
	dtypes.Uint64:       xladtypes.Uint64,
	dtypes.Float16:      xladtypes.Float16,
	dtypes.BFloat16:     xladtypes.BFloat16,
	dtypes.Float32:      xladtypes.Float32,
	dtypes.Float64:      xladtypes.Float64,
	dtypes.Complex64:    xladtypes.Complex64,
	dtypes.Complex128:   xladtypes.Complex128,
	dtypes.Float8E4M3FN: xladtypes.F8E4M3FN,
	dtypes.Float8E5M2:   xladtypes.F8E5M2,
}
