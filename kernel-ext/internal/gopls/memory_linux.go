package gopls

import (
	"fmt"
	"os"
)

// memory returns how many bytes of memory gopls occupies, 0 if that cannot be told.
func (s *session) memory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
