//go:build !linux

package tensors

import "math"

// hugePage is more than there is: the system is not asked for such pages.
const hugePage = math.MaxInt
