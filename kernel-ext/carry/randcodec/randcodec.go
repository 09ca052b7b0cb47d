// Package randcodec carries random generators from cell to cell, of math/rand and math/rand/v2: the next cell goes on with the numbers
// that would have come.
package randcodec

import (
	old "math/rand"
	"math/rand/v2"
	"reflect"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

func init() {
	carry.Know[rand.PCG]()
	carry.Know[rand.ChaCha8]()
	carry.KnowType(reflect.TypeOf(old.NewSource(1)).Elem()) // it has no name outside its package
}
