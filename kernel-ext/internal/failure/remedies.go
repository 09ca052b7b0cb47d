package failure

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// rule knows one kind of mistake by the words that the compiler has for it. Its explain may write the sentence anew.
type rule struct {
	words   *regexp.Regexp
	explain func(b *Book, p *problem, m []string, cell int)
}

// says is a rule that adds a remedy alone.
func says(words, remedy string) rule {
	return rule{regexp.MustCompile(words), func(_ *Book, p *problem, _ []string, _ int) { p.remedy = remedy }}
}

// rules are asked in order; the first that knows the words is followed.
var rules = []rule{
	{regexp.MustCompile(`no space left on device`), func(_ *Book, p *problem, _ []string, _ int) {
		p.kind, p.remedy = DiskFull, diskRemedy
	}},
	{regexp.MustCompile(`^(?:syntax error: )?(?:expected declaration, found \S+|non-declaration statement outside function body)`), outsideFunction},
	{regexp.MustCompile(`^undefined: (\w+)$`), undefined},
	says(`^undefined: \w+\.\w+$`, "the package has nothing of that name that is exported: completion (Tab behind the dot) lists what there is"),
	{regexp.MustCompile(`^declared and not used: (\w+)$`), func(_ *Book, p *problem, m []string, _ int) {
		p.remedy = fmt.Sprintf("use %s, take it out, or write _ = %s", m[1], m[1])
	}},
	{regexp.MustCompile(`^"([^"]+)" imported (?:as \S+ )?and not used`), func(_ *Book, p *problem, m []string, _ int) {
		p.remedy = fmt.Sprintf("take the import of %q out, or use it", m[1])
	}},
	{regexp.MustCompile(`^no required module provides package (\S+?);?(?:: go\.mod file not found.*| to add it:)?$`), noModule},
	{regexp.MustCompile(`^cannot find module providing package (\S+?):`), noModule},
	{regexp.MustCompile(`^module (\S+) provides package (\S+) and is replaced but not required`), noModule},
	{regexp.MustCompile(`^package (\S+) is not in std`), func(b *Book, p *problem, m []string, _ int) {
		p.sentence = fmt.Sprintf("there is no package %s in Go's standard library", m[1])
		p.remedy = "see its spelling; packages of others have a host in their path, such as github.com/…"
	}},
	says(`module lookup disabled by GOPROXY=off`, "cells fetch nothing by themselves: %require MODULE@VERSION pins a module of the module cache; quire run -online and QUIRE_ONLINE=1 let cells fetch modules"),
	{regexp.MustCompile(`has no field or method \S+?, but does have (?:method|field) (\w+)`), func(_ *Book, p *problem, m []string, _ int) {
		p.remedy = "did you mean " + m[1] + "?"
	}},
	{regexp.MustCompile(`^(\S.*)\.(\w+) undefined \(type (.+?) has no field or method \w+\)`), noMember},
	says(`^invalid argument: index \S+ .* must not be negative`, "Go counts from the beginning: list[len(list)-1] is the last element"),
	says(`^cannot convert .*\(.*\bstring\b.*\) to type u?int`, "a text is no number: n, err := strconv.Atoi(text) reads one"),
	says(`^cannot convert .*\(.*\bstring\b.*\) to type float`, "a text is no number: x, err := strconv.ParseFloat(text, 64) reads one"),
	says(`^cannot use .*\(overflows\)$`, "the type holds smaller numbers only: take a larger one, as int64, uint64 or float64"),
	says(`method \w+ has pointer receiver\)$`, "methods of pointers belong to pointers: give &value"),
	says(`does not implement \S+ \(missing method (\w+)\)`, "write the method as the interface has it, with its name, what it takes and what it returns"),
	says(`^use of untyped nil`, "nil has no type of its own: there is nothing to show"),
	says(`^(?:break|continue|fallthrough) (?:not in|is not in)`, "it belongs into a loop; a cell ends before its last line by return"),
	says(`^cannot assign to \S+ \(.*value of type byte\)|^cannot assign to \S+\[\S+\] \(neither addressable`, "the letters of a text do not change: b := []byte(text), then b[0] = 'x'"),
	says(`^cannot assign to \S+ \(.*constant`, "a constant does not change: var, or :=, makes a variable"),
	says(`^missing return$`, "end the function with a return, or with a panic"),
	says(`^(?:use of )?package \S+ (?:is not a )?without selector|^use of package`, "a package is no value: name what it has, as in fmt.Println"),
	says(`is not a type$`, "a type stands there, as int, float64, string, []float64, *tensors.Tensor"),
	says(`^invalid argument: .* for built-in len`, "len counts elements of lists, maps and texts: of a tensor, t.Shape() tells its dimensions and t.Size() how many values it has"),
	says(`^cannot index .*(?:tensors\.Tensor|graph\.Node)`, "parts are given by methods and functions: t.MustRow(0) and t.MustSlice(\"1:5, ::2\") of a tensor, graph.Slice of a node"),
	says(`^cannot range over .*tensors\.Tensor`, "tensors.Flat[float32](t) has its values as a list, and t.MustRow(i) a part"),
	{regexp.MustCompile("^`?%(\\w+)\\b"), ofCommand},
	says(`^expression in go must be function call`, "go f() runs a function beside the others; a command of the shell begins with !, as in !go version"),
	says(`cannot be ordered$`, "slices.Max(list) and slices.Min(list) are the largest and the smallest of a list"),
	says(`^cannot use _ as value`, "give the value a name, which later cells have"),
	says(`^cannot call non-function`, "only a function is called: is another variable of its name nearer?"),
	{regexp.MustCompile(`^(\w+) redeclared in this block`), func(_ *Book, p *problem, m []string, _ int) {
		p.remedy = fmt.Sprintf("give one of the two another name, or forget the one of an earlier cell: %%rm %s", m[1])
	}},
	says(`^assignment mismatch: .* returns \d+ values?$`, "see how many values the function returns, and take each: x, err := …"),
	{regexp.MustCompile(`^expected '?([)}\]])'?, found 'EOF'`), func(_ *Book, p *problem, m []string, _ int) {
		p.kind, p.sentence = SyntaxError, fmt.Sprintf("the cell ends before its %s", m[1])
		p.remedy = "something that was opened is not closed"
	}},
	says(`^this [({\[] is not closed$`, "close it: each (, [ and { has its ), ] and }"),
	{regexp.MustCompile(`mismatched types (?:\S*/)?(\*?(?:untyped )?[\w.]+) and (?:\S*/)?(\*?(?:untyped )?[\w.]+)\)`), mismatched},
	says(`operator \S+ not defined on .*(?:graph\.Node|tensors\.Tensor)`, compute),
	{regexp.MustCompile(`^(.+?) does not satisfy ((?:graph|model|live)\.\w+) \(`), noGraphFunction},
	{regexp.MustCompile(`^(\S+) does not satisfy (dtypes\.\w+)`), noDType},
	{regexp.MustCompile(`^cannot use (.+?) \((.+)\) as (\S+) value in`), cannotUse},
	{regexp.MustCompile(`^(?:too many|not enough) return values`), returns},
	says(`^(?:too many|not enough) arguments in call`, "hover (Shift-Tab) shows what a function takes"),
	says(`^invalid operation: division by zero`, "see that the divisor is not 0; of floats, as in 1.0 / x, the quotient would be infinite"),
	says(`^import path must be a string`, `a package is imported by its path, as in import "github.com/quire-ml/quire/graph"`),
	says(`^missing ',' before newline`, "put a comma at the end of the line, also of the last one, or the closing bracket into it"),
	says(`^missing ',' in`, "put a comma between two values, or close the bracket where they end"),
	says(`^expected '?;'?, found`, "something is missing between the two words: an operator, a comma, a bracket, or the end of the line"),
	{regexp.MustCompile(`^(string|raw string|rune|comment) literal not terminated|^(comment) not terminated`), func(_ *Book, p *problem, m []string, _ int) {
		p.kind = SyntaxError
		p.remedy = "close it in the same line; a text of several lines stands between backquotes"
	}},
}

// syntactic matches what the parser says, of which the checker knows nothing.
var syntactic = regexp.MustCompile(`^(?:syntax error|unexpected |missing import path|expected |illegal |curly quotation mark|missing ','|import path must be|this [({\[] is not closed|the .* closes what nothing has opened|the .* does not close)`)

const diskRemedy = "make room: go clean -cache frees what builds left, and quire kernel doctor names the directories that it uses"

// explain finds the rule for a problem of the compiler.
func (b *Book) explain(p *problem, cell int) {
	if m := more.FindStringSubmatch(p.sentence); m != nil {
		p.kind = SyntaxError
		p.sentence = strings.TrimSuffix(p.sentence, m[0])
	}
	p.sentence = oneSentence(p.sentence)
	if syntactic.MatchString(p.sentence) {
		p.kind = SyntaxError
	}
	for _, r := range rules {
		if p.file != "" && !strings.HasPrefix(r.words.String(), "no space") { // it speaks of cells
			continue
		}
		if m := r.words.FindStringSubmatch(p.sentence); m != nil {
			r.explain(b, p, m, cell)
			break
		}
	}
	if p.kind == SyntaxError || strings.Contains(p.sentence, "cannot indirect") {
		if said := habitual(p.code); said != "" {
			p.remedy = said
		}
	}
	switch {
	case p.at.cell > 0 && p.at.cell != cell:
		p.remedy = join(p.remedy, fmt.Sprintf("the line is in the cell that ran as In[%d]: mend it there and run that cell again", p.at.cell))
	case p.file != "":
		p.remedy = join(p.remedy, "the mistake is in a package that the cell imports, not in the cell itself")
	}
}

// outsideFunction explains a statement that stands where only declarations may.
func outsideFunction(_ *Book, p *problem, _ []string, _ int) {
	p.kind, p.sentence = SyntaxError, "a statement outside of a function"
	p.remedy = "write a line %% above the statements: what follows it is the main part of the cell, which runs"
}

// undefined explains a name that nothing stands for.
func undefined(b *Book, p *problem, m []string, cell int) {
	name := m[1]
	selected := p.column > 0 && strings.HasPrefix(p.code[min(len(p.code), p.column-1+len(name)):], ".")
	if paths := b.packages(name); selected && len(paths) > 0 {
		p.remedy = "import it: import \"" + strings.Join(paths, "\" or \"") + "\""
		return
	}
	if at, inMain, ok := b.declared(name, cell); ok && inMain {
		if !cells.InMain(b.lines(p.at.cell), p.at.line) {
			p.remedy = fmt.Sprintf("%s is a value of the main part of In[%d], which functions do not see: give it to the function as an argument", name, at)
		} else {
			p.remedy = fmt.Sprintf("In[%d] declared it in its main part, which has ended: declare it outside of a main part, or here again", at)
		}
		return
	}
	if other, at := b.similar(name, cell); other != "" {
		p.remedy = fmt.Sprintf("did you mean %s, of In[%d]?", other, at)
		return
	}
	p.remedy = "declare it here or in a cell before; if it is a package, import it"
}

// noModule explains a package that no module in reach has.
func noModule(b *Book, p *problem, m []string, _ int) {
	path := strings.TrimSuffix(m[1], ";")
	p.notes = nil
	if b.opts.Module != "" && strings.HasPrefix(path, b.opts.Module+"/") {
		p.sentence = fmt.Sprintf("there is no package %s in Quire", path)
		p.remedy = "see its spelling"
		if paths := b.packages(path[strings.LastIndexByte(path, '/')+1:]); len(paths) > 0 {
			p.remedy = "did you mean " + strings.Join(paths, " or ") + "?"
		}
		return
	}
	p.sentence = fmt.Sprintf("no module in reach has package %s", path)
	p.remedy = fmt.Sprintf("pin the module that has it: %%require %s@VERSION", moduleOf(path))
}

// ofCommand finds the line of a command of gonb's that complains.
func ofCommand(b *Book, p *problem, m []string, _ int) {
	p.kind, p.remedy = Command, "%help lists the commands, with what they take"
	for i, line := range b.lines(p.at.cell) {
		if words := strings.Fields(line); p.at.line == 0 && len(words) > 0 && words[0] == "%"+m[1] {
			p.at.line, p.code, p.column = i+1, line, 1
		}
	}
}

// moduleOf guesses the module of a package: on hosts whose modules are repositories, three elements of its path.
func moduleOf(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 3 && (parts[0] == "github.com" || parts[0] == "gitlab.com" || parts[0] == "bitbucket.org") {
		return strings.Join(parts[:3], "/")
	}
	return path
}

// crashRule knows a crash by its message.
type crashRule struct {
	words  *regexp.Regexp
	kind   string // "" leaves it
	remedy func(m []string, c crash, g goroutine) string
}

func crashSays(words, kind, remedy string) crashRule {
	return crashRule{regexp.MustCompile(words), kind, func([]string, crash, goroutine) string { return remedy }}
}

// wordRules know what packages say of a mistake, in a panic or before a program ends.
var wordRules = []struct {
	words  *regexp.Regexp
	remedy string
}{
	{regexp.MustCompile(`\b(?:open|stat|lstat) \S.*: no such file or directory`), "a path begins in the folder of the notebook, which !ls lists, unless it begins with /"},
	{regexp.MustCompile(`: the store is nil`), "make one first: store := model.NewStore()"},
	{regexp.MustCompile(`: backend or function is nil`), "open an engine first: backend, err := backends.New(\"\")"},
	{regexp.MustCompile(`^backend ".*" is unknown`), "session:xla:cpu and session:xla:cuda are engines too, when quire plugin install has installed their plugins"},
}

// remedyOfWords finds what to do about what a package says, "" if that is not known.
func remedyOfWords(said string) string {
	for _, r := range wordRules {
		if r.words.MatchString(said) {
			return r.remedy
		}
	}
	return ""
}

// crashRules are asked in order.
var crashRules = []crashRule{
	crashSays(`no space left on device`, DiskFull, diskRemedy),
	{regexp.MustCompile(`index out of range \[(-?\d+)\](?: with length (\d+))?`), "", func(m []string, _ crash, _ goroutine) string {
		switch m[2] {
		case "":
			return "an index begins at 0"
		case "0":
			return "it is empty: there is nothing to index"
		case "1":
			return "it has one element, whose index is 0"
		}
		n, _ := strconv.Atoi(m[2])
		return fmt.Sprintf("it has %d elements: indices go from 0 to %d", n, n-1)
	}},
	crashSays(`slice bounds out of range`, "", "bounds go from 0 to the capacity, and the lower one is not above the upper one"),
	crashSays(`assignment to entry in nil map`, "", "make the map first: m = make(map[K]V), or m := map[K]V{}"),
	crashSays(`invalid memory address or nil pointer dereference`, "", "a pointer, an interface or a function is nil there: was an error left unread that came with it?"),
	crashSays(`integer divide by zero`, "", "see that the divisor is not 0 before"),
	crashSays(`interface conversion`, "", "ask first: v, ok := x.(T)"),
	crashSays(`send on closed channel|close of closed channel`, "", "one goroutine, the one that sends, closes a channel, once and at the end"),
	crashSays(`close of nil channel`, "", "make the channel first: make(chan T)"),
	crashSays(`sync: negative WaitGroup counter`, "", "Done is called more often than Add says"),
	crashSays(`sync: unlock of unlocked mutex`, "", "each Unlock belongs to one Lock"),
	{regexp.MustCompile(`all goroutines are asleep - deadlock`), "", func(_ []string, _ crash, g goroutine) string { return deadlock(g.state) }},
	crashSays(`concurrent map (?:writes|read and map write|iteration and map write)`, "", "goroutines that share a map take turns by a sync.Mutex"),
	crashSays(`stack overflow`, "", "a function calls itself without end: what ends it is missing or never true"),
	crashSays(`out of memory|cannot allocate memory`, OutOfMemory, "use smaller batches or fewer values at once, or close what other programs hold"),
	crashSays(`makeslice: (?:len|cap) out of range`, "", "the length is negative, or more than memory holds"),
	crashSays(`makechan: size out of range`, "", "the size of a channel's buffer is negative or too large"),
	crashSays(`test timed out`, TestFailed, "give it more time: %test -test.timeout=10m"),
}

// remedyOfCrash finds what to do about a crash, and may name its kind.
func remedyOfCrash(c crash, g goroutine, p *problem) string {
	if p.kind == GraphError {
		return p.remedy
	}
	for _, r := range crashRules {
		if m := r.words.FindStringSubmatch(c.message[0]); m != nil {
			if r.kind != "" {
				p.kind = r.kind
			}
			return r.remedy(m, c, g)
		}
	}
	if said := remedyOfWords(c.message[0]); said != "" {
		return said
	}
	return p.remedy
}

// deadlock tells what a goroutine waits for.
func deadlock(state string) string {
	state, _, _ = strings.Cut(state, ",")
	switch {
	case strings.HasPrefix(state, "chan send"):
		return "nobody receives what is sent: receive in another goroutine, or give the channel a buffer"
	case strings.HasPrefix(state, "chan receive"):
		return "nobody sends what is awaited: send in another goroutine, or close the channel"
	case strings.HasPrefix(state, "sync.WaitGroup"):
		return "the wait group is never done: each Add needs a Done"
	case strings.HasPrefix(state, "sync.Mutex"), strings.HasPrefix(state, "sync.RWMutex"):
		return "the lock is held for ever: each Lock needs an Unlock"
	case strings.HasPrefix(state, "select"):
		return "no case of the select can ever happen"
	}
	return "every goroutine waits for another one"
}
