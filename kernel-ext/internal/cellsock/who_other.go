//go:build !linux && !darwin

package cellsock

import (
	"errors"
	"net"
)

// whoIs refuses everybody: these systems do not tell who is at the other end.
func whoIs(*net.UnixConn) (uid, pid int, err error) {
	return 0, 0, errors.New("this needs Linux or macOS (on Windows: WSL or Docker)")
}
