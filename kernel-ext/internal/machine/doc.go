// Package machine names the machine that a notebook was executed on: its processor as the system knows it.
package machine
