package ir

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// maxKeyBytes is how large a constant may be to be compared with others.
const maxKeyBytes = 1 << 10

// tooLarge is the key of attributes that are not worth comparing.
const tooLarge = "\x00"

// attrsKey is equal for equal attributes, and for no others.
func attrsKey(attrs any) string {
	c, ok := attrs.(ConstAttrs)
	if !ok {
		if attrs == nil {
			return ""
		}
		return fmt.Sprintf("%#v", attrs) // which tells strings that contain spaces and numbers of different types apart
	}
	if c.Value.ByteSize() > maxKeyBytes {
		return tooLarge
	}
	var b strings.Builder
	b.WriteString(c.Value.Shape().String())
	if err := c.Value.ConstBytes(func(data []byte) { b.Write(data) }); err != nil {
		return tooLarge // it was closed, and is equal to none
	}
	return b.String()
}

// mergePass makes equal calls one.
func mergePass(l *lowering, p *Program) (*Program, error) {
	seen := map[*Builder]*calls{} // regions are programs of their own
	return l.rewrite(p, func(b *Builder, c call) ([]Value, error) {
		if c.Op.Effect != Pure || len(c.Regions) > 0 {
			return nil, nil
		}
		if seen[b] == nil {
			seen[b] = newCalls(len(b.maker))
		}
		same := seen[b].find(b, c)
		if same == nil {
			return nil, nil
		}
		l.note("%s", c.Op)
		return same, nil
	})
}

// calls are those of a program by what they compute: a table of hashes in which each stands at its place or at one of those behind it.
type calls struct {
	table []int32 // the index in list plus one, 0 for none
	list  []callOn
}

// callOn is a call that was met: instruction at of the program that is built.
type callOn struct {
	hash
	at int32
}

// newCalls returns a table for so many calls or some more.
func newCalls(n int) *calls {
	return &calls{table: make([]int32, 2<<bits.Len(uint(n))), list: make([]callOn, 0, n)}
}

// find returns the results of a call that computes the same as c and was met before, nil if there is none: then c is
// the one that was met.
func (s *calls) find(b *Builder, c call) []Value {
	h := hash(len(c.args))
	for _, v := range c.args {
		h.add(uint64(v))
	}
	if !h.addAttrs(c.Attrs) {
		return nil // a constant that is too large to be compared
	}
	for _, b := range []byte(c.Op.Name) {
		h.add(uint64(b))
	}
	at := s.place(h)
	for ; s.table[at] != 0; at = (at + 1) % len(s.table) {
		if m := &s.list[s.table[at]-1]; m.hash == h {
			if i := &b.p.Instrs[m.at]; i.Op == c.Op && slices.Equal(i.In, c.args) && sameAttrs(i.Attrs, c.Attrs) {
				return i.Out
			}
		}
	}
	s.list = append(s.list, callOn{h, int32(len(b.p.Instrs))}) // where it is put if it stays
	s.table[at] = int32(len(s.list))
	if 2*len(s.list) > len(s.table) {
		s.grow()
	}
	return nil
}

func (s *calls) place(h hash) int { return int(uint64(h) % uint64(len(s.table))) }

// grow doubles the table.
func (s *calls) grow() {
	s.table = make([]int32, 2*len(s.table))
	for i := range s.list {
		at := s.place(s.list[i].hash)
		for s.table[at] != 0 {
			at = (at + 1) % len(s.table)
		}
		s.table[at] = int32(i + 1)
	}
}

// sharePass makes equal regions one.
func sharePass(l *lowering, p *Program) (*Program, error) {
	s := &sharing{l: l, known: map[string]*Program{}}
	return l.eachRegion(p, s.share)
}

type sharing struct {
	l     *lowering
	known map[string]*Program
}

func (s *sharing) share(r *Program) (*Program, error) {
	if q := s.l.done[r]; q != nil {
		return q, nil
	}
	q, err := s.l.eachRegion(r, s.share)
	if err != nil {
		return nil, err
	}
	key := q.key()
	if first := s.known[key]; first != nil {
		s.l.note("region %q, equal to %q", r.Name, first.Name)
		q = first
	} else {
		s.known[key] = q
	}
	s.l.done[r] = q
	return q, nil
}

// key is equal for programs that compute the same in the same way, whatever they and their inputs are called and
// wherever their instructions come from. Regions count as equal if they are one.
func (p *Program) key() string {
	var b strings.Builder
	fmt.Fprint(&b, p.Values, p.Inputs, p.Outputs)
	for _, in := range p.Instrs {
		attrs := attrsKey(in.Attrs)
		if attrs == tooLarge {
			attrs = fmt.Sprintf("%p", in.Attrs.(ConstAttrs).Value)
		}
		fmt.Fprint(&b, "\n", in.Op.Name, in.In, in.Out, in.Captured, attrs)
		for _, r := range in.Regions {
			fmt.Fprintf(&b, " %p", r)
		}
	}
	return b.String()
}
