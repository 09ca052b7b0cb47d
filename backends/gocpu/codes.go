package gocpu

import (
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
)

// codes keeps what was compiled lately, so that who makes an Exec or a trainer again, as loops over settings and cells of notebooks do,
// gets the code that there is: it is immutable, and several executables may have one. It is safe for several goroutines; two who
// compile one program at once both do.
type codes struct {
	mu   sync.Mutex
	list []kept // latest first
}

type kept struct {
	fingerprint uint64
	code        *code
}

const (
	// keepCodes is how many codes are kept.
	keepCodes = 32

	// keepConstants is how many bytes of constants a program may have that is kept: they are compared, and stay in memory.
	keepConstants = 1 << 20

	// keepInstrs is how many instructions it may have: some MB, without the memory of runs.
	keepInstrs = 1 << 13
)

// find returns the code of a program that is the same as p, or nil, and p's fingerprint, 0 if its code is not to be kept.
func (k *codes) find(p *ir.Program) (*code, uint64) {
	if !worthKeeping(p) {
		return nil, 0
	}
	at := p.Fingerprint()
	k.mu.Lock()
	var alike []*code
	for _, e := range k.list {
		if e.fingerprint == at {
			alike = append(alike, e.code)
		}
	}
	k.mu.Unlock()
	for _, c := range alike {
		if c.program.Same(p) {
			k.keep(at, c)
			return c, at
		}
	}
	return nil, at
}

// keep makes c the latest.
func (k *codes) keep(fingerprint uint64, c *code) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = slices.DeleteFunc(k.list, func(e kept) bool { return e.code == c })
	if len(k.list) == keepCodes {
		k.list = k.list[:keepCodes-1]
	}
	k.list = slices.Insert(k.list, 0, kept{fingerprint, c})
}

// forget empties it.
func (k *codes) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = nil
}

// worthKeeping reports whether p is of the sizes that are kept.
func worthKeeping(p *ir.Program) bool {
	if p.NumInstrs() > keepInstrs {
		return false
	}
	bytes := 0
	return !tooManyConstants(p, &bytes)
}

// tooManyConstants adds the bytes of p's constants, and reports whether they are more than keepConstants.
func tooManyConstants(p *ir.Program, bytes *int) bool {
	for i := range p.Instrs {
		if _, ok := p.Instrs[i].Attrs.(ir.ConstAttrs); ok {
			*bytes += p.Values[p.Instrs[i].Out[0]].ByteSize()
		}
		for _, r := range p.Instrs[i].Regions {
			if *bytes > keepConstants || tooManyConstants(r, bytes) {
				return true
			}
		}
	}
	return *bytes > keepConstants
}
