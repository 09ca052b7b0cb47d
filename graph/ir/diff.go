package ir

import (
	"fmt"
	"slices"
	"strings"
)

// Diff says how q differs from p, as from what a pass made of it ([Pass.Run]): a line for each instruction that is gone, came, or reads
// something else, with its line in the user's code; "" if they differ in numbers of values alone.
//
//	~ %4 = Neg %0 (was %3) : float32[3]  // main.go:13
//	- %3 = Add %0 %2 : float32[3]  // main.go:12
//	+ %5 = Square %0 : float32[3]  // main.go:14
//
// Values have the numbers of q, but in lines that begin with - and where it says what was: there they have p's. What functions differ in
// stands indented below the instruction that runs them.
func (p *Program) Diff(q *Program) string {
	if p == nil || q == nil {
		if p == q {
			return ""
		}
		return "one of the programs is nil\n"
	}
	d := differ{done: map[[2]*Program]bool{}}
	d.programs(p, q, "")
	return d.String()
}

// differ is the text of a difference.
type differ struct {
	strings.Builder
	done map[[2]*Program]bool // functions that were compared
}

func (d *differ) programs(p, q *Program, indent string) {
	if p == q || d.done[[2]*Program{p, q}] {
		return
	}
	d.done[[2]*Program{p, q}] = true
	pairs := matched(p, q)
	now := make([]Value, len(p.Values)) // what a value of p is in q, -1 for nothing
	for v := range now {
		now[v] = -1
	}
	for i, v := range p.Inputs {
		if i < len(q.Inputs) && p.Values[v].Equal(q.Values[q.Inputs[i]]) {
			now[v] = q.Inputs[i]
		}
	}
	for _, at := range pairs {
		for k, v := range p.Instrs[at[0]].Out {
			now[v] = q.Instrs[at[1]].Out[k]
		}
	}
	if len(p.Inputs) != len(q.Inputs) {
		fmt.Fprintf(d, "%s~ %s, were %d\n", indent, plural(len(q.Inputs), "input"), len(p.Inputs))
	}
	i, j := 0, 0
	upTo := func(end [2]int) {
		for ; i < end[0]; i++ {
			d.line(indent+"- ", p, &p.Instrs[i], names(p.Instrs[i].In))
		}
		for ; j < end[1]; j++ {
			d.line(indent+"+ ", q, &q.Instrs[j], names(q.Instrs[j].In))
		}
	}
	for _, at := range pairs {
		upTo(at)
		before, in := &p.Instrs[i], &q.Instrs[j]
		inside := differ{done: d.done}
		for k := range before.Regions {
			inside.programs(before.Regions[k], in.Regions[k], indent+"    ")
		}
		if operands, differ := changes(before.In, in.In, now); differ || inside.Len() > 0 {
			d.line(indent+"~ ", q, in, operands)
			d.WriteString(inside.String())
		}
		i, j = i+1, j+1
	}
	upTo([2]int{len(p.Instrs), len(q.Instrs)})
	if outputs, differ := changes(p.Outputs, q.Outputs, now); differ {
		fmt.Fprintf(d, "%s~ return%s\n", indent, outputs)
	}
}

// line writes an instruction behind what happened to it.
func (d *differ) line(head string, p *Program, in *Instr, operands string) {
	d.WriteString(head)
	for k, v := range in.Out {
		if k > 0 {
			d.WriteString(", ")
		}
		fmt.Fprintf(d, "%%%d", v)
	}
	if len(in.Out) > 0 {
		d.WriteString(" = ")
	}
	d.WriteString(in.Op.Name + operands)
	if text := AttrString(in.Attrs); text != "" {
		d.WriteString(" " + text)
	}
	if len(in.Out) > 0 {
		d.WriteString(" :")
	}
	for _, v := range in.Out {
		d.WriteString(" " + p.Values[v].String())
	}
	if place := in.Place.String(); place != "" {
		d.WriteString("  // " + place)
	}
	d.WriteByte('\n')
}

func names(values []Value) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, " %%%d", v)
	}
	return b.String()
}

// changes writes values of q, with what those were that are others, and reports whether any is.
func changes(were, are, now []Value) (text string, differ bool) {
	var b strings.Builder
	for k, v := range are {
		fmt.Fprintf(&b, " %%%d", v)
		switch {
		case k >= len(were):
			differ = true
			b.WriteString(" (new)")
		case now[were[k]] != v:
			differ = true
			fmt.Fprintf(&b, " (was %%%d)", were[k])
		}
	}
	for _, v := range were[min(len(are), len(were)):] {
		differ = true
		fmt.Fprintf(&b, " (without %%%d)", v)
	}
	return b.String(), differ
}

// maxTable bounds the table by which instructions are matched; larger programs are matched in order, as they come.
const maxTable = 1 << 22

// matched returns which instructions of p and q are the same calls on whatever operands: ascending pairs of indices.
func matched(p, q *Program) (pairs [][2]int) {
	a, b := p.likenesses(), q.likenesses()
	first := 0
	for first < min(len(a), len(b)) && a[first] == b[first] {
		pairs = append(pairs, [2]int{first, first})
		first++
	}
	last := 0
	for last < min(len(a), len(b))-first && a[len(a)-1-last] == b[len(b)-1-last] {
		last++
	}
	middle := matchedIn(a[first:len(a)-last], b[first:len(b)-last])
	for _, at := range middle {
		pairs = append(pairs, [2]int{first + at[0], first + at[1]})
	}
	for k := last; k > 0; k-- {
		pairs = append(pairs, [2]int{len(a) - k, len(b) - k})
	}
	return pairs
}

// matchedIn returns a longest common part of a and b, or a long one of long lists.
func matchedIn(a, b []string) (pairs [][2]int) {
	if len(a)*len(b) > maxTable {
		at := map[string][]int{}
		for j, s := range b {
			at[s] = append(at[s], j)
		}
		next := 0
		for i, s := range a {
			list := at[s]
			k, _ := slices.BinarySearch(list, next)
			if k < len(list) && list[k]-next < len(b)/8+1 { // rather none than one that leaves out most
				pairs, next = append(pairs, [2]int{i, list[k]}), list[k]+1
			}
		}
		return pairs
	}
	longest := make([][]int32, len(a)+1) // of a[i:] and b[j:]
	for i := range longest {
		longest[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if longest[i][j] = max(longest[i+1][j], longest[i][j+1]); a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// likenesses returns, per instruction of p, a text that is equal for the same call on other operands.
func (p *Program) likenesses() []string {
	list := make([]string, len(p.Instrs))
	for i := range p.Instrs {
		in := &p.Instrs[i]
		attrs := attrsKey(in.Attrs)
		if attrs == tooLarge {
			attrs = fmt.Sprintf("%p", in.Attrs.(ConstAttrs).Value)
		}
		list[i] = fmt.Sprint(in.Op.Name, " ", len(in.Regions), " ", attrs, " ", p.ShapesOf(in.Out), " ", in.Place)
	}
	return list
}
