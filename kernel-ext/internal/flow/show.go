package flow

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// viz is linked into a cell whose last value it draws.
const viz = module + "viz"

// show shows the value of a trailing expression; of a call if it has one, which is not an error.
func (r *rewriter) show() {
	if r.last == nil || r.kind != runs {
		return
	}
	t := r.info.Types[r.last]
	if !t.IsValue() || t.Type == nil {
		r.last = nil
		return
	}
	_, call := ast.Unparen(r.last).(*ast.CallExpr)
	if call && r.quiet {
		r.last = nil
		return
	}
	_, many := t.Type.(*types.Tuple)
	_, function := t.Type.Underlying().(*types.Signature)
	if r.quiet || many || function || call && types.Identical(t.Type, types.Universe.Lookup("error").Type()) {
		if !call {
			r.hush, r.hushed = r.offset(r.last.Pos()), true
			r.put(r.hush, "_ = ")
		}
		r.last = nil
		return
	}
	if r.drawn = drawn(t.Type); r.drawn {
		r.marks = append(r.marks, "_ = "+r.use(viz)+".Show; ")
	}
	r.put(r.offset(r.last.Pos()), r.carry()+".Show(")
	r.put(r.offset(r.last.End()), ")")
}

// drawn reports whether viz has more to show of values of a type than their text: of those of this module, of pictures, and of what
// holds such. Linking it takes a tenth of a second, which a cell that ends with a number need not pay.
func drawn(t types.Type) bool {
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil {
		path := n.Obj().Pkg().Path()
		if path == module+"graph/shapes" || strings.HasPrefix(path+"/", module+"graph/dtypes/") {
			return false // its text is all that there is
		}
	}
	return leads(t, map[types.Type]bool{})
}

// leads reports whether a type is, or has parts that are, one of this module or a picture.
func leads(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil && strings.HasPrefix(n.Obj().Pkg().Path()+"/", module) {
		return true
	}
	if methods := types.NewMethodSet(t); methods.Lookup(nil, "ColorModel") != nil && methods.Lookup(nil, "Bounds") != nil && methods.Lookup(nil, "At") != nil {
		return true // an image.Image
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return leads(u.Elem(), seen)
	case *types.Slice:
		return leads(u.Elem(), seen)
	case *types.Array:
		return leads(u.Elem(), seen)
	case *types.Map:
		return leads(u.Key(), seen) || leads(u.Elem(), seen)
	case *types.Struct:
		return slices.ContainsFunc(slices.Collect(u.Fields()), func(f *types.Var) bool { return leads(f.Type(), seen) })
	}
	return false
}
