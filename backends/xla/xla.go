//go:build cgo

package xla

import _ "github.com/gomlx/go-xla/pjrt"
