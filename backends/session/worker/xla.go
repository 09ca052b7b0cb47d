//go:build cgo

package main

import _ "github.com/quire-ml/quire/backends/xla"
