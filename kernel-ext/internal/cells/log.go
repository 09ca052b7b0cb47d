package cells

import (
	"regexp"
	"strconv"
	"strings"
)

// LogFlags make gonb log what [ReadLog] reads: the requests that it counts and the lines of the cells.
const LogFlags = "-vmodule=dispatcher=2,execcode=1"

// Cell is a cell that gonb was given.
type Cell struct {
	Count int      // its execution count, as the front end shows it: In[Count]
	Lines []string // its source
}

// entry begins a line that gonb logs; its mark follows. What does not begin so goes on with the entry before.
var entry = regexp.MustCompile(`^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ [\w.]+:\d+\] `)

// ReadLog returns the last cell with Go code in a part of gonb's log, nil if there is none, and how many requests were
// counted in it. count is how many there were before; id is the mark that gonb puts before each message.
func ReadLog(log, id string, count int) (last *Cell, now int) {
	for text := range entries(log, "["+id+"]") {
		if _, m, ok := strings.Cut(text, "Message content: "); ok {
			if i := strings.LastIndex(m, " store_history:"); i >= 0 && strings.HasPrefix(m[i:], " store_history:true") {
				count++
			}
		} else if _, m, ok := strings.Cut(text, "ExecuteCell: ["); ok {
			m, _, _ = strings.Cut(m, "\n") // what gonb's own death says may stand below
			if lines, ok := quoted(strings.TrimSuffix(m, "]")); ok {
				last = &Cell{Count: count, Lines: lines}
			}
		}
	}
	return last, count
}

// entries yields the entries of a log that bear gonb's mark; one may have several lines.
func entries(log, mark string) func(func(string) bool) {
	return func(yield func(string) bool) {
		var b strings.Builder
		for line := range strings.Lines(log) {
			if !strings.Contains(line, mark) || !entry.MatchString(line) {
				if b.Len() > 0 {
					b.WriteString(line)
				}
				continue
			}
			if b.Len() > 0 {
				if !yield(strings.TrimRight(b.String(), "\n")) {
					return
				}
				b.Reset()
			}
			b.WriteString(line)
		}
		if b.Len() > 0 {
			yield(strings.TrimRight(b.String(), "\n"))
		}
	}
}

// quoted reads texts as "%q" writes a slice of them.
func quoted(s string) (list []string, ok bool) {
	for s != "" {
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, false
		}
		text, err := strconv.Unquote(q)
		if err != nil {
			return nil, false
		}
		list = append(list, text)
		s = strings.TrimPrefix(s[len(q):], " ")
	}
	return list, true
}
