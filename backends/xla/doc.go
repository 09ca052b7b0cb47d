// Package xla is the engine "xla": programs compiled by XLA, through a PJRT plugin. It needs cgo.
package xla
