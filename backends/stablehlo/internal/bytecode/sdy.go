package bytecode

import (
	"fmt"
	"strings"
)

// Shardy's attributes say how values are divided. They are made into the text that they have in a program, piece by piece: an axis
// "x"=2 or "x", a dimension {"x", ?}, and #sdy.sharding<@mesh, [{"x"}, {}]>.
//
// Source: shardy/dialect/sdy/ir/bytecode.td.

// sdyAttr reads an attribute of Shardy's.
func (p *parser) sdyAttr(s *source) any {
	p.step(s, 1)
	switch code := s.varint(); code {
	case 0:
		var names []string
		for _, name := range p.list(s) {
			text, ok := name.(string)
			if !ok {
				s.fail("an axis whose name is no string")
			}
			names = append(names, quote(text))
		}
		return p.text(s, "#sdy<manual_axes{"+strings.Join(names, ", ")+"}>")
	case 1:
		return Text(fmt.Sprintf("%s=%d", quote(p.str(s)), s.signed()))
	case 2:
		text := "#sdy.mesh<[" + p.texts(s, "") + "]"
		if ids := p.signeds(s); len(ids) > 0 {
			text += ", device_ids=" + strings.ReplaceAll(fmt.Sprint(ids), " ", ", ")
		}
		return p.text(s, text+">")
	case 3:
		return Text(fmt.Sprintf(":(%d)%d", s.signed(), s.signed()))
	case 4:
		name := quote(p.str(s))
		if at, there := s.flagged(); there {
			name += string(p.piece(s, at))
		}
		return p.text(s, name)
	case 5:
		axes := p.texts(s, "")
		if closed := s.byte() != 0; !closed && axes != "" {
			axes += ", ?"
		} else if !closed {
			axes = "?"
		}
		axes = "{" + axes + "}"
		if priority, there := s.flagged(); there {
			axes += fmt.Sprintf("p%d", priority)
		}
		return p.text(s, axes)
	case 6, 15, 17:
		var mesh string
		switch m := p.attr(s, s.varint()).(type) {
		case Symbol:
			mesh = "@" + quote(string(m))
		case Text:
			mesh = strings.TrimPrefix(string(m), "#sdy.")
		default:
			s.fail("a value is divided over something else than a mesh")
		}
		text := sharding + "<" + mesh + ", [" + p.texts(s, "") + "]"
		if axes := p.texts(s, ""); axes != "" {
			text += ", replicated={" + axes + "}"
		}
		if code != 6 {
			text += ", unreduced={" + p.texts(s, "") + "}"
		}
		if code == 17 {
			s.signed()
		}
		return p.text(s, text+">")
	case 7, 16:
		return p.text(s, "#sdy.sharding_per_value<["+p.texts(s, sharding)+"]>")
	case 10: // by which axes of an operation go together, which says nothing about values
		s.pos = len(s.data)
		return Unit{}
	default:
		s.fail("an attribute of Shardy's of kind %d, which is not read: export without collectives of Shardy's own", code)
	}
	return nil
}

// sharding is what begins the text of how a value is divided; in a list it is left out.
const sharding = "#sdy.sharding"

// text bounds the length of what is made of pieces: one of a few bytes may be there many times.
func (p *parser) text(s *source, text string) Text {
	if len(text) > maxText {
		s.fail("an attribute of more than %d letters", maxText)
	}
	p.write(s, len(text))
	return Text(text)
}

// piece returns the text of an attribute of Shardy's.
func (p *parser) piece(s *source, at uint64) Text {
	text, ok := p.attr(s, at).(Text)
	if !ok {
		s.fail("an attribute of another kind stands where one of Shardy's should")
	}
	return text
}

// texts reads pieces and puts commas between them; without is what they begin with and what is left out.
func (p *parser) texts(s *source, without string) string {
	var b strings.Builder
	for i := range s.count() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strings.TrimPrefix(string(p.piece(s, s.varint())), without))
		if b.Len() > maxText {
			s.fail("an attribute of more than %d letters", maxText)
		}
	}
	return b.String()
}

// quote writes a string as MLIR does.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
