// Package display is the one place that talks to the notebook: it sends MIME bundles to the GoNB kernel
// through the named pipe that $GONB_PIPE names, and knows what kind of place stdout is otherwise. Programs with controls
// speak to Quire's kernel past gonb, by the socket that $QUIRE_RELAY names ([UseRelay]): lines of package cellwire.
//
// It speaks the protocol of github.com/janpfeifer/gonb/gonbui/protocol (gob-encoded messages) itself.
// The package gonbui does the same, but brings a logger, a UUID library and with them package net into
// every cell: 70 ms more to link and 1.5 MB (2 cores, Go 1.26), against 20 ms for this.
package display
