// Package datacodec carries data sets from cell to cell: those in memory, with their settings and their place in the stream of batches.
// The tensors below them are mapped, and data sets of one variable that share memory share it in the next cell too.
package datacodec

import (
	"strconv"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/tensorcodec" // of the tensors
	"github.com/quire-ml/quire/ml/data"
)

func init() {
	carry.Register(carry.Codec[*data.InMemoryDataset, *data.Parts]{
		Pack:    func(ds *data.InMemoryDataset) (*data.Parts, error) { return ds.Parts() },
		Unpack:  data.FromParts,
		Release: func(p *data.Parts) { p.Close() },
		Summary: func(ds *data.InMemoryDataset) string {
			return strconv.Itoa(ds.NumExamples()) + " examples, " + bytesize.Text(ds.ByteSize())
		},
	})
}
