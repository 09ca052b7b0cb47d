package failure

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/flow"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
)

// Mistake returns the error of a cell that is not run because of err, which names its line if it is a
// [source.LineError].
func (b *Book) Mistake(c relay.Cell, err error) *jupyter.Failure {
	var wrong *flow.Mistake
	if errors.As(err, &wrong) {
		return b.wrong(c, wrong)
	}
	var at *source.LineError
	if !errors.As(err, &at) {
		return mistaken(c, 0, err.Error(), "")
	}
	var unknown source.UnknownCommand
	if errors.As(err, &unknown) {
		return b.unknown(c, at.Line, string(unknown))
	}
	return mistaken(c, at.Line, at.Err.Error(), "")
}

// wrong returns the error of a cell whose Go does not fit.
func (b *Book) wrong(c relay.Cell, m *flow.Mistake) *jupyter.Failure {
	p := problem{kind: CompileError, at: spot{m.Cell, m.Line}, sentence: m.Message, column: m.Column, remedy: m.Remedy}
	if m.Cell == 0 {
		p.at.cell = c.Count
	}
	if lines := strings.Split(c.Source, "\n"); p.at.cell == c.Count && m.Line >= 1 && m.Line <= len(lines) {
		p.code = lines[m.Line-1]
	} else {
		p.code, _ = b.line(p.at.cell, m.Line)
	}
	if m := notProvided.FindStringSubmatch(p.sentence); m != nil {
		noModule(b, &p, m, c.Count)
	} else {
		known := p.remedy // by flow, which has seen more than the words
		b.explain(&p, c.Count)
		if known != "" && p.kind != SyntaxError {
			p.remedy = known
		}
	}
	f := written([]problem{p})
	return &f
}

// notProvided matches what is said of a package that no module in reach has.
var notProvided = regexp.MustCompile(`no required module provides package ([^\s;]+)`)

// mistaken says what is wrong with a line of a cell, counted from 1; line 0 is the whole cell.
func mistaken(c relay.Cell, line int, sentence, remedy string) *jupyter.Failure {
	p := problem{kind: Command, at: spot{c.Count, line}, sentence: sentence, remedy: remedy}
	if lines := strings.Split(c.Source, "\n"); line >= 1 && line <= len(lines) {
		p.code = lines[line-1]
	}
	f := written([]problem{p})
	return &f
}

// unknown is said of a line with a command, %name, that is none of those known.
func (b *Book) unknown(c relay.Cell, line int, name string) *jupyter.Failure {
	remedy := "%help lists the commands there are"
	if said := ofIPython[strings.TrimPrefix(name, "%")]; said != "" {
		return mistaken(c, line, fmt.Sprintf("there is no command %%%s", name), said)
	}
	if plain := strings.Trim(name, "?"); plain != name {
		return mistaken(c, line, fmt.Sprintf("there is no command %%%s", name), "Shift-Tab on %"+plain+" says what it does; "+remedy)
	}
	for _, k := range append(source.Commands(), b.opts.Commands...) {
		if slip(name, k) {
			remedy = "did you mean %" + k + "? " + remedy
			break
		}
	}
	return mistaken(c, line, fmt.Sprintf("there is no command %%%s", name), remedy)
}

// ofIPython are commands that people know from IPython, with what does the same here.
var ofIPython = map[string]string{
	"matplotlib": "pictures are shown without it: viz.Show(…)",
	"pip":        "modules of Go are not installed: %require example.org/module@v1.2.3 pins one for this notebook",
	"conda":      "modules of Go are not installed: %require example.org/module@v1.2.3 pins one for this notebook",
	"time":       "%timeit STATEMENT measures one",
	"whos":       "%who lists the values that there are",
	"load_ext":   "there are no extensions to load: %help lists the commands there are",
	"autoreload": "packages that are edited are compiled anew by themselves",
	"run":        "a program runs by !go run FILE",
	"lsmagic":    "%help lists the commands there are",
	"magic":      "%help lists the commands there are",
	"history":    "cells stand in the notebook, and %export FILE writes those that ran as one program",
	"hist":       "cells stand in the notebook, and %export FILE writes those that ran as one program",
	"save":       "%export FILE writes the cells that ran as one program",
	"load":       "copy the text into a cell; a package is imported",
	"store":      "keep.Put(name, value) keeps a value over restarts, and %keep lists them",
	"timeit":     "it is a line of a cell: %timeit STATEMENT",
	"prun":       "%timeit STATEMENT measures one",
	"debug":      "a cell that failed leaves the values that it had made: %who lists them",
	"pdb":        "a cell that failed leaves the values that it had made: %who lists them",
	"pinfo":      "Shift-Tab on a name shows what it is",
	"who_ls":     "%who lists the values that there are",
	"xdel":       "a value goes when its cell no longer makes it, and %rm forgets a declaration",
	"python":     "cells are Go, or scripts of the shell: %%bash",
	"javascript": "cells are Go, or scripts of the shell: %%bash",
	"js":         "cells are Go, or scripts of the shell: %%bash",
	"perl":       "cells are Go, or scripts of the shell: %%bash",
	"markdown":   "text stands in a cell of the kind Markdown",
	"latex":      "text and formulas stand in a cell of the kind Markdown",
	"html":       "text stands in a cell of the kind Markdown; viz.Show(value) shows values",
	"svg":        "viz.Show(value) shows values and pictures",
	"go":         "a cell is Go without it",
}
