//go:build !linux

package gopls

// memory returns 0: this system is not asked. GOMEMLIMIT still holds.
func (s *session) memory() int64 { return 0 }
