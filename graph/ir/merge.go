package ir

import (
	"fmt"
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
	seen := map[*Builder]map[string][]Value{} // regions are programs of their own
	return l.rewrite(p, func(b *Builder, c call) ([]Value, error) {
		if c.Op.Effect != Pure || len(c.Regions) > 0 {
			return nil, nil
		}
		key := attrsKey(c.Attrs)
		if key == tooLarge {
			return nil, nil
		}
		key = fmt.Sprint(c.Op.Name, c.args, key)
		if seen[b] == nil {
			seen[b] = map[string][]Value{}
		}
		if out := seen[b][key]; out != nil {
			l.note("%s", c.Op)
			return out, nil
		}
		in := *c.Instr
		in.In = c.args
		seen[b][key] = b.add(in, c.out)
		return seen[b][key], nil
	})
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
