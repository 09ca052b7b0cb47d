package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/internal/names"
)

// What package flag says, and what is in it: a name, or a value and a name.
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	badValue    = regexp.MustCompile(`^invalid (?:boolean )?value "(.*)" for (?:flag )?-([^:]*): `)
	noValue     = regexp.MustCompile(`^flag needs an argument: -(.*)$`)
)

// flagMistake says in a sentence what is wrong with a command line.
func flagMistake(err error, c *command, flags *flag.FlagSet) usageError {
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		var known []string
		flags.VisitAll(func(f *flag.Flag) { known = append(known, "-"+f.Name) })
		text = fmt.Sprintf("%s has no flag -%s%s", c.name, m[1], names.Hint("-"+m[1], known))
	} else if m := badValue.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("-%s %s: want %s", m[2], m[1], wanted(flags.Lookup(m[2])))
	} else if m := noValue.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("-%s needs a value: %s", m[1], wanted(flags.Lookup(m[1])))
	}
	if strings.HasSuffix(text, "?") {
		return usageError{text}
	}
	return usageError{fmt.Sprintf("%s: see quire help %s", text, c.name)}
}

// wanted says what a flag takes.
func wanted(f *flag.Flag) string {
	name, _ := flag.UnquoteUsage(f)
	switch name {
	case "":
		return "true or false"
	case "DURATION":
		return "a time such as 90s or 10m"
	case "PORT":
		return "a number"
	}
	return "a " + name
}

// unknownCommand says that there is none of that name.
func unknownCommand(word string) usageError {
	var known []string
	for _, c := range commands() {
		if c.short != "" {
			first, _, _ := strings.Cut(c.name, " ")
			known = append(known, first)
		}
	}
	if strings.HasSuffix(word, ".ipynb") {
		return usageError{fmt.Sprintf("%s is no command: do you mean quire run %[1]s, or quire lab %[1]s?", word)}
	}
	if hint := names.Hint(word, known); hint != "" {
		return usageError{fmt.Sprintf("there is no command %q%s", word, hint)}
	}
	return usageError{fmt.Sprintf("there is no command %q: see quire help", word)}
}

// missingNotebook says that a notebook is not there, and which one may be meant.
func missingNotebook(path string) error {
	if _, err := os.Stat(path + ".ipynb"); err == nil {
		return fmt.Errorf("notebook %s: there is no such file: do you mean %[1]s.ipynb?", path)
	}
	return fmt.Errorf("notebook %s: there is no such file", path)
}
