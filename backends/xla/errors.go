//go:build cgo

package xla

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var errClosed = errors.New("the xla backend is closed")

// PluginError is an error that a plugin returned.
type PluginError struct {
	// Code is the plugin's class of the error, as gRPC numbers them: 3 an invalid argument, 8 not enough memory,
	// 12 not implemented, 13 internal, 14 a device that is gone.
	Code int

	// Message is the plugin's own text.
	Message string
}

// Error returns the class in words and the plugin's text.
func (e *PluginError) Error() string {
	class, ok := map[int]string{
		3: "the plugin refuses it", 8: "not enough memory on the device", 12: "the plugin does not have it",
		13: "the plugin failed", 14: "the device is not there any more",
	}[e.Code]
	if !ok {
		class = fmt.Sprintf("the plugin's error %d", e.Code)
	}
	return class + ": " + e.Message
}

var pluginErrorText = regexp.MustCompile(`(?s)PJRT error \(code=(\d+)\): (.*)$`)

// explain turns go-xla's errors into errors that say what the plugin said.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if m := pluginErrorText.FindStringSubmatch(err.Error()); m != nil {
		code, _ := strconv.Atoi(m[1])
		return &PluginError{Code: code, Message: oneLine(m[2])}
	}
	return errors.New(oneLine(err.Error())) // without the stack that comes with it
}

// oneLine joins the lines of a text.
func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

// broke turns a panic into an error, where it is deferred: no input may end the process.
func broke(doing, what string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s %q: the engine broke: %v", doing, what, r)
	}
}
