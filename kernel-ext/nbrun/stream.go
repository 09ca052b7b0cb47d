package nbrun

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// lines is text as a terminal would leave it: what follows a carriage return replaces the line, so that
// a progress bar of ten thousand steps becomes its last state. Of a long text the head and the tail are kept.
type lines struct {
	head strings.Builder // finished lines
	tail []byte          // finished lines that come when the head is full
	line []byte          // the last one, without newline
	cr   bool            // a carriage return came; the next text begins the line anew
	cut  int             // bytes left out between head and tail
}

// maxStream bounds what a cell may leave on each run of stdout or stderr, half of it in the head and half in the tail:
// front ends stall on more.
const maxStream = 8 << 20

// write adds text.
func (l *lines) write(text string) {
	for text != "" {
		i := strings.IndexAny(text, "\r\n")
		if i != 0 {
			part := text
			if i > 0 {
				part = text[:i]
			}
			if l.cr {
				l.line, l.cr = l.line[:0], false
			}
			l.line = append(l.line, part...)
			text = text[len(part):]
			if len(l.line) > maxStream/2 { // no terminal has such lines
				l.finish()
			}
			continue
		}
		if text[0] == '\n' {
			l.line = append(l.line, '\n')
			l.finish()
			l.cr = false
		} else {
			l.cr = true
		}
		text = text[1:]
	}
}

// finish takes the line as it is.
func (l *lines) finish() {
	text := l.line
	if len(l.tail) == 0 && l.cut == 0 {
		n := whole(text, min(len(text), max(0, maxStream/2-l.head.Len())))
		l.head.Write(text[:n])
		text = text[n:]
	}
	l.tail = append(l.tail, text...)
	l.line = l.line[:0]
	if len(l.tail) > maxStream { // twice what is kept, so that each byte is moved once
		over := excess(l.tail)
		l.cut += over
		l.tail = append(l.tail[:0], l.tail[over:]...)
	}
}

// excess returns how much of the beginning of a tail is left out: it begins with a line, if there is one.
func excess(tail []byte) int {
	over := len(tail) - maxStream/2
	if over <= 0 {
		return 0
	}
	if i := bytes.IndexByte(tail[over:], '\n'); i >= 0 && over+i+1 < len(tail) {
		return over + i + 1
	}
	return whole(tail, over)
}

// whole returns n, or a little less, so that text[:n] ends with a whole character.
func whole(text []byte, n int) int {
	for k := n; k > 0 && k < len(text) && n-k < utf8.UTFMax; k-- {
		if utf8.RuneStart(text[k]) {
			return k
		}
	}
	return n
}

// String returns the text; what was left out of the middle is said there.
func (l *lines) String() string {
	head, tail, cut := l.head.String(), append(bytes.Clone(l.tail), l.line...), l.cut
	if len(l.tail) > 0 { // else the head has room for all
		over := excess(tail)
		tail, cut = tail[over:], cut+over
	}
	if cut == 0 {
		return head + string(tail)
	}
	if !strings.HasSuffix(head, "\n") {
		head += "\n"
	}
	return head + fmt.Sprintf("[%s left out here]\n", count(cut, "byte")) + string(tail)
}
