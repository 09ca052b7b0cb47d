package tensors

import (
	"runtime/debug"

	"github.com/quire-ml/quire/internal/mapped"
)

// reading begins reads of elements that may lie in a mapped file: if that was cut, what is deferred says so, where the process would end.
//
//	defer reading(t).end(&err)
//
// It does something only if one of the tensors has memory that is not of this package.
func reading(list ...*Tensor) reads {
	for _, t := range list {
		if s := t.storage.Load(); s != nil && s.block != nil && s.block.foreign {
			return reads{true, debug.SetPanicOnFault(true)}
		}
	}
	return reads{}
}

// reads is what was so before them.
type reads struct{ guarded, old bool }

// end sets *err.
func (r reads) end(err *error) {
	if !r.guarded {
		return
	}
	debug.SetPanicOnFault(r.old)
	if p := recover(); p != nil {
		if *err = mapped.Error(p); *err == nil {
			panic(p)
		}
	}
}

// orPanic is end for functions that have no error to return.
func (r reads) orPanic() {
	if !r.guarded {
		return
	}
	debug.SetPanicOnFault(r.old)
	if p := recover(); p != nil {
		if err := mapped.Error(p); err != nil {
			panic("tensors: " + err.Error())
		}
		panic(p)
	}
}

// orSay is end for functions that write elements: they write that instead, between two words.
func (r reads) orSay(text *string, before, after string) {
	if !r.guarded {
		return
	}
	debug.SetPanicOnFault(r.old)
	if p := recover(); p != nil {
		err := mapped.Error(p)
		if err == nil {
			panic(p)
		}
		*text = before + err.Error() + after
	}
}
