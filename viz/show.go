package viz

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/quire-ml/quire/viz/internal/display"
)

// Show displays values, each as [Render] has it: in a notebook as a display of its own, elsewhere as
// text on stdout. It returns when the notebook has them, so what is printed before and after stays
// in order.
//
// An error among the values is displayed like any other value, and a nil at the end of several is left
// out, so Show can be put around a call that returns a value and an error:
//
//	viz.Show(exec.Call1(x))
func Show(values ...any) {
	if n := len(values); n > 1 {
		switch err := values[n-1].(type) {
		case nil:
			values = values[:n-1]
		case error: // what comes with an error is no result
			values = append(nonNil(values[:n-1]), err)
		}
	}
	for _, v := range values {
		present(Render(v), "")
	}
	settle()
}

// nonNil returns the values that are not nil, typed nils included.
func nonNil(values []any) []any { return slices.DeleteFunc(slices.Clone(values), isNil) }

var lost sync.Once

// present sends b to the notebook, or prints it where there is none.
func present(b Bundle, id string) {
	if display.InNotebook() {
		pipe, err := display.Notebook()
		if err == nil {
			if id == "" {
				display.DrainStdout()
			}
			err = pipe.Send(b.wire(id))
		}
		if err == nil {
			return
		}
		lost.Do(func() { fmt.Fprintln(os.Stderr, "viz: printing text instead:", err) })
	}
	printText(b)
}

func printText(b Bundle) {
	text := b.Text()
	if text != "" && text[len(text)-1] != '\n' {
		text += "\n"
	}
	os.Stdout.WriteString(text)
}

// settle waits until the notebook has all that was sent.
func settle() {
	if !display.InNotebook() {
		return
	}
	if pipe, err := display.Notebook(); err == nil {
		if err := pipe.Sync(); err != nil {
			lost.Do(func() { fmt.Fprintln(os.Stderr, "viz:", err) })
		}
	}
}
