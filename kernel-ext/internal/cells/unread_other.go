//go:build !unix

package cells

import "os"

// Unread reads nothing: pipes of this system cannot be asked.
func Unread(*os.File, []byte) int { return 0 }
